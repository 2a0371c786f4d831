//! Dumps of accounts: a folder of what the `aws` command line prints.
//!
//! ```text
//! organization.json                              organization, root, units, accounts, scps, rcps
//! accounts/ID/account-authorization-details.json `aws iam get-account-authorization-details`
//! accounts/ID/buckets.json                       account_public_access_block, buckets
//! accounts/ID/resource-policies.json             resources: [{arn, policy}], queues, keys, secrets; types, unread
//! accounts/ID/unread.json                        unread: why other files are absent
//! ```
//!
//! A file that is absent was not read: its account counts as unread. Only an empty list says that there is nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    AccountSnapshot, AccountsSnapshot, Group, Identity, ManagedDocument, NO_DUMP,
    OrganizationPolicy, OrganizationSnapshot, PolicyText, Resource, SharedTexts, Tree,
};
use crate::access::{
    BUCKET, FUNCTION, KEY, PolicyType, QUEUE, REPOSITORY, RESOURCE_TYPES, ResourceType, SECRET,
    STREAM, TABLE, TOPIC,
};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::ids::{AccountId, Handle, Partition};
use crate::schema::kind_of_arn;

pub(crate) mod files;

use files::{
    AccountDump, AttachedPolicy, DETAILS, Dumps, InlinePolicy, OrganizationDump, PolicyDump,
    RESOURCE_POLICIES, Tag,
};

/// Environments by name, each with the ids of its accounts.
pub(crate) type Environments = BTreeMap<String, BTreeSet<AccountId>>;

/// What the user calls the accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    /// Environments with their accounts.
    pub environments: &'a Environments,
    /// Accounts that have a name of their own.
    pub handles: &'a BTreeMap<AccountId, Handle>,
}

/// Reads the dumps below `dir`. Accounts that environments name and that have no dump are in the snapshot, unread.
///
/// # Errors
/// A file that is there and is not what its name says, each with the place; a folder that holds no dump at all.
pub(crate) fn read(dir: &Path, named: Named<'_>) -> Result<AccountsSnapshot, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let dumps = Dumps::load(dir, &mut diagnostics);
    if dumps.accounts.is_empty() && !diagnostics.has_errors() {
        diagnostics.push(
            Diagnostic::error(format!("there are no dumps of accounts in `{}`", dir.display()))
                .help(
                    "a dump is `accounts/ID/account-authorization-details.json`, the output of \
                 `aws iam get-account-authorization-details`; see docs/review.md",
                ),
        );
    }
    let snapshot = snapshot(dumps, named, &mut diagnostics);
    diagnostics.into_result(snapshot)
}

/// What dumps say. Accounts that environments name and that have no dump are in the snapshot, unread.
pub(crate) fn snapshot(
    dumps: Dumps,
    named: Named<'_>,
    diagnostics: &mut Diagnostics,
) -> AccountsSnapshot {
    let tree = tree(dumps.organization, diagnostics);
    let mut snapshot = AccountsSnapshot { tree, ..AccountsSnapshot::default() };
    let mut texts = SharedTexts::default();
    let mut left = Vec::new();
    for (id, mut dump) in dumps.accounts {
        let mut account = AccountSnapshot::new(&id, handle(&id, &snapshot, named));
        for why in &dump.unread.reasons {
            account.mark_unread(why);
        }
        let shared = (&mut snapshot.aws_policies, &mut texts);
        identities(&mut account, &mut dump, shared, diagnostics);
        snapshot.accounts.insert(id.to_string(), Arc::new(account));
        left.push((id, dump));
    }
    add_environments(&mut snapshot, named);
    share_partition(&mut snapshot);
    for (id, dump) in left {
        let Some(account) = snapshot.account(id.as_str()) else { continue };
        buckets(account, &dump);
        policies(account, &dump, diagnostics);
    }
    snapshot
}

/// Gives accounts of which no ARN tells the partition that of the others: no organization spans two (GovCloud User Guide,
/// "AWS Organizations in AWS GovCloud (US) Regions"), and the ARN of a bucket does not say
/// whose it is.
fn share_partition(snapshot: &mut AccountsSnapshot) {
    let is_told =
        |account: &AccountSnapshot| !(account.roles.is_empty() && account.users.is_empty());
    let told = snapshot.accounts.values().find(|account| is_told(account));
    let Some(partition) = told.map(|account| account.partition) else { return };
    for account in snapshot.accounts.values_mut().filter(|account| !is_told(account)) {
        Arc::make_mut(account).partition = partition;
    }
}

