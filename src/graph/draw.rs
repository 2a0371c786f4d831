//! What the `graph` command draws: blocks and references, or environments and promotion edges.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::check::environment;
use super::{Graph, GraphItem, GraphNode};
use crate::address::ACCOUNT;
use crate::config::{Configuration, RawNested, references};

/// The language of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown on code hosts shows it.
    Mermaid,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphDrawing {
    /// Managed blocks, environments, and what refers to what.
    Blocks,
    /// Environments with their accounts, and the edges along which releases move.
    Promotion,
}

/// Draws a configuration.
#[must_use]
pub(crate) fn draw(
    configuration: &Configuration,
    graph: &Graph,
    what: GraphDrawing,
    format: GraphFormat,
) -> String {
    let drawing = match what {
        GraphDrawing::Blocks => blocks(graph),
        GraphDrawing::Promotion => promotion(configuration),
    };
    match format {
        GraphFormat::Dot => drawing.dot(),
        GraphFormat::Mermaid => drawing.mermaid(),
    }
}

#[derive(Default)]
struct Drawing {
    /// Title of a group (empty for none), then id and label.
    groups: BTreeMap<String, Vec<(String, String)>>,
    edges: BTreeSet<(String, String, String)>,
}

fn shown(node: &GraphNode) -> bool {
    matches!(
        node.item,
        GraphItem::Resource(..) | GraphItem::Environment(_) | GraphItem::Declaration(..)
    )
}

/// Managed blocks and environments; what stands between two of them (locals, variables, outputs)
/// is drawn as one edge.
fn blocks(graph: &Graph) -> Drawing {
    let mut drawing = Drawing::default();
    for node in graph.nodes().filter(|n| shown(n)) {
        let group = node.path.iter().map(|p| format!("module.{p}")).collect::<Vec<_>>().join(".");
        let label = GraphNode { path: Vec::new(), item: node.item.clone() }.to_string();
        drawing.groups.entry(group).or_default().push((node.to_string(), label));
        let mut seen = BTreeSet::new();
        let mut queue: Vec<&GraphNode> = graph.references(node).into_iter().collect();
        while let Some(next) = queue.pop() {
            if !seen.insert(next) {
                continue;
            }
            if shown(next) {
                drawing.edges.insert((node.to_string(), next.to_string(), String::new()));
            } else {
                queue.extend(graph.references(next));
            }
        }
    }
    drawing
}

fn promotion(configuration: &Configuration) -> Drawing {
    let mut drawing = Drawing::default();
    let root = configuration.root();
    let all = drawing.groups.entry(String::new()).or_default();
    for (name, block) in &root.environments {
        let accounts: Vec<String> = block
            .body
            .get("accounts")
            .map(|e| references(e, &[]))
            .unwrap_or_default()
            .iter()
            .filter(|r| r.root == ACCOUNT)
            .filter_map(|r| r.name(0).map(|(n, _)| n.to_owned()))
            .collect();
        let label = if accounts.is_empty() {
            name.clone()
        } else {
            format!("{name}\n{}", accounts.join(", "))
        };
        all.push((name.clone(), label));
    }
    for ((ty, label), block) in &root.declarations {
        if ty != "promotion" {
            continue;
        }
        let gates: Vec<&str> = block
            .body
            .blocks
            .iter()
            .filter_map(|n| match n {
                RawNested::Block(gate) => Some(gate.label()),
                RawNested::Dynamic(_) => None,
            })
            .collect();
        let text =
            if gates.is_empty() { label.clone() } else { format!("{label}\n{}", gates.join(", ")) };
        if let (Some(from), Some(to)) =
            (environment(block.body.get("from")), environment(block.body.get("to")))
        {
            drawing.edges.insert((from, to, text));
        }
    }
    drawing
}

impl Drawing {
    fn dot(&self) -> String {
        let quote = |text: &str| {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
        };
        let mut out = String::from("digraph {\n  rankdir = \"LR\"\n  node [shape = \"box\"]\n");
        for (index, (title, nodes)) in self.groups.iter().enumerate() {
            let indent = if title.is_empty() { "  " } else { "    " };
            if !title.is_empty() {
                let _ =
                    writeln!(out, "  subgraph cluster_{index} {{\n    label = {}", quote(title));
            }
            for (id, label) in nodes {
                let _ = writeln!(out, "{indent}{} [label = {}]", quote(id), quote(label));
            }
            if !title.is_empty() {
                out.push_str("  }\n");
            }
        }
        for (from, to, label) in &self.edges {
            let label = if label.is_empty() {
                String::new()
            } else {
                format!(" [label = {}]", quote(label))
            };
            let _ = writeln!(out, "  {} -> {}{label}", quote(from), quote(to));
        }
        out.push_str("}\n");
        out
    }

    fn mermaid(&self) -> String {
        let ids: BTreeMap<&str, String> = self
            .groups
            .values()
            .flatten()
            .enumerate()
            .map(|(index, (id, _))| (id.as_str(), format!("n{index}")))
            .collect();
        let text =
            |label: &str| format!("\"{}\"", label.replace('"', "#quot;").replace('\n', "<br>"));
        let mut out = String::from("flowchart LR\n");
        for (index, (title, nodes)) in self.groups.iter().enumerate() {
            let indent = if title.is_empty() { "  " } else { "    " };
            if !title.is_empty() {
                let _ = writeln!(out, "  subgraph g{index} [{}]", text(title));
            }
            for (id, label) in nodes {
                if let Some(short) = ids.get(id.as_str()) {
                    let _ = writeln!(out, "{indent}{short}[{}]", text(label));
                }
            }
            if !title.is_empty() {
                out.push_str("  end\n");
            }
        }
        for (from, to, label) in &self.edges {
            if let (Some(from), Some(to)) = (ids.get(from.as_str()), ids.get(to.as_str())) {
                let arrow = if label.is_empty() {
                    "-->".to_owned()
                } else {
                    format!("-->|{}|", text(label))
                };
                let _ = writeln!(out, "  {from} {arrow} {to}");
            }
        }
        out
    }
}
