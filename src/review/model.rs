//! A snapshot as the access model that the isolation analysis takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    AccountSnapshot, AccountsSnapshot, Group, Identity, ManagedDocument, OrganizationPolicy,
    OrganizationSnapshot, PolicyText, Tree,
};
use crate::access::{
    AccessLists, AccessModel, AccountFacts, BUCKET, Coverage, Facts, GroupNode, Guardrails,
    ManagedPolicies, ManagedPolicy, NamedPolicy, Organization, Permissions, PolicyType,
    PrincipalKind, PrincipalNode, ResourceNode, ResourcePolicy, ResourceTags,
};
use crate::iam::{Use, diff};

/// The access models of two snapshots: what stands in both alike is one, and is read once.
#[must_use]
pub(crate) fn models(
    before: &AccountsSnapshot,
    after: &AccountsSnapshot,
) -> (AccessModel, AccessModel) {
    let was = AccessModel::new(facts(before, None));
    let is = AccessModel::new(facts(after, Some(&Earlier::of(before, &was, after))));
    (was, is)
}

/// What stood before, to be taken over where it is the same.
struct Earlier<'a> {
    snapshot: &'a AccountsSnapshot,
    model: &'a AccessModel,
    /// ARNs of managed policies that are others than before.
    changed: BTreeSet<&'a String>,
}

impl<'a> Earlier<'a> {
    fn of(
        snapshot: &'a AccountsSnapshot,
        model: &'a AccessModel,
        after: &'a AccountsSnapshot,
    ) -> Self {
        static NONE: BTreeMap<String, ManagedDocument> = BTreeMap::new();
        let mut changed: BTreeSet<&String> = BTreeSet::new();
        let mut compare = |was: &'a BTreeMap<String, ManagedDocument>,
                           is: &'a BTreeMap<String, ManagedDocument>| {
            let all = was.keys().chain(is.keys());
            changed.extend(all.filter(|arn| was.get(*arn) != is.get(*arn)));
        };
        compare(&snapshot.aws_policies, &after.aws_policies);
        for id in snapshot.accounts.keys().chain(after.accounts.keys()) {
            let (was, is) = (snapshot.accounts.get(id), after.accounts.get(id));
            if !matches!((was, is), (Some(was), Some(is)) if Arc::ptr_eq(was, is)) {
                let [was, is] = [was, is].map(|account| account.map_or(&NONE, |a| &a.policies));
                compare(was, is);
            }
        }
        Self { snapshot, model, changed }
    }

    /// The account as it was, where what its principals are read from beside themselves is the same.
    fn account(&self, is: &AccountSnapshot) -> Option<&AccountSnapshot> {
        let was = self.snapshot.accounts.get(&is.id)?;
        let mut attached = is.groups.values().flat_map(|group| &group.attached);
        let same = was.handle == is.handle
            && was.groups == is.groups
            && !attached.any(|arn| self.changed.contains(arn));
        same.then_some(was.as_ref())
    }

    /// The principal of the earlier model, where it is the same.
    fn principal(
        &self,
        (was, is): (Option<&Identity>, &Identity),
        kind: PrincipalKind,
        account: &AccountSnapshot,
    ) -> Option<Arc<PrincipalNode>> {
        let mut policies = is.attached.iter().chain(&is.boundary);
        if was? != is || policies.any(|arn| self.changed.contains(arn)) {
            return None;
        }
        let node = self.model.principals.get(&is.arn)?;
        let same = node.kind == kind && node.label == is.label && node.account == account.handle;
        same.then(|| Arc::clone(node))
    }
}

