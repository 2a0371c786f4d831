//! What a scope's state holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::ResourceAddr;
use crate::value::Plain;

/// Resources of one scope or of the whole estate, by address.
pub type Resources = BTreeMap<ResourceAddr, ResourceState>;

/// One managed object as last applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceState {
    /// Its kind.
    pub kind: String,
    /// Its natural key in AWS.
    pub key: String,
    /// Canonical and computed attributes after the last apply, in plain JSON. A sensitive value is
    /// never here: in its place stands `{"fingerprint": "hmac-sha256:..."}`.
    pub attrs: Plain,
    /// What it depended on when it was applied: the order of deletion once its block is gone.
    #[serde(default)]
    pub depends_on: BTreeSet<ResourceAddr>,
    /// The environments that it belonged to.
    #[serde(default)]
    pub environments: BTreeSet<String>,
    /// Facts that only Palisade knows: `on_destroy`, `exclusive`, a pending CreateAccount request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, Json>,
}
