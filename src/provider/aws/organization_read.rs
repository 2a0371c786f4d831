//! Reads an organization: its settings, the tree of units and accounts, its policies and their targets.

use std::collections::{BTreeSet, VecDeque};

use aws_sdk_organizations::types::{
    Account, Organization, OrganizationalUnit, PolicySummary, PolicyTypeStatus, Root, TargetType,
};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::oneshot;

use super::clients::Session;
use super::kind::{Absent, Bulk, attrs, live, optional, sorted};
use super::org_policy::{OrgPolicy, RESOURCE_CONTROL_POLICY, SERVICE_CONTROL_POLICY};
use super::{ROOT, account, organization, organization_tags, organizational_unit, registered};
use crate::ids::AccountId;
use crate::provider::{Failure, Inventory, LiveObject, ProviderError};
use crate::schema::{self, AccountState, canonical_policy, is_aws_owned};
use crate::value::Value;

/// The id of the root, or the id itself.
pub(super) async fn node_id(session: &Session, node: &str) -> Result<String, ProviderError> {
    if node == ROOT { session.root().await.map(str::to_owned) } else { Ok(node.to_owned()) }
}

/// `root` for the root's id, the id itself otherwise.
fn node_name(id: &str) -> &str {
    if id.starts_with("r-") { ROOT } else { id }
}

/// Everything. An account that is in no organization has an empty one. `announce` hears which account
/// is the management account as soon as AWS has said so, long before the tree is read.
///
/// What needs nothing of each other starts together, so that the chain of waits is as long as the tree
/// is deep: whether there is an organization at all is found out along the way.
pub(super) async fn everything(
    session: &Session,
    announce: oneshot::Sender<Option<AccountId>>,
) -> Result<Inventory, ProviderError> {
    let mut inventory = Inventory::default();
    let kinds = registered().filter(|(_, bulk)| matches!(bulk, Bulk::Organization));
    inventory.complete.extend(kinds.map(|(kind, _)| kind));
    let described = async {
        let described = describe(session).await;
        if let Ok(described) = &described {
            let management = described.as_ref().and_then(|o| o.master_account_id());
            // Nobody may be waiting to hear it.
            let _ = announce.send(management.and_then(|id| id.parse().ok()));
        }
        described
    };
    let below_root = async {
        let root = root(session).await?;
        let id = root.as_ref().and_then(|root| root.id()).map(str::to_owned);
        let tree = tree(session, id).await?;
        Ok((root, tree))
    };
    let (described, services, below_root, scps, rcps) = futures::join!(
        described,
        trusted_services(session),
        below_root,
        policies(session, &SERVICE_CONTROL_POLICY),
        policies(session, &RESOURCE_CONTROL_POLICY),
    );
    let Some(described) = described? else { return Ok(inventory) };
    let (root, tree) = below_root?;
    let organization = organization_object(&described, root.as_ref(), services?);
    let mut objects: Vec<LiveObject> = organization.into_iter().chain(tree).collect();
    for (kind, found) in [(&SERVICE_CONTROL_POLICY, scps?), (&RESOURCE_CONTROL_POLICY, rcps?)] {
        match found {
            Ok(found) => objects.extend(found),
            Err(why) => {
                inventory.complete.remove(kind.kind);
                inventory.unread.insert(kind.kind, why);
            }
        }
    }
    for object in objects {
        inventory.objects.insert((object.kind, object.key.clone()), object);
    }
    Ok(inventory)
}

/// The organization itself; `None` when the account is in none.
pub(super) async fn organization(session: &Session) -> Result<Option<LiveObject>, ProviderError> {
    let (described, root, services) =
        futures::join!(describe(session), root(session), trusted_services(session));
    let Some(described) = described? else { return Ok(None) };
    Ok(organization_object(&described, root?.as_ref(), services?))
}

async fn describe(session: &Session) -> Result<Option<Organization>, ProviderError> {
    let described = session
        .organizations()
        .describe_organization()
        .send()
        .await
        .map_err(session.error("organizations", "DescribeOrganization"));
    match described {
        Err(e) if e.code.as_deref() == Some("AWSOrganizationsNotInUseException") => Ok(None),
        described => Ok(described?.organization),
    }
}

async fn root(session: &Session) -> Result<Option<Root>, ProviderError> {
    let roots = session
        .organizations()
        .list_roots()
        .send()
        .await
        .map_err(session.error("organizations", "ListRoots"))?;
    Ok(roots.roots.unwrap_or_default().into_iter().next())
}

