//! What runs that were interrupted have left behind. The plan stands on what recovery makes of it.

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;

use super::OperationKind;

/// What a run has left in one scope: it was interrupted, or is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterruptedRun {
    /// The scope.
    pub scope: String,
    /// The run.
    pub run: String,
    /// ARN of who ran it.
    pub by: String,
    /// Whether it holds its lock still: it is at work, and was not looked at.
    pub active: bool,
    /// Number of results that the state does not hold yet.
    pub results: usize,
    /// Changes without a result.
    pub changes: Vec<InDoubtChange>,
}

/// A change of which no result was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubtChange {
    /// The object.
    pub address: ResourceAddr,
    /// What it was to do.
    pub op: OperationKind,
    /// What became of it.
    pub outcome: InDoubtOutcome,
    /// Why the outcome is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a change of which no result was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InDoubtOutcome {
    /// It, or a part of it, is there.
    Done,
    /// It was not carried out.
    NotDone,
    /// It is not known yet.
    Unknown,
}
