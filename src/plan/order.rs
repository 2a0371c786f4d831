//! The execution graph: which calls, and which of them must come before which.
//!
//! Everything about order is decided here and written into the plan; apply only walks the result.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::limits::{LimitUsage, names_by_id};
use super::model::{Action, Operation, OperationKind, OperationTarget};
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::state::layout::scope_of;
use crate::value::{Attrs, Value};

struct Draft {
    kind: OperationKind,
    interim: bool,
    decision: usize,
    target: Option<OperationTarget>,
}

type Graph = DiGraph<Draft, ()>;

/// The operations of one object, by the part that they play in order.
#[derive(Default)]
struct Nodes {
    all: Vec<NodeIndex>,
    /// What must be through before dependants start.
    makes: Vec<NodeIndex>,
    /// The second call of what is made without its trust.
    settles: Vec<NodeIndex>,
    deletes: Vec<NodeIndex>,
    attaches: Vec<NodeIndex>,
    detaches: Vec<NodeIndex>,
}

/// Builds the operations of all decisions, numbered in an order that is valid and always the same.
pub fn operations(
    decisions: &[ObjectPlan<'_>],
    usage: &LimitUsage,
    diagnostics: &mut Diagnostics,
) -> Vec<Operation> {
    let mut graph = Graph::new();
    let nodes: Vec<Nodes> =
        decisions.iter().enumerate().map(|(i, d)| draft(&mut graph, i, d)).collect();
    let index: BTreeMap<&ResourceAddr, usize> =
        decisions.iter().enumerate().map(|(i, d)| (&d.address, i)).collect();
    for (at, decision) in decisions.iter().enumerate() {
        let Some(own) = nodes.get(at) else { continue };
        for dependency in decision.depends_on.iter().filter_map(|a| index.get(a)) {
            if let Some(of) = nodes.get(*dependency) {
                link(&mut graph, &of.makes, &own.makes);
            }
        }
        // What its trust names, where that comes in a second call.
        for later in decision.interim.iter().flatten().filter_map(|a| index.get(a)) {
            if let Some(of) = nodes.get(*later) {
                link(&mut graph, &of.makes, &own.settles);
            }
        }
        // What an object stood on goes only after the object: reads of the state's own record.
        let stood_on = decision.recorded.map(|r| &r.depends_on);
        for dependency in stood_on.into_iter().flatten().filter_map(|a| index.get(a)) {
            let (Some(of), Some(on)) = (nodes.get(*dependency), decisions.get(*dependency)) else {
                continue;
            };
            let is_bare = || on.as_target().is_some_and(|target| usage.bare.contains(&target));
            if decision.kind.schema().attachments.is_some() && on.is_leaving_unit() && is_bare() {
                continue;
            }
            link(&mut graph, &own.deletes, &of.deletes);
            // What is made anew is left before the old one goes: by what moves away from it, and by what
            // goes on to the new one where that comes first.
            let left = on.action == Action::Replace
                && (on.create_before_destroy || !decision.depends_on.contains(&on.address));
            if on.action == Action::Delete || left {
                link(&mut graph, &own.all, &of.deletes);
            }
        }
    }
    after_their_targets(&mut graph, &index, &nodes);
    units_before_their_last_policies(&mut graph, decisions, &nodes, &usage.bare);
    reuse_names(&mut graph, decisions, &nodes);
    attach_before_detach(&mut graph, &nodes, &usage.full, &names_by_id(decisions), diagnostics);
    number(&graph, decisions, diagnostics)
}

fn link(graph: &mut Graph, before: &[NodeIndex], after: &[NodeIndex]) {
    for a in before {
        for b in after {
            if a != b {
                // The same edge may come twice; to look for it would be quadratic in what hangs on `a`.
                graph.add_edge(*a, *b, ());
            }
        }
    }
}

fn chain(graph: &mut Graph, groups: &[&[NodeIndex]]) {
    let filled: Vec<&&[NodeIndex]> = groups.iter().filter(|g| !g.is_empty()).collect();
    for pair in filled.windows(2) {
        if let [before, after] = pair {
            link(graph, before, after);
        }
    }
}

/// The calls of one object and the order among them.
fn draft(graph: &mut Graph, decision_index: usize, decision: &ObjectPlan<'_>) -> Nodes {
    use OperationKind as Kind;
    let schema = decision.kind.schema();
    let mut nodes = Nodes::default();
    let mut add = |kind, target| {
        let interim = kind == Kind::Create && decision.interim.is_some();
        let node = graph.add_node(Draft { kind, interim, decision: decision_index, target });
        nodes.all.push(node);
        node
    };
    let rename = decision
        .previous_address
        .as_ref()
        .map(|_| add(Kind::Rename, None))
        .into_iter()
        .collect::<Vec<_>>();
    let mut makes = Vec::new();
    let mut settles = Vec::new();
    let mut deletes = Vec::new();
    let (attached, detached) = attachments(decision);
    let creates = matches!(decision.action, Action::Create | Action::Replace);
    match decision.action {
        Action::NoOp => {}
        Action::Forget => {
            if !decision.difference.is_empty() {
                let attr = schema.moves.and_then(|m| decision.after.as_ref()?.get(m));
                makes.push(add(Kind::Move, attr.and_then(OperationTarget::of)));
            }
            makes.push(add(Kind::Forget, None));
        }
        Action::Delete => deletes.push(add(Kind::Delete, None)),
        Action::Create | Action::Replace => {
            if decision.action == Action::Replace {
                deletes.push(add(Kind::Delete, None));
            }
            makes.push(add(Kind::Create, None));
            if schema.asynchronous {
                makes.push(add(Kind::Wait, None));
            }
            if decision.interim.is_some() {
                settles.push(add(Kind::Update, None));
            }
        }
        Action::Update | Action::Adopt => {
            if decision.action == Action::Adopt {
                makes.push(add(Kind::Adopt, None));
            }
            let roots: BTreeSet<&str> =
                decision.difference.changed.iter().filter_map(|p| p.root()).collect();
            if let Some(attr) = schema.moves.filter(|m| roots.contains(m)) {
                let target =
                    decision.after.as_ref().and_then(|a| a.get(attr)).and_then(OperationTarget::of);
                makes.push(add(Kind::Move, target));
            }
            let own_calls = [schema.moves, schema.attachments, schema.detachments];
            if roots.iter().any(|r| !own_calls.contains(&Some(*r))) {
                makes.push(add(Kind::Update, None));
            }
        }
    }
    let attaches: Vec<NodeIndex> =
        attached.into_iter().map(|t| add(Kind::Attach, Some(t))).collect();
    let detaches: Vec<NodeIndex> =
        detached.into_iter().map(|t| add(Kind::Detach, Some(t))).collect();
    for pair in makes.windows(2) {
        chain(
            graph,
            &[&rename, pair.get(..1).unwrap_or_default(), pair.get(1..).unwrap_or_default()],
        );
    }
    chain(graph, &[&rename, makes.get(..1).unwrap_or_default()]);
    if !creates {
        chain(graph, &[&makes, &attaches, &detaches, &deletes]);
    } else if decision.action == Action::Replace && !decision.create_before_destroy {
        chain(graph, &[&rename, &detaches, &deletes, makes.get(..1).unwrap_or_default()]);
        chain(graph, &[&makes, &attaches]);
    } else {
        chain(graph, &[&makes, &attaches, &detaches, &deletes]);
    }
    chain(graph, &[makes.get(makes.len().saturating_sub(1)..).unwrap_or_default(), &settles]);
    if makes.is_empty() {
        makes.clone_from(&rename);
    }
    Nodes { makes, settles, deletes, attaches, detaches, ..nodes }
}

/// What is attached and what is detached, from the attachment attribute before and after.
fn attachments(decision: &ObjectPlan<'_>) -> (Vec<OperationTarget>, Vec<OperationTarget>) {
    let Some(attr) = decision.kind.schema().attachments else { return Default::default() };
    let targets = |attrs: &Option<Attrs>| -> BTreeSet<OperationTarget> {
        let value = attrs.as_ref().and_then(|a| a.get(attr));
        value
            .and_then(Value::elements)
            .into_iter()
            .flatten()
            .filter_map(OperationTarget::of)
            .collect()
    };
    let (before, after) = (targets(&decision.before), targets(&decision.after));
    match decision.action {
        Action::NoOp | Action::Forget => Default::default(),
        Action::Delete => (Vec::new(), before.into_iter().collect()),
        Action::Create => (after.into_iter().collect(), Vec::new()),
        Action::Replace => (after.into_iter().collect(), before.into_iter().collect()),
        Action::Update | Action::Adopt => (
            after.difference(&before).cloned().collect(),
            before.difference(&after).cloned().chain(decision.detached_when_made()).collect(),
        ),
    }
}

/// What is attached to, or detached from, something that the plan makes waits for that.
fn after_their_targets(graph: &mut Graph, index: &BTreeMap<&ResourceAddr, usize>, nodes: &[Nodes]) {
    for node in nodes.iter().flat_map(|own| own.attaches.iter().chain(&own.detaches)) {
        let target = graph.node_weight(*node).and_then(|draft| draft.target.as_ref());
        let Some(OperationTarget::IdOf(address)) = target else { continue };
        if let Some(of) = index.get(address).and_then(|at| nodes.get(*at)) {
            link(graph, &of.makes, &[*node]);
        }
    }
}

/// Units that go with their last SCP still attached, which AWS detaches from no unit that stays: they go before it is
/// detached from them, and `DetachPolicy` finds them gone.
fn units_before_their_last_policies(
    graph: &mut Graph,
    decisions: &[ObjectPlan<'_>],
    nodes: &[Nodes],
    bare: &BTreeSet<OperationTarget>,
) {
    let leaving = decisions.iter().zip(nodes).filter(|(decision, _)| decision.is_leaving_unit());
    let units: BTreeMap<OperationTarget, &Nodes> = leaving
        .filter_map(|(decision, own)| Some((decision.as_target()?, own)))
        .filter(|(target, _)| bare.contains(target))
        .collect();
    for detach in nodes.iter().flat_map(|own| &own.detaches) {
        let target = graph.node_weight(*detach).and_then(|draft| draft.target.as_ref());
        if let Some(unit) = target.and_then(|target| units.get(target)) {
            link(graph, &unit.deletes, &[*detach]);
        }
    }
}

/// A name in one place is given to a new object only after the old one has given it up.
fn reuse_names(graph: &mut Graph, decisions: &[ObjectPlan<'_>], nodes: &[Nodes]) {
    let mut leaving: BTreeMap<(String, &str, &str), usize> = BTreeMap::new();
    for (at, decision) in decisions.iter().enumerate() {
        if decision.action == Action::Delete
            && let Some(key) = &decision.key
        {
            let schema = decision.kind.schema();
            leaving.insert((scope_of(&decision.address), schema.kind, key), at);
        }
    }
    for (at, decision) in decisions.iter().enumerate() {
        if !matches!(decision.action, Action::Create | Action::Replace) {
            continue;
        }
        let schema = decision.kind.schema();
        let new_key = decision.after.as_ref().and_then(|a| decision.kind.natural_key(a));
        let Some(key) = &new_key else { continue };
        let place = (scope_of(&decision.address), schema.kind, key.as_str());
        if let Some(old) = leaving.get(&place).and_then(|old| nodes.get(*old))
            && let Some(new) = nodes.get(at)
        {
            link(graph, &old.deletes, &new.makes);
        }
    }
}

/// On each target, guardrails are attached before others are detached, so that it is never bare.
/// Where AWS's limit leaves no free slot the order is turned round, and the plan says so.
fn attach_before_detach(
    graph: &mut Graph,
    nodes: &[Nodes],
    full_targets: &BTreeSet<OperationTarget>,
    names: &BTreeMap<String, &ResourceAddr>,
    diagnostics: &mut Diagnostics,
) {
    let mut on: BTreeMap<OperationTarget, (Vec<NodeIndex>, Vec<NodeIndex>)> = BTreeMap::new();
    for own in nodes {
        for (list, attach) in [(&own.attaches, true), (&own.detaches, false)] {
            for node in list {
                let Some(target) = graph.node_weight(*node).and_then(|d| d.target.clone()) else {
                    continue;
                };
                let entry = on.entry(target).or_default();
                if attach { entry.0.push(*node) } else { entry.1.push(*node) }
            }
        }
    }
    for (target, (attaches, detaches)) in on {
        if attaches.is_empty() || detaches.is_empty() {
            continue;
        }
        let no_slot = full_targets.contains(&target);
        let would_cycle = attaches.iter().any(|a| {
            detaches.iter().any(|d| petgraph::algo::has_path_connecting(&*graph, *d, *a, None))
        });
        if no_slot {
            link(graph, &detaches, &attaches);
        } else if !would_cycle {
            link(graph, &attaches, &detaches);
        }
        if no_slot || would_cycle {
            let target = match &target {
                OperationTarget::Id(id) => names.get(id).map_or(id.clone(), ToString::to_string),
                OperationTarget::IdOf(address) => address.to_string(),
            };
            let why = if no_slot {
                "AWS's limit leaves no free slot"
            } else {
                "the new policy takes over the old one's name"
            };
            diagnostics.push(
                Diagnostic::warning(format!(
                    "`{target}` is without the detached policies until the new ones are attached"
                ))
                .detail(format!("{why}, so detaching comes first"))
                .help("apply in two steps (attach under another name first, then detach) to leave no window"),
            );
        }
    }
}

/// Numbers the operations: Kahn's algorithm with an ordered set.
fn number(
    graph: &Graph,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) -> Vec<Operation> {
    let rank = |node: NodeIndex| {
        graph
            .node_weight(node)
            .map(|d| (decisions.get(d.decision).map(|x| &x.address), d.kind, &d.target, node))
    };
    let mut waiting: BTreeMap<NodeIndex, usize> = graph
        .node_indices()
        .map(|n| (n, graph.neighbors_directed(n, petgraph::Incoming).count()))
        .collect();
    let mut ready: BTreeSet<_> =
        waiting.iter().filter(|(_, n)| **n == 0).filter_map(|(n, _)| rank(*n)).collect();
    let mut ids: BTreeMap<NodeIndex, u32> = BTreeMap::new();
    let mut operations = Vec::with_capacity(graph.node_count());
    while let Some((_, _, _, node)) = ready.pop_first() {
        waiting.remove(&node);
        let (Some(draft), Ok(last)) = (graph.node_weight(node), u32::try_from(ids.len())) else {
            continue;
        };
        let Some(decision) = decisions.get(draft.decision) else { continue };
        let id = last + 1;
        ids.insert(node, id);
        let mut after: Vec<u32> = graph
            .neighbors_directed(node, petgraph::Incoming)
            .filter_map(|n| ids.get(&n).copied())
            .collect();
        after.sort_unstable();
        after.dedup();
        operations.push(Operation {
            id,
            op: draft.kind,
            address: decision.address.clone(),
            scope: scope_of(&decision.address),
            after,
            target: draft.target.clone(),
            interim: draft.interim,
        });
        for next in graph.neighbors(node) {
            if let Some(left) = waiting.get_mut(&next) {
                *left -= 1;
                if *left == 0 {
                    ready.extend(rank(next));
                }
            }
        }
    }
    if !waiting.is_empty() {
        let names: BTreeSet<String> = kosaraju_scc(graph)
            .into_iter()
            .filter(|scc| scc.len() > 1)
            .flatten()
            .filter_map(|n| decisions.get(graph.node_weight(n)?.decision))
            .map(|d| format!("`{}`", d.address))
            .collect();
        diagnostics.push(
            Diagnostic::error("the changes cannot be put in order: they wait for one another")
                .detail(names.into_iter().collect::<Vec<_>>().join(" -> "))
                .help("make the change in two steps, for example remove the old reference first"),
        );
    }
    operations
}
