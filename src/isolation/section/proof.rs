//! Why a wall is closed.

use serde::{Deserialize, Serialize};

/// Why a wall is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The origin.
    pub from: String,
    /// Grants that could let `from` in and why each does not; the first ones where there are many.
    #[serde(default)]
    pub grants: Vec<ConsideredGrant>,
    /// How many grants of `to` to principals outside their own account were considered.
    #[serde(default)]
    pub grants_considered: usize,
    /// The claim, as a sentence.
    pub statement: String,
    /// The environment.
    pub to: String,
    /// Whom the proof relies on, a noun phrase each.
    #[serde(default)]
    pub trusted: Vec<String>,
    /// Whether the separate checker has confirmed every grant, those left out of `grants` included.
    /// `None` where no checker has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A grant that a proof has considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsideredGrant {
    /// What kills it, a line a statement; `None` where only the search says that it is closed.
    #[serde(rename = "killed_by")]
    pub denied_by: Option<Vec<String>>,
    /// The principal that it names.
    pub principal: String,
    /// What it is on.
    pub resource: String,
}
