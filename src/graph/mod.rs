//! The graph of a configuration's blocks, from the references in their text.
//!
//! It stands above `config` and below `eval`: it knows what refers to what, in every branch and in
//! every block, even one that has no instances; it does not know values. From it come
//!
//! - unknown references and cycles, reported for the whole configuration at once ([`check`]);
//! - what the `graph` command draws ([`draw`]).
//!
//! Between the bodies of managed blocks a circle is allowed: a bucket's policy may name a role
//! whose own policy names the bucket, since names and ARNs are known before either exists. What an
//! *instance* waits for is the planner's to say.

mod build;
mod check;
mod draw;
mod follow;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use petgraph::graph::{DiGraph, NodeIndex};

use crate::diag::Loc;

pub(crate) use build::build;
pub(crate) use check::unknown_names;
pub use check::{check, check_beyond};
pub(crate) use draw::draw;
pub use draw::{GraphDrawing, GraphFormat};

/// The names of the module calls that lead to a module; empty for the root.
pub(crate) type CallPath = Vec<String>;

/// A block of the configuration, seen through one path of module calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GraphNode {
    /// The module.
    pub(crate) path: CallPath,
    /// The block in it.
    pub(crate) item: GraphItem,
}

/// A named block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum GraphItem {
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
pub(crate) enum Firmness {
    /// It cannot be evaluated without: no circle is possible.
    Firm,
    /// An argument of a managed block: names and ARNs are known beforehand.
    Soft,
}

/// A reference from one block to another.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceEdge {
    /// How firm it is.
    pub(crate) firmness: Firmness,
    /// Where it is written.
    pub(crate) loc: Loc,
}

/// The graph; edges lead from a block to what it refers to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    graph: DiGraph<GraphNode, ReferenceEdge>,
    index: BTreeMap<GraphNode, NodeIndex>,
}

impl Graph {
    /// Every block.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &GraphNode> {
        self.index.keys()
    }

    /// What a block refers to, in order, each once.
    #[must_use]
    pub(crate) fn references(&self, node: &GraphNode) -> BTreeSet<&GraphNode> {
        let Some(index) = self.index.get(node) else { return BTreeSet::new() };
        self.graph.neighbors(*index).filter_map(|n| self.graph.node_weight(n)).collect()
    }

    fn add(&mut self, node: GraphNode) {
        let index = self.graph.add_node(node.clone());
        self.index.insert(node, index);
    }

    fn connect(&mut self, from: &GraphNode, to: &GraphNode, firmness: Firmness, loc: &Loc) {
        if let (Some(from), Some(to)) = (self.index.get(from), self.index.get(to)) {
            self.graph.add_edge(*from, *to, ReferenceEdge { firmness, loc: loc.clone() });
        }
    }
}
