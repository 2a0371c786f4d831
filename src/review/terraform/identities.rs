//! Roles, users, groups and their policies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::overlay::{Work, listed, symbol};
use super::plan::{Change, texts};
use crate::review::change_set::{ApplyNotes, ApplyStep, NotJudged};
use crate::review::edit::{
    AccountEdit, HeldPolicies, HolderEdit, PolicyHolder, policies_to_change, stale, unknown_target,
};
use crate::review::{AccountSnapshot, Group, Identity, ManagedDocument, PolicyText};

/// Labels the existing objects of a change, and adds those that only the plan knows.
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
                account.mark_unread(stale(&change.address));
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
                .or_insert_with(|| ManagedDocument::new(String::new(), content));
            policy.label = address;
            if !policy.content.agrees(&policy_before(change, "policy")) {
                account.mark_unread(stale(&change.address));
            }
        }
        _ => {}
    }
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
    change.policy_before(attr).unwrap_or_else(|| {
        PolicyText::Unknown(format!("`{}.{attr}` is not in the plan", change.address))
    })
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
    let name = change.before("name").unwrap_or_default().to_owned();
    let arn = |attr: &str| change.before(attr).unwrap_or_default().to_owned();
    let symbol = || symbol(change, "unique_id");
    let edits = match change.r#type.as_str() {
        "aws_iam_role" => {
            vec![AccountEdit::DropHolder { holder: PolicyHolder::Role(name), symbol: symbol() }]
        }
        "aws_iam_user" => {
            vec![AccountEdit::DropHolder { holder: PolicyHolder::User(name), symbol: symbol() }]
        }
        "aws_iam_group" => {
            vec![AccountEdit::DropHolder { holder: PolicyHolder::Group(name), symbol: symbol() }]
        }
        "aws_iam_policy" => vec![AccountEdit::DropPolicy { arn: arn("arn") }],
        "aws_iam_role_policy" | "aws_iam_user_policy" | "aws_iam_group_policy" => {
            let holder = named(change, false).and_then(|name| holder(change, name));
            holder.map(|holder| AccountEdit::DropInline { holder, name }).into_iter().collect()
        }
        "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment"
        | "aws_iam_group_policy_attachment" => {
            let holder = named(change, false).and_then(|name| holder(change, name));
            let arn = arn("policy_arn");
            holder.map(|holder| AccountEdit::Detach { holder, arn }).into_iter().collect()
        }
        "aws_iam_policy_attachment" => {
            let names = |attr: &str| texts(&change.change.before, attr).into_iter();
            let holders = names("roles")
                .map(PolicyHolder::Role)
                .chain(names("users").map(PolicyHolder::User))
                .chain(names("groups").map(PolicyHolder::Group));
            holders.map(|holder| AccountEdit::Detach { holder, arn: arn("policy_arn") }).collect()
        }
        "aws_iam_user_group_membership" => {
            let groups = texts(&change.change.before, "groups").into_iter();
            groups.map(|group| AccountEdit::Leave { user: arn("user"), group }).collect()
        }
        "aws_iam_group_membership" => {
            let users = account.users.keys().cloned();
            users.map(|user| AccountEdit::Leave { user, group: arn("group") }).collect()
        }
        // Lists that are exclusive no more: what is attached stays.
        _ => Vec::new(),
    };
    edits.into_iter().for_each(|edit| edit.carry_out(account, notes));
}

fn hold(work: &Work<'_>, change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let Some(entity) = work.entity(change).cloned() else { return };
    let address = change.address.clone();
    let edit = match change.r#type.as_str() {
        "aws_iam_group" => {
            let holder = PolicyHolder::Group(entity.name);
            AccountEdit::PutHolder(Box::new(HolderEdit::new(holder, entity.arn, address)))
        }
        "aws_iam_policy" => {
            let content = work.policy(change, "policy");
            let content = content.unwrap_or_else(|| policy_before(change, "policy"));
            AccountEdit::PutPolicy { arn: entity.arn, label: address, content }
        }
        kind => {
            let is_role = kind == "aws_iam_role";
            let is_new = change.does("create");
            let holder = match is_role {
                true => PolicyHolder::Role(entity.name),
                false => PolicyHolder::User(entity.name),
            };
            let mut edit = HolderEdit::new(holder, entity.arn, address);
            if is_role && (is_new || change.differs("assume_role_policy")) {
                edit.trust = Some(work.policy(change, "assume_role_policy"));
            }
            if is_new || change.differs("permissions_boundary") {
                edit.boundary = Some(match change.is_unknown("permissions_boundary") {
                    true => {
                        let named =
                            work.named(change, "permissions_boundary").map(|policy| policy.arn);
                        edit.unreadable |= named.is_none();
                        named
                    }
                    false => change.after("permissions_boundary").map(str::to_owned),
                });
            }
            edit.tags = work.accounts.tags(change);
            // What policies that ask for tags say of it is not known.
            edit.unreadable |= edit.tags.is_none();
            // Both are readings of what separate resources attach, unless the configuration sets them.
            // In a state they are all that is known of what stands.
            if work.is_a_state() && change.is_sensitive("inline_policy") {
                edit.unreadable = true;
            } else if work.accounts.is_set(change, "inline_policy") {
                edit.unreadable |= change.is_unknown("inline_policy");
                edit.inline = Some(inline_blocks(change));
            }
            if work.accounts.is_set(change, "managed_policy_arns") {
                edit.attached = listed(change, "managed_policy_arns");
                edit.unreadable |= edit.attached.is_none();
            }
            AccountEdit::PutHolder(Box::new(edit))
        }
    };
    edit.carry_out(account, notes);
    if let (Some(id), true) = (change.after("unique_id"), work.is_a_state()) {
        let name = change.after("name").unwrap_or_default();
        let holders = match change.r#type.as_str() {
            "aws_iam_role" => &mut account.roles,
            _ => &mut account.users,
        };
        if let Some(identity) = holders.get_mut(name) {
            identity.unique_id = Some(id.to_owned());
        }
    }
}

