//! What gates answer: how they stand, and what they saw. It is kept with the promotion, so its form is
//! that of the records in the backend.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// It is open.
    Passed,
    /// It is closed, and time or people will open it: a soak, an approval, a freeze.
    Waiting,
    /// It is closed.
    Failed,
    /// It stays closed, for what it asks could not be reached: the network or the credentials failed, and
    /// nothing is known of what the gate is about.
    Unknown,
}

/// What a gate saw, and what it made of it. Kept with the promotion's record; holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `TYPE.NAME`: `soak.one_day`.
    pub gate: String,
    /// How it stands.
    pub outcome: GateOutcome,
    /// One line for people.
    pub summary: String,
    /// What was seen, by the gate's type.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub detail: Json,
    /// When it was judged.
    pub at: Timestamp,
}

/// Which gates are closed and why, for a sentence: `soak.one_day (18 hours left); http.health (503)`.
#[must_use]
pub fn closed(evidence: &[Evidence]) -> String {
    let closed = evidence.iter().filter(|e| e.outcome != GateOutcome::Passed);
    closed.map(|e| format!("{} ({})", e.gate, e.summary)).collect::<Vec<_>>().join("; ")
}

/// What a gate found, before it is stamped.
pub(super) struct GateFinding {
    pub(super) outcome: GateOutcome,
    pub(super) summary: String,
    pub(super) detail: Json,
}

impl GateFinding {
    pub(super) fn new(outcome: GateOutcome, summary: impl Into<String>, detail: Json) -> Self {
        Self { outcome, summary: summary.into(), detail }
    }
}
