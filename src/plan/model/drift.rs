//! How live AWS differs from the state.

use serde::{Deserialize, Serialize};

use crate::value::Plain;

/// How live differs from state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Address of a managed object, or `KIND/KEY@ACCOUNT` of an unmanaged one.
    pub address: String,
    /// The kind.
    pub kind: String,
    /// The account's handle, or `org`.
    pub account: String,
    /// The environments that the account serves.
    pub environments: Vec<String>,
    /// How it differs.
    pub status: DriftStatus,
    /// Paths that differ.
    pub changed: Vec<String>,
    /// The attributes that differ, as recorded; null for what no state records.
    pub expected: Option<Plain>,
    /// The same attributes as found; null for what does not exist, and for what is unmanaged.
    pub actual: Option<Plain>,
}

/// Kind of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftStatus {
    /// Live differs from state.
    Changed,
    /// Recorded, and gone from AWS.
    Missing,
    /// In AWS, in no state.
    Unmanaged,
}
