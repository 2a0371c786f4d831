//! What follows from what happens to others: objects that stay move out of what goes, replacements bring on replacements.

use std::collections::{BTreeMap, BTreeSet};

use super::super::model::Action;
use super::super::object_plan::ObjectPlan;
use super::super::options::ComputeOptions;
use super::settled::anew;
use crate::address::ResourceAddr;
use crate::live::Live;
use crate::value::Attrs;

/// A retained object whose parent goes (an account in a unit that is deleted) moves to the
/// organization's root first.
pub(super) fn move_what_stays(decisions: &mut [ObjectPlan<'_>], live: &Live) {
    let text = |attrs: &Option<Attrs>, name: &str| {
        attrs.as_ref().and_then(|a| a.get(name)?.as_str()).map(str::to_owned)
    };
    // The state may know nothing of the organization any more: a removal that was interrupted forgot it.
    let root =
        |d: &ObjectPlan<'_>| text(&d.before, d.kind.schema().meaning.access.organization()?.root);
    let recorded = || decisions.iter().find_map(root);
    let Some(root) = live.root().map(str::to_owned).or_else(recorded) else { return };
    let going: BTreeMap<String, ResourceAddr> = decisions
        .iter()
        .filter(|d| d.action == Action::Delete)
        .filter_map(|d| Some((text(&d.before, "id")?, d.address.clone())))
        .collect();
    for decision in decisions.iter_mut().filter(|d| d.action == Action::Forget) {
        let Some(attr) = decision.kind.schema().moves else { continue };
        let parent = text(&decision.before, attr);
        let Some(unit) = parent.and_then(|parent| going.get(&parent)) else { continue };
        let mut after = decision.before.clone().unwrap_or_default();
        after.insert(attr.to_owned(), root.as_str().into());
        decision.after = Some(after);
        decision.difference.changed = vec![crate::value::AttrPath::attr(attr)];
        // Guardrails of the unit end for it, so the plan says why it moves.
        let moves = format!("it moves to the organization's root, because `{unit}` is deleted");
        decision.reason = Some(match decision.reason.take() {
            Some(reason) => format!("{reason}; {moves}"),
            None => moves,
        });
    }
}

/// `--replace` and `replace_triggered_by`, which may follow one another. What waits in an account that nobody may
/// enter does not change, so nothing follows it.
pub(super) fn replace_what_follows(
    decisions: &mut [ObjectPlan<'_>],
    options: &ComputeOptions,
    shut: &super::super::shut::Shut,
) {
    // Instances, and their blocks: a trigger may name either.
    let mut changed: BTreeSet<ResourceAddr> = BTreeSet::new();
    loop {
        let before = changed.len();
        for decision in decisions.iter_mut() {
            let asked = crate::live::selection::names(&options.replace, &decision.address);
            let trigger = decision.instance.and_then(|i| {
                i.lifecycle.replace_triggered_by.iter().find(|t| changed.contains(*t))
            });
            let replaceable = matches!(decision.action, Action::NoOp | Action::Update);
            if replaceable && (asked || trigger.is_some()) {
                decision.action = Action::Replace;
                decision.reason = Some(match trigger {
                    Some(trigger) => format!("`{trigger}` changes (replace_triggered_by)"),
                    None => "asked for with --replace".to_owned(),
                });
                if let (Some(after), Some(instance)) = (&mut decision.after, decision.instance) {
                    anew(after, instance);
                }
            }
            let changes = !matches!(decision.action, Action::NoOp | Action::Forget);
            if changes && super::super::shut::is_in(shut, decision).is_none() {
                changed.insert(decision.address.block());
                changed.insert(decision.address.clone());
            }
        }
        if changed.len() == before {
            return;
        }
    }
}
