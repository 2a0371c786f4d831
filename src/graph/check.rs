//! Unknown references and cycles.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::follow::follow;
use super::{Firmness, Graph, GraphItem, GraphNode, build};
use crate::address::ACCOUNT;
use crate::config::{
    Configuration, Expr, Module, RefPart, Reference, ResourceDecl, every_expression, references,
    references_and_calls,
};
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::schema::blocks::DATA;
use crate::schema::resource::resource_type;
use crate::schema::{KindSchema, kind};

/// Every unknown reference and every cycle.
#[must_use]
pub fn check(configuration: &Configuration) -> Diagnostics {
    check_beyond(configuration, &Diagnostics::new())
}

/// What [`check`] finds at places where nothing was found yet: the evaluator sees unknown
/// references too, but only where it comes to evaluate them.
#[must_use]
pub fn check_beyond(configuration: &Configuration, already: &Diagnostics) -> Diagnostics {
    let mut diagnostics = unknown_names(configuration);
    match build(configuration) {
        Ok(graph) => diagnostics.extend(graph.cycles()),
        Err(diagnostic) => diagnostics.push(diagnostic),
    }
    diagnostics.extend(promotion_cycles(configuration));
    let is_cycle = |d: &Diagnostic| d.summary.starts_with("references form a cycle");
    let cycles_known = already.iter().any(is_cycle);
    let beyond = diagnostics.elsewhere_than(already);
    beyond.into_iter().filter(|d| !(cycles_known && is_cycle(d))).collect()
}

/// Every reference to a name that does not exist, evaluated or not.
#[must_use]
pub(crate) fn unknown_names(configuration: &Configuration) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for module in &configuration.modules {
        Checker { configuration, module, diagnostics: &mut diagnostics }.all();
    }
    diagnostics
}

/// More errors than this help nobody.
const ENOUGH: usize = 500;

/// Names that every expression may start with, or those of some blocks.
const ROOTS: [&str; 12] = [
    "count",
    "data",
    "each",
    "environment",
    "isolation",
    "local",
    "module",
    "path",
    "promotion",
    "release",
    "self",
    "var",
];

/// What every placed block or account has besides its kind's attributes.
const CONTEXTUAL: [&str; 4] = [ACCOUNT, "at", "environment", "handle"];

