//! The edits of one account: plans and templates are translated into them, and they are carried out here.
//!
//! An edit identifies its object by the name or ARN in AWS, so that the edits of a step can be carried out in any order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::change_set::{ApplyNotes, ApplyStep, NotJudged};
use super::{AccountSnapshot, Group, Identity, ManagedDocument, PolicyText, Resource};
use crate::access::{AccessLists, BUCKET, ResourceType};
use crate::ids::Partition;

/// A principal or group with policies, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PolicyHolder {
    /// A role.
    Role(String),
    /// A user.
    User(String),
    /// A group.
    Group(String),
}

/// A role, user or group after the change.
#[derive(Clone, Debug)]
pub(super) struct HolderEdit {
    /// The role, user or group.
    pub(super) holder: PolicyHolder,
    /// Its ARN.
    pub(super) arn: String,
    /// Its name in reports.
    pub(super) label: String,
    /// Its trust policy, if the change writes it.
    pub(super) trust: Option<Option<PolicyText>>,
    /// Its boundary, if the change writes it.
    pub(super) boundary: Option<Option<String>>,
    /// Its tags, if the change writes them.
    pub(super) tags: Option<BTreeMap<String, String>>,
    /// Its inline policies, if the change sets the whole list.
    pub(super) inline: Option<BTreeMap<String, PolicyText>>,
    /// Its attached policies, if the change sets the whole list.
    pub(super) attached: Option<BTreeSet<String>>,
    /// Whether something about it is known only after apply.
    pub(super) unreadable: bool,
}

impl HolderEdit {
    /// An edit that only sets the label.
    pub(super) fn new(holder: PolicyHolder, arn: String, label: String) -> Self {
        Self {
            holder,
            arn,
            label,
            trust: None,
            boundary: None,
            tags: None,
            inline: None,
            attached: None,
            unreadable: false,
        }
    }
}

/// The settings of a public access block that limit access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PublicBlock {
    /// `RestrictPublicBuckets`.
    pub(super) restricts: bool,
    /// `IgnorePublicAcls`.
    pub(super) ignores_lists: bool,
}

