//! Policies that stand on resources, as the services tell them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Failure, UnreadAdvice};
use crate::iam::KeyGrant;

/// What was read of the policies on an account's resources.
#[derive(Clone, Debug, Default)]
pub struct PolicyReadings {
    /// Types by their CloudFormation names that were read, each with the Regions in which it was not; `None` where it was read in every
    /// Region that the account has enabled.
    pub read: BTreeMap<&'static str, Option<String>>,
    /// Types that were asked for and could not be read, and why.
    pub unread: BTreeMap<&'static str, UnreadType>,
    /// The resources of those types, by their ARNs.
    pub resources: BTreeMap<String, ResourceReading>,
}

/// Why a type could not be read.
#[derive(Clone, Debug)]
pub struct UnreadType {
    /// What kind of failure it was.
    pub failure: Failure,
    /// The Region and the error.
    pub why: String,
    /// What to do about it, where there is something to say.
    pub advice: Option<UnreadAdvice>,
}

/// A resource that can have a policy.
#[derive(Clone, Debug)]
pub struct ResourceReading {
    /// The CloudFormation name of its type.
    pub kind: &'static str,
    /// Its policy as JSON, where it has one; or why that could not be read.
    pub policy: Result<Option<String>, String>,
    /// The grants on it that may let in somebody of another account, or why they could not be read; `None` where it is no KMS key.
    pub grants: Result<Option<Vec<KeyGrant>>, String>,
}

/// Types of resources, by their CloudFormation names, whose policies are read.
pub type PolicyTypes = BTreeSet<&'static str>;
