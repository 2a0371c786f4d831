//! What a scope's state holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;
use crate::value::{Attrs, Plain, Value};

use super::fingerprint::Fingerprinter;

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
    /// Facts that only Palisade knows.
    #[serde(default, skip_serializing_if = "ObjectMeta::is_empty")]
    pub meta: ObjectMeta,
}

/// Facts about an object that AWS does not hold: what its kind keeps of its block (`on_destroy`, `exclusive`, what
/// the block itself declared of a list that others add to), and the request of a creation that is not through.
///
/// They are a JSON object in state. What another version of Palisade put there stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectMeta(Plain);

impl ObjectMeta {
    const DECLARED: &str = "declared";
    const PENDING: &str = "pending_request";

    /// Of what a kind keeps, with everything sensitive replaced by its fingerprint.
    #[must_use]
    pub fn of(facts: &Attrs, prints: &Fingerprinter) -> Self {
        let mut meta = Self::default();
        meta.keep(facts, prints);
        meta
    }

    /// Puts what a kind keeps over what stands here, with everything sensitive replaced by its fingerprint.
    pub fn keep(&mut self, facts: &Attrs, prints: &Fingerprinter) {
        for (name, value) in facts {
            self.0.insert(name.clone(), &prints.conceal(value));
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, for the kind that wrote them.
    #[must_use]
    pub fn facts(&self) -> &Attrs {
        self.0.attrs()
    }

    /// What the block itself declared, by attribute.
    #[must_use]
    pub fn declared(&self) -> Option<&Attrs> {
        self.0.get(Self::DECLARED)?.as_map()
    }

    /// Whether the creation of the object is not through.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.contains_key(Self::PENDING)
    }

    /// The request that creates the object, while it is not through.
    #[must_use]
    pub fn pending(&self) -> Option<&str> {
        self.0.get(Self::PENDING)?.as_str()
    }

    /// A request creates the object, and is not through.
    pub fn await_request(&mut self, request: &Value) {
        self.0.insert(Self::PENDING.to_owned(), &request.to_json());
    }

    /// The creation of the object is through, or came to nothing.
    pub fn settle_request(&mut self) {
        self.0.remove(Self::PENDING);
    }
}