/// The services that may work in all accounts; `None` where the endpoint does not know of such.
async fn trusted_services(session: &Session) -> Result<Option<Value>, ProviderError> {
    let services = session
        .organizations()
        .list_aws_service_access_for_organization()
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListAWSServiceAccessForOrganization"));
    match services {
        Ok(services) => {
            let names = services
                .iter()
                .flat_map(|page| page.enabled_service_principals())
                .filter_map(|s| s.service_principal());
            Ok(Some(sorted(names)))
        }
        Err(error) if error.failure == Failure::NotImplemented => Ok(None),
        Err(error) => Err(error),
    }
}

fn organization_object(
    found: &Organization,
    root: Option<&Root>,
    services: Option<Value>,
) -> Option<LiveObject> {
    let types = root.map(|r| r.policy_types()).unwrap_or_default();
    let types = types
        .iter()
        .filter(|t| {
            matches!(t.status(), Some(PolicyTypeStatus::Enabled | PolicyTypeStatus::PendingEnable))
        })
        .filter_map(|t| t.r#type())
        .map(|t| t.as_str());
    let mut attrs = attrs([
        ("id", optional(found.id())),
        ("arn", optional(found.arn())),
        ("root_id", optional(root.and_then(|r| r.id()))),
        ("management_account_id", optional(found.master_account_id())),
        ("feature_set", optional(found.feature_set().map(|f| f.as_str()))),
        ("enabled_policy_types", sorted(types)),
    ]);
    if let Some(services) = services {
        attrs.insert("trusted_services".to_owned(), services);
    }
    live(organization::KIND, attrs)
}

/// One read of the tree, and what it found.
enum Found {
    Below { parent: String, units: Vec<OrganizationalUnit>, accounts: Vec<Account> },
    Object(Option<LiveObject>),
}

/// All units and accounts below a root: one pair of calls for the root and each unit, and one for the
/// tags of each unit and account. Each starts as soon as what it is about has been found, the calls that
/// lead further down first, and no more than [`super::Options::concurrency`] at a time.
async fn tree(session: &Session, root: Option<String>) -> Result<Vec<LiveObject>, ProviderError> {
    let mut objects = Vec::new();
    // AWS's units form a tree; an endpoint whose units form a circle is not followed round it.
    let mut seen: BTreeSet<String> = root.iter().cloned().collect();
    let mut parents: VecDeque<String> = root.into_iter().collect();
    let mut tagged: VecDeque<(Node, String)> = VecDeque::new();
    let mut reads = FuturesUnordered::new();
    loop {
        while reads.len() < session.options.concurrency.max(1) {
            if let Some(parent) = parents.pop_front() {
                reads.push(children(session, parent).boxed());
            } else if let Some((node, parent)) = tagged.pop_front() {
                reads.push(node_object(session, node, parent).boxed());
            } else {
                break;
            }
        }
        match reads.next().await.transpose()? {
            None => return Ok(objects),
            Some(Found::Object(object)) => objects.extend(object),
            Some(Found::Below { parent, units, accounts }) => {
                for unit in units {
                    if let Some(id) = unit.id().filter(|id| seen.insert((*id).to_owned())) {
                        parents.push_back(id.to_owned());
                        tagged.push_back((Node::Unit(unit), parent.clone()));
                    }
                }
                let accounts = accounts.into_iter().map(|a| (Node::Account(a), parent.clone()));
                tagged.extend(accounts);
            }
        }
    }
}

/// A unit or an account, before its tags are read.
enum Node {
    Unit(OrganizationalUnit),
    Account(Account),
}

async fn node_object(
    session: &Session,
    node: Node,
    parent: String,
) -> Result<Found, ProviderError> {
    let id = match &node {
        Node::Unit(unit) => unit.id(),
        Node::Account(account) => account.id(),
    };
    let tags = organization_tags::read(session, id.unwrap_or_default()).await?;
    Ok(Found::Object(match &node {
        Node::Unit(unit) => unit_object(unit, &parent, tags),
        Node::Account(account) => account_object(account, &parent, tags),
    }))
}

async fn children(session: &Session, parent: String) -> Result<Found, ProviderError> {
    let units = session
        .organizations()
        .list_organizational_units_for_parent()
        .parent_id(&parent)
        .into_paginator()
        .send()
        .try_collect();
    let accounts = session
        .organizations()
        .list_accounts_for_parent()
        .parent_id(&parent)
        .into_paginator()
        .send()
        .try_collect();
    let (units, accounts) = futures::join!(units, accounts);
    let units =
        units.map_err(session.error("organizations", "ListOrganizationalUnitsForParent"))?;
    let accounts = accounts.map_err(session.error("organizations", "ListAccountsForParent"))?;
    let units = units.into_iter().flat_map(|p| p.organizational_units.unwrap_or_default());
    let accounts = accounts.into_iter().flat_map(|p| p.accounts.unwrap_or_default());
    Ok(Found::Below { parent, units: units.collect(), accounts: accounts.collect() })
}

fn unit_object(unit: &OrganizationalUnit, parent: &str, tags: Value) -> Option<LiveObject> {
    live(
        organizational_unit::KIND,
        attrs([
            ("name", optional(unit.name())),
            ("parent", node_name(parent).into()),
            ("tags", tags),
            ("id", optional(unit.id())),
            ("arn", optional(unit.arn())),
        ]),
    )
}

fn account_object(account: &Account, parent: &str, tags: Value) -> Option<LiveObject> {
    let mut object = live(
        account::KIND,
        attrs([
            ("name", optional(account.name())),
            ("email", optional(account.email())),
            ("parent", node_name(parent).into()),
            ("tags", tags),
            ("id", optional(account.id())),
            ("arn", optional(account.arn())),
            ("state", optional(account_state(account))),
        ]),
    )?;
    object.reserved = match schema::account_state(&object.attrs) {
        Some(AccountState::Closed) => Some("the account is closed"),
        Some(AccountState::PendingClosure) => Some("the account is being closed"),
        _ => None,
    };
    Some(object)
}

/// How an account stands. Organizations sends `State`; emulators and copies of its API may still send the
/// `Status` alone that it had before.
pub(super) fn account_state(account: &Account) -> Option<&str> {
    let state = account.state().map(|state| state.as_str());
    let status = || AccountState::of_status(account.status()?.as_str()).map(AccountState::name);
    state.or_else(status)
}

/// The parent of a unit or account, `root` for the root.
pub(super) async fn parent(session: &Session, child: &str) -> Result<String, ProviderError> {
    let answer = session
        .organizations()
        .list_parents()
        .child_id(child)
        .send()
        .await
        .map_err(session.error("organizations", "ListParents"))?;
    Ok(node_name(answer.parents().first().and_then(|p| p.id()).unwrap_or(ROOT)).to_owned())
}

/// A unit by its id, or by its parent and name.
pub(super) async fn unit(
    session: &Session,
    key: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let (found, parent) = match key.split_once('/') {
        None => {
            let answer = session
                .organizations()
                .describe_organizational_unit()
                .organizational_unit_id(key)
                .send()
                .await
                .map_err(session.error("organizations", "DescribeOrganizationalUnit"))
                .absent()?;
            let Some(found) = answer.and_then(|a| a.organizational_unit) else { return Ok(None) };
            let parent = parent(session, key).await?;
            (found, parent)
        }
        Some((parent, name)) => {
            let units = session
                .organizations()
                .list_organizational_units_for_parent()
                .parent_id(node_id(session, parent).await?)
                .into_paginator()
                .send()
                .try_collect()
                .await
                .map_err(session.error("organizations", "ListOrganizationalUnitsForParent"))
                .absent()?;
            let found = units
                .into_iter()
                .flatten()
                .flat_map(|page| page.organizational_units.unwrap_or_default())
                .find(|u| u.name() == Some(name));
            let Some(found) = found else { return Ok(None) };
            (found, parent.to_owned())
        }
    };
    let tags = organization_tags::read(session, found.id().unwrap_or_default()).await?;
    Ok(unit_object(&found, &parent, tags))
}

/// An account by its id or its e-mail address.
pub(super) async fn account(
    session: &Session,
    key: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let found = if key.contains('@') {
        let accounts = session
            .organizations()
            .list_accounts()
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListAccounts"))?;
        accounts
            .into_iter()
            .flat_map(|page| page.accounts.unwrap_or_default())
            .find(|a| a.email().is_some_and(|e| e.eq_ignore_ascii_case(key)))
    } else {
        session
            .organizations()
            .describe_account()
            .account_id(key)
            .send()
            .await
            .map_err(session.error("organizations", "DescribeAccount"))
            .absent()?
            .and_then(|a| a.account)
    };
    let Some(found) = found else { return Ok(None) };
    let id = found.id().unwrap_or_default();
    let (parent, tags) =
        futures::try_join!(parent(session, id), organization_tags::read(session, id))?;
    Ok(account_object(&found, &parent, tags))
}

/// All policies of one type; the inner error says why they could not be read.
async fn policies(
    session: &Session,
    kind: &OrgPolicy,
) -> Result<Result<Vec<LiveObject>, String>, ProviderError> {
    let listed = session
        .organizations()
        .list_policies()
        .filter(kind.policy_type.clone())
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListPolicies"));
    let listed = match listed {
        Ok(pages) => {
            pages.into_iter().flat_map(|p| p.policies.unwrap_or_default()).collect::<Vec<_>>()
        }
        // An emulator may not know the type; AWS lists a type that is not enabled as empty.
        Err(e) if matches!(e.failure, Failure::NotImplemented | Failure::Refused) => {
            return Ok(Err(e.to_string()));
        }
        Err(e) => return Err(e),
    };
    let reads: Vec<_> =
        listed.iter().map(|summary| policy_object(session, kind, summary)).collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(Ok(objects.into_iter().flatten().collect()))
}

async fn policy_object(
    session: &Session,
    kind: &OrgPolicy,
    summary: &PolicySummary,
) -> Result<Option<LiveObject>, ProviderError> {
    let id = summary.id().unwrap_or_default();
    let described = async {
        session
            .organizations()
            .describe_policy()
            .policy_id(id)
            .send()
            .await
            .map_err(session.error("organizations", "DescribePolicy"))
            .absent()
    };
    let aws_managed = summary.aws_managed();
    let tagged = async {
        // AWS's own policies carry no tags, and asking for them is refused.
        if aws_managed {
            Ok(Value::Map(Default::default()))
        } else {
            organization_tags::read(session, id).await
        }
    };
    let (described, targets, tags) = futures::try_join!(described, targets(session, id), tagged)?;
    let content = described.as_ref().and_then(|d| d.policy()).and_then(|p| p.content());
    let Some(content) = content else { return Ok(None) };
    let mut object = live(
        kind.kind,
        attrs([
            ("name", optional(summary.name())),
            ("description", optional(summary.description())),
            ("content", canonical_policy(content, kind.role.clone())),
            ("targets", targets),
            ("tags", tags),
            ("id", optional(summary.id())),
            ("arn", optional(summary.arn())),
        ]),
    );
    if let Some(object) = &mut object
        && (aws_managed || summary.name().is_some_and(is_aws_owned))
    {
        object.reserved = Some("a policy that AWS or Control Tower owns");
    }
    Ok(object)
}

/// What a policy is attached to, the root as `root`.
pub(super) async fn targets(session: &Session, id: &str) -> Result<Value, ProviderError> {
    let targets = session
        .organizations()
        .list_targets_for_policy()
        .policy_id(id)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListTargetsForPolicy"))
        .absent()?
        .unwrap_or_default();
    Ok(sorted(targets.iter().flat_map(|page| page.targets()).filter_map(|target| {
        match target.r#type() {
            Some(TargetType::Root) => Some(ROOT),
            _ => target.target_id().map(node_name),
        }
    })))
}

/// A policy by its id or name.
pub(super) async fn policy(
    session: &Session,
    kind: &OrgPolicy,
    key: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let by_id = if key.parse::<crate::ids::PolicyId>().is_ok() {
        session
            .organizations()
            .describe_policy()
            .policy_id(key)
            .send()
            .await
            .map_err(session.error("organizations", "DescribePolicy"))
            .absent()?
            .and_then(|d| d.policy)
            .and_then(|p| p.policy_summary)
    } else {
        None
    };
    let summary = match by_id {
        Some(summary) => Some(summary),
        None => session
            .organizations()
            .list_policies()
            .filter(kind.policy_type.clone())
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListPolicies"))?
            .into_iter()
            .flat_map(|page| page.policies.unwrap_or_default())
            .find(|summary| summary.name() == Some(key)),
    };
    match summary {
        Some(summary) => policy_object(session, kind, &summary).await,
        None => Ok(None),
    }
}