struct Checker<'a> {
    configuration: &'a Configuration,
    module: &'a Module,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn all(&mut self) {
        every_expression(self.module, &mut |place| {
            let (references, _) = references_and_calls(place.expr, &place.bound);
            for reference in references {
                if self.diagnostics.len() < ENOUGH
                    && let Some(diagnostic) = self.wrong(&reference, place.block)
                {
                    self.diagnostics.push(diagnostic);
                }
            }
        });
    }

    /// What is wrong with a reference itself, or with what it stands for: names behind a local value or an output
    /// that is a plain reference are names of what that one refers to.
    fn wrong(&self, reference: &Reference, block: Option<&ResourceDecl>) -> Option<Diagnostic> {
        if let Some(diagnostic) = self.unknown(reference, block) {
            return Some(diagnostic);
        }
        let followed = follow(self.configuration, self.module, reference, block)?;
        let there = Checker {
            configuration: self.configuration,
            module: followed.module,
            diagnostics: &mut Diagnostics::new(),
        };
        // Where the other one is wrong itself, that is told there.
        let own = |loc: &Loc| {
            let mut names = reference.steps.iter().filter_map(|step| match step {
                RefPart::Name(_, loc) => Some(loc),
                RefPart::Key | RefPart::Each => None,
            });
            names.any(|name| name == loc)
        };
        there
            .unknown(&followed.reference, None)
            .filter(|diagnostic| diagnostic.loc.as_ref().is_some_and(own))
    }

    fn unknown(&self, reference: &Reference, block: Option<&ResourceDecl>) -> Option<Diagnostic> {
        let module = self.module;
        if let Some(diagnostic) = unknown_contextual(reference, block) {
            return Some(diagnostic);
        }
        let root_name = reference.root.as_str();
        if kind(root_name).is_none() && !ROOTS.contains(&root_name) {
            let summary = format!("there is no `{root_name}`");
            let help = did_you_mean(root_name, ROOTS);
            return Some(Diagnostic::error(summary).at(reference.loc.clone()).help_opt(help));
        }
        let (name, loc) = reference.name(0)?;
        let missing = |summary: String, known: Vec<&str>, none: &str| {
            let help = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
                if known.is_empty() {
                    none.to_owned()
                } else {
                    format!("known are {}", known.join(", "))
                }
            });
            Some(Diagnostic::error(summary).at(loc.clone()).help(help))
        };
        let root = self.configuration.root();
        match reference.root.as_str() {
            "var" if !module.variables.contains_key(name) => missing(
                format!("there is no variable `{name}`"),
                module.variables.keys().map(String::as_str).collect(),
                "this module declares no variables",
            ),
            "local" if !module.locals.contains_key(name) => missing(
                format!("there is no local value `{name}`"),
                module.locals.keys().map(String::as_str).collect(),
                "this module has no `locals`",
            ),
            "module" => match module.calls.get(name) {
                None => missing(
                    format!("there is no module call `{name}`"),
                    module.calls.keys().map(String::as_str).collect(),
                    "this module calls no module",
                ),
                Some(call) => self.unknown_output(reference, name, call.module),
            },
            DATA => self.unknown_data(reference, name, loc),
            "environment" if !root.environments.contains_key(name) => missing(
                format!("there is no environment `{name}`"),
                root.environments.keys().map(String::as_str).collect(),
                "the configuration declares no environments",
            ),
            ty @ ("release" | "promotion" | "isolation")
                if !root.declarations.contains_key(&(ty.to_owned(), name.to_owned())) =>
            {
                missing(
                    format!("there is no `{ty}` block `{name}`"),
                    root.declarations
                        .keys()
                        .filter(|(t, _)| t == ty)
                        .map(|(_, l)| l.as_str())
                        .collect(),
                    "there is no block of that type",
                )
            }
            kind_name
                if kind(kind_name).is_some()
                    && !module.resources.contains_key(&(kind_name.to_owned(), name.to_owned())) =>
            {
                let labels = |module: &Module| {
                    let all = module.resources.keys().filter(|(k, _)| k == kind_name);
                    all.map(|(_, l)| l.clone()).collect::<Vec<_>>()
                };
                let summary = format!("there is no `{kind_name}` block `{name}`");
                if labels(root).iter().any(|l| l == name) {
                    return Some(Diagnostic::error(summary).at(loc.clone()).help(format!(
                        "`{kind_name}.{name}` belongs to the root module; pass it to this module \
                         as a variable"
                    )));
                }
                let here = labels(module);
                missing(
                    summary,
                    here.iter().map(String::as_str).collect(),
                    &format!("this module has no `{kind_name}` blocks"),
                )
            }
            kind_name => self.unknown_attribute(reference, kind_name, name),
        }
    }

    /// An attribute that the kind does not have, named on one instance. `try` and `can` hide no name
    /// that can be known to be wrong.
    fn unknown_attribute(
        &self,
        reference: &Reference,
        kind_name: &str,
        label: &str,
    ) -> Option<Diagnostic> {
        let schema = kind(kind_name)?.schema();
        let decl = self.module.resources.get(&(kind_name.to_owned(), label.to_owned()))?;
        let multiplied = decl.meta.for_each.is_some() || decl.meta.count.is_some();
        let mut at = 1;
        match reference.steps.get(1) {
            Some(RefPart::Key) => at = 2,
            // The elements of a block that is no collection are not told apart here.
            Some(RefPart::Each) if multiplied => at = 2,
            // The name behind a multiplied block is a key.
            _ if multiplied => return None,
            _ => {}
        }
        // Behind `at` stands an account.
        if matches!(reference.name(at), Some(("at", _))) {
            match reference.steps.get(at + 1) {
                Some(RefPart::Key | RefPart::Each) => at += 2,
                _ => return None,
            }
        }
        let of = format!("`{kind_name}.{label}`");
        attribute_of(&of, schema, reference, at)
    }

    /// A `data` block that is not there, or an attribute that its type does not tell.
    fn unknown_data(&self, reference: &Reference, ty: &str, loc: &Loc) -> Option<Diagnostic> {
        let (label, _) = reference.name(1)?;
        let Some(decl) = self.module.data.get(&(ty.to_owned(), label.to_owned())) else {
            return Some(self.module.has_no_data(ty, label).at(loc.clone()));
        };
        // The name behind a repeated block is a key.
        let repeated = decl.for_each.is_some() || decl.count.is_some();
        let keyed = matches!(reference.steps.get(2), Some(RefPart::Key | RefPart::Each));
        if repeated && !keyed {
            return None;
        }
        let (attr, attr_loc) = reference.name_after_key(2)?;
        let known = &decl.ty.attributes;
        if known.contains(&attr) {
            return None;
        }
        let help = did_you_mean(attr, known.iter().copied())
            .unwrap_or_else(|| format!("it tells {}", known.join(", ")));
        Some(
            Diagnostic::error(format!("`{DATA}.{ty}.{label}` has no attribute `{attr}`"))
                .at(attr_loc.clone())
                .help(help),
        )
    }

    fn unknown_output(
        &self,
        reference: &Reference,
        call: &str,
        callee: crate::config::ModuleId,
    ) -> Option<Diagnostic> {
        let (output, loc) = reference.name_after_key(1)?;
        let callee = self.configuration.module(callee);
        if callee.outputs.contains_key(output) {
            return None;
        }
        let known: Vec<&str> = callee.outputs.keys().map(String::as_str).collect();
        let help = did_you_mean(output, known.iter().copied()).unwrap_or_else(|| {
            if known.is_empty() {
                "the module has no outputs".to_owned()
            } else {
                format!("its outputs are {}", known.join(", "))
            }
        });
        Some(
            Diagnostic::error(format!("the module `{call}` has no output `{output}`"))
                .at(loc.clone())
                .help(help),
        )
    }
}

