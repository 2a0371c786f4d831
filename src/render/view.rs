//! What every rendering of a plan says, whatever its markup: headings, counts, remarks.

use std::collections::BTreeSet;

use crate::iam::Limits;
use crate::plan::model::{
    AccountChanges, Action, Drift, DriftStatus, LimitUse, Plan, PlanSummary, ResourceChange,
    Selection, Unread, unread_objects,
};
use crate::schema::Category;

use super::lines::Sign;
use super::style::{Tone, count, safe};

/// The plan and its estate, as a title.
pub(super) fn title(plan: &Plan) -> String {
    titled(&plan.estate.name, &plan.selection)
}

/// The same of a plan that could not be made.
pub(super) fn titled(estate: &str, selection: &Selection) -> String {
    let of = match estate {
        "" => String::new(),
        name => format!(" of {name}"),
    };
    let mut only: Vec<String> = Vec::new();
    let accounts: Vec<String> = selection.accounts.iter().map(ToString::to_string).collect();
    for (what, names) in [
        ("environment", &selection.environments),
        ("account", &accounts),
        ("target", &selection.targets),
    ] {
        only.extend(names.iter().map(|name| format!("{what} {name}")));
    }
    let only = if only.is_empty() { String::new() } else { format!(", only {}", only.join(", ")) };
    format!("Palisade plan{of}{only}")
}

/// An account as a title, and the environments that it serves.
pub(super) fn account_title(account: &AccountChanges) -> (String, Option<String>) {
    let title = match (&account.account_id, account.account.as_str()) {
        (_, "org") => "organization".to_owned(),
        (Some(id), handle) => format!("{handle} ({id})"),
        (None, handle) => format!("{handle} (id known after apply)"),
    };
    let serves = match account.environments.as_slice() {
        [] => None,
        [one] => Some(format!("environment {}", safe(one))),
        many => Some(format!("environments {}", safe(&many.join(", ")))),
    };
    (title, serves)
}

/// Counts an object's action.
pub(super) fn tally(summary: &mut PlanSummary, action: Action) {
    match action {
        Action::Create => summary.create += 1,
        Action::Update => summary.update += 1,
        Action::Replace => summary.replace += 1,
        Action::Delete => summary.delete += 1,
        Action::Adopt => summary.adopt += 1,
        Action::Forget => summary.forget += 1,
        Action::NoOp => summary.no_op += 1,
    }
}

/// The heading of a category.
pub(super) fn heading(category: Category) -> &'static str {
    match category {
        Category::Config => "Config",
        Category::Iam => "IAM",
        Category::Organization => "Organization",
        Category::Data => "Data",
        Category::Cost => "Cost",
        Category::Monitoring => "Monitoring",
        Category::Resources => "Resources",
    }
}

