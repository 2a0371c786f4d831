//! Roles, users, groups and their policies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::overlay::{ApplyNotes, ApplyStep, NotJudged, Work, listed, symbol};
use super::plan::{Change, texts};
use crate::review::{AccountSnapshot, Group, Identity, ManagedDocument, PolicyText};

/// Gives what stands its label, and adds what only the plan knows to stand.
pub(super) fn prepare(change: &Change, account: &mut AccountSnapshot) {
    let Some(name) = change.before("name").map(str::to_owned) else { return };
    let address = change.address.clone();
    match change.r#type.as_str() {
        "aws_iam_role" => {
            let role =
                account.roles.entry(name).or_insert_with(|| read(change, "assume_role_policy"));
            role.label = address;
            let saw = policy_before(change, "assume_role_policy");
            if role.trust.as_ref().is_some_and(|trust| !trust.agrees(&saw)) {
                account.mark_unread(stale(change));
            }
        }
        "aws_iam_user" => {
            let user = account.users.entry(name).or_insert_with(|| read(change, ""));
            user.label = address;
        }
        "aws_iam_group" => {
            let arn = change.before("arn").unwrap_or_default().to_owned();
            let group =
                account.groups.entry(name).or_insert_with(|| Group { arn, ..Group::default() });
            group.label = address;
        }
        "aws_iam_policy" => {
            let Some(arn) = change.before("arn").map(str::to_owned) else { return };
            let content = policy_before(change, "policy");
            let policy = account
                .policies
                .entry(arn)
                .or_insert_with(|| ManagedDocument { label: String::new(), content });
            policy.label = address;
            if !policy.content.agrees(&policy_before(change, "policy")) {
                account.mark_unread(stale(change));
            }
        }
        _ => {}
    }
}

/// A dump that is older than the plan, or newer: which of the two is right cannot be told.
pub(super) fn stale(change: &Change) -> String {
    format!(
        "the dump and the plan disagree about `{}` as it stands: dump the account again",
        change.address
    )
}

/// A principal as the plan's refresh saw it. What separate resources attach to it is not known.
fn read(change: &Change, trust: &str) -> Identity {
    Identity {
        arn: change.before("arn").unwrap_or_default().to_owned(),
        unique_id: change.before("unique_id").map(str::to_owned),
        trust: change.before(trust).map(|_| policy_before(change, trust)),
        boundary: change.before("permissions_boundary").map(str::to_owned),
        unreadable: true,
        ..Identity::default()
    }
}

fn policy_before(change: &Change, attr: &str) -> PolicyText {
    match change.before(attr) {
        Some(text) => PolicyText::read(&Json::String(text.to_owned())),
        None => PolicyText::Unknown(format!("`{}.{attr}` is not in the plan", change.address)),
    }
}

/// Carries one step of one change out.
pub(super) fn take(
    work: &Work<'_>,
    step: ApplyStep,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    let kind = change.r#type.as_str();
    match (step, kind) {
        (ApplyStep::Remove, _) if change.removes() => remove(change, account, notes),
        (ApplyStep::Hold, "aws_iam_role" | "aws_iam_user" | "aws_iam_group" | "aws_iam_policy")
            if change.writes() =>
        {
            hold(work, change, account, notes);
        }
        (ApplyStep::Fill, _) if change.writes() => fill(work, change, account, notes),
        (ApplyStep::Exclude, _) if change.writes() => exclude(work, change, account, notes),
        _ => {}
    }
}

fn remove(change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let name = change.before("name").unwrap_or_default();
    let mut gone = |identity: Option<Identity>| {
        let Some(identity) = identity else { return };
        let id = identity.unique_id.unwrap_or_else(|| symbol(change, "unique_id"));
        notes.gone.push((identity.arn, id));
    };
    match change.r#type.as_str() {
        "aws_iam_role" => gone(account.roles.remove(name)),
        "aws_iam_user" => gone(account.users.remove(name)),
        "aws_iam_group" => {
            account.groups.remove(name);
            account.users.values_mut().for_each(|user| {
                user.groups.remove(name);
            });
        }
        "aws_iam_policy" => {
            account.policies.remove(change.before("arn").unwrap_or_default());
        }
        "aws_iam_role_policy" | "aws_iam_user_policy" | "aws_iam_group_policy" => {
            if let Some(Parts { inline, .. }) = parts(change, account, holder(change, false)) {
                inline.remove(name);
            }
        }
        "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment"
        | "aws_iam_group_policy_attachment" => {
            if let Some(Parts { attached, .. }) = parts(change, account, holder(change, false)) {
                attached.remove(change.before("policy_arn").unwrap_or_default());
            }
        }
        "aws_iam_policy_attachment" => {
            let arn = change.before("policy_arn").unwrap_or_default().to_owned();
            for (attr, all) in everyone(account) {
                let names = texts(&change.change.before, attr);
                all.into_iter().filter(|(name, _)| names.contains(name)).for_each(
                    |(_, attached)| {
                        attached.remove(&arn);
                    },
                );
            }
        }
        "aws_iam_user_group_membership" => {
            let groups = texts(&change.change.before, "groups");
            if let Some(user) = account.users.get_mut(change.before("user").unwrap_or_default()) {
                user.groups.retain(|group| !groups.contains(group));
            }
        }
        "aws_iam_group_membership" => {
            let group = change.before("group").unwrap_or_default();
            account.users.values_mut().for_each(|user| {
                user.groups.remove(group);
            });
        }
        // Lists that are exclusive no more: what is attached stays.
        _ => {}
    }
}

