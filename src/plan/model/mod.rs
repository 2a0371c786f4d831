//! The plan as data: what `plan --format json` prints, a saved plan holds, and apply reads.
//!
//! Field names are a contract with tools (`docs/plan-json.md`); additive changes raise the minor
//! part of [`FORMAT_VERSION`]. Everything is ordered, so equal inputs give equal bytes. A set of words that
//! is closed is an enum here; what a reader shows and nothing decides on is text.

mod change;
mod drift;
mod operation;
mod planned;
mod recovery;
mod report;
mod seen;
mod unread;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;
use crate::state::scopes::AuditHead;

pub use crate::difference::PolicyChange;
pub use crate::ids::ActingPrincipal;
pub use crate::isolation::section::{Isolation, IsolationSummary};
pub use crate::live::{AccountPrincipals, PlanPrincipals, Selection};
pub use change::{AccountChanges, Action, ResourceChange};
pub use drift::{Drift, DriftStatus};
pub use operation::{Operation, OperationKind, OperationTarget};
pub use planned::{PlannedObject, PlannedObjects};
pub use recovery::{InDoubtChange, InDoubtOutcome, InterruptedRun};
pub use report::{
    Check, CheckStatus, LimitUse, PlanDiagnostic, PlanEstate, PlanLocation, PlannedOutput,
};
pub use seen::{Seen, SeenObjects, StartDetails};
pub use unread::{Unread, unread_objects};

/// Version of the plan's format.
pub const FORMAT_VERSION: &str = "1.0";

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: String,
    /// The version that made it.
    pub palisade_version: String,
    /// When, in UTC (RFC 3339). Plans of equal inputs differ here alone.
    pub generated_at: String,
    /// The estate.
    pub estate: PlanEstate,
    /// What an approval binds to: `sha256:` over everything that apply acts on.
    pub digest: String,
    /// As whom AWS was read, and as whom an apply would write; no part of the digest.
    #[serde(default)]
    pub principals: PlanPrincipals,
    /// The state that it was computed on.
    pub state: StateBasis,
    /// The newest record of the audit log that this state has seen, for whoever keeps the plan: an anchor of
    /// `palisade audit verify`. No part of the digest, for every run appends to the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<AuditHead>,
    /// What `--environment`, `--account` and `--target` selected; empty lists select everything.
    pub selection: Selection,
    /// Counts.
    pub summary: PlanSummary,
    /// Changes per account, the management account's organization objects under `org`.
    pub accounts: Vec<AccountChanges>,
    /// One entry for each managed object, `no_op` included.
    pub resource_changes: Vec<ResourceChange>,
    /// The execution graph that apply walks.
    pub operations: Vec<Operation>,
    /// Versions of the SSM parameters that secrets come from, by reference, as the plan saw them. One
    /// that did not answer is not among them: it is verified at apply alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_sources: BTreeMap<String, i64>,
    /// What runs that were interrupted have left; the plan stands on what recovery makes of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<InterruptedRun>,
    /// What differs between state and live.
    pub drift: Vec<Drift>,
    /// What could not be read, within the selection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Whether AWS was asked at all: with `--refresh=false` the plan compares the configuration with the state.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub refreshed: bool,
    /// What changes in the walls between environments.
    pub isolation: Isolation,
    /// Usage against AWS limits.
    pub limits: Vec<LimitUse>,
    /// Results of `check` blocks.
    pub checks: Vec<Check>,
    /// Root outputs; `null` value when sensitive or unknown.
    pub outputs: BTreeMap<String, PlannedOutput>,
    /// Those of them that differ from what the last apply recorded.
    #[serde(default)]
    pub outputs_changed: Vec<String>,
    /// Warnings (a plan with errors is not made).
    pub diagnostics: Vec<PlanDiagnostic>,
    /// What the objects that change shall be; absent from what is written.
    #[serde(skip)]
    pub planned: PlannedObjects,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

impl Plan {
    /// Whether applying would change anything in AWS or in state.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.operations.is_empty()
    }

    /// The objects that it makes anew.
    #[must_use]
    pub fn made_anew(&self) -> BTreeSet<ResourceAddr> {
        let replaced = self.resource_changes.iter().filter(|c| c.action == Action::Replace);
        replaced.map(|change| change.address.clone()).collect()
    }

    /// The change of one object.
    #[must_use]
    pub fn change(&self, address: &ResourceAddr) -> Option<&ResourceChange> {
        self.resource_changes
            .binary_search_by(|c| c.address.cmp(address))
            .ok()
            .and_then(|at| self.resource_changes.get(at))
    }
}

/// The state that a plan stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateBasis {
    /// Lineage of the backend; empty before the first apply.
    pub lineage: String,
    /// Serial and etag of every scope.
    pub scopes: BTreeMap<String, ScopeBasis>,
}

/// One scope's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeBasis {
    /// Rising number.
    pub serial: u64,
    /// Opaque version tag.
    pub etag: String,
}

/// Counts of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Objects created.
    pub create: usize,
    /// Objects updated in place.
    pub update: usize,
    /// Objects replaced.
    pub replace: usize,
    /// Objects deleted.
    pub delete: usize,
    /// Existing objects taken over.
    pub adopt: usize,
    /// Objects dropped from state and left in AWS.
    pub forget: usize,
    /// Objects without a change.
    pub no_op: usize,
    /// Objects that differ from state, whether or not the plan repairs them.
    pub drifted: usize,
    /// Objects that could not be read: what the plan says of them rests on the state alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: usize,
    /// The walls.
    pub isolation: IsolationSummary,
}