/// `2 to create, 1 to update`; empty without a change.
pub(super) fn counts(summary: &PlanSummary) -> String {
    [
        (summary.create, "create"),
        (summary.update, "update"),
        (summary.replace, "replace"),
        (summary.delete, "delete"),
        (summary.adopt, "adopt"),
        (summary.forget, "forget"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} to {what}"))
    .collect::<Vec<_>>()
    .join(", ")
}

/// The last line of a plan, which `destroys` what it can.
pub(super) fn summary(plan: &Plan, destroys: bool) -> String {
    let managed = count(plan.resource_changes.len(), "object", "objects");
    let unread = not_read(&plan.unread);
    let counted = counts(&plan.summary);
    if !counted.is_empty() {
        let unread = unread.map(|unread| format!("; {unread}")).unwrap_or_default();
        return format!("Plan: {counted}{unread}.");
    }
    if plan.has_changes() {
        let operations = count(plan.operations.len(), "operation", "operations");
        let unread = unread.map(|unread| format!("; {unread}")).unwrap_or_default();
        return format!("Plan: no object changes; {operations} on the state{unread}.");
    }
    if let Some(unread) = unread {
        return format!("No changes in what was read; {unread}.");
    }
    if !plan.refreshed {
        return format!(
            "No changes. The state matches the configuration ({managed}); AWS was not read."
        );
    }
    if destroys {
        let kept = plan.resource_changes.iter().filter(|c| c.before.is_some()).count();
        return match kept {
            0 => "Nothing is left to delete.".to_owned(),
            kept => format!(
                "Nothing is left to delete; {}.",
                count(kept, "object stays", "objects stay")
            ),
        };
    }
    if plan.resource_changes.is_empty() {
        return "Nothing to do: no object is managed here.".to_owned();
    }
    format!("No changes. AWS matches the configuration ({managed}).")
}

/// The heading of what could not be read.
pub(super) const NOT_READ: &str = "Not read: what is said of these rests on the state alone";

/// `3 objects not read`; nothing where everything was read.
pub(super) fn not_read(unread: &[Unread]) -> Option<String> {
    let objects = unread_objects(unread);
    if objects > 0 {
        return Some(format!("{} not read", count(objects, "object", "objects")));
    }
    let places: BTreeSet<&str> = unread.iter().map(|part| part.account.as_str()).collect();
    match places.len() {
        0 => None,
        places => Some(format!("{} not wholly read", count(places, "place", "places"))),
    }
}

/// Which part of AWS could not be read: `iam_role, iam_policy in prod`.
pub(super) fn unread_part(part: &Unread) -> String {
    let place = if part.account == "org" { "the organization" } else { &part.account };
    match part.kinds.as_slice() {
        [] => place.to_owned(),
        kinds => format!("{} in {place}", kinds.join(", ")),
    }
}

/// A remark behind an object's own line.
pub(super) fn remark(change: &ResourceChange) -> Option<(Tone, &'static str)> {
    match change.action {
        Action::Replace => Some((Tone::Replace, "must be replaced")),
        Action::Delete => Some((Tone::Remove, "will be deleted")),
        Action::Adopt => Some((Tone::Adopt, "exists and will be adopted")),
        Action::Forget if !change.changed.is_empty() => {
            Some((Tone::Change, "will be changed, then forgotten, and stays in AWS"))
        }
        Action::Forget => Some((Tone::Adopt, "will be forgotten, and stays in AWS")),
        Action::Create | Action::Update | Action::NoOp => None,
    }
}

/// Objects whose drift an apply can act on, changed and missing ones, each with what became of it and what
/// this plan does about it.
pub(super) fn managed_drift(plan: &Plan) -> Vec<(&Drift, &'static str)> {
    let managed = || plan.drift.iter().filter(|d| d.status != DriftStatus::Unmanaged);
    if managed().next().is_none() {
        return Vec::new();
    }
    let changed = plan.resource_changes.iter().filter(|c| c.action != Action::NoOp);
    let repaired: BTreeSet<String> =
        changed.flat_map(|c| [c.address.canonical(), c.display.clone()]).collect();
    managed().map(|drift| (drift, drift_remark(drift, &repaired))).collect()
}

/// How many objects are in AWS and in no state.
pub(super) fn unmanaged(plan: &Plan) -> usize {
    plan.drift.iter().filter(|d| d.status == DriftStatus::Unmanaged).count()
}

fn drift_remark(drift: &Drift, repaired: &BTreeSet<String>) -> &'static str {
    let repaired = repaired.contains(&drift.address);
    match (drift.status, repaired) {
        (DriftStatus::Changed, true) => "changed outside Palisade; this plan acts on it",
        (DriftStatus::Changed, false) => {
            "changed outside Palisade; `apply --refresh-only` takes it into state"
        }
        (DriftStatus::Missing, true) => "gone from AWS; this plan acts on it",
        (DriftStatus::Missing, false) => {
            "gone from AWS; `apply --refresh-only` takes it out of state"
        }
        (DriftStatus::Unmanaged, _) => "in AWS, not managed",
    }
}

/// The sign of a drifted object.
pub(super) fn drift_sign(status: DriftStatus) -> Sign {
    match status {
        DriftStatus::Changed => Sign::Change,
        DriftStatus::Missing => Sign::Remove,
        DriftStatus::Unmanaged => Sign::Add,
    }
}

/// Limits worth a line, tightest first: over three quarters used; and what the plan attaches to targets.
pub(super) fn limits(plan: &Plan) -> Vec<&LimitUse> {
    let mut worth: Vec<&LimitUse> = plan
        .limits
        .iter()
        .filter(|l| is_tight(l) || (l.used != l.before && l.limit.ends_with("_per_target")))
        .collect();
    worth.sort_by(|a, b| {
        let (left, right) = (a.used.saturating_mul(b.allowed), b.used.saturating_mul(a.allowed));
        right.cmp(&left).then_with(|| a.cmp(b))
    });
    worth
}

/// Whether a limit is so far used up that a reader should stop at it.
pub(super) fn is_tight(limit: &LimitUse) -> bool {
    limit.used.saturating_mul(4) >= limit.allowed.saturating_mul(3)
}

/// `4 of 10 SCPs`.
pub(super) fn usage(limit: &LimitUse) -> String {
    let what =
        Limits::counts(&limit.limit).map_or_else(|| limit.limit.replace('_', " "), str::to_owned);
    format!("{} of {} {what}", limit.used, limit.allowed)
}
