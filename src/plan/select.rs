//! Which changes a plan carries out under `--environment`, `--account` and `--target`.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Action, Selection};
use super::object_plan::ObjectPlan;
use crate::address::{ACCOUNT, ResourceAddr};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::estate::Estate;
use crate::live::selection::{names, picks, unknown};

/// Checks that everything selected exists.
pub fn check(
    selection: &Selection,
    replace: &[String],
    estate: &Estate,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) {
    for name in &selection.environments {
        if !estate.environments.contains_key(name) {
            let known = estate.environments.keys().map(String::as_str).collect();
            diagnostics.push(unknown("environment", name, known));
        }
    }
    for handle in &selection.accounts {
        if !estate.accounts.contains_key(handle) {
            let known = estate.accounts.keys().map(crate::ids::Handle::as_str).collect();
            diagnostics.push(unknown(ACCOUNT, handle.as_str(), known));
        }
    }
    for target in selection.targets.iter().chain(replace) {
        let one = std::slice::from_ref(target);
        // What waits to be created in an account that nobody may enter is declared, and no decision is left of it.
        let mut known = decisions.iter().map(|d| &d.address).chain(estate.instances.keys());
        if !known.any(|address| names(one, address)) {
            // Who leaves the instance out means the block.
            let blocks = decisions.iter().map(|d| d.address.block().to_string());
            let blocks = blocks.filter(|_| !target.contains('@'));
            let known = blocks.chain(decisions.iter().map(|d| d.address.to_string()));
            let known: Vec<String> = known.collect();
            let help =
                did_you_mean(target, known.iter().map(String::as_str)).unwrap_or_else(|| {
                    "`palisade state list` and `palisade graph` show the addresses".to_owned()
                });
            diagnostics
                .push(Diagnostic::error(format!("nothing has the address `{target}`")).help(help));
        }
    }
}

/// The addresses whose changes the plan carries out; `None` for all. What a selected object needs
/// to exist comes along.
#[must_use]
pub fn select(
    selection: &Selection,
    decisions: &[ObjectPlan<'_>],
) -> Option<BTreeSet<ResourceAddr>> {
    if *selection == Selection::default() {
        return None;
    }
    let by_address: BTreeMap<&ResourceAddr, &ObjectPlan<'_>> =
        decisions.iter().map(|d| (&d.address, d)).collect();
    let wanted = |d: &ObjectPlan<'_>| {
        let environments = d.environments();
        picks(selection, &d.address, |e| environments.contains(e))
    };
    let mut selected = BTreeSet::new();
    let mut stack: Vec<&ObjectPlan<'_>> = decisions.iter().filter(|d| wanted(d)).collect();
    while let Some(decision) = stack.pop() {
        if !selected.insert(decision.address.clone()) {
            continue;
        }
        if matches!(decision.action, Action::Delete | Action::Forget | Action::NoOp) {
            continue;
        }
        stack.extend(decision.depends_on.iter().filter_map(|a| by_address.get(a)).copied());
    }
    Some(selected)
}