/// An attribute at `at` that blocks of this kind do not have.
fn attribute_of(
    of: &str,
    schema: &'static KindSchema,
    reference: &Reference,
    at: usize,
) -> Option<Diagnostic> {
    let (attr, loc) = reference.name(at)?;
    let known: Vec<&str> = schema
        .block
        .attrs
        .iter()
        .map(|a| a.name)
        .chain(schema.computed.iter().map(|c| c.name))
        .chain(CONTEXTUAL)
        .collect();
    if attr == ACCOUNT && schema.kind != ACCOUNT {
        // The account that an instance is placed in.
        return attribute_of(
            &format!("the account of {of}"),
            kind(ACCOUNT)?.schema(),
            reference,
            at + 1,
        );
    }
    if known.contains(&attr) || schema.block.nested(attr).is_some() {
        return None;
    }
    let settable = resource_type(schema.kind).map(|ty| ty.shape().names()).unwrap_or_default();
    let help = match settable.contains(attr) {
        true => Some(format!("what the block says of it is `.properties.{attr}`")),
        false => did_you_mean(attr, known.iter().copied()),
    };
    let error = Diagnostic::error(format!("{of} has no attribute `{attr}`"));
    Some(error.at(loc.clone()).help_opt(help))
}

/// Names that depend on the block: `each`, `count`, `self`, and `path`.
fn unknown_contextual(reference: &Reference, block: Option<&ResourceDecl>) -> Option<Diagnostic> {
    let known: &[&str] = match reference.root.as_str() {
        "each" => &[ACCOUNT, "environment", "key", "value"],
        "count" => &["index"],
        "path" => &["cwd", "module", "root"],
        "self" => {
            return attribute_of("`self`", kind(&block?.kind)?.schema(), reference, 0);
        }
        _ => return None,
    };
    let root = &reference.root;
    let (name, loc) = reference.name(0)?;
    if root == "each" && name == ACCOUNT {
        return attribute_of("`each.account`", kind(ACCOUNT)?.schema(), reference, 1);
    }
    if known.contains(&name) {
        return None;
    }
    let help = did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("known are {}", known.join(", ")));
    Some(Diagnostic::error(format!("`{root}` has no `{name}`")).at(loc.clone()).help(help))
}

