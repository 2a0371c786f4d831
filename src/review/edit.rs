//! What a change does to one account, as data: each format says it in these words, and it is carried out here.
//!
//! An edit is complete in itself: it names what it changes by the name or ARN that AWS has it under, so that it can be
//! carried out in any order within its step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::change_set::{ApplyNotes, ApplyStep, NotJudged};
use super::{AccountSnapshot, Group, Identity, ManagedDocument, PolicyText, Resource};
use crate::access::{AccessLists, BUCKET, KEY, ResourceType};

/// What permissions are put into, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PolicyHolder {
    /// A role.
    Role(String),
    /// A user.
    User(String),
    /// A group.
    Group(String),
}

/// A role, user or group as it shall be.
#[derive(Clone, Debug)]
pub(super) struct HolderEdit {
    /// Which.
    pub(super) holder: PolicyHolder,
    /// Its ARN.
    pub(super) arn: String,
    /// How reports call it.
    pub(super) label: String,
    /// Its trust policy, where the change writes it.
    pub(super) trust: Option<Option<PolicyText>>,
    /// Its boundary, where the change writes it.
    pub(super) boundary: Option<Option<String>>,
    /// Its tags, where the change writes them.
    pub(super) tags: Option<BTreeMap<String, String>>,
    /// All its inline policies, where the change leaves no others.
    pub(super) inline: Option<BTreeMap<String, PolicyText>>,
    /// All its attached policies, where the change leaves no others.
    pub(super) attached: Option<BTreeSet<String>>,
    /// Whether something about it is known only after the apply.
    pub(super) unreadable: bool,
}

impl HolderEdit {
    /// One that changes nothing but what it is called.
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

/// What of a public access block bears on who gets in.
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
    /// A role, user or group goes. Policies that name it keep the unique id, or this symbol of it.
    DropHolder { holder: PolicyHolder, symbol: String },
    /// A managed policy goes.
    DropPolicy { arn: String },
    /// An inline policy goes.
    DropInline { holder: PolicyHolder, name: String },
    /// A managed policy is attached no more.
    Detach { holder: PolicyHolder, arn: String },
    /// A user leaves a group.
    Leave { user: String, group: String },
    /// A resource goes, and its policy with it.
    DropResource { arn: String },
    /// A resource's policy goes: what its service has instead holds.
    DropResourcePolicy { arn: String },
    /// A statement of a resource's policy goes.
    DropStatement { arn: String, sid: String },
    /// A role, user or group stands.
    PutHolder(Box<HolderEdit>),
    /// A managed policy stands.
    PutPolicy { arn: String, label: String, content: PolicyText },
    /// A resource stands; as new, with what its service gives to new ones.
    PutResource { arn: String, of: &'static ResourceType, label: String, is_new: bool },
    /// An inline policy stands.
    PutInline { holder: PolicyHolder, name: String, content: PolicyText, address: String },
    /// A managed policy is attached.
    Attach { holder: PolicyHolder, arn: String, address: String },
    /// A user is in a group.
    Join { user: String, group: String, address: String },
    /// A resource has this policy, and is called by this label where that is given.
    PutResourcePolicy {
        arn: String,
        of: &'static ResourceType,
        label: String,
        policy: Option<PolicyText>,
        relabel: bool,
    },
    /// The public access block of a bucket.
    BlockPublic { arn: String, of: &'static ResourceType, label: String, block: PublicBlock },
    /// Who owns the objects of a bucket, in S3's words; `None` where nothing says so any more.
    SetOwnership {
        arn: String,
        of: &'static ResourceType,
        label: String,
        ownership: Option<String>,
    },
    /// A statement of a resource's policy stands; why, where it is not known.
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
                if let Some(HeldPolicies { inline, .. }) = parts(account, &holder) {
                    inline.remove(&name);
                }
            }
            Self::Detach { holder, arn } => {
                if let Some(HeldPolicies { attached, .. }) = parts(account, &holder) {
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
                let root = account.iam("root");
                if let Some(resource) = account.resources.get_mut(&arn) {
                    resource.policy = default_policy(resource.kind, &root);
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
                let policy = default_policy(of, &account.iam("root"));
                // Since April 2023 a new bucket blocks public access until that is taken away, and has no access control
                // lists (S3 User Guide, "Blocking public access to your Amazon S3 storage", "Controlling ownership of
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
                if let Some(held) = target(account, &holder, &address, notes) {
                    held.inline.insert(name, content);
                }
            }
            Self::Attach { holder, arn, address } => {
                if let Some(held) = target(account, &holder, &address, notes) {
                    held.attached.insert(arn);
                }
            }
            Self::Join { user, group, address } => match account.users.get_mut(&user) {
                Some(user) => drop(user.groups.insert(group)),
                None => notes.not_judged.push(not_held(account, &address)),
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

/// What can be put into a role, user or group.
pub(super) struct HeldPolicies<'a> {
    /// Inline policies by name.
    pub(super) inline: &'a mut BTreeMap<String, PolicyText>,
    /// ARNs of attached policies.
    pub(super) attached: &'a mut BTreeSet<String>,
}

/// What lies in a role, user or group; `None` where the account has none of that name.
pub(super) fn parts<'a>(
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

fn target<'a>(
    account: &'a mut AccountSnapshot,
    holder: &PolicyHolder,
    address: &str,
    notes: &mut ApplyNotes,
) -> Option<HeldPolicies<'a>> {
    let unclear = not_held(account, address);
    let found = parts(account, holder);
    if found.is_none() {
        notes.not_judged.push(unclear);
    }
    found
}

/// A change that puts something into what is not known to stand.
pub(super) fn not_held(account: &AccountSnapshot, address: &str) -> NotJudged {
    let why =
        format!("whom `{address}` gives its permissions cannot be told, or is not in the dump");
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

fn resource<'a>(
    account: &'a mut AccountSnapshot,
    arn: &str,
    of: &'static ResourceType,
    label: &str,
) -> &'a mut Resource {
    let made = || Resource { label: label.to_owned(), ..Resource::new(of) };
    account.resources.entry(arn.to_owned()).or_insert_with(made)
}

/// The policy that a resource has where nobody sets one. A key's lets its account decide (KMS Developer Guide,
/// "Default key policy"); others have none.
fn default_policy(of: &ResourceType, root: &str) -> Option<PolicyText> {
    (*of == KEY).then(|| {
        PolicyText::read(&json!({
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
            ]
        }))
    })
}

