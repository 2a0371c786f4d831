//! What stands in the accounts of an estate: what a dump says, and what a plan changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PolicyText;
use crate::access::{NamedPolicy, PolicyType, ResourceType};
use crate::iam::{KeyGrant, Use};
use crate::ids::{AccountId, Handle, Partition};

/// Why an account is unread of which nothing was given.
pub(crate) const NO_DUMP: &str = "there is no dump of it";
/// Why an account is unread that only states describe.
pub(crate) const ONLY_STATES: &str =
    "only Terraform states describe it, which hold what they manage and nothing else";

/// Accounts and their organization at one moment.
///
/// Cloning shares the accounts; one is copied when it is first changed ([`AccountsSnapshot::account`]).
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountsSnapshot {
    /// The organization.
    pub tree: Tree,
    /// Accounts by id.
    pub accounts: BTreeMap<String, Arc<AccountSnapshot>>,
    /// AWS's own managed policies by ARN, as far as a dump holds them: they are the same in every account.
    pub aws_policies: BTreeMap<String, ManagedDocument>,
}

/// What is known of the organization.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// It was not read, for this reason: which guardrails there are is not known.
    Unread(String),
    /// There is none.
    Absent,
    /// It was read whole.
    Read(Box<OrganizationSnapshot>),
}

impl Default for Tree {
    fn default() -> Self {
        Self::Unread("organization.json is absent".to_owned())
    }
}

/// An organization: its tree and the policies attached to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrganizationSnapshot {
    /// `o-...`.
    pub id: String,
    /// `r-...`.
    pub root: String,
    /// The id of the management account.
    pub management: String,
    /// Policy types that are switched on; `None` where the dump does not say.
    pub enabled: Option<BTreeSet<PolicyType>>,
    /// Services that the organization trusts; `None` where the dump does not say.
    pub trusted_services: Option<BTreeSet<String>>,
    /// What each unit stands under.
    pub units: BTreeMap<String, String>,
    /// What each account stands under.
    pub accounts: BTreeMap<String, String>,
    /// Accounts in which nobody can act, since they are closed.
    pub closed: BTreeSet<String>,
    /// Names of accounts.
    pub names: BTreeMap<String, String>,
    /// Policies by id.
    pub policies: BTreeMap<String, OrganizationPolicy>,
    /// What is not known of the guardrails, a phrase each.
    pub unread: Vec<String>,
}

/// A service or resource control policy.
#[derive(Clone, Debug)]
pub(crate) struct OrganizationPolicy {
    /// Which of the two.
    pub kind: PolicyType,
    /// How reports call it.
    pub label: String,
    /// Its document.
    pub content: PolicyText,
    /// Roots, units and accounts that it is attached to.
    pub targets: BTreeSet<String>,
}

/// An account and what lies in it.
#[derive(Clone, Debug)]
pub(crate) struct AccountSnapshot {
    /// The name by which reports call it.
    pub handle: Handle,
    /// Twelve digits.
    pub id: String,
    /// The partition that it lives in.
    pub partition: Partition,
    /// The environments that it serves.
    pub environments: BTreeSet<String>,
    /// What was not read of it, or is not understood, a phrase each. With one, none of its walls is proved closed.
    pub unread: Vec<String>,
    /// Roles by name.
    pub roles: BTreeMap<String, Identity>,
    /// Users by name.
    pub users: BTreeMap<String, Identity>,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Its own managed policies by ARN.
    pub policies: BTreeMap<String, ManagedDocument>,
    /// Resources that can have a policy, by ARN.
    pub resources: BTreeMap<String, Resource>,
    /// Whether `RestrictPublicBuckets` is set for the whole account.
    pub restrict_public: bool,
    /// Whether `IgnorePublicAcls` is set for the whole account.
    pub ignores_public_lists: bool,
    /// Types, by their CloudFormation names, of which every policy on its resources is known, each with where that leaves off:
    /// `outside eu-west-1`; `None` where it does not.
    pub listed_types: BTreeMap<&'static str, Option<String>>,
    /// Grants on its KMS keys, each with the ARN of its key.
    pub grants: Vec<(String, KeyGrant)>,
    /// Whether the grants on every key that a dump holds are known.
    pub lists_grants: bool,
}

/// A role or user.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Identity {
    /// Its ARN.
    pub arn: String,
    /// How reports call it.
    pub label: String,
    /// `AROA...` or `AIDA...`, where it is known.
    pub unique_id: Option<String>,
    /// Trust policy of a role; `None` for users.
    pub trust: Option<PolicyText>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, PolicyText>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Names of the groups that a user is in.
    pub groups: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Whether something about its policies is not known.
    pub unreadable: bool,
}

