//! A plan that is limited to some objects goes on where a lookup failed that none of them needs.
//!
//! What was not evaluated without the lookup is known by its place alone. So a plan is refused unless each object of it
//! was evaluated, and nothing that guards an apply is among what was left out.

use std::collections::BTreeMap;

use crate::address::ResourceAddr;
use crate::config::Configuration;
use crate::diag::Diagnostics;
use crate::engine::error::EngineError;
use crate::eval::estate::Estate;
use crate::plan::LOOKED_UP;
use crate::plan::model::{Action, Plan, PlannedOutput};
use crate::value::Value;

/// Refuses a plan that a failed lookup bears on.
///
/// # Errors
/// The lookups that failed.
pub(super) fn require_unneeded(
    plan: &Plan,
    estate: &Estate,
    configuration: &Configuration,
) -> Result<(), EngineError> {
    if estate.missing.is_empty() {
        return Ok(());
    }
    let leaves_out = estate.unevaluated.has_errors();
    let needs = |address: &ResourceAddr| match estate.instances.get(address) {
        Some(instance) => instance.desired.values().any(Value::needs_lookup),
        // Its block may be one of those that were left out.
        None => leaves_out,
    };
    let changes = plan.resource_changes.iter().filter(|change| change.action != Action::NoOp);
    let mut changed = changes.map(|change| &change.address);
    if !changed.any(needs) && !leaves_out_rules(estate, configuration) {
        return Ok(());
    }
    Err(estate.missing.values().cloned().collect::<Diagnostics>().into())
}

/// Whether a rule was left out that an apply is judged by.
fn leaves_out_rules(estate: &Estate, configuration: &Configuration) -> bool {
    const RULES: &str = "isolation";
    let declared = configuration.root().declarations.keys().filter(|(ty, _)| ty == RULES).count();
    declared > estate.declarations.get(RULES).map_or(0, BTreeMap::len)
}

/// Takes what the lookups would have told out of a plan that does not need it: an output stays what it was.
pub(super) fn leave_aside(
    plan: &mut Plan,
    estate: &Estate,
    recorded: &BTreeMap<String, PlannedOutput>,
) {
    if estate.missing.is_empty() {
        return;
    }
    plan.unread.retain(|part| part.kinds.iter().all(|kind| !kind.starts_with(LOOKED_UP)));
    let waits = |name: &String| estate.outputs.get(name).is_none_or(|o| o.value.needs_lookup());
    plan.outputs.retain(|name, _| !waits(name));
    let kept = recorded.iter().filter(|(name, _)| waits(name));
    plan.outputs.extend(kept.map(|(name, output)| (name.clone(), output.clone())));
}