fn hold(work: &Work<'_>, change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let Some(entity) = work.entity(change).cloned() else { return };
    let address = change.address.clone();
    match change.r#type.as_str() {
        "aws_iam_group" => {
            let group = account.groups.entry(entity.name).or_default();
            (group.arn, group.label) = (entity.arn, address);
        }
        "aws_iam_policy" => {
            let content = work.policy(change, "policy");
            let content = content.unwrap_or_else(|| policy_before(change, "policy"));
            account.policies.insert(entity.arn, ManagedDocument { label: address, content });
        }
        kind => {
            let is_role = kind == "aws_iam_role";
            let all = if is_role { &mut account.roles } else { &mut account.users };
            let is_new = change.does("create");
            let identity = all.entry(entity.name).or_default();
            (identity.arn, identity.label) = (entity.arn.clone(), address);
            if is_role && (is_new || change.differs("assume_role_policy")) {
                identity.trust = work.policy(change, "assume_role_policy");
                notes.written.insert(entity.arn);
            }
            if is_new || change.differs("permissions_boundary") {
                identity.boundary = match change.is_unknown("permissions_boundary") {
                    true => {
                        let named =
                            work.named(change, "permissions_boundary").map(|policy| policy.arn);
                        identity.unreadable |= named.is_none();
                        named
                    }
                    false => change.after("permissions_boundary").map(str::to_owned),
                };
            }
            match work.accounts.tags(change) {
                Some(tags) => identity.tags = tags,
                // What policies that ask for tags say of it is not known.
                None => identity.unreadable = true,
            }
            // Both are readings of what separate resources attach, unless the configuration sets them.
            if work.accounts.is_set(change, "inline_policy") {
                identity.unreadable |= change.is_unknown("inline_policy");
                identity.inline = inline_blocks(change);
            }
            if work.accounts.is_set(change, "managed_policy_arns") {
                match listed(change, "managed_policy_arns") {
                    Some(arns) => identity.attached = arns,
                    None => identity.unreadable = true,
                }
            }
        }
    }
}

fn inline_blocks(change: &Change) -> BTreeMap<String, PolicyText> {
    let blocks =
        change.change.after.get("inline_policy").and_then(Json::as_array).into_iter().flatten();
    let named = |block: &Json| {
        let name = block.get("name")?.as_str()?.to_owned();
        Some((name, PolicyText::read(block.get("policy")?)))
    };
    blocks.filter_map(named).collect()
}

/// The role, user or group that something is put into, by the argument that names it.
fn holder(change: &Change, after: bool) -> Option<String> {
    let side = |attr: &str| if after { change.after(attr) } else { change.before(attr) };
    ["role", "role_name", "user", "user_name", "group", "group_name"]
        .iter()
        .find_map(|attr| side(attr))
        .map(str::to_owned)
}

/// What can be put into a role, user or group.
struct Parts<'a> {
    inline: &'a mut BTreeMap<String, PolicyText>,
    attached: &'a mut BTreeSet<String>,
}

fn parts<'a>(
    change: &Change,
    account: &'a mut AccountSnapshot,
    name: Option<String>,
) -> Option<Parts<'a>> {
    let name = name?;
    let of = |identity: &'a mut Identity| Parts {
        inline: &mut identity.inline,
        attached: &mut identity.attached,
    };
    let kind = change.r#type.as_str();
    if kind.starts_with("aws_iam_role") {
        account.roles.get_mut(&name).map(of)
    } else if kind.starts_with("aws_iam_user") {
        account.users.get_mut(&name).map(of)
    } else {
        account
            .groups
            .get_mut(&name)
            .map(|group| Parts { inline: &mut group.inline, attached: &mut group.attached })
    }
}

/// The name of a role, user or group, and what is attached to it.
type AttachedTo<'a> = (String, &'a mut BTreeSet<String>);