/// A group of users.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// Its ARN.
    pub arn: String,
    /// How reports call it.
    pub label: String,
    /// Inline policies by name.
    pub inline: BTreeMap<String, PolicyText>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
}

/// A managed policy's default version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ManagedDocument {
    /// How reports call it.
    pub label: String,
    /// Its document.
    pub content: PolicyText,
    /// Its other versions, where all of them are known.
    pub others: Option<Vec<PolicyText>>,
}

impl ManagedDocument {
    /// One of whose other versions nothing is known.
    pub(crate) fn new(label: String, content: PolicyText) -> Self {
        Self { label, content, others: None }
    }
}

/// A resource that can have a policy of its own.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// What it is.
    pub kind: &'static ResourceType,
    /// How reports call it.
    pub label: String,
    /// Its policy, where it has one.
    pub policy: Option<PolicyText>,
    /// Whether `RestrictPublicBuckets` is set on it.
    pub restrict_public: bool,
    /// Who owns what lies in it, in S3's words, where that is known.
    pub ownership: Option<String>,
    /// Whether `IgnorePublicAcls` is set on it.
    pub ignores_public_lists: bool,
    /// Whether a dump holds it; else it is known from a plan alone.
    pub is_dumped: bool,
}

impl Resource {
    /// One of which nothing is known but its type.
    pub(crate) fn new(kind: &'static ResourceType) -> Self {
        Self {
            kind,
            label: String::new(),
            policy: None,
            restrict_public: false,
            ownership: None,
            ignores_public_lists: false,
            is_dumped: false,
        }
    }
}

impl AccountsSnapshot {
    /// The account of that id, to be changed.
    pub(crate) fn account(&mut self, id: &str) -> Option<&mut AccountSnapshot> {
        self.accounts.get_mut(id).map(Arc::make_mut)
    }

    /// The one account that holds what `holds` looks for; `None` where none does, or several.
    pub(crate) fn only_account(&self, holds: impl Fn(&AccountSnapshot) -> bool) -> Option<&str> {
        let mut all = self.accounts.values().filter(|account| holds(account));
        let first = all.next()?;
        all.next().is_none().then_some(first.id.as_str())
    }

    /// Says that something is not known of an account, and so of its walls.
    pub(crate) fn mark_unread(&mut self, id: &str, why: impl Into<String>) {
        if let Some(account) = self.account(id) {
            account.mark_unread(why);
        }
    }

    /// Says that something is not known that may bear on any account.
    pub(crate) fn mark_all_unread(&mut self, why: &str) {
        for account in self.accounts.values_mut() {
            Arc::make_mut(account).mark_unread(why);
        }
    }
}

impl OrganizationPolicy {
    /// Its document; `None` where it is unknown or no policy.
    pub(super) fn document(&self) -> Option<NamedPolicy> {
        let role = match self.kind {
            PolicyType::ServiceControl => Use::Scp,
            PolicyType::ResourceControl => Use::Rcp,
        };
        self.content.named(&self.label, "content", role)
    }
}

impl OrganizationSnapshot {
    /// Says of each policy that cannot be read that what it denies is not known.
    pub(super) fn note_unreadable(&mut self) {
        for policy in self.policies.values() {
            if policy.document().is_none() {
                let why = match &policy.content {
                    PolicyText::Unknown(why) => why.clone(),
                    PolicyText::Known(_) => "it cannot be read as a policy".to_owned(),
                };
                let part = format!("what `{}` denies ({why})", policy.label);
                if !self.unread.contains(&part) {
                    self.unread.push(part);
                }
            }
        }
    }
}

impl AccountSnapshot {
    /// An account of which nothing was read.
    #[must_use]
    pub(crate) fn new(id: &AccountId, handle: Handle) -> Self {
        Self {
            handle,
            id: id.to_string(),
            partition: Partition::default(),
            environments: BTreeSet::new(),
            unread: Vec::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            policies: BTreeMap::new(),
            resources: BTreeMap::new(),
            restrict_public: false,
            ignores_public_lists: false,
            listed_types: BTreeMap::new(),
            grants: Vec::new(),
            lists_grants: false,
        }
    }

    /// Whether nothing is known to be in it.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.roles.is_empty()
            && self.users.is_empty()
            && self.groups.is_empty()
            && self.policies.is_empty()
            && self.resources.is_empty()
    }

    /// Whether all that is known of it comes from states.
    pub(crate) fn is_of_states(&self) -> bool {
        self.unread.iter().any(|why| why == ONLY_STATES)
    }

    /// Says that something is not known of it.
    pub(crate) fn mark_unread(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.unread.contains(&why) {
            self.unread.push(why);
        }
    }
}
