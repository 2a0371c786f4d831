//! The graph of a configuration's blocks, from the references in their text.
//!
//! It stands above `config` and below `eval`: it knows what refers to what, in every branch and in
//! every block, even one that has no instances; it does not know values. From it come
//!
//! - unknown references and cycles, reported for the whole configuration at once ([`check`]);
//! - the order in which blocks can be looked at ([`Graph::order`]);
//! - what the `graph` command draws ([`draw`]).
//!
//! Between the bodies of managed blocks a circle is allowed: a bucket's policy may name a role
//! whose own policy names the bucket, since names and ARNs are known before either exists. What an
//! *instance* waits for is the planner's to say.

mod build;
mod check;
mod draw;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diag::Loc;

pub use build::build;
pub use check::{check, check_beyond};
pub use draw::{GraphDrawing, GraphFormat, draw};

/// The names of the module calls that lead to a module; empty for the root.
pub type CallPath = Vec<String>;

/// A block of the configuration, seen through one path of module calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphNode {
    /// The module.
    pub path: CallPath,
    /// The block in it.
    pub item: GraphItem,
}

/// A named block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GraphItem {
    /// A variable.
    Variable(String),
    /// A local value.
    Local(String),
    /// A module call: whether and how often the module is there.
    Call(String),
    /// An environment.
    Environment(String),
    /// A schema of config values.
    ConfigSchema(String),
    /// A managed block: kind and label.
    Resource(String, String),
    /// Something that is looked up: type and label.
    Data(String, String),
    /// A rule, release or edge: type and label.
    Declaration(String, String),
    /// A check.
    Check(String),
    /// An output.
    Output(String),
}

/// `module.a.iam_role.b`, `local.c`: as expressions write it.
impl fmt::Display for GraphNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.path {
            write!(f, "module.{name}.")?;
        }
        match &self.item {
            GraphItem::Variable(name) => write!(f, "var.{name}"),
            GraphItem::Local(name) => write!(f, "local.{name}"),
            GraphItem::Call(name) => write!(f, "module.{name}"),
            GraphItem::Environment(name) => write!(f, "environment.{name}"),
            GraphItem::ConfigSchema(name) => write!(f, "config_schema.{name}"),
            GraphItem::Resource(kind, label) | GraphItem::Declaration(kind, label) => {
                write!(f, "{kind}.{label}")
            }
            GraphItem::Data(ty, label) => write!(f, "data.{ty}.{label}"),
            GraphItem::Check(name) => write!(f, "check.{name}"),
            GraphItem::Output(name) => write!(f, "output.{name}"),
        }
    }
}

/// How firmly a block needs what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Firmness {
    /// It cannot be evaluated without: no circle is possible.
    Firm,
    /// An argument of a managed block: names and ARNs are known beforehand.
    Soft,
}

/// A reference from one block to another.
#[derive(Clone, Debug)]
pub struct ReferenceEdge {
    /// How firm it is.
    pub firmness: Firmness,
    /// Where it is written.
    pub loc: Loc,
}

/// The graph; edges lead from a block to what it refers to.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    graph: DiGraph<GraphNode, ReferenceEdge>,
    index: BTreeMap<GraphNode, NodeIndex>,
    places: BTreeMap<GraphNode, Loc>,
}

impl Graph {
    /// Every block.
    pub fn nodes(&self) -> impl Iterator<Item = &GraphNode> {
        self.index.keys()
    }

    /// Where a block is declared.
    #[must_use]
    pub fn loc(&self, node: &GraphNode) -> Option<&Loc> {
        self.places.get(node)
    }

    /// What a block refers to, in order, each once.
    #[must_use]
    pub fn references(&self, node: &GraphNode) -> BTreeSet<&GraphNode> {
        let Some(index) = self.index.get(node) else { return BTreeSet::new() };
        self.graph.neighbors(*index).filter_map(|n| self.graph.node_weight(n)).collect()
    }

    /// Every block after what it firmly refers to; among blocks that are free at the same time,
    /// alphabetically. Blocks of a cycle come last.
    #[must_use]
    pub fn order(&self) -> Vec<&GraphNode> {
        let mut waits: BTreeMap<&GraphNode, usize> = BTreeMap::new();
        let mut free: BTreeSet<&GraphNode> = BTreeSet::new();
        let mut ordered = Vec::new();
        for (node, index) in &self.index {
            let firm: BTreeSet<NodeIndex> = self
                .graph
                .edges(*index)
                .filter(|e| e.weight().firmness == Firmness::Firm)
                .map(|e| e.target())
                .collect();
            if firm.is_empty() {
                free.insert(node);
            } else {
                waits.insert(node, firm.len());
            }
        }
        while let Some(node) = free.pop_first() {
            ordered.push(node);
            let Some(index) = self.index.get(node) else { continue };
            let dependents: BTreeSet<NodeIndex> = self
                .graph
                .edges_directed(*index, petgraph::Direction::Incoming)
                .filter(|e| e.weight().firmness == Firmness::Firm)
                .map(|e| e.source())
                .collect();
            for dependent in dependents.iter().filter_map(|n| self.graph.node_weight(*n)) {
                if let Some(count) = waits.get_mut(dependent) {
                    *count -= 1;
                    if *count == 0 {
                        waits.remove(dependent);
                        free.insert(dependent);
                    }
                }
            }
        }
        ordered.extend(waits.into_keys());
        ordered
    }

    fn add(&mut self, node: GraphNode, loc: Loc) {
        let index = self.graph.add_node(node.clone());
        self.places.insert(node.clone(), loc);
        self.index.insert(node, index);
    }

    fn connect(&mut self, from: &GraphNode, to: &GraphNode, firmness: Firmness, loc: &Loc) {
        if let (Some(from), Some(to)) = (self.index.get(from), self.index.get(to)) {
            self.graph.add_edge(*from, *to, ReferenceEdge { firmness, loc: loc.clone() });
        }
    }
}
