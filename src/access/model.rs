//! Facts as a source gives them, and the model that follows from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::grants::GrantTargets;
use super::{
    AccountFacts, AccountNode, Coverage, GroupNode, Guardrails, KEY, ManagedPolicies,
    ManagedPolicy, NamedPolicy, Organization, PART, PolicyType, PrincipalNode, ResourceNode,
    UndescribedMember, aws_managed,
};
use crate::iam::symbolic::Space;
use crate::iam::{Document, KeyGrant, Membership};
use crate::ids::{Handle, Partition};

/// What a source knows of access, as flat lists in any order.
///
/// Of two facts with one name (ARN, handle) the later one counts. See the invariants of [`crate::access`].
#[derive(Debug, Default)]
pub struct Facts {
    /// Whether anything was read from AWS, rather than from a configuration or a recorded state alone.
    pub live: bool,
    /// The organization, where there is one.
    pub organization: Option<Organization>,
    /// Its units and policies.
    pub guardrails: Guardrails,
    /// Accounts.
    pub accounts: Vec<AccountFacts>,
    /// Roles and users.
    pub principals: Vec<Arc<PrincipalNode>>,
    /// Groups of users.
    pub groups: Vec<GroupNode>,
    /// Managed policies by ARN. Principals hold their own policies; these are for comparing two models.
    pub managed_policies: Arc<ManagedPolicies>,
    /// Resources that can have a policy.
    pub resources: Vec<ResourceNode>,
    /// Types of resources, by their CloudFormation names, of which every policy in an account that was read is
    /// among `resources`.
    pub listed_types: BTreeSet<&'static str>,
    /// The same beside these, of single accounts.
    pub listed_beside: BTreeMap<Handle, BTreeSet<&'static str>>,
    /// Types of which policies in some Regions of an account alone are among `resources`, and where that leaves off: `outside
    /// eu-west-1`.
    pub listed_in_part: BTreeMap<Handle, BTreeMap<&'static str, String>>,
    /// Grants on KMS keys among `resources`, each with the ARN of its key.
    pub grants: Vec<(String, KeyGrant)>,
    /// Accounts of which the grants on every KMS key that is among `resources` are among `grants`.
    pub lists_grants: BTreeSet<Handle>,
    /// The ARN of the bucket that decides what is applied to the accounts: who writes it can do everything.
    pub state_bucket: Option<String>,
    /// Where objects that are no principals are declared, by the label that reports cite.
    pub locations: BTreeMap<String, String>,
}

/// Who may reach what, at one moment: what the isolation analysis looks at.
///
/// Every key is one of AWS's own names (ARN, account id) or the handle of an account. Each principal and resource
/// lies in an account of `accounts`, or is not judged at all.
#[derive(Debug, Default)]
pub struct AccessModel {
    /// Whether anything was read from AWS.
    pub live: bool,
    /// Accounts by handle.
    pub accounts: BTreeMap<Handle, AccountNode>,
    /// Handles of the accounts, by id.
    pub account_by_id: BTreeMap<String, Handle>,
    /// Accounts of the organization beside these, by id.
    pub members: BTreeMap<String, UndescribedMember>,
    /// The organization, where there is one.
    pub organization: Option<Organization>,
    /// Principals by ARN.
    pub principals: BTreeMap<String, Arc<PrincipalNode>>,
    /// Resources that can have a policy, by ARN.
    pub resources: BTreeMap<String, ResourceNode>,
    /// Types of resources of which every policy is known, in accounts that were read.
    pub listed_types: BTreeSet<&'static str>,
    /// The same beside these, of single accounts.
    pub listed_beside: BTreeMap<Handle, BTreeSet<&'static str>>,
    /// Types of which policies in some Regions of an account alone are known, and where none are.
    pub listed_in_part: BTreeMap<Handle, BTreeMap<&'static str, String>>,
    /// Accounts of which the grants on every KMS key are known whose policy is.
    pub lists_grants: BTreeSet<Handle>,
    /// The ARN of the bucket that holds the estate's state.
    pub state_bucket: Option<String>,
    /// Requests are made at this moment or later; `None` where no moment was given.
    pub since: Option<Timestamp>,
    principals_by_account: BTreeMap<Handle, Vec<Arc<PrincipalNode>>>,
    groups_by_account: BTreeMap<Handle, Vec<GroupNode>>,
    resources_by_account: BTreeMap<Handle, Vec<String>>,
    managed_policies: Arc<ManagedPolicies>,
    /// ARNs of managed policies, by the id of the account that has them.
    managed_by_account: HashMap<String, Vec<String>>,
    /// The same, by what reports call them.
    managed_by_label: HashMap<String, String>,
    locations: BTreeMap<String, String>,
    /// What the organization's policies limit, by their labels.
    guardrails: BTreeMap<String, PolicyType>,
    /// Principals by label, made when one is first looked for by it.
    principals_by_label: OnceLock<HashMap<String, Arc<PrincipalNode>>>,
}