/// What a snapshot says.
fn facts(snapshot: &AccountsSnapshot, earlier: Option<&Earlier<'_>>) -> Facts {
    let managed = Arc::new(managed_policies(snapshot));
    let (organization, guardrails) = match &snapshot.tree {
        Tree::Read(tree) => (Some(organization(tree)), guardrails(tree)),
        Tree::Unread(_) | Tree::Absent => (None, Guardrails::default()),
    };
    let mut facts = Facts {
        live: true,
        organization,
        guardrails,
        managed_policies: Arc::clone(&managed),
        // An account whose buckets were not listed counts as unread.
        listed_types: BTreeSet::from([BUCKET.name]),
        ..Facts::default()
    };
    for account in snapshot.accounts.values() {
        facts.accounts.push(account_facts(account, &snapshot.tree));
        facts
            .groups
            .extend(account.groups.values().map(|group| group_node(account, group, &managed)));
        let was = earlier.and_then(|earlier| Some((earlier, earlier.account(account)?)));
        for kind in [PrincipalKind::Role, PrincipalKind::User] {
            for (name, identity) in identities(account, kind) {
                let same = was.and_then(|(earlier, was)| {
                    let was = identities(was, kind).get(name);
                    earlier.principal((was, identity), kind, account)
                });
                let made = || Arc::new(principal(account, (kind, name), identity, &managed));
                facts.principals.push(same.unwrap_or_else(made));
            }
        }
        facts.resources.extend(resources(account));
        let mut whole = BTreeSet::new();
        let mut in_part = BTreeMap::new();
        for (name, beyond) in &account.listed_types {
            match beyond {
                None => _ = whole.insert(*name),
                Some(beyond) => _ = in_part.insert(*name, beyond.clone()),
            }
        }
        facts.grants.extend(account.grants.iter().cloned());
        if account.lists_grants {
            facts.lists_grants.insert(account.handle.clone());
        }
        if !account.listed_types.is_empty() {
            facts.listed_beside.insert(account.handle.clone(), whole);
            facts.listed_in_part.insert(account.handle.clone(), in_part);
        }
    }
    facts
}

/// Roles or users of an account, by name.
fn identities(account: &AccountSnapshot, kind: PrincipalKind) -> &BTreeMap<String, Identity> {
    match kind {
        PrincipalKind::Role => &account.roles,
        PrincipalKind::User => &account.users,
    }
}

fn account_facts(account: &AccountSnapshot, tree: &Tree) -> AccountFacts {
    let (parent, is_closed) = match tree {
        Tree::Read(tree) => {
            (tree.accounts.get(&account.id).cloned(), tree.closed.contains(&account.id))
        }
        Tree::Unread(_) | Tree::Absent => (None, false),
    };
    AccountFacts {
        handle: account.handle.clone(),
        id: account.id.clone(),
        partition: account.partition,
        environments: account.environments.clone(),
        parent,
        emulated: false,
        coverage: match account.unread.as_slice() {
            _ if is_closed => Coverage::Closed,
            [] => Coverage::Read,
            unread => Coverage::Unread(unread.join("; ")),
        },
    }
}

fn organization(tree: &OrganizationSnapshot) -> Organization {
    Organization {
        id: tree.id.clone(),
        root: tree.root.clone(),
        management_account: tree.management.clone(),
        trusted_services: tree.trusted_services.clone(),
        accounts: tree.accounts.clone(),
        closed: tree.closed.clone(),
    }
}

fn guardrails(tree: &OrganizationSnapshot) -> Guardrails {
    let mut attached: BTreeMap<(PolicyType, String), Vec<NamedPolicy>> = BTreeMap::new();
    for policy in tree.policies.values() {
        let Some(named) = guardrail(policy) else { continue };
        for target in &policy.targets {
            attached.entry((policy.kind, target.clone())).or_default().push(named.clone());
        }
    }
    let is_full_access =
        |p: &OrganizationPolicy| p.kind == PolicyType::ServiceControl && p.label == "FullAWSAccess";
    Guardrails {
        parents: tree.units.clone(),
        attached,
        bare: BTreeSet::new(),
        enabled: tree.enabled.clone(),
        complete: tree.policies.values().any(is_full_access),
    }
}

