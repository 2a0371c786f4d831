//! Reads an organization in bulk: its settings, the tree of units and accounts, its policies. What an answer
//! means for an object stands in the file of its kind, beside the read of a single one.

use std::collections::{BTreeSet, VecDeque};

use aws_sdk_organizations::types::{Account, OrganizationalUnit};
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::kind::Bulk;
use super::kinds::{account, organization, organizational_unit, registered};
use super::session::Session;
use super::{ROOT, organization_tags};
use crate::provider::{
    AccountListing, Announcements, Failure, Inventory, LiveObject, ProviderError,
};

/// The actions of IAM that reading the tree takes.
pub(super) const TREE_ACTIONS: [&str; 4] = [
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListTagsForResource",
];

/// The id of the root, or the id itself.
pub(super) async fn node_id(session: &Session, node: &str) -> Result<String, ProviderError> {
    if node == ROOT { session.root().await.map(str::to_owned) } else { Ok(node.to_owned()) }
}

/// `root` for the root's id, the id itself otherwise.
pub(super) fn node_name(id: &str) -> &str {
    if id.starts_with("r-") { ROOT } else { id }
}

/// Everything. An account that is in no organization has an empty one. `announce` hears which account
/// is the management account, and how accounts stand, as soon as AWS has said so, long before the tree is read.
///
/// What needs nothing of each other starts together, so that the chain of waits is as long as the tree
/// is deep: whether there is an organization at all is found out along the way.
pub(super) async fn everything(
    session: &Session,
    announce: Announcements,
) -> Result<Inventory, ProviderError> {
    let Announcements { management: announce, accounts: tell_states } = announce;
    let mut inventory = Inventory::default();
    let mut beside_the_tree = Vec::new();
    for (kind, bulk) in registered() {
        match bulk {
            Bulk::Tree => {}
            Bulk::Organization(reader) => beside_the_tree.push((kind, reader)),
            Bulk::Iam(_) | Bulk::Account(_) => continue,
        }
        inventory.complete.insert(kind);
    }
    let described = async {
        let described = organization::describe(session).await;
        let management = match &described {
            Ok(described) => described.as_ref().and_then(|o| o.master_account_id()),
            Err(error) if error.failure == Failure::NotImplemented => None,
            Err(_) => return described,
        };
        // Nobody may be waiting to hear it.
        let _ = announce.send(management.and_then(|id| id.parse().ok()));
        described
    };
    let (tell_types, types) = watch::channel(None);
    let below_root = async move {
        let root = organization::root(session).await?;
        // Nobody may be waiting to hear it.
        let _ = tell_types.send(Some(organization::enabled_types(root.as_ref())));
        let id = root.as_ref().and_then(|root| root.id()).map(str::to_owned);
        let tree = tree(session, id).await?;
        Ok((root, tree))
    };
    let readers = beside_the_tree.iter().map(|(_, reader)| reader.everything(session, &types));
    let ((), described, services, below_root, readings) = futures::join!(
        list_states(session, tell_states),
        described,
        organization::trusted_services(session),
        below_root,
        join_all(readers),
    );
    let described = match described {
        Ok(described) => described,
        // An emulator without Organizations serves an estate that declares nothing of the kind.
        Err(error) if error.failure == Failure::NotImplemented => {
            let kinds = std::mem::take(&mut inventory.complete);
            inventory.unread.extend(kinds.iter().map(|kind| (*kind, error.to_string())));
            inventory.unimplemented = kinds;
            return Ok(inventory);
        }
        Err(error) => return Err(error),
    };
    let Some(described) = described else { return Ok(inventory) };
    let (root, tree) = below_root?;
    let organization = organization::object(&described, root.as_ref(), services?);
    let mut objects: Vec<LiveObject> = organization.into_iter().chain(tree).collect();
    for ((kind, _), reading) in beside_the_tree.iter().zip(readings) {
        match reading? {
            Ok(all) => objects.extend(all),
            Err(why) => {
                inventory.complete.remove(kind);
                inventory.unread.insert(kind, why);
            }
        }
    }
    for object in objects {
        inventory.objects.insert((object.kind, object.key.clone()), object);
    }
    Ok(inventory)
}

/// Tells how accounts stand, page by page. The tree has them all too, and takes as many rounds as it is deep. What cannot
/// be listed is told by nobody: such accounts are tried.
async fn list_states(session: &Session, tell: watch::Sender<AccountListing>) {
    let mut pages = session.organizations().list_accounts().into_paginator().send();
    while let Some(Ok(page)) = pages.next().await {
        tell.send_modify(|listing| {
            listing.states.extend(page.accounts().iter().filter_map(account::listed));
        });
    }
    tell.send_modify(|listing| listing.ended = true);
}

/// One read of the tree, and what it found.
enum TreeRead {
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
            Some(TreeRead::Object(object)) => objects.extend(object),
            Some(TreeRead::Below { parent, units, accounts }) => {
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
) -> Result<TreeRead, ProviderError> {
    let id = match &node {
        Node::Unit(unit) => unit.id(),
        Node::Account(account) => account.id(),
    };
    let tags = organization_tags::read(session, id.unwrap_or_default()).await?;
    Ok(TreeRead::Object(match &node {
        Node::Unit(unit) => organizational_unit::object(unit, &parent, tags),
        Node::Account(account) => account::object(account, &parent, tags),
    }))
}

async fn children(session: &Session, parent: String) -> Result<TreeRead, ProviderError> {
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
    Ok(TreeRead::Below { parent, units: units.collect(), accounts: accounts.collect() })
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