fn inline_blocks(change: &Change) -> BTreeMap<String, PolicyText> {
    let blocks =
        change.change.after.get("inline_policy").and_then(Json::as_array).into_iter().flatten();
    let named = |block: &Json| {
        // A block without a name says that there is none (provider's documentation, "aws_iam_role").
        let name = block.get("name")?.as_str().filter(|name| !name.is_empty())?.to_owned();
        Some((name, PolicyText::read(block.get("policy")?)))
    };
    blocks.filter_map(named).collect()
}

/// The name of the role, user or group that a change attaches something to.
fn named(change: &Change, after: bool) -> Option<String> {
    let side = |attr: &str| if after { change.after(attr) } else { change.before(attr) };
    HOLDERS.iter().find_map(|attr| side(attr)).map(str::to_owned)
}

/// Arguments that name a role, user or group.
const HOLDERS: [&str; 6] = ["role", "role_name", "user", "user_name", "group", "group_name"];

/// The role, user or group of that name, depending on the type of the change.
fn holder(change: &Change, name: String) -> Option<PolicyHolder> {
    let kind = change.r#type.strip_prefix("aws_iam_")?;
    match kind.split('_').next()? {
        "role" => Some(PolicyHolder::Role(name)),
        "user" => Some(PolicyHolder::User(name)),
        "group" => Some(PolicyHolder::Group(name)),
        _ => None,
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

/// The role, user or group that a change attaches something to.
fn target(work: &Work<'_>, change: &Change) -> Option<PolicyHolder> {
    let referred = || HOLDERS.iter().find_map(|attr| work.named(change, attr)).map(|e| e.name);
    holder(change, named(change, true).or_else(referred)?)
}

/// The policies of the role, user or group that a change attaches something to; an unknown or missing one is not judged.
fn target_policies<'a>(
    work: &Work<'_>,
    change: &Change,
    account: &'a mut AccountSnapshot,
    notes: &mut ApplyNotes,
) -> Option<HeldPolicies<'a>> {
    match target(work, change) {
        Some(holder) => policies_to_change(account, &holder, &change.address, notes),
        None => {
            notes.not_judged.push(unknown_target(account, &change.address));
            None
        }
    }
}

fn fill(work: &Work<'_>, change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let kind = change.r#type.as_str();
    let address = change.address.clone();
    match kind {
        "aws_iam_role_policy" | "aws_iam_user_policy" | "aws_iam_group_policy" => {
            let Some(holder) = target(work, change) else {
                return notes.not_judged.push(unknown_target(account, &address));
            };
            let Some(content) = work.policy(change, "policy") else { return };
            let name = change.after("name").map_or_else(|| symbol(change, "name"), str::to_owned);
            AccountEdit::PutInline { holder, name, content, address }.carry_out(account, notes);
        }
        "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment"
        | "aws_iam_group_policy_attachment" => {
            let arn = work.named(change, "policy_arn").map(|policy| policy.arn);
            // An unknown ARN becomes a symbol, so that what the policy permits counts as unknown.
            let arn = arn.unwrap_or_else(|| symbol(change, "policy_arn"));
            let Some(holder) = target(work, change) else {
                return notes.not_judged.push(unknown_target(account, &address));
            };
            AccountEdit::Attach { holder, arn, address }.carry_out(account, notes);
        }
        "aws_iam_user_group_membership" => {
            let (Some(user), Some(groups)) = (change.after("user"), listed(change, "groups"))
            else {
                return unclear(change, account, notes);
            };
            if !account.users.contains_key(user) {
                return unclear(change, account, notes);
            }
            let user = user.to_owned();
            let left = texts(&change.change.before, "groups").into_iter();
            let left = left.map(|group| AccountEdit::Leave { user: user.clone(), group });
            let joined = groups.into_iter().map(|group| {
                let address = address.clone();
                AccountEdit::Join { user: user.clone(), group, address }
            });
            left.chain(joined).for_each(|edit| edit.carry_out(account, notes));
        }
        "aws_iam_group_membership" => {
            let (Some(group), Some(users)) = (change.after("group"), listed(change, "users"))
            else {
                return unclear(change, account, notes);
            };
            for user in account.users.keys().cloned().collect::<Vec<_>>() {
                let (is_in, group, address) =
                    (users.contains(&user), group.to_owned(), address.clone());
                let edit = match is_in {
                    true => AccountEdit::Join { user, group, address },
                    false => AccountEdit::Leave { user, group },
                };
                edit.carry_out(account, notes);
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
            let Some(HeldPolicies { inline, .. }) = target_policies(work, change, account, notes)
            else {
                return;
            };
            inline.retain(|name, _| names.contains(name));
        }
        "aws_iam_role_policy_attachments_exclusive"
        | "aws_iam_user_policy_attachments_exclusive"
        | "aws_iam_group_policy_attachments_exclusive" => {
            let Some(arns) = listed(change, "policy_arns") else {
                return unclear(change, account, notes);
            };
            let Some(HeldPolicies { attached, .. }) = target_policies(work, change, account, notes)
            else {
                return;
            };
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
