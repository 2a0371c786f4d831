//! Policies from which AWS severs a principal that is deleted: also when one of the same name follows it.
//!
//! A trust or resource policy names a role or a user by its ARN, but AWS keeps the unique id behind it. When
//! the principal goes, the policy shows that id (`AROA...`, `AIDA...`) from then on and lets nothing in, not
//! even a principal that is made under the old ARN. So whatever names a principal that is made anew is written
//! again in the same apply, after it, even where its text stays the same; what Palisade does not write is named
//! with the command that does.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Action;
use super::named;
use super::object_plan::ObjectPlan;
use super::shut::{self, Shut};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::live::{Live, Reading};
use crate::schema::{AccessPart, kinds};
use crate::value::{AttrPath, Attrs, Value};

/// Has whatever names a principal that is made anew written again, after it. Only the ARNs that go on to exist
/// count: a policy that stays with another one would be refused, which [`named::check`] says. What stands in an account
/// that nobody may enter is left as it is: once it can be read again, it shows what it lost.
pub(super) fn mark(decisions: &mut [ObjectPlan<'_>], shut: &Shut) {
    let made: BTreeMap<String, ResourceAddr> = decisions
        .iter()
        .filter(|d| matches!(d.kind.schema().meaning.access, AccessPart::Principal(_)))
        .filter(|d| matches!(d.action, Action::Create | Action::Replace))
        .filter_map(|d| Some((text(d.after.as_ref()?, "arn")?.to_owned(), d.address.clone())))
        .collect();
    if made.is_empty() {
        return;
    }
    let replaced = going(decisions, |decision| decision.action == Action::Replace);
    let mut depends: BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>> =
        decisions.iter().map(|d| (d.address.clone(), d.depends_on.clone())).collect();
    let mut let_go: Vec<(ResourceAddr, ResourceAddr)> = Vec::new();
    for decision in decisions.iter_mut() {
        if matches!(decision.action, Action::Delete | Action::Forget)
            || shut::is_in(shut, decision).is_some()
        {
            continue;
        }
        let schema = decision.kind.schema();
        let after: BTreeSet<String> = decision
            .after
            .iter()
            .flat_map(|after| named::principals(schema, after))
            .map(|(_, arn)| arn)
            .collect();
        let lost: BTreeSet<(String, ResourceAddr)> = decision
            .before
            .iter()
            .flat_map(|before| named::principals(schema, before))
            // Where another ARN follows, the policy changes by itself, or is refused.
            .filter(|(_, arn)| made.contains_key(arn) || !after.contains(arn))
            .filter_map(|(attr, arn)| Some((attr, replaced.get(&arn)?.clone())))
            .filter(|(_, address)| *address != decision.address)
            .collect();
        for address in after.iter().filter_map(|arn| made.get(arn)) {
            let deferred = decision.interim.as_ref().is_some_and(|later| later.contains(address));
            if deferred || *address == decision.address || decision.depends_on.contains(address) {
                continue;
            }
            // What exists need not be waited for: it is the policy that has to come second.
            let waits = depends.get(address).is_some_and(|on| on.contains(&decision.address));
            if waits && decision.before.is_some() {
                if let Some(on) = depends.get_mut(address) {
                    on.remove(&decision.address);
                }
                let_go.push((address.clone(), decision.address.clone()));
            }
            if !reaches(&depends, address, &decision.address) {
                decision.depends_on.insert(address.clone());
                depends.entry(decision.address.clone()).or_default().insert(address.clone());
            } else if waits {
                if let Some(on) = depends.get_mut(address) {
                    on.insert(decision.address.clone());
                }
                let_go.pop();
            }
        }
        if lost.is_empty() {
            continue;
        }
        let attrs: BTreeSet<&str> = lost.iter().map(|(attr, _)| attr.as_str()).collect();
        let kept = matches!(decision.action, Action::NoOp | Action::Update | Action::Adopt);
        if kept {
            for attr in &attrs {
                if !decision.difference.changed.iter().any(|path| path.root() == Some(*attr)) {
                    decision.difference.changed.push(AttrPath::attr(*attr));
                }
            }
            decision.difference.changed.sort();
            if decision.action == Action::NoOp {
                decision.action = Action::Update;
            }
        }
        let names: BTreeSet<String> =
            lost.iter().map(|(_, address)| format!("`{address}`")).collect();
        let names: Vec<String> = names.into_iter().collect();
        let attrs: Vec<&str> = attrs.into_iter().collect();
        let severed = format!(
            "AWS severs {} from its {} when it goes, so that is written again",
            names.join(", "),
            attrs.join(", ")
        );
        decision.reason = Some(match decision.reason.take() {
            Some(reason) => format!("{reason}; {severed}"),
            None => severed,
        });
    }
    for (principal, holder) in let_go {
        if let Some(decision) = decisions.iter_mut().find(|d| d.address == principal) {
            decision.depends_on.remove(&holder);
        }
    }
}

/// Names what this plan leaves severed: policies that nothing here manages or selects, and those that go on
/// naming what is deleted for good.
pub(super) fn warn(
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    selected: impl Fn(&ObjectPlan<'_>) -> bool,
    diagnostics: &mut Diagnostics,
) {
    let gone = going(decisions, |decision| {
        matches!(decision.action, Action::Replace | Action::Delete) && selected(decision)
    });
    if gone.is_empty() {
        return;
    }
    let remade: BTreeSet<&str> = decisions
        .iter()
        .filter(|d| d.action == Action::Replace)
        .filter_map(|d| text(d.after.as_ref()?, "arn"))
        .collect();
    let mut managed: BTreeSet<(&str, String)> = BTreeSet::new();
    for decision in decisions {
        let schema = decision.kind.schema();
        let place = decision.address.account().map(ToString::to_string).unwrap_or_default();
        if let Some(key) = &decision.key {
            managed.insert((schema.kind, format!("{place} {key}")));
        }
        if matches!(decision.action, Action::Delete | Action::Forget) {
            continue;
        }
        let written = selected(decision) && decision.action != Action::NoOp;
        let attrs = if written { &decision.after } else { &decision.before };
        for (attr, arn) in attrs.iter().flat_map(|attrs| named::principals(schema, attrs)) {
            let Some(address) = gone.get(&arn) else { continue };
            // What is written again names the one that is made anew under the same ARN.
            if (written && remade.contains(arn.as_str())) || *address == decision.address {
                continue;
            }
            let (what, help) = match written || selected(decision) {
                true => ("goes on naming", "take it out of the policy in the same change"),
                false => ("is not selected, and names", "select it as well, or plan everything"),
            };
            diagnostics.push(
                Diagnostic::warning(format!("`{attr}` of `{}` {what} `{arn}`", decision.address))
                    .at_opt(decision.instance.map(|i| i.body.loc_of(&attr).clone()))
                    .detail(format!(
                        "AWS severs `{address}` from it when it goes: the policy then shows a unique id and lets nothing in by it"
                    ))
                    .help(help),
            );
        }
    }
    let ids = ids_of_going(decisions, &selected);
    ids_as_text(decisions, &ids, diagnostics);
    ids_nobody_manages(live, &managed, &ids, diagnostics);
    for (handle, reading) in &live.accounts {
        let Reading::Read(index) = reading else { continue };
        for ((kind, key), object) in &index.inventory().objects {
            let Some(schema) = kinds::kind(kind).map(|kind| kind.schema()) else { continue };
            if managed.contains(&(*kind, format!("{handle} {key}"))) {
                continue;
            }
            for (attr, arn) in named::principals(schema, &object.attrs) {
                let Some(address) = gone.get(&arn) else { continue };
                diagnostics.push(
                    Diagnostic::warning(format!(
                        "`{attr}` of `{key}` in `{handle}`, which is not managed, names `{arn}`"
                    ))
                    .detail(format!(
                        "AWS severs `{address}` from it when it goes: the policy then shows a unique id and lets nothing in by it"
                    ))
                    .help(format!("write it again afterwards: {}", command(schema.meaning.rewrite_policy, key))),
                );
            }
        }
    }
}

/// The unique ids of principals that go, each with the principal's address.
fn ids_of_going(
    decisions: &[ObjectPlan<'_>],
    selected: impl Fn(&ObjectPlan<'_>) -> bool,
) -> Vec<(String, ResourceAddr)> {
    let goes =
        |d: &&ObjectPlan<'_>| matches!(d.action, Action::Replace | Action::Delete) && selected(d);
    let id = |d: &'_ ObjectPlan<'_>| {
        let AccessPart::Principal(of) = d.kind.schema().meaning.access else { return None };
        let id = text(d.before.as_ref()?, of.unique_id)?.to_owned();
        (!id.is_empty()).then(|| (id, d.address.clone()))
    };
    decisions.iter().filter(goes).filter_map(id).collect()
}

/// Names policies that nobody manages and that ask for the unique id of a principal that goes, in the accounts and in the
/// organization. Of these the next apply writes none.
fn ids_nobody_manages(
    live: &Live,
    managed: &BTreeSet<(&str, String)>,
    ids: &[(String, ResourceAddr)],
    diagnostics: &mut Diagnostics,
) {
    if ids.is_empty() {
        return;
    }
    let accounts = live.accounts.iter().map(|(handle, reading)| (Some(handle), reading));
    for (handle, reading) in accounts.chain([(None, &live.organization)]) {
        let Reading::Read(index) = reading else { continue };
        let place = handle.map(ToString::to_string).unwrap_or_default();
        for ((kind, key), object) in &index.inventory().objects {
            if managed.contains(&(*kind, format!("{place} {key}"))) {
                continue;
            }
            let rewrite = kinds::kind(kind).and_then(|k| k.schema().meaning.rewrite_policy);
            for (attr, value) in object.attrs.iter().filter(|(_, value)| value.as_str().is_none()) {
                let written = value.to_json().to_string();
                for (id, address) in ids.iter().filter(|(id, _)| written.contains(id.as_str())) {
                    let at = match handle {
                        Some(handle) => format!("`{handle}`"),
                        None => "the organization".to_owned(),
                    };
                    diagnostics.push(
                        Diagnostic::warning(format!(
                            "`{attr}` of `{key}` in {at}, which is not managed, names the unique id `{id}`"
                        ))
                        .detail(format!("it is that of `{address}`, which goes: one that is made under the same name has another id"))
                        .help(format!("write the new id into it afterwards: {}", command(rewrite, key))),
                    );
                }
            }
        }
    }
}

/// Names what goes on asking for the unique id of a principal that goes (`aws:userid`), written out as text: what refers
/// to the principal's block instead gets the new id in the same apply.
fn ids_as_text(
    decisions: &[ObjectPlan<'_>],
    ids: &[(String, ResourceAddr)],
    diagnostics: &mut Diagnostics,
) {
    if ids.is_empty() {
        return;
    }
    let stays = |d: &&ObjectPlan<'_>| !matches!(d.action, Action::Delete | Action::Forget);
    for decision in decisions.iter().filter(stays) {
        for (attr, value) in decision.after.iter().flatten() {
            let own = decision.kind.schema().computed.iter().any(|c| c.name == attr.as_str());
            let written = if own { String::new() } else { value.to_json().to_string() };
            for (id, address) in ids.iter().filter(|(id, _)| written.contains(id.as_str())) {
                diagnostics.push(
                    Diagnostic::warning(format!(
                        "`{attr}` of `{}` names the unique id `{id}`",
                        decision.address
                    ))
                    .at_opt(decision.instance.map(|i| i.body.loc_of(attr).clone()))
                    .detail(format!("it is that of `{address}`, which goes: one that is made under the same name has another id"))
                    .help("refer to `unique_id` of its block: then the same apply writes the new one"),
                );
            }
        }
    }
}

/// Principals that go, by their ARNs.
fn going(
    decisions: &[ObjectPlan<'_>],
    goes: impl Fn(&ObjectPlan<'_>) -> bool,
) -> BTreeMap<String, ResourceAddr> {
    decisions
        .iter()
        .filter(|d| matches!(d.kind.schema().meaning.access, AccessPart::Principal(_)))
        .filter(|d| goes(d))
        .filter_map(|d| Some((text(d.before.as_ref()?, "arn")?.to_owned(), d.address.clone())))
        .collect()
}

/// Whether `from` depends on `to`, itself or through others.
fn reaches(
    depends: &BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>>,
    from: &ResourceAddr,
    to: &ResourceAddr,
) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(depends.get(at).into_iter().flatten());
        }
    }
    false
}

fn text<'a>(attrs: &'a Attrs, name: &str) -> Option<&'a str> {
    attrs.get(name).and_then(Value::as_str)
}

/// How a policy is written again by hand.
fn command(rewrite: Option<&str>, key: &str) -> String {
    match rewrite {
        Some(command) => format!("`{}`", command.replace("KEY", key)),
        None => "by its own tool".to_owned(),
    }
}
