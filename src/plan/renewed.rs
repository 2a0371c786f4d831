//! What is made anew while others hold on to it: AWS deletes no unit that is not empty, and no policy in use.

use std::collections::BTreeMap;

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::schema::Home;
use crate::value::{Attrs, Value};

/// A policy that is replaced while others have it comes first, under its new name, and the old one goes when
/// nobody has it any more.
pub(super) fn hold(decisions: &mut [ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    units(decisions, diagnostics);
    let text = |attrs: &Option<Attrs>, name: &str| {
        attrs.as_ref().and_then(|a| a.get(name)?.as_str()).map(str::to_owned)
    };
    let replaced = |d: &ObjectPlan<'_>| d.action == Action::Replace && !d.create_before_destroy;
    let mut held: BTreeMap<String, ResourceAddr> = BTreeMap::new();
    // Who is deleted before it is made anew has let go by then.
    let stays = |d: &&ObjectPlan<'_>| !replaced(d) && d.action != Action::Delete;
    for decision in decisions.iter().filter(stays) {
        for attrs in [&decision.before, &decision.after].into_iter().flatten() {
            let policies = decision.kind.schema().meaning.access.names_policies();
            for value in policies.into_iter().filter_map(|name| attrs.get(name)) {
                let list = value.elements().unwrap_or_default();
                for arn in value.as_str().into_iter().chain(list.iter().filter_map(|v| v.as_str()))
                {
                    held.entry(arn.to_owned()).or_insert_with(|| decision.address.clone());
                }
            }
        }
    }
    for decision in decisions.iter_mut().filter(|d| replaced(d)) {
        let Some(holder) = text(&decision.before, "arn").and_then(|arn| held.get(&arn)) else {
            continue;
        };
        decision.create_before_destroy = true;
        if text(&decision.before, "arn") == text(&decision.after, "arn") {
            diagnostics.push(
                Diagnostic::error(format!(
                    "`{}` cannot be replaced while `{holder}` has it",
                    decision.address
                ))
                .at_opt(decision.instance.map(|i| i.loc.clone()))
                .detail(format!("{} forces a replacement, AWS deletes no policy in use, and two cannot have one name", because(decision)))
                .help("give it another name in the same change: then the new one is made first"),
            );
        }
    }
}

fn because(decision: &ObjectPlan<'_>) -> String {
    match decision.replace_because.as_slice() {
        [] => decision.reason.clone().unwrap_or_default(),
        paths => paths.join(", "),
    }
}

/// Refuses to replace what something else in the organization hangs on by the id that AWS gave it.
fn units(decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let organization = || decisions.iter().filter(|d| d.kind.schema().home == Home::Organization);
    // AWS keeps a closed account in its unit for 90 days.
    for decision in organization().filter(|d| d.action == Action::Delete) {
        let id = decision.before.as_ref().and_then(|b| b.get("id")?.as_str());
        let parent = decision.kind.schema().moves;
        let stay = organization().filter(|d| d.closes()).find(|d| {
            let attr = d.kind.schema().moves.filter(|_| parent.is_none());
            let at = attr.and_then(|attr| d.before.as_ref()?.get(attr)?.as_str());
            at.is_some() && at == id
        });
        if let Some(account) = stay {
            diagnostics.push(
                Diagnostic::error(format!(
                    "`{}` cannot be deleted: `{}` stays in it, closed",
                    decision.address, account.address
                ))
                .at_opt(decision.instance.or(account.instance).map(|i| i.loc.clone()))
                .detail("AWS keeps a closed account where it is for 90 days, and deletes no unit that holds one")
                .help("move the account to the root in a change of its own (`parent` is the `organization` block), and delete both afterwards"),
            );
        }
    }
    for decision in organization().filter(|d| d.action == Action::Replace) {
        let Some(id) = decision.before.as_ref().and_then(|b| b.get("id")?.as_str()) else {
            continue;
        };
        let stays = |d: &&ObjectPlan<'_>| !matches!(d.action, Action::Delete | Action::Forget);
        let on_it: Vec<String> = organization()
            .filter(|other| other.address != decision.address)
            .filter(stays)
            .filter(|other| other.after.as_ref().is_some_and(|after| names(after, id)))
            .map(|other| format!("`{}`", other.address))
            .collect();
        if on_it.is_empty() {
            continue;
        }
        diagnostics.push(
            Diagnostic::error(format!(
                "`{}` cannot be replaced: {} would be left behind",
                decision.address,
                on_it.join(", ")
            ))
            .at_opt(decision.instance.map(|i| i.loc.clone()))
            .detail("AWS moves no unit, and deletes none that is not empty")
            .help("give the block another label and every reference to it, without `moved`: then the new one is made first, all that hangs on the old one follows, and the old one goes"),
        );
    }
}

/// Whether an attribute is this id, or a list with it.
fn names(attrs: &Attrs, id: &str) -> bool {
    attrs.iter().any(|(_, value)| match value {
        Value::String(text) => text == id,
        Value::List(list) => list.iter().any(|one| one.as_str() == Some(id)),
        _ => false,
    })
}
