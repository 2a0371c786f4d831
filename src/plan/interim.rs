//! Principals whose trust names what does not exist yet when they are made: themselves, and one another.
//!
//! AWS refuses a trust policy that names a principal it cannot find, so such a principal is made in two
//! calls: first with a trust that lets no principal in, then with its own. Where several trust each other, as
//! few as possible are made so.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::difference::policies;
use crate::iam::PrincipalType;
use crate::value::Value;

/// Marks them, with what only their second call waits for, and takes out of what each depends on whatever
/// would make a circle: of what depends on itself, neither plan nor state could say what comes first.
pub(super) fn mark(decisions: &mut [ObjectPlan<'_>]) {
    let principals: BTreeMap<ResourceAddr, usize> = decisions
        .iter()
        .enumerate()
        .filter(|(_, d)| d.after.is_some() && trust(d).is_some())
        .map(|(at, d)| (d.address.clone(), at))
        .collect();
    let is_made = |address: &ResourceAddr| {
        let decision = principals.get(address).and_then(|at| decisions.get(*at));
        decision.is_some_and(|d| matches!(d.action, Action::Create | Action::Replace))
    };
    let by_arn: BTreeMap<String, ResourceAddr> = principals
        .iter()
        .filter_map(|(address, at)| {
            let arn = policies::symbol(decisions.get(*at)?.after.as_ref()?.get("arn")?)?;
            Some((arn, address.clone()))
        })
        .collect();
    let mut trusts: BTreeMap<&ResourceAddr, BTreeSet<&ResourceAddr>> = BTreeMap::new();
    for (address, at) in &principals {
        let Some(decision) = decisions.get(*at) else { continue };
        let referred = decision.depends_on.iter().filter_map(|a| principals.get_key_value(a));
        let named = named(decision).into_iter().filter_map(|arn| by_arn.get(&arn));
        let named = named.filter_map(|a| principals.get_key_value(a));
        trusts.insert(address, referred.chain(named).map(|(address, _)| address).collect());
    }
    let mut later: BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>> = BTreeMap::new();
    let mut interim: BTreeSet<ResourceAddr> = BTreeSet::new();
    for (address, named) in &mut trusts {
        if named.remove(*address) && is_made(address) {
            interim.insert((*address).clone());
        }
    }
    while let Some(circle) = circle(&trusts) {
        // What exists need not be waited for.
        let there: BTreeSet<&ResourceAddr> =
            circle.iter().copied().filter(|address| !is_made(address)).collect();
        // Else the first by its address, so that equal inputs give equal plans.
        let Some(first) = circle.first().copied() else { break };
        for (address, named) in trusts.iter_mut().filter(|(a, _)| circle.contains(*a)) {
            let left_out = |to: &ResourceAddr| match there.is_empty() {
                true => *address == first && circle.contains(to),
                false => there.contains(to),
            };
            let out: Vec<&ResourceAddr> = named.iter().copied().filter(|to| left_out(to)).collect();
            named.retain(|to| !out.contains(to));
            later.entry((*address).clone()).or_default().extend(out.into_iter().cloned());
        }
        if there.is_empty() {
            interim.insert(first.clone());
        }
    }
    for (address, later) in &later {
        if let Some(decision) = principals.get(address).and_then(|at| decisions.get_mut(*at)) {
            decision.depends_on.retain(|on| !later.contains(on));
        }
    }
    for address in interim {
        let later = later.remove(&address).unwrap_or_default();
        let Some(decision) = principals.get(&address).and_then(|at| decisions.get_mut(*at)) else {
            continue;
        };
        let names: Vec<String> = match later.is_empty() {
            true => vec!["itself".to_owned()],
            false => later.iter().map(|a| format!("`{a}`")).collect(),
        };
        let two = format!(
            "made in two calls: AWS knows no principal before it exists, so its trust in {} comes second",
            names.join(", ")
        );
        decision.reason = Some(match decision.reason.take() {
            Some(reason) => format!("{reason}; {two}"),
            None => two,
        });
        decision.interim = Some(later);
    }
}

/// The attribute with the trust of a principal that others become.
fn trust(decision: &ObjectPlan<'_>) -> Option<&'static str> {
    decision.kind.schema().meaning.access.principal()?.trust
}

/// ARNs in the trust, as far as they are known.
fn named(decision: &ObjectPlan<'_>) -> Vec<String> {
    let value = trust(decision).and_then(|attr| decision.after.as_ref()?.get(attr));
    let Some(document) = value.map(Value::reveal).and_then(policies::document) else {
        return Vec::new();
    };
    let principals = document.statements.iter().flat_map(|s| &s.principals).flat_map(|p| p.items());
    principals
        .filter(|(kind, _)| *kind == PrincipalType::Aws)
        .map(|(_, text)| text.text.symbolic().to_string())
        .collect()
}

/// Principals that trust each other in a circle, in order.
fn circle<'a>(
    trusts: &BTreeMap<&'a ResourceAddr, BTreeSet<&'a ResourceAddr>>,
) -> Option<BTreeSet<&'a ResourceAddr>> {
    let mut graph = DiGraph::<&ResourceAddr, ()>::new();
    let nodes: BTreeMap<&ResourceAddr, _> =
        trusts.keys().map(|address| (*address, graph.add_node(*address))).collect();
    for (address, named) in trusts {
        for (from, to) in nodes.get(address).into_iter().flat_map(|from| {
            named.iter().filter_map(|to| nodes.get(to)).map(move |to| (*from, *to))
        }) {
            graph.add_edge(from, to, ());
        }
    }
    let circle = kosaraju_scc(&graph).into_iter().find(|scc| scc.len() > 1)?;
    Some(circle.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect())
}