/// One edit of an account.
#[derive(Clone, Debug)]
pub(super) enum AccountEdit {
    /// Deletes a role, user or group. Policies that name it keep its unique id, or this symbol of it.
    DropHolder { holder: PolicyHolder, symbol: String },
    /// Deletes a managed policy.
    DropPolicy { arn: String },
    /// Deletes an inline policy.
    DropInline { holder: PolicyHolder, name: String },
    /// Detaches a managed policy.
    Detach { holder: PolicyHolder, arn: String },
    /// Removes a user from a group.
    Leave { user: String, group: String },
    /// Deletes a resource and its policy.
    DropResource { arn: String },
    /// Deletes a resource's policy: the default of its service applies.
    DropResourcePolicy { arn: String },
    /// Deletes a statement of a resource's policy.
    DropStatement { arn: String, sid: String },
    /// Creates or changes a role, user or group.
    PutHolder(Box<HolderEdit>),
    /// Creates or changes a managed policy.
    PutPolicy { arn: String, label: String, content: PolicyText },
    /// Creates a resource if it does not exist; `is_new` gives it the defaults of its service.
    PutResource { arn: String, of: &'static ResourceType, label: String, is_new: bool },
    /// Creates or changes an inline policy.
    PutInline { holder: PolicyHolder, name: String, content: PolicyText, address: String },
    /// Attaches a managed policy.
    Attach { holder: PolicyHolder, arn: String, address: String },
    /// Adds a user to a group.
    Join { user: String, group: String, address: String },
    /// Sets the policy of a resource; `relabel` makes the policy's label that of the resource.
    PutResourcePolicy {
        arn: String,
        of: &'static ResourceType,
        label: String,
        policy: Option<PolicyText>,
        relabel: bool,
    },
    /// Sets the public access block of a bucket.
    BlockPublic { arn: String, of: &'static ResourceType, label: String, block: PublicBlock },
    /// Sets the Object Ownership of a bucket; `None` removes it.
    SetOwnership {
        arn: String,
        of: &'static ResourceType,
        label: String,
        ownership: Option<String>,
    },
    /// Creates or changes a statement of a resource's policy; an error says why it is unknown.
    PutStatement {
        arn: String,
        of: &'static ResourceType,
        label: String,
        sid: String,
        statement: Result<Json, String>,
    },
}

impl AccountEdit {
    /// The step that it belongs to.
    pub(super) fn step(&self) -> ApplyStep {
        match self {
            Self::DropHolder { .. }
            | Self::DropPolicy { .. }
            | Self::DropInline { .. }
            | Self::Detach { .. }
            | Self::Leave { .. }
            | Self::DropResource { .. }
            | Self::DropResourcePolicy { .. }
            | Self::DropStatement { .. } => ApplyStep::Remove,
            Self::PutHolder(_) | Self::PutPolicy { .. } | Self::PutResource { .. } => {
                ApplyStep::Hold
            }
            Self::PutInline { .. }
            | Self::Attach { .. }
            | Self::Join { .. }
            | Self::PutResourcePolicy { .. }
            | Self::BlockPublic { .. }
            | Self::SetOwnership { .. }
            | Self::PutStatement { .. } => ApplyStep::Fill,
        }
    }

    /// Carries it out.
    pub(super) fn carry_out(self, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
        match self {
            Self::DropHolder { holder, symbol } => drop_holder(&holder, symbol, account, notes),
            Self::DropPolicy { arn } => {
                account.policies.remove(&arn);
            }
            Self::DropInline { holder, name } => {
                if let Some(HeldPolicies { inline, .. }) = policies_of(account, &holder) {
                    inline.remove(&name);
                }
            }
            Self::Detach { holder, arn } => {
                if let Some(HeldPolicies { attached, .. }) = policies_of(account, &holder) {
                    attached.remove(&arn);
                }
            }
            Self::Leave { user, group } => {
                if let Some(user) = account.users.get_mut(&user) {
                    user.groups.remove(&group);
                }
            }
            Self::DropResource { arn } => {
                account.resources.remove(&arn);
            }
            Self::DropResourcePolicy { arn } => {
                let (partition, id) = (account.partition, account.id.clone());
                if let Some(resource) = account.resources.get_mut(&arn) {
                    resource.policy = default_policy(resource.kind, partition, &id);
                }
            }
            Self::DropStatement { arn, sid } => {
                if let Some(resource) = account.resources.get_mut(&arn) {
                    let policy = resource.policy.take();
                    resource.policy = policy.and_then(|policy| policy.without_statement(&sid));
                }
            }
            Self::PutHolder(edit) => put_holder(*edit, account, notes),
            Self::PutPolicy { arn, label, content } => {
                account.policies.insert(arn, ManagedDocument::new(label, content));
            }
            Self::PutResource { arn, of, label, is_new } => {
                let policy = default_policy(of, account.partition, &account.id);
                // Since April 2023 a new bucket blocks public access by default and has its access control lists turned
                // off (S3 User Guide, "Blocking public access to your Amazon S3 storage", "Controlling ownership of
                // objects and disabling ACLs for your bucket").
                let is_new_bucket = is_new && *of == BUCKET;
                account.resources.entry(arn).or_insert_with(|| Resource {
                    label,
                    policy,
                    restrict_public: is_new_bucket,
                    ownership: is_new_bucket.then(|| AccessLists::OWNER_ENFORCED.to_owned()),
                    ignores_public_lists: is_new_bucket,
                    ..Resource::new(of)
                });
            }
            Self::PutInline { holder, name, content, address } => {
                if let Some(held) = policies_to_change(account, &holder, &address, notes) {
                    held.inline.insert(name, content);
                }
            }
            Self::Attach { holder, arn, address } => {
                if let Some(held) = policies_to_change(account, &holder, &address, notes) {
                    held.attached.insert(arn);
                }
            }
            Self::Join { user, group, address } => match account.users.get_mut(&user) {
                Some(user) => drop(user.groups.insert(group)),
                None => notes.not_judged.push(unknown_target(account, &address)),
            },
            Self::PutResourcePolicy { arn, of, label, policy, relabel } => {
                let resource = resource(account, &arn, of, &label);
                resource.policy = policy;
                if relabel {
                    resource.label = label;
                }
                notes.written.insert(arn);
            }
            Self::BlockPublic { arn, of, label, block } => {
                let resource = resource(account, &arn, of, &label);
                resource.restrict_public = block.restricts;
                resource.ignores_public_lists = block.ignores_lists;
            }
            Self::SetOwnership { arn, of, label, ownership } => {
                resource(account, &arn, of, &label).ownership = ownership;
            }
            Self::PutStatement { arn, of, label, sid, statement } => {
                let resource = resource(account, &arn, of, &label);
                let policy = resource.policy.take();
                resource.policy = Some(match statement {
                    Ok(statement) => PolicyText::with_statement(policy, &sid, statement),
                    Err(why) => PolicyText::Unknown(why),
                });
                notes.written.insert(arn);
            }
        }
    }
}

/// The policies of a role, user or group.
pub(super) struct HeldPolicies<'a> {
    /// Inline policies by name.
    pub(super) inline: &'a mut BTreeMap<String, PolicyText>,
    /// ARNs of attached policies.
    pub(super) attached: &'a mut BTreeSet<String>,
}

/// The policies of a role, user or group; `None` if the account has none of that name.
fn policies_of<'a>(
    account: &'a mut AccountSnapshot,
    holder: &PolicyHolder,
) -> Option<HeldPolicies<'a>> {
    let of = |identity: &'a mut Identity| HeldPolicies {
        inline: &mut identity.inline,
        attached: &mut identity.attached,
    };
    match holder {
        PolicyHolder::Role(name) => account.roles.get_mut(name).map(of),
        PolicyHolder::User(name) => account.users.get_mut(name).map(of),
        PolicyHolder::Group(name) => account
            .groups
            .get_mut(name)
            .map(|group| HeldPolicies { inline: &mut group.inline, attached: &mut group.attached }),
    }
}