impl AccessModel {
    /// Derives what follows from facts.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        let Facts { live, organization, guardrails, accounts, .. } = facts;
        let place =
            OrganizationPlace { organization: organization.as_ref(), guardrails: &guardrails };
        let mut accounts: BTreeMap<Handle, AccountNode> = accounts
            .into_iter()
            .map(|facts| (facts.handle.clone(), place.account(facts)))
            .collect();
        // What an emulator gives out is worth nothing at AWS, whatever id it says it has: its accounts hold
        // nothing here, and an id names the real account that has it.
        let real = accounts.values().filter(|account| !account.emulated);
        let account_by_id: BTreeMap<String, Handle> =
            real.map(|a| (a.id.clone(), a.handle.clone())).collect();
        let members = place.members(&account_by_id);
        // Whatever lies in a closed account neither acts nor answers.
        let acts =
            |account: &Handle| accounts.get(account).is_none_or(|a| !a.is_closed() && !a.emulated);
        let principals = facts.principals.into_iter().filter(|p| acts(&p.account));
        let mut principals: BTreeMap<String, Arc<PrincipalNode>> =
            principals.map(|p| (p.arn.clone(), p)).collect();
        let groups = facts.groups.into_iter().filter(|group| acts(&group.account));
        let groups: Vec<GroupNode> = groups.collect();
        let resources = facts.resources.into_iter().filter(|r| acts(&r.account));
        let mut resources: BTreeMap<String, ResourceNode> =
            resources.map(|r| (r.arn.clone(), r)).collect();
        GrantTargets {
            accounts: &mut accounts,
            principals: &mut principals,
            resources: &mut resources,
        }
        .apply(facts.grants);
        let mut principals_by_account: BTreeMap<Handle, Vec<Arc<PrincipalNode>>> = BTreeMap::new();
        for principal in principals.values() {
            let all = principals_by_account.entry(principal.account.clone()).or_default();
            all.push(Arc::clone(principal));
        }
        let mut groups_by_account: BTreeMap<Handle, Vec<GroupNode>> = BTreeMap::new();
        for group in groups {
            groups_by_account.entry(group.account.clone()).or_default().push(group);
        }
        let mut resources_by_account: BTreeMap<Handle, Vec<String>> = BTreeMap::new();
        for resource in resources.values() {
            let all = resources_by_account.entry(resource.account.clone()).or_default();
            all.push(resource.arn.clone());
        }
        let mut managed_by_account: HashMap<String, Vec<String>> = HashMap::new();
        let mut managed_by_label: HashMap<String, String> = HashMap::new();
        for (arn, policy) in facts.managed_policies.iter() {
            managed_by_label.entry(policy.label.clone()).or_insert_with(|| arn.clone());
            let place = arn.split_once(":iam::").and_then(|(_, rest)| rest.split_once(":policy/"));
            if let Some((id, _)) = place {
                managed_by_account.entry(id.to_owned()).or_default().push(arn.clone());
            }
        }
        Self {
            live,
            accounts,
            account_by_id,
            members,
            organization,
            principals,
            resources,
            listed_types: facts.listed_types,
            listed_beside: facts.listed_beside,
            listed_in_part: facts.listed_in_part,
            lists_grants: facts.lists_grants,
            state_bucket: facts.state_bucket,
            since: None,
            principals_by_account,
            groups_by_account,
            resources_by_account,
            managed_policies: facts.managed_policies,
            managed_by_account,
            managed_by_label,
            locations: facts.locations,
            guardrails: guardrails.labels(),
            principals_by_label: OnceLock::new(),
        }
    }

    /// Whether every policy on resources of a type, by its CloudFormation name, is known in an account.
    #[must_use]
    pub fn lists(&self, account: &Handle, name: &str) -> bool {
        self.listed_types.contains(name)
            || self.listed_beside.get(account).is_some_and(|types| types.contains(name))
    }

    /// A type of which an account may hold policies that are not known, by its CloudFormation name, and with where they are if
    /// those of some Regions are known.
    #[must_use]
    pub fn unlisted(&self, account: &Handle, name: &str) -> String {
        match self.listed_in_part.get(account).and_then(|types| types.get(name)) {
            Some(beyond) => format!("{name} {beyond}"),
            None => name.to_owned(),
        }
    }

    /// The same in every account that was read.
    #[must_use]
    pub fn lists_everywhere(&self, name: &str) -> bool {
        let mut read = self.accounts.values().filter(|account| account.coverage == Coverage::Read);
        self.listed_types.contains(name)
            || !self.listed_beside.is_empty()
                && read.all(|account| self.lists(&account.handle, name))
    }

    /// Whether the policies of KMS keys are known in an account, or in some Regions of it, and the grants on them are not.
    #[must_use]
    pub fn lacks_grants(&self, account: &Handle) -> bool {
        let in_part =
            || self.listed_in_part.get(account).is_some_and(|of| of.contains_key(KEY.name));
        !self.lists_grants.contains(account) && (self.lists(account, KEY.name) || in_part())
    }

    /// The same for requests from the beginning of a day on (`YYYY-MM-DD`, UTC): what a condition says of days that have
    /// passed is settled. Within a day the answers stay the same.
    #[must_use]
    pub fn since_day(mut self, day: &str) -> Self {
        self.since = format!("{day}T00:00:00Z").parse().ok();
        self
    }

    /// What the organization's policy of that label limits; `None` for any other policy, which may grant.
    #[must_use]
    pub fn guardrail(&self, label: &str) -> Option<PolicyType> {
        self.guardrails.get(label).copied()
    }

    /// The partition that an account lives in.
    #[must_use]
    pub fn partition_of(&self, account: &Handle) -> Partition {
        self.accounts.get(account).map(|account| account.partition).unwrap_or_default()
    }

    /// The accounts that AWS has closed: ids, and what reports call them.
    #[must_use]
    pub fn closed_accounts(&self) -> BTreeMap<&str, &str> {
        let own = self.accounts.values().filter(|account| account.is_closed());
        let own = own.map(|account| (account.id.as_str(), account.handle.as_str()));
        let others = self.members.iter().filter(|(_, member)| member.is_closed);
        own.chain(others.map(|(id, _)| (id.as_str(), id.as_str()))).collect()
    }

    /// Whether AWS has closed the account of that id.
    #[must_use]
    pub fn is_closed(&self, id: &str) -> bool {
        let own = || self.accounts.get(self.account_by_id.get(id)?).map(AccountNode::is_closed);
        self.members.get(id).map(|member| member.is_closed).or_else(own).unwrap_or_default()
    }

    /// Where an object is declared, by the label that reports cite.
    #[must_use]
    pub fn location(&self, label: &str) -> Option<&String> {
        let principal = || self.by_label().get(label)?.location.as_ref();
        self.locations.get(label).or_else(principal)
    }

    fn by_label(&self) -> &HashMap<String, Arc<PrincipalNode>> {
        self.principals_by_label.get_or_init(|| {
            self.principals.values().map(|p| (p.label.clone(), Arc::clone(p))).collect()
        })
    }

    /// Principals of an account.
    pub fn principals_of(&self, account: &Handle) -> impl Iterator<Item = &PrincipalNode> {
        self.principals_by_account.get(account).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Groups of users of an account.
    pub fn groups_of(&self, account: &Handle) -> impl Iterator<Item = &GroupNode> {
        self.groups_by_account.get(account).into_iter().flatten()
    }

    /// Resources of an account, with a policy or without.
    pub fn resources_of(&self, account: &Handle) -> impl Iterator<Item = &ResourceNode> {
        let arns = self.resources_by_account.get(account).into_iter().flatten();
        arns.filter_map(|arn| self.resources.get(arn))
    }

    /// Resources with a policy that could be read, and that policy.
    pub fn resource_policies(&self) -> impl Iterator<Item = (&ResourceNode, &NamedPolicy)> {
        self.resources.values().filter_map(|r| Some((r, r.document()?)))
    }

    /// The policy of a resource, where it has one that could be read.
    #[must_use]
    pub fn resource_policy(&self, arn: &str) -> Option<&NamedPolicy> {
        self.resources.get(arn)?.document()
    }

    /// The managed policy of that ARN: as it was read, or as it is known of AWS's own.
    #[must_use]
    pub fn managed(&self, arn: &str) -> Option<NamedPolicy> {
        match self.managed_policies.get(arn) {
            Some(read) => read.part("content"),
            None => aws_managed::find(arn),
        }
    }

    /// Whether all versions of the managed policies in a space of ARNs are known to be equivalent.
    #[must_use]
    pub fn has_equivalent_versions(&self, space: &Space) -> bool {
        if let Space::One(arn) = space {
            return self
                .managed_policies
                .get(arn)
                .is_some_and(ManagedPolicy::has_equivalent_versions);
        }
        let mut all =
            self.managed_policies.iter().filter(|(arn, _)| space.contains(arn)).peekable();
        all.peek().is_some() && all.all(|(_, policy)| policy.has_equivalent_versions())
    }

    /// ARNs of the managed policies of AWS's, in a partition, of which it is known what they permit.
    #[must_use]
    pub fn managed_by_aws(&self, partition: Partition) -> BTreeSet<String> {
        let prefix = aws_managed::prefix(partition);
        let read = self.managed_policies.range(prefix.clone()..).map(|(arn, _)| arn.clone());
        let read = read.take_while(|arn| arn.starts_with(&prefix));
        read.chain(aws_managed::all(partition)).collect()
    }

    /// ARNs of the managed policies that an account has of its own.
    pub fn managed_of<'m>(&'m self, account: &AccountNode) -> impl Iterator<Item = &'m String> {
        self.managed_by_account.get(&account.id).into_iter().flatten()
    }

    /// The ARN of the managed policy that reports call so.
    #[must_use]
    pub fn managed_arn(&self, label: &str) -> Option<&String> {
        self.managed_by_label.get(label)
    }

    /// The documents of every policy that was read or is declared, wherever it stands.
    pub fn documents(&self) -> impl Iterator<Item = Arc<Document>> {
        let of_principals = self
            .principals
            .values()
            .flat_map(|p| p.identity().iter().chain(p.boundary()).chain(&p.trust));
        let groups = self.groups_by_account.values().flatten();
        let of_resources = self.resource_policies().map(|(_, policy)| policy);
        let of_accounts = self
            .accounts
            .values()
            .flat_map(|a| a.service_control.iter().chain(&a.resource_control))
            .chain(self.members.values().flat_map(|m| &m.service_control))
            .flat_map(|(_, policies)| policies);
        let standing = of_principals
            .chain(groups.flat_map(|group| group.identity()))
            .chain(of_resources)
            .chain(of_accounts)
            .map(|policy| Arc::clone(&policy.document));
        let managed = self.managed_policies.values().filter_map(|m| m.part("content"));
        standing.chain(managed.map(|policy| policy.document))
    }

    /// The policy of that name, wherever it stands in the model.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<NamedPolicy> {
        let (label, part) = name.split_once(PART)?;
        let principal = self.by_label().get(label);
        let of_principal = principal
            .into_iter()
            .flat_map(|p| p.identity().iter().chain(p.boundary()).chain(&p.trust));
        let of_resources = self.resource_policies().map(|(_, policy)| policy);
        let of_accounts = self
            .accounts
            .values()
            .flat_map(|a| a.service_control.iter().chain(&a.resource_control))
            .chain(self.members.values().flat_map(|m| &m.service_control))
            .flat_map(|(_, policies)| policies);
        let mut standing = of_principal.chain(of_resources).chain(of_accounts);
        let found = standing.find(|policy| policy.policy.name() == name).cloned();
        found.or_else(|| self.managed_policies.values().find(|m| m.label == label)?.part(part))
    }
}