/// What a policy that cannot be read denies is not known: it limits nothing, and the tree says that it was not read.
fn guardrail(policy: &OrganizationPolicy) -> Option<NamedPolicy> {
    let full = || (policy.kind == PolicyType::ServiceControl).then(NamedPolicy::full_access);
    policy.document().or_else(full)
}

fn managed_policies(snapshot: &AccountsSnapshot) -> ManagedPolicies {
    let own = snapshot.accounts.values().flat_map(|account| &account.policies);
    let all = own.chain(&snapshot.aws_policies);
    all.map(|(arn, policy)| {
        let ManagedDocument { label, content, others } = policy.clone();
        let name = label.clone();
        let current = content.clone();
        let read = move || content.named(&name, "content", Use::Managed);
        let are_equivalent = move || others.is_some_and(|others| are_equivalent(&current, &others));
        (arn.clone(), ManagedPolicy::new(label, read).with_versions(are_equivalent))
    })
    .collect()
}

/// Whether the other versions of a policy are equivalent to the current one.
fn are_equivalent(current: &PolicyText, others: &[PolicyText]) -> bool {
    let document = |text: &PolicyText| text.named("", "content", Use::Managed).map(|p| p.document);
    let Some(current) = document(current) else { return false };
    others
        .iter()
        .all(|other| document(other).is_some_and(|other| diff(&current, &other).is_empty()))
}

fn principal(
    account: &Arc<AccountSnapshot>,
    (kind, name): (PrincipalKind, &str),
    identity: &Identity,
    managed: &Arc<ManagedPolicies>,
) -> PrincipalNode {
    let trust = identity.trust.as_ref();
    let trust = trust.and_then(|trust| trust.named(&identity.label, "trust", Use::Trust));
    let (arn, label) = (identity.arn.clone(), identity.label.clone());
    let (name, holder, managed) = (name.to_owned(), Arc::clone(account), Arc::clone(managed));
    let permissions = move || {
        let identity = identities(&holder, kind).get(&name);
        identity.map(|own| permissions(own, &holder, &managed)).unwrap_or_default()
    };
    let mut node = PrincipalNode::new(arn, account.handle.clone(), kind, label, permissions);
    node.trust = trust;
    node
}

fn group_node(
    account: &Arc<AccountSnapshot>,
    group: &Group,
    managed: &Arc<ManagedPolicies>,
) -> GroupNode {
    let (arn, group, managed) = (group.arn.clone(), group.clone(), Arc::clone(managed));
    GroupNode::new(arn, account.handle.clone(), move || {
        let mut own = Permissions::default();
        identity_policies(&group.label, &group.inline, &group.attached, &managed, &mut own);
        own.attached = group.attached.iter().filter(|arn| !is_aws_managed(arn)).cloned().collect();
        own
    })
}

fn permissions(
    identity: &Identity,
    account: &AccountSnapshot,
    managed: &ManagedPolicies,
) -> Permissions {
    let mut own = Permissions { unreadable: identity.unreadable, ..Permissions::default() };
    identity_policies(&identity.label, &identity.inline, &identity.attached, managed, &mut own);
    let mut attached = identity.attached.clone();
    for name in &identity.groups {
        match account.groups.get(name) {
            Some(group) => {
                identity_policies(&group.label, &group.inline, &group.attached, managed, &mut own);
                attached.extend(group.attached.iter().cloned());
                own.groups.push(group.arn.clone());
            }
            None => own.unreadable = true,
        }
    }
    if let Some(boundary) = &identity.boundary {
        own.boundary = managed.get(boundary).and_then(|policy| policy.part("boundary"));
        own.unread_boundary = own.boundary.is_none();
        own.unreadable |= own.unread_boundary;
        attached.insert(boundary.clone());
    }
    own.attached = attached.into_iter().filter(|arn| !is_aws_managed(arn)).collect();
    own.tags.clone_from(&identity.tags);
    own.unique_id.clone_from(&identity.unique_id);
    own
}