/// The same; if the account has none of that name, the change is not judged.
pub(super) fn policies_to_change<'a>(
    account: &'a mut AccountSnapshot,
    holder: &PolicyHolder,
    address: &str,
    notes: &mut ApplyNotes,
) -> Option<HeldPolicies<'a>> {
    let unclear = unknown_target(account, address);
    let found = policies_of(account, holder);
    if found.is_none() {
        notes.not_judged.push(unclear);
    }
    found
}

/// A change of a principal or group that is unknown, or not in the dump.
pub(super) fn unknown_target(account: &AccountSnapshot, address: &str) -> NotJudged {
    let why =
        format!("the principal or group that `{address}` changes is unknown or not in the dump");
    NotJudged { account: Some(account.id.clone()), why }
}

fn drop_holder(
    holder: &PolicyHolder,
    symbol: String,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    let gone = match holder {
        PolicyHolder::Role(name) => account.roles.remove(name),
        PolicyHolder::User(name) => account.users.remove(name),
        PolicyHolder::Group(name) => {
            account.groups.remove(name);
            account.users.values_mut().for_each(|user| {
                user.groups.remove(name);
            });
            None
        }
    };
    if let Some(identity) = gone {
        notes.gone.push((identity.arn, identity.unique_id.unwrap_or(symbol)));
    }
}

fn put_holder(edit: HolderEdit, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let identity = match edit.holder {
        PolicyHolder::Role(name) => account.roles.entry(name).or_default(),
        PolicyHolder::User(name) => account.users.entry(name).or_default(),
        PolicyHolder::Group(name) => {
            let group: &mut Group = account.groups.entry(name).or_default();
            (group.arn, group.label) = (edit.arn, edit.label);
            group.inline = edit.inline.unwrap_or_else(|| std::mem::take(&mut group.inline));
            group.attached = edit.attached.unwrap_or_else(|| std::mem::take(&mut group.attached));
            return;
        }
    };
    identity.arn.clone_from(&edit.arn);
    identity.label = edit.label;
    if let Some(trust) = edit.trust {
        identity.trust = trust;
        notes.written.insert(edit.arn);
    }
    if let Some(boundary) = edit.boundary {
        identity.boundary = boundary;
    }
    if let Some(tags) = edit.tags {
        identity.tags = tags;
    }
    if let Some(inline) = edit.inline {
        identity.inline = inline;
    }
    if let Some(attached) = edit.attached {
        identity.attached = attached;
    }
    identity.unreadable |= edit.unreadable;
}

/// A resource, which is added if the snapshot does not have it.
pub(super) fn resource<'a>(
    account: &'a mut AccountSnapshot,
    arn: &str,
    of: &'static ResourceType,
    label: &str,
) -> &'a mut Resource {
    let made = || Resource { label: label.to_owned(), ..Resource::new(of) };
    account.resources.entry(arn.to_owned()).or_insert_with(made)
}

/// The policy that AWS gives to a new resource.
fn default_policy(of: &ResourceType, partition: Partition, account: &str) -> Option<PolicyText> {
    let policy = of.policy_by_default.as_ref()?;
    Some(PolicyText::read(&policy.document(partition, account)))
}

/// A dump that is older or newer than the plan or the deployed stack: either may be right.
pub(super) fn stale(address: &str) -> String {
    format!(
        "the dump does not match the plan or deployed stack at `{address}`: dump the account again"
    )
}
