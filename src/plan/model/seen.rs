//! What a plan saw, in numbers: the audit log keeps them, and the success figures are computed from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DriftStatus, Plan, ResourceChange, is_zero};

/// What a plan saw when it was made, as the audit log keeps it: figures are computed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// All managed objects that the plan is about.
    #[serde(flatten)]
    pub objects: SeenObjects,
    /// Those of each environment that the plan is about.
    #[serde(default)]
    pub environments: BTreeMap<String, SeenObjects>,
    /// Paths and walls that break an isolation rule after the plan; null where nothing was analysed.
    pub violations: Option<usize>,
}

/// What the audit log says of an apply that begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartDetails {
    /// How many operations are planned. Nothing reads it from a record.
    #[serde(skip_deserializing)]
    pub operations: usize,
    /// What the plan saw.
    pub seen: Seen,
}

/// How many objects stood as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenObjects {
    /// Managed objects.
    pub managed: usize,
    /// Those of them that were changed or gone.
    pub drifted: usize,
    /// Those of them that could not be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: usize,
}

impl SeenObjects {
    fn add(&mut self, managed: bool, drifted: bool, unread: bool) {
        self.managed += usize::from(managed);
        self.drifted += usize::from(drifted);
        self.unread += usize::from(managed && unread);
    }
}

impl Plan {
    /// What it saw.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let drifted: BTreeSet<&str> = self
            .drift
            .iter()
            .filter(|d| d.status != DriftStatus::Unmanaged)
            .map(|d| d.address.as_str())
            .collect();
        let unread: BTreeSet<&str> =
            self.unread.iter().flat_map(|part| &part.objects).map(String::as_str).collect();
        let drifted = |c: &ResourceChange| {
            drifted.contains(c.address.to_string().as_str()) || drifted.contains(c.display.as_str())
        };
        let mut objects = SeenObjects::default();
        let mut environments: BTreeMap<String, SeenObjects> = BTreeMap::new();
        for change in &self.resource_changes {
            let drifted = drifted(change);
            let managed = change.before.is_some() || drifted;
            let unread = unread.contains(change.display.as_str());
            objects.add(managed, drifted, unread);
            for environment in &change.environments {
                environments.entry(environment.clone()).or_default().add(managed, drifted, unread);
            }
        }
        Seen {
            objects,
            environments,
            violations: self.isolation.basis.is_some().then(|| self.isolation.broken()),
        }
    }
}
