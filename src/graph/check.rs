//! Unknown references and cycles.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::{Firmness, Graph, GraphItem, GraphNode, build};
use crate::address::ACCOUNT;
use crate::config::{Configuration, Expr, Module, RefPart, Reference, body_references, references};
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::schema::blocks::DATA;
use crate::schema::kind;

/// Every unknown reference and every cycle.
#[must_use]
pub fn check(configuration: &Configuration) -> Diagnostics {
    check_beyond(configuration, &Diagnostics::new())
}

/// What [`check`] finds at places where nothing was found yet: the evaluator sees unknown
/// references too, but only where it comes to evaluate them.
#[must_use]
pub fn check_beyond(configuration: &Configuration, already: &Diagnostics) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for module in &configuration.modules {
        let mut checker = Checker { configuration, module, diagnostics: &mut diagnostics };
        checker.all();
    }
    match build(configuration) {
        Ok(graph) => diagnostics.extend(graph.cycles()),
        Err(diagnostic) => diagnostics.push(diagnostic),
    }
    diagnostics.extend(promotion_cycles(configuration));
    let cycles_known = already.iter().any(|d| d.summary.starts_with("references form a cycle"));
    let known: Vec<&Loc> = already.iter().filter_map(|d| d.loc.as_ref()).collect();
    diagnostics
        .into_iter()
        .filter(|d| {
            let told = d.loc.as_ref().is_some_and(|loc| {
                known.iter().any(|k| {
                    k.file() == loc.file()
                        && k.span().start <= loc.span().end
                        && loc.span().start <= k.span().end
                })
            });
            let known_cycle = cycles_known && d.summary.starts_with("references form a cycle");
            !told && !known_cycle
        })
        .collect()
}

/// More errors than this help nobody.
const ENOUGH: usize = 500;

/// What every placed block or account has besides its kind's attributes.
const CONTEXTUAL: [&str; 4] = [ACCOUNT, "at", "environment", "handle"];

struct Checker<'a> {
    configuration: &'a Configuration,
    module: &'a Module,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn all(&mut self) {
        let module = self.module;
        for decl in module.locals.values() {
            self.expr(&decl.value);
        }
        let conditions = module
            .variables
            .values()
            .flat_map(|v| &v.validations)
            .chain(module.outputs.values().flat_map(|o| &o.preconditions))
            .chain(module.checks.values().flat_map(|c| &c.asserts))
            .chain(module.resources.values().flat_map(|r| {
                r.meta.lifecycle.preconditions.iter().chain(&r.meta.lifecycle.postconditions)
            }));
        for condition in conditions {
            self.expr(&condition.condition);
            self.expr(&condition.error_message);
        }
        for decl in module.outputs.values() {
            self.expr(&decl.value);
            decl.depends_on.iter().for_each(|e| self.expr(e));
        }
        for decl in module.calls.values() {
            let exprs = decl.for_each.iter().chain(&decl.count).chain(&decl.depends_on);
            exprs.chain(decl.args.values().map(|a| &a.value)).for_each(|e| self.expr(e));
        }
        for decl in module.data.values() {
            decl.for_each.iter().chain(&decl.count).for_each(|e| self.expr(e));
            self.references(body_references(&decl.body, &[]));
        }
        for decl in module.resources.values() {
            let meta = &decl.meta;
            meta.for_each
                .iter()
                .chain(&meta.count)
                .chain(&meta.accounts)
                .chain(&meta.environments)
                .chain(&meta.depends_on)
                .chain(&meta.lifecycle.replace_triggered_by)
                .for_each(|e| self.expr(e));
            self.references(body_references(&decl.body, &[]));
        }
        let blocks = module
            .environments
            .values()
            .chain(module.config_schemas.values())
            .chain(module.declarations.values());
        for block in blocks {
            // `type` of a key is a type constraint, not an expression.
            if block.ty != "config_schema" {
                self.references(body_references(&block.body, &[]));
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.references(references(expr, &[]));
    }

    fn references(&mut self, references: Vec<Reference>) {
        for reference in references {
            if self.diagnostics.len() < ENOUGH
                && let Some(diagnostic) = self.unknown(&reference)
            {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn unknown(&self, reference: &Reference) -> Option<Diagnostic> {
        let module = self.module;
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
        let keyed = matches!(reference.steps.get(1), Some(RefPart::Key));
        // The name behind a multiplied block is a key, and behind `at` stands an account.
        if multiplied && !keyed {
            return None;
        }
        let (attr, loc) = reference.name_after_key(1)?;
        let known: Vec<&str> = schema
            .block
            .attrs
            .iter()
            .map(|a| a.name)
            .chain(schema.computed.iter().map(|c| c.name))
            .chain(CONTEXTUAL)
            .collect();
        if known.contains(&attr) || schema.block.nested(attr).is_some() {
            return None;
        }
        Some(
            Diagnostic::error(format!("`{kind_name}.{label}` has no attribute `{attr}`"))
                .at(loc.clone())
                .help_opt(did_you_mean(attr, known.iter().copied())),
        )
    }

    /// A `data` block that is not there, or an attribute that its type does not tell.
    fn unknown_data(&self, reference: &Reference, ty: &str, loc: &Loc) -> Option<Diagnostic> {
        let (label, _) = reference.name(1)?;
        let Some(decl) = self.module.data.get(&(ty.to_owned(), label.to_owned())) else {
            return Some(self.module.has_no_data(ty, label).at(loc.clone()));
        };
        // The name behind a repeated block is a key.
        let repeated = decl.for_each.is_some() || decl.count.is_some();
        if repeated && !matches!(reference.steps.get(2), Some(RefPart::Key)) {
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