/// A disagreement of a dump that is older than the change, or newer: which of the two is right cannot be told.
pub(super) fn stale(address: &str) -> String {
    format!("the dump and the plan disagree about `{address}` as it stands: dump the account again")
}

/// The statement that a permission of a Lambda function becomes, from what its arguments say.
///
/// Source: Lambda API Reference, `AddPermission`: what its parameters become in the function's policy.
pub(super) struct Permission<'a> {
    /// What is permitted.
    pub(super) action: &'a str,
    /// Whom: `*`, an account's id, an ARN or a service.
    pub(super) principal: &'a str,
    /// Condition keys, with what they must equal.
    pub(super) equals: &'a [(&'static str, Option<&'a str>)],
    /// What the request must come from.
    pub(super) source_arn: Option<&'a str>,
    /// Whether it counts through the function's URL alone.
    pub(super) through_url: bool,
}

impl Permission<'_> {
    /// Its statement.
    pub(super) fn statement(&self, sid: &str, arn: &str, account: &AccountSnapshot) -> Json {
        let named = self.principal;
        let principal = if named == "*" {
            json!("*")
        } else if named.len() == 12 && named.bytes().all(|byte| byte.is_ascii_digit()) {
            json!({"AWS": format!("arn:{}:iam::{named}:root", account.partition)})
        } else if named.starts_with("arn:") {
            json!({"AWS": named})
        } else {
            json!({"Service": named})
        };
        let equals: serde_json::Map<String, Json> = self
            .equals
            .iter()
            .filter_map(|(key, value)| Some(((*key).to_owned(), json!(value.as_ref()?))))
            .collect();
        let mut condition = serde_json::Map::new();
        if !equals.is_empty() {
            condition.insert("StringEquals".to_owned(), Json::Object(equals));
        }
        if let Some(source) = self.source_arn {
            condition.insert("ArnLike".to_owned(), json!({"aws:SourceArn": source}));
        }
        if self.through_url {
            condition.insert("Bool".to_owned(), json!({"lambda:InvokedViaFunctionUrl": "true"}));
        }
        let mut statement = serde_json::Map::new();
        statement.insert("Sid".to_owned(), json!(sid));
        statement.insert("Effect".to_owned(), json!("Allow"));
        statement.insert("Principal".to_owned(), principal);
        statement.insert("Action".to_owned(), json!(self.action));
        statement.insert("Resource".to_owned(), json!(arn));
        if !condition.is_empty() {
            statement.insert("Condition".to_owned(), Json::Object(condition));
        }
        Json::Object(statement)
    }
}
