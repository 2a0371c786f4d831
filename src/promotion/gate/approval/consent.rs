//! The consent of one person, as the backend keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::promotion::variable_prints::VariablePrints;
use crate::provider::Caller;

/// What a person says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// It may go.
    Approve,
    /// An approval is taken back.
    Revoke,
}

/// The consent of one person, as it is kept in the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Version of the format, 1.
    pub format: u32,
    /// Random, so that two records never have equal bytes.
    pub write_id: String,
    /// What was said.
    #[serde(rename = "word")]
    pub consent: Consent,
    /// The edge.
    pub edge: String,
    /// The release's name.
    pub release: String,
    /// The release's digest.
    pub digest: String,
    /// Digest of the plan.
    pub plan: String,
    /// What the giver's sensitive variables were, which the plan's digest leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<VariablePrints>,
    /// Who said it, by `sts:GetCallerIdentity`.
    pub by: Caller,
    /// When, by the backend's clock.
    pub at: Timestamp,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Approval {
    /// The approval as it is shown: fingerprints of sensitive variables are for the gate alone.
    #[must_use]
    pub fn without_prints(&self) -> Self {
        Self { variables: None, ..self.clone() }
    }
}