fn identity_policies(
    label: &str,
    inline: &BTreeMap<String, PolicyText>,
    attached: &BTreeSet<String>,
    managed: &ManagedPolicies,
    own: &mut Permissions,
) {
    let inline = inline.iter().map(|(name, text)| text.named(label, name, Use::Identity));
    let attached = attached.iter().map(|arn| managed.get(arn).and_then(|m| m.part("content")));
    for policy in inline.chain(attached) {
        own.unreadable |= policy.is_none();
        own.identity.extend(policy);
    }
}

fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

fn resources(account: &AccountSnapshot) -> impl Iterator<Item = ResourceNode> {
    account.resources.iter().map(|(arn, resource)| ResourceNode {
        kind: resource.kind,
        arn: arn.clone(),
        account: account.handle.clone(),
        label: resource.label.clone(),
        location: None,
        policy: match &resource.policy {
            None => ResourcePolicy::Absent,
            Some(text) => {
                let role = Use::Resource(resource.kind.service.to_owned());
                match text.named(&resource.label, "policy", role) {
                    Some(policy) => ResourcePolicy::Document(policy),
                    None => ResourcePolicy::Unreadable,
                }
            }
        },
        // The account's own block holds for every bucket in it (S3 User Guide, "Blocking public access to your
        // Amazon S3 storage").
        restrict_public: resource.restrict_public || account.restrict_public,
        access_lists: match resource.kind.name == BUCKET.name {
            true => AccessLists::of(
                resource.ownership.as_deref(),
                resource.ignores_public_lists || account.ignores_public_lists,
            ),
            false => AccessLists::Off,
        },
        key: None,
        tags: ResourceTags::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::{AccountId, Handle};

    const ID: &str = "111111111111";

    fn allowing(action: &str) -> PolicyText {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        PolicyText::read(&json!({"Version": "2012-10-17", "Statement": [statement]}))
    }

    fn arn(rest: &str) -> String {
        format!("arn:aws:iam::{ID}:{rest}")
    }

    fn snapshot() -> AccountsSnapshot {
        let id: AccountId = ID.parse().expect("an id");
        let mut account = AccountSnapshot::new(&id, Handle::from(&id));
        let policy = ManagedDocument::new("iam_policy/p".to_owned(), allowing("s3:GetObject"));
        account.policies.insert(arn("policy/p"), policy);
        for name in ["same", "changed", "attached"] {
            let role = Identity {
                arn: arn(&format!("role/{name}")),
                label: format!("iam_role/{name}"),
                inline: BTreeMap::from([("own".to_owned(), allowing("s3:ListBucket"))]),
                attached: (name == "attached").then(|| arn("policy/p")).into_iter().collect(),
                ..Identity::default()
            };
            account.roles.insert(name.to_owned(), role);
        }
        let mut snapshot = AccountsSnapshot::default();
        snapshot.accounts.insert(ID.to_owned(), Arc::new(account));
        snapshot
    }

    #[test]
    fn principals_that_are_the_same_on_both_sides_are_read_once() {
        let before = snapshot();
        let mut after = before.clone();
        let account = after.account(ID).expect("an account");
        account.mark_unread("something else");
        let changed = account.roles.get_mut("changed").expect("a role");
        changed.inline.insert("own".to_owned(), allowing("s3:PutObject"));
        let policy = account.policies.get_mut(&arn("policy/p")).expect("a policy");
        policy.content = allowing("s3:PutObject");
        let (was, is) = models(&before, &after);
        let shared = |name: &str| {
            let arn = arn(&format!("role/{name}"));
            Arc::ptr_eq(was.principals.get(&arn).expect(name), is.principals.get(&arn).expect(name))
        };
        assert!(shared("same"));
        assert!(!shared("changed"));
        assert!(!shared("attached"), "what a policy of it says has changed");
    }
}
