//! What happens to each managed object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;
use crate::difference::PolicyChange;
use crate::ids::{AccountId, Handle};
use crate::schema::Category;
use crate::value::Plain;

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is brought into being.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and created again.
    Replace,
    /// It is deleted.
    Delete,
    /// It exists and is taken into state, perhaps changed on the way.
    Adopt,
    /// It leaves the state and stays in AWS.
    Forget,
    /// Nothing.
    NoOp,
}

/// One object's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its address.
    pub address: ResourceAddr,
    /// Its address as people read it: without the environment where that is unambiguous.
    pub display: String,
    /// Its kind.
    pub kind: String,
    /// Its account's handle; null for organization objects.
    pub account: Option<Handle>,
    /// The environments that it belongs to.
    pub environments: Vec<String>,
    /// The heading that it stands under.
    pub category: Category,
    /// What happens.
    pub action: Action,
    /// Why, for people; never read by apply.
    pub reason: Option<String>,
    /// Where it is declared, `file:line`; null when it no longer is.
    pub location: Option<String>,
    /// Natural key of the live object, where there is one.
    pub key: Option<String>,
    /// Canonical attributes now; null when it does not exist.
    pub before: Option<Plain>,
    /// Canonical attributes after; null when it will not exist. Unknown values are null here.
    pub after: Option<Plain>,
    /// Paths in `after` that are known after apply, each with what it waits for or is made of.
    pub after_unknown: Vec<String>,
    /// Partly unknown strings by path, readable: `arn:aws:iam::${account.new.id}:root`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after_partial: BTreeMap<String, String>,
    /// Paths whose values are hidden.
    pub sensitive: Vec<String>,
    /// Paths that differ.
    pub changed: Vec<String>,
    /// Of these, the ones that force a replacement.
    pub replace_because: Vec<String>,
    /// On replacement, whether the new object comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_before_destroy: bool,
    /// Differences between policy documents, by meaning.
    pub policy_diff: Vec<PolicyChange>,
    /// Where it was, for `moved`.
    pub previous_address: Option<ResourceAddr>,
    /// What it depends on.
    pub depends_on: Vec<ResourceAddr>,
}

impl ResourceChange {
    /// The unique id of a principal, which stands in `attr`, and the ARN that stands for it in policies as long as it
    /// exists.
    #[must_use]
    pub fn unique_id(&self, attr: &str) -> Option<(String, String)> {
        let text = |name: &str| self.before.as_ref()?.get(name)?.as_str().map(str::to_owned);
        Some((text(attr)?, text("arn")?))
    }

    /// Whether it writes more than tags: an update of tags alone needs no secret's value.
    #[must_use]
    pub fn writes_values(&self) -> bool {
        match self.action {
            Action::Create | Action::Replace => true,
            Action::Update if self.changed.is_empty() => true,
            Action::Update | Action::Adopt => self.changed.iter().any(|path| !is_tag(path)),
            Action::Delete | Action::Forget | Action::NoOp => false,
        }
    }
}

fn is_tag(path: &str) -> bool {
    path.strip_prefix("$.tags").is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Changes of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChanges {
    /// Its handle; `org` for the organization itself.
    pub account: String,
    /// Its id; null while unknown.
    pub account_id: Option<AccountId>,
    /// The environments that it serves.
    pub environments: Vec<String>,
    /// Addresses with a change, by category.
    pub changes: BTreeMap<Category, Vec<ResourceAddr>>,
    /// Ids of isolation paths that start or end here.
    pub isolation: Vec<String>,
}