impl Graph {
    /// One finding for each cycle of firm references.
    pub(super) fn cycles(&self) -> Vec<Diagnostic> {
        let mut firm: DiGraph<NodeIndex, ()> = DiGraph::new();
        let mut map = BTreeMap::new();
        for index in self.index.values() {
            map.insert(*index, firm.add_node(*index));
        }
        for edge in self.graph.edge_references() {
            if edge.weight().firmness == Firmness::Firm
                && let (Some(from), Some(to)) = (map.get(&edge.source()), map.get(&edge.target()))
            {
                firm.update_edge(*from, *to, ());
            }
        }
        let mut found = Vec::new();
        // Not Tarjan's, which recurses as deep as references go.
        for component in kosaraju_scc(&firm) {
            let members: BTreeSet<NodeIndex> =
                component.iter().filter_map(|n| firm.node_weight(*n).copied()).collect();
            let looped =
                members.len() > 1 || component.first().is_some_and(|n| firm.contains_edge(*n, *n));
            if looped {
                found.extend(self.cycle(&members));
            }
        }
        found.sort_by(|a, b| a.summary.cmp(&b.summary));
        found
    }

    /// The shortest way around, from the alphabetically first member.
    fn cycle(&self, members: &BTreeSet<NodeIndex>) -> Option<Diagnostic> {
        let start = members.iter().copied().min_by_key(|n| self.graph.node_weight(*n))?;
        let mut came_from: BTreeMap<NodeIndex, (NodeIndex, Loc)> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        'search: while let Some(at) = queue.pop_front() {
            let mut edges: Vec<_> = self
                .graph
                .edges(at)
                .filter(|e| e.weight().firmness == Firmness::Firm && members.contains(&e.target()))
                .collect();
            edges.sort_by_key(|e| self.graph.node_weight(e.target()));
            for edge in edges {
                let to = edge.target();
                if let std::collections::btree_map::Entry::Vacant(slot) = came_from.entry(to) {
                    slot.insert((at, edge.weight().loc.clone()));
                    if to == start {
                        break 'search;
                    }
                    queue.push_back(to);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = start;
        loop {
            let (before, loc) = came_from.get(&at)?;
            way.push((*before, loc.clone()));
            at = *before;
            if at == start {
                break;
            }
        }
        way.reverse();
        let name = |n: &NodeIndex| {
            self.graph.node_weight(*n).map_or_else(String::new, GraphNode::to_string)
        };
        let mut names: Vec<String> = way.iter().map(|(n, _)| name(n)).collect();
        names.push(name(&start));
        let (_, first) = way.first()?;
        let mut diagnostic =
            Diagnostic::error(format!("references form a cycle: {}", names.join(" -> ")))
                .at(first.clone())
                .help("break it: let one of them be computed from what both need");
        for ((_, loc), target) in way.iter().zip(names.iter().skip(1)).skip(1) {
            diagnostic = diagnostic.related(loc.clone(), format!("refers to `{target}`"));
        }
        Some(diagnostic)
    }
}

/// Promotion edges must form a graph without circles.
fn promotion_cycles(configuration: &Configuration) -> Vec<Diagnostic> {
    let root = configuration.root();
    let mut graph = Graph::default();
    let node =
        |name: &str| GraphNode { path: Vec::new(), item: GraphItem::Environment(name.to_owned()) };
    for name in root.environments.keys() {
        graph.add(node(name));
    }
    for ((ty, _), block) in &root.declarations {
        if ty == "promotion"
            && let (Some(from), Some(to)) =
                (environment(block.body.get("from")), environment(block.body.get("to")))
            // An edge from an environment to itself is refused when the block is evaluated.
            && from != to
        {
            graph.connect(&node(&from), &node(&to), Firmness::Firm, &block.loc);
        }
    }
    graph
        .cycles()
        .into_iter()
        .map(|mut d| {
            d.summary = d.summary.replace("references form a cycle", "promotions form a cycle");
            d.help = Some(
                "a release moves one way: remove one of the edges; back goes `rollback`".into(),
            );
            for (_, label) in &mut d.related {
                *label = label.replace("refers to", "leads to");
            }
            d
        })
        .collect()
}

/// The environment that an expression plainly names.
pub(super) fn environment(expr: Option<&Expr>) -> Option<String> {
    let found = references(expr?, &[]);
    match found.as_slice() {
        [one] if one.root == "environment" => one.name(0).map(|(n, _)| n.to_owned()),
        _ => None,
    }
}