/// What is attached to each role, user and group, by the argument of `aws_iam_policy_attachment` that lists them.
fn everyone(account: &mut AccountSnapshot) -> [(&'static str, Vec<AttachedTo<'_>>); 3] {
    [
        (
            "roles",
            account
                .roles
                .iter_mut()
                .map(|(name, role)| (name.clone(), &mut role.attached))
                .collect(),
        ),
        (
            "users",
            account
                .users
                .iter_mut()
                .map(|(name, user)| (name.clone(), &mut user.attached))
                .collect(),
        ),
        (
            "groups",
            account
                .groups
                .iter_mut()
                .map(|(name, group)| (name.clone(), &mut group.attached))
                .collect(),
        ),
    ]
}

/// The role, user or group that a change puts something into; what cannot be told, or is not there, is not judged.
fn target<'a>(
    work: &Work<'_>,
    change: &Change,
    account: &'a mut AccountSnapshot,
    notes: &mut ApplyNotes,
) -> Option<Parts<'a>> {
    let attrs = ["role", "role_name", "user", "user_name", "group", "group_name"];
    let name = holder(change, true)
        .or_else(|| attrs.iter().find_map(|attr| work.named(change, attr)).map(|e| e.name));
    let id = account.id.clone();
    let found = parts(change, account, name);
    if found.is_none() {
        let why = format!(
            "whom `{}` gives its permissions cannot be told, or is not in the dump",
            change.address
        );
        notes.not_judged.push(NotJudged { account: Some(id), why });
    }
    found
}

fn fill(work: &Work<'_>, change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let kind = change.r#type.as_str();
    match kind {
        "aws_iam_role_policy" | "aws_iam_user_policy" | "aws_iam_group_policy" => {
            let policy = work.policy(change, "policy");
            let Some(Parts { inline, .. }) = target(work, change, account, notes) else { return };
            let name = change.after("name").map_or_else(|| symbol(change, "name"), str::to_owned);
            inline.extend(policy.map(|policy| (name, policy)));
        }
        "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment"
        | "aws_iam_group_policy_attachment" => {
            let arn = work.named(change, "policy_arn").map(|policy| policy.arn);
            // Of a policy that cannot be told, the symbol is attached: what it permits is not known.
            let arn = arn.unwrap_or_else(|| symbol(change, "policy_arn"));
            let Some(Parts { attached, .. }) = target(work, change, account, notes) else { return };
            attached.insert(arn);
        }
        "aws_iam_user_group_membership" => {
            let (Some(user), Some(groups)) = (change.after("user"), listed(change, "groups"))
            else {
                return unclear(change, account, notes);
            };
            let before = texts(&change.change.before, "groups");
            match account.users.get_mut(user) {
                Some(user) => {
                    user.groups.retain(|group| !before.contains(group));
                    user.groups.extend(groups);
                }
                None => unclear(change, account, notes),
            }
        }
        "aws_iam_group_membership" => {
            let (Some(group), Some(users)) = (change.after("group"), listed(change, "users"))
            else {
                return unclear(change, account, notes);
            };
            for (name, user) in &mut account.users {
                match users.contains(name) {
                    true => user.groups.insert(group.to_owned()),
                    false => user.groups.remove(group),
                };
            }
        }
        _ => {}
    }
}

/// Lists that leave nothing beside themselves: what they do not name goes.
fn exclude(
    work: &Work<'_>,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    match change.r#type.as_str() {
        "aws_iam_role_policies_exclusive"
        | "aws_iam_user_policies_exclusive"
        | "aws_iam_group_policies_exclusive" => {
            let Some(names) = listed(change, "policy_names") else {
                return unclear(change, account, notes);
            };
            let Some(Parts { inline, .. }) = target(work, change, account, notes) else { return };
            inline.retain(|name, _| names.contains(name));
        }
        "aws_iam_role_policy_attachments_exclusive"
        | "aws_iam_user_policy_attachments_exclusive"
        | "aws_iam_group_policy_attachments_exclusive" => {
            let Some(arns) = listed(change, "policy_arns") else {
                return unclear(change, account, notes);
            };
            let Some(Parts { attached, .. }) = target(work, change, account, notes) else { return };
            *attached = arns;
        }
        "aws_iam_policy_attachment" => {
            let Some(arn) = work.named(change, "policy_arn").map(|policy| policy.arn) else {
                return unclear(change, account, notes);
            };
            let lists = ["roles", "users", "groups"].map(|attr| listed(change, attr));
            if lists.iter().any(Option::is_none) {
                return unclear(change, account, notes);
            }
            for ((_, all), names) in everyone(account).into_iter().zip(lists) {
                for (name, attached) in all {
                    match names.as_ref().is_some_and(|names| names.contains(&name)) {
                        true => attached.insert(arn.clone()),
                        false => attached.remove(&arn),
                    };
                }
            }
        }
        _ => {}
    }
}

fn unclear(change: &Change, account: &AccountSnapshot, notes: &mut ApplyNotes) {
    let why = format!("what `{}` does is known after apply", change.address);
    notes.not_judged.push(NotJudged { account: Some(account.id.clone()), why });
}