/// What decides an account's place in the organization.
struct OrganizationPlace<'a> {
    organization: Option<&'a Organization>,
    guardrails: &'a Guardrails,
}

impl OrganizationPlace<'_> {
    fn root(&self) -> Option<&str> {
        self.organization.map(|o| o.root.as_str())
    }

    fn path(&self, organization: &Organization, parent: &str) -> String {
        let above = self.guardrails.above(parent, self.root());
        format!("{}/{}/", organization.id, above.join("/"))
    }

    fn account(&self, facts: AccountFacts) -> AccountNode {
        let AccountFacts { handle, id, partition, environments, parent, emulated, coverage } =
            facts;
        let organization = self.organization.filter(|_| !emulated);
        let management = organization.is_some_and(|o| o.management_account == id);
        let chain = |kind| match (&parent, management || emulated) {
            (Some(parent), false) => self.guardrails.chain(kind, parent, &id, self.root()),
            _ => Vec::new(),
        };
        AccountNode {
            handle,
            partition,
            environments,
            emulated,
            membership: organization
                .map(|o| Membership { id: o.id.clone(), management_account: management }),
            organization_path: organization
                .zip(parent.as_ref())
                .map(|(organization, parent)| self.path(organization, parent)),
            service_control: chain(PolicyType::ServiceControl),
            resource_control: chain(PolicyType::ResourceControl),
            // An emulator that nobody has started hides nothing of AWS.
            coverage: if emulated { super::Coverage::Read } else { coverage },
            id,
        }
    }

    /// Accounts of the organization that no facts describe, the management account too.
    fn members(&self, known: &BTreeMap<String, Handle>) -> BTreeMap<String, UndescribedMember> {
        let Some(organization) = self.organization else { return BTreeMap::new() };
        let mut all = organization.accounts.clone();
        all.entry(organization.management_account.clone())
            .or_insert_with(|| organization.root.clone());
        all.into_iter()
            .filter(|(id, _)| !known.contains_key(id))
            .map(|(id, parent)| {
                let manages = id == organization.management_account;
                let service_control = if manages {
                    Vec::new()
                } else {
                    let kind = PolicyType::ServiceControl;
                    self.guardrails.chain(kind, &parent, &id, self.root())
                };
                let member = UndescribedMember {
                    membership: Membership {
                        id: organization.id.clone(),
                        management_account: manages,
                    },
                    organization_path: self.path(organization, &parent),
                    service_control,
                    is_closed: organization.closed.contains(&id),
                };
                (id, member)
            })
            .collect()
    }
}
