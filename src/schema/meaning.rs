//! What the objects of a kind mean in AWS beyond their attributes: what other layers would otherwise
//! have to know a kind's name for.
//!
//! Nothing in [`Meaning`] has a default. A kind says of each part what holds for it, and a part that
//! is forgotten does not compile.

use super::access::AccessPart;
use crate::iam::Use;

/// What the objects of a kind mean in AWS.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The part that they play in who may do what.
    pub access: AccessPart,
    /// The quotas that they count against.
    pub quotas: &'static [Quota],
    /// What repairing the estate has to be able to do with them.
    pub repair: Repair,
    /// What names them.
    pub naming: Naming,
    /// How a policy of such an object is written again by hand, where it can name principals: an AWS CLI
    /// command, with `KEY` for the object's natural key. AWS severs such a policy from a principal that is
    /// deleted.
    pub rewrite_policy: Option<&'static str>,
    /// The form of the ARNs by which policies and other objects name them; `None` where nothing names
    /// them by an ARN.
    pub arn: Option<ArnForm>,
}

/// The attributes that make an object's name and ARN.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// Attributes of the block, sorted. They may depend on nothing but each other, so that two blocks
    /// can name each other's ARNs.
    pub identity: &'static [&'static str],
    /// The one that is the block's label where it is not given.
    pub label: Option<&'static str>,
    /// What others are where they are not given.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Within what the natural key is an object's own.
    pub unique_in: NameSpace,
}

/// Within what two objects of a kind cannot have one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSpace {
    /// Their account; the organization, for what does not live in accounts.
    Account,
    /// All accounts of the partition (S3 User Guide, "General purpose bucket naming rules").
    Partition,
}

impl Naming {
    /// For objects of which there is one, and those that are named by other means.
    pub const NONE: Self =
        Self { identity: &[], label: None, defaults: &[], unique_in: NameSpace::Account };

    /// Named by one attribute, which is the block's label where it is not given.
    #[must_use]
    pub const fn by(attr: &'static str, identity: &'static [&'static str]) -> Self {
        Self { identity, label: Some(attr), ..Self::NONE }
    }
}

/// An AWS quota that a plan counts. `limit` is its name in `organization { limits {} }` and in
/// [`crate::iam::Limits`].
#[derive(Clone, Copy, Debug)]
pub enum Quota {
    /// So many objects in one account.
    PerAccount {
        /// The quota.
        limit: &'static str,
        /// The objects, in the plural.
        what: &'static str,
    },
    /// So many objects attached to one target ([`super::kind_schema::KindSchema::attachments`]).
    PerTarget {
        /// The quota.
        limit: &'static str,
        /// The objects, in the plural.
        what: &'static str,
        /// Whether AWS refuses to detach the last one.
        keeps_last: bool,
    },
    /// So large an object.
    Size {
        /// The quota.
        limit: &'static str,
        /// What is measured.
        measure: Measure,
    },
    /// So many levels of objects below each other.
    Depth {
        /// The quota.
        limit: &'static str,
        /// The attribute with what stands above.
        parent: &'static str,
    },
    /// Such a share of all objects, in percent, may be closed in 30 days.
    Closures {
        /// The quota.
        limit: &'static str,
    },
}

impl Quota {
    /// The name of the quota.
    #[must_use]
    pub const fn limit(&self) -> &'static str {
        match self {
            Self::PerAccount { limit, .. }
            | Self::PerTarget { limit, .. }
            | Self::Size { limit, .. }
            | Self::Depth { limit, .. }
            | Self::Closures { limit } => limit,
        }
    }
}

/// What of an object a quota measures.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// The document in an attribute, as AWS counts documents of that use.
    Document(&'static str, fn() -> Use),
    /// All documents in a map together.
    Documents(&'static str, fn() -> Use),
    /// The elements of a list.
    Elements(&'static str),
}

/// What an apply, or the next one, calls on objects of a kind beside reading the account: the lock-out
/// guard refuses a plan that takes it from those who repair the estate (Service Authorization
/// Reference).
#[derive(Clone, Copy, Debug)]
pub enum Repair {
    /// Actions on each object, by its `arn`.
    Objects(&'static [&'static str]),
    /// Actions on everything of a service whose resource begins so, in the account and region.
    Below {
        /// The service in the ARN.
        service: &'static str,
        /// How the resource begins: `parameter/`.
        resource: &'static str,
        /// The actions.
        actions: &'static [&'static str],
        /// Actions of the same service that name no resource: AWS grants them on `*` alone.
        unscoped: &'static [&'static str],
    },
    /// Actions that name no resource.
    Everywhere(&'static [&'static str]),
    /// Nothing that a policy of the plan could take away, and why.
    Nothing(&'static str),
}

/// The form of an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnForm {
    /// The service: `iam`.
    pub service: &'static str,
    /// How the resource begins: `role/`.
    pub resource: &'static str,
}