/// Accounts without any dump: named, and unread.
#[must_use]
pub(crate) fn unread(named: Named<'_>) -> AccountsSnapshot {
    let mut snapshot = AccountsSnapshot::default();
    add_environments(&mut snapshot, named);
    snapshot
}

fn add_environments(snapshot: &mut AccountsSnapshot, named: Named<'_>) {
    for (environment, ids) in named.environments {
        for id in ids {
            add_account(snapshot, id, named);
            if let Some(account) = snapshot.account(id.as_str()) {
                account.environments.insert(environment.clone());
            }
        }
    }
}

/// An account without a dump, unless it is there: named, and unread.
pub(crate) fn add_account(snapshot: &mut AccountsSnapshot, id: &AccountId, named: Named<'_>) {
    if snapshot.accounts.contains_key(id.as_str()) {
        return;
    }
    let mut account = AccountSnapshot::new(id, handle(id, snapshot, named));
    account.mark_unread(NO_DUMP);
    snapshot.accounts.insert(id.to_string(), Arc::new(account));
}

/// What the user calls the account; its name in the organization where that is one that reports can use and that no
/// other has; its id otherwise.
fn handle(id: &AccountId, snapshot: &AccountsSnapshot, named: Named<'_>) -> Handle {
    if let Some(handle) = named.handles.get(id) {
        return handle.clone();
    }
    let name = match &snapshot.tree {
        Tree::Read(tree) => tree.names.get(id.as_str()),
        Tree::Unread(_) | Tree::Absent => None,
    };
    let taken = |handle: &Handle| {
        snapshot.accounts.values().any(|a| a.handle == *handle)
            || named.handles.values().any(|other| other == handle)
    };
    let named = name.and_then(|name| name.parse().ok()).filter(|handle| !taken(handle));
    named.unwrap_or_else(|| Handle::from(id))
}

fn inline(list: Vec<InlinePolicy>, texts: &mut SharedTexts) -> BTreeMap<String, PolicyText> {
    list.into_iter().map(|p| (p.policy_name, texts.shared(p.policy_document))).collect()
}

fn attached(list: Vec<AttachedPolicy>) -> BTreeSet<String> {
    list.into_iter().map(|policy| policy.policy_arn).collect()
}

