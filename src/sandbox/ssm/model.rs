//! The rows of Parameter Store.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::sandbox::clock::Instant;
use crate::sandbox::tags::Tags;

/// One version of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ParameterVersion {
    pub(crate) number: u64,
    /// `String`, `StringList` or `SecureString`.
    pub(crate) kind: String,
    /// Sealed with the store's secret where the kind is `SecureString`.
    pub(crate) value: String,
    pub(crate) modified: Instant,
    pub(crate) by: String,
    pub(crate) tier: String,
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) labels: BTreeSet<String>,
}

/// A parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// The oldest first; at most a hundred; never empty.
    pub(crate) versions: Vec<ParameterVersion>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

impl Parameter {
    pub(crate) fn current(&self) -> Option<&ParameterVersion> {
        self.versions.last()
    }

    /// The version that a selector (`:3` or `:label` without its colon) picks.
    pub(crate) fn select(&self, selector: &str) -> Option<&ParameterVersion> {
        match selector.parse::<u64>() {
            Ok(number) => self.versions.iter().find(|v| v.number == number),
            Err(_) => self.versions.iter().find(|v| v.labels.contains(selector)),
        }
    }
}
