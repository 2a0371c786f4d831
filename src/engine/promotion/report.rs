//! What promotions and releases look like to the host: plain data, with no sentence in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::plan::model::Plan;
use crate::promotion::Digest;
use crate::promotion::gate::Evidence;
use crate::promotion::record::{Hold, Override};
use crate::promotion::revoked_verification::RevokedVerification;
use crate::value::PlainValue;

/// What a promotion would do, and what stands against it.
#[derive(Clone, Debug, Serialize)]
pub struct PromotionReport {
    /// The edge.
    pub edge: String,
    /// Where the release comes from.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Which one stands in `to`.
    pub previous: Option<Digest>,
    /// Since when it is verified in `from`; absent when it is not.
    pub verified_since: Option<Timestamp>,
    /// What it consists of.
    pub values: BTreeMap<String, PlainValue>,
    /// The gates and how they stand.
    pub gates: Vec<Evidence>,
    /// Why nothing may move into `to`.
    pub hold: Option<Hold>,
    /// The reason for going past closed gates.
    pub overriding: Option<String>,
    /// Whether nothing is done.
    pub dry_run: bool,
    /// The plan of `to`.
    pub plan: Plan,
}

/// A release and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseSummary {
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// What it consists of.
    pub values: BTreeMap<String, PlainValue>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// The environments where it is current.
    pub stands_in: Vec<ReleasePlace>,
}

/// How a release stands in one environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleasePlace {
    /// The environment.
    pub environment: String,
    /// Since when it is current.
    pub since: Timestamp,
    /// Since when it counts as verified.
    pub verified_since: Option<Timestamp>,
    /// When its verification was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The override that brought it there.
    pub overridden: Option<Override>,
    /// Earlier verifications that it stands on and that no longer count.
    #[serde(rename = "doubts")]
    pub revoked_verifications: Vec<RevokedVerification>,
}