fn tags(list: Vec<Tag>) -> BTreeMap<String, String> {
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Roles, users, groups and managed policies.
fn identities(
    account: &mut AccountSnapshot,
    dump: &mut AccountDump,
    (aws_policies, texts): (&mut BTreeMap<String, ManagedDocument>, &mut SharedTexts),
    diagnostics: &mut Diagnostics,
) {
    let Some(details) = dump.details.take() else {
        if dump.unread.reasons.is_empty() {
            account.mark_unread(format!("its roles and users were not read ({DETAILS})"));
        }
        return;
    };
    if details.is_truncated || details.next_token.is_some() {
        account.mark_unread(format!("{DETAILS} is one page of several"));
    }
    let own = format!("::{}:", account.id);
    let arns = details.role_detail_list.iter().map(|role| &role.arn);
    for arn in arns.chain(details.user_detail_list.iter().map(|user| &user.arn)) {
        if !arn.contains(&own) {
            diagnostics.push(Diagnostic::error(format!(
                "`accounts/{id}/{DETAILS}` holds `{arn}`, which is not of account {id}",
                id = account.id
            )));
            return;
        }
        account.partition = partition(arn);
    }
    let at = account.handle.clone();
    for role in details.role_detail_list {
        let identity = Identity {
            label: label(&role.arn, &role.role_name, &at),
            arn: role.arn,
            unique_id: role.role_id,
            trust: Some(texts.shared(role.assume_role_policy_document)),
            inline: inline(role.role_policy_list, texts),
            attached: attached(role.attached_managed_policies),
            boundary: role.permissions_boundary.map(|b| b.permissions_boundary_arn),
            tags: tags(role.tags),
            ..Identity::default()
        };
        account.roles.insert(role.role_name, identity);
    }
    for user in details.user_detail_list {
        let identity = Identity {
            label: label(&user.arn, &user.user_name, &at),
            arn: user.arn,
            unique_id: user.user_id,
            inline: inline(user.user_policy_list, texts),
            attached: attached(user.attached_managed_policies),
            boundary: user.permissions_boundary.map(|b| b.permissions_boundary_arn),
            groups: user.group_list,
            tags: tags(user.tags),
            ..Identity::default()
        };
        account.users.insert(user.user_name, identity);
    }
    for group in details.group_detail_list {
        let node = Group {
            label: label(&group.arn, &group.group_name, &at),
            arn: group.arn,
            inline: inline(group.group_policy_list, texts),
            attached: attached(group.attached_managed_policies),
        };
        account.groups.insert(group.group_name, node);
    }
    for policy in details.policies {
        let is_whole = policy.policy_version_list.iter().all(|v| v.version_id.is_some());
        let (default, others): (Vec<_>, Vec<_>) =
            policy.policy_version_list.into_iter().partition(|v| v.is_default_version);
        let others = others.into_iter().map(|v| Some(texts.shared(v.document?)));
        let others = others.collect::<Option<Vec<PolicyText>>>().filter(|_| is_whole);
        let default = default.into_iter().next();
        let content = match default.and_then(|version| version.document) {
            Some(document) => texts.shared(document),
            None => PolicyText::Unknown("its default version is not in the dump".to_owned()),
        };
        let by_aws = policy.arn.split(':').nth(4) == Some("aws");
        let name = policy.arn.rsplit('/').next().unwrap_or_default();
        let label = if by_aws { policy.arn.clone() } else { label(&policy.arn, name, &at) };
        let holder = if by_aws { &mut *aws_policies } else { &mut account.policies };
        holder.insert(policy.arn, ManagedDocument { label, content, others });
    }
}

/// How reports call an object: by the name that its kind has in the language, as a plan calls what it does not
/// manage.
fn label(arn: &str, name: &str, at: &Handle) -> String {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let kind = kind_of_arn(service, resource).unwrap_or(service);
    format!("{kind}/{name}@{at}")
}

/// The partition that an ARN names.
pub(super) fn partition(arn: &str) -> Partition {
    let named = arn.split(':').nth(1).unwrap_or_default();
    serde_json::from_value(Json::String(named.to_owned())).unwrap_or_default()
}

fn buckets(account: &mut AccountSnapshot, dump: &AccountDump) {
    let Some(buckets) = &dump.buckets else {
        if dump.unread.reasons.is_empty() {
            account.mark_unread("its buckets were not read (buckets.json)");
        }
        return;
    };
    let block = buckets.account_public_access_block.unwrap_or_default();
    account.restrict_public = block.restrict_public_buckets;
    account.ignores_public_lists = block.ignore_public_acls;
    for bucket in &buckets.buckets {
        if let Some(why) = &bucket.unread {
            account
                .mark_unread(format!("the policy of bucket `{}` was not read: {why}", bucket.name));
        }
        if bucket.policy.is_none() && bucket.unread.is_none() {
            account.mark_unread(format!(
                "buckets.json does not say what policy bucket `{}` has (`\"policy\": null` where it has none)",
                bucket.name
            ));
        }
        let arn = BUCKET.global_arn(account.partition, &bucket.name);
        let block = bucket.public_access_block.unwrap_or_default();
        let resource = Resource {
            kind: &BUCKET,
            label: label(&arn, &bucket.name, &account.handle),
            policy: bucket.policy.iter().flatten().next().map(PolicyText::read),
            restrict_public: block.restrict_public_buckets,
            ownership: bucket.ownership.clone(),
            ignores_public_lists: block.ignore_public_acls,
            is_dumped: true,
        };
        account.resources.insert(arn, resource);
    }
}

/// The types that a file of resource policies lists whole where it does not say which (docs/review.md). Resources of other types in
/// it are judged, but the account may have more of them.
const DUMPED_TYPES: [&ResourceType; 9] =
    [&BUCKET, &FUNCTION, &KEY, &QUEUE, &REPOSITORY, &SECRET, &STREAM, &TABLE, &TOPIC];

/// Policies of other resources; the file may be absent, since nobody has to ask for them.
fn policies(account: &mut AccountSnapshot, dump: &AccountDump, diagnostics: &mut Diagnostics) {
    let Some(policies) = &dump.resource_policies else { return };
    match &policies.types {
        None => account.listed_types = DUMPED_TYPES.map(|of| (of.name, None)).into(),
        Some(types) => {
            for (name, beyond) in types {
                match ResourceType::named(name) {
                    Some(of) => {
                        account.listed_types.insert(of.name, beyond.clone());
                    }
                    None => diagnostics.push(not_judged(account, name)),
                }
            }
        }
    }
    let mut keys = policies
        .resources
        .iter()
        .filter(|one| ResourceType::of_arn(&one.arn).is_some_and(|of| of.name == KEY.name));
    account.lists_grants = keys.all(|key| key.grants.is_some() || key.grants_unread.is_some());
    for what in policies.not_read() {
        account.mark_unread(what);
    }
    for resource in &policies.resources {
        let Some(kind) = ResourceType::of_arn(&resource.arn) else {
            account.mark_unread(format!("`{}` is of a type that is not judged", resource.arn));
            continue;
        };
        let label = format!("{}@{}", resource.arn, account.handle);
        let policy = match &resource.unread {
            Some(why) => Some(PolicyText::Unknown(why.clone())),
            None => resource.policy.as_ref().map(PolicyText::read),
        };
        let resource_of = Resource { label, policy, is_dumped: true, ..Resource::new(kind) };
        account.resources.insert(resource.arn.clone(), resource_of);
        let grants = resource.grants.iter().flatten();
        account.grants.extend(grants.map(|grant| (resource.arn.clone(), grant.clone())));
    }
}

fn not_judged(account: &AccountSnapshot, name: &str) -> Diagnostic {
    let id = &account.id;
    let what =
        format!("`accounts/{id}/{RESOURCE_POLICIES}` lists `{name}`, a type that is not judged");
    let names = RESOURCE_TYPES.map(|of| of.name);
    let help = did_you_mean(name, names)
        .unwrap_or_else(|| format!("types that are judged are {}", names.join(", ")));
    Diagnostic::error(what).help(help)
}

fn tree(dump: Option<OrganizationDump>, diagnostics: &mut Diagnostics) -> Tree {
    let Some(dump) = dump else { return Tree::default() };
    let Some(ids) = dump.organization else {
        return match dump.unread.is_empty() {
            true => Tree::Absent,
            false => Tree::Unread(dump.unread.join("; ")),
        };
    };
    let Some(root) = dump.root else {
        diagnostics.push(
            Diagnostic::error("`organization.json` has no `root`")
                .help("an estate without an organization says `{\"organization\": null}`"),
        );
        return Tree::default();
    };
    let enabled = root.policy_types.map(|types| {
        let on = types.into_iter().filter(|t| t.status == "ENABLED");
        on.filter_map(|t| policy_type(&t.r#type)).collect()
    });
    for (key, kind, is_there) in [
        ("scps", PolicyType::ServiceControl, dump.scps.is_some()),
        ("rcps", PolicyType::ResourceControl, dump.rcps.is_some()),
    ] {
        let is_on = |on: &BTreeSet<PolicyType>| on.contains(&kind);
        if !is_there && enabled.as_ref().is_some_and(is_on) {
            let what = format!(
                "`organization.json` has no `{key}`, and its root has that type of policies on"
            );
            diagnostics.push(
                Diagnostic::error(what).help(format!("write `\"{key}\": []` where there are none")),
            );
        }
    }
    let mut tree = OrganizationSnapshot {
        id: ids.id,
        root: root.id,
        management: ids.management_account,
        enabled,
        unread: dump.unread,
        trusted_services: dump.trusted_services,
        units: dump.units.into_iter().map(|unit| (unit.id, unit.parent)).collect(),
        ..OrganizationSnapshot::default()
    };
    for member in dump.accounts {
        // Where only the old status is sent, it says SUSPENDED of a closed account.
        let closed = match (member.state.as_deref(), member.status.as_deref()) {
            (Some(state), _) => state == "CLOSED",
            (None, status) => status == Some("SUSPENDED"),
        };
        if closed {
            tree.closed.insert(member.id.clone());
        }
        tree.names.extend(member.name.map(|name| (member.id.clone(), name)));
        tree.accounts.insert(member.id, member.parent);
    }
    let scps = dump.scps.into_iter().flatten().map(|policy| (PolicyType::ServiceControl, policy));
    let rcps = dump.rcps.into_iter().flatten().map(|policy| (PolicyType::ResourceControl, policy));
    // AWS's own RCP permits everything and cannot be detached or changed: it limits nothing.
    let limits = |(_, policy): &(PolicyType, PolicyDump)| policy.name != "RCPFullAWSAccess";
    for (kind, policy) in scps.chain(rcps).filter(limits) {
        let label = match policy.name.as_str() {
            "FullAWSAccess" => policy.name,
            name => match kind {
                PolicyType::ServiceControl => format!("scp/{name}"),
                PolicyType::ResourceControl => format!("rcp/{name}"),
            },
        };
        let content = PolicyText::read(&policy.content);
        let policy_ = OrganizationPolicy { kind, label, content, targets: policy.targets };
        tree.policies.insert(policy.id, policy_);
    }
    tree.note_unreadable();
    Tree::Read(Box::new(tree))
}

/// The type of policies that Organizations calls so.
pub(super) fn policy_type(name: &str) -> Option<PolicyType> {
    match name {
        "SERVICE_CONTROL_POLICY" => Some(PolicyType::ServiceControl),
        "RESOURCE_CONTROL_POLICY" => Some(PolicyType::ResourceControl),
        _ => None,
    }
}
