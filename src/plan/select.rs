//! `--environment`, `--account`, `--target`: which changes a plan carries out.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Action, Selection};
use super::object_plan::ObjectPlan;
use crate::address::{ACCOUNT, ResourceAddr};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::estate::Estate;
use crate::schema::{AccessPart, access_of};

/// Whether one of the typed patterns names the address.
#[must_use]
pub fn names(patterns: &[String], address: &ResourceAddr) -> bool {
    patterns.iter().any(|pattern| address.is_named_by(pattern))
}

/// Whether a selection names an object itself, which `serves` some environments; what it needs to
/// exist comes along with [`select`].
#[must_use]
pub fn picks(selection: &Selection, address: &ResourceAddr, serves: impl Fn(&str) -> bool) -> bool {
    *selection == Selection::default()
        || names(&selection.targets, address)
        || address.account().is_some_and(|a| selection.accounts.contains(a))
        || selection.environments.iter().any(|e| match address.environment() {
            Some(own) => own == e,
            None => address.account().is_some() && serves(e),
        })
}

/// Checks the names of environments and accounts against what is declared, before anything is evaluated or
/// read: a mistyped name costs no round to AWS.
///
/// # Errors
/// A name that nothing declares.
pub fn check_declared(
    selection: &Selection,
    configuration: &Configuration,
) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let environments: Vec<&str> =
        configuration.root().environments.keys().map(String::as_str).collect();
    for name in selection.environments.iter().filter(|n| !environments.contains(&n.as_str())) {
        diagnostics.push(unknown("environment", name, environments.clone()));
    }
    let declared = configuration.modules.iter().flat_map(|module| module.resources.keys());
    let accounts: Vec<&str> = declared
        .filter(|(kind, _)| access_of(kind).is_some_and(AccessPart::is_account))
        .map(|(_, label)| label.as_str())
        .collect();
    for handle in &selection.accounts {
        // Of accounts of one block the handle is the label and a key.
        let label = handle.as_str().split('.').next().unwrap_or_default();
        if !accounts.contains(&label) {
            diagnostics.push(unknown(ACCOUNT, handle.as_str(), accounts.clone()));
        }
    }
    diagnostics.into_result(())
}

fn unknown(what: &str, name: &str, known: Vec<&str>) -> Diagnostic {
    let help =
        did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => format!("the configuration declares no {what}"),
            known => format!("known: {}", known.join(", ")),
        });
    Diagnostic::error(format!("there is no {what} `{name}`")).help(help)
}

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
            let known: Vec<String> = decisions.iter().map(|d| d.address.to_string()).collect();
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
