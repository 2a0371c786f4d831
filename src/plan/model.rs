//! The plan as data: what `plan --format json` prints, a saved plan holds, and apply reads.
//!
//! Field names are a contract with tools (`docs/plan-json.md`); additive changes raise the minor
//! part of [`FORMAT_VERSION`]. Everything is ordered, so equal inputs give equal bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::ResourceAddr;
use crate::ids::{AccountId, Handle};
use crate::provider::Op;
use crate::schema::Category;
use crate::value::Plain;

/// Version of the plan's format.
pub const FORMAT_VERSION: &str = "1.0";

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: String,
    /// The version that made it.
    pub palisade_version: String,
    /// When, in UTC (RFC 3339); the only field that differs between equal plans.
    pub generated_at: String,
    /// What an approval binds to: `sha256:` over everything that apply acts on.
    pub digest: String,
    /// The state that it was computed on.
    pub state: StateBasis,
    /// What `--environment`, `--account` and `--target` selected; empty lists select everything.
    pub selection: Selection,
    /// Counts.
    pub summary: Summary,
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
    /// What runs that were cut off have left; the plan stands on what recovery makes of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<Left>,
    /// What differs between state and live.
    pub drift: Vec<Drift>,
    /// What changes in the walls between environments.
    pub isolation: Isolation,
    /// Usage against AWS limits.
    pub limits: Vec<LimitUse>,
    /// Results of `check` blocks.
    pub checks: Vec<Check>,
    /// Root outputs; `null` value when sensitive or unknown.
    pub outputs: BTreeMap<String, Output>,
    /// Those of them that differ from what the last apply recorded.
    #[serde(default)]
    pub outputs_changed: Vec<String>,
    /// Warnings (a plan with errors is not made).
    pub diagnostics: Vec<PlanDiagnostic>,
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

/// What a run has left in one scope: it was cut off, or is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
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
    pub changes: Vec<LeftChange>,
}

/// A change of which no result was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftChange {
    /// The object.
    pub address: ResourceAddr,
    /// `create`, `update`, ...
    pub op: String,
    /// What became of it.
    pub outcome: LeftOutcome,
    /// Why it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a change of which no result was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutcome {
    /// It, or a part of it, is there.
    Done,
    /// It was not carried out.
    NotDone,
    /// It cannot be told yet.
    Unknown,
}

/// What a plan was limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Environment names.
    pub environments: Vec<String>,
    /// Account handles.
    pub accounts: Vec<Handle>,
    /// Addresses (whole blocks or instances) as typed.
    pub targets: Vec<String>,
}

/// Counts of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
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
    /// The walls.
    pub isolation: IsolationSummary,
}

/// Counts of the isolation section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationSummary {
    /// Paths that become possible.
    pub added: usize,
    /// Paths that stop being possible.
    pub removed: usize,
    /// Paths that widen or narrow.
    pub changed: usize,
    /// Paths that break a rule.
    pub violations: usize,
    /// Pairs that could not be decided.
    pub undetermined: usize,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is brought into being.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and created again.
    Replace,
    /// It is deleted.
    Delete,
    /// It exists and is taken into state, perhaps changed on the way.
    Adopt,
    /// It leaves the state and stays in AWS.
    Forget,
    /// Nothing.
    NoOp,
}

/// Changes of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChanges {
    /// Its handle; `org` for the organization itself.
    pub account: String,
    /// Its id; null while unknown.
    pub account_id: Option<AccountId>,
    /// The environments that it serves.
    pub environments: Vec<String>,
    /// Addresses with a change, by category.
    pub changes: BTreeMap<Category, Vec<ResourceAddr>>,
    /// Ids of isolation paths that start or end here.
    pub isolation: Vec<String>,
}

/// One object's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its address.
    pub address: ResourceAddr,
    /// Its address as people read it: without the environment where that is unambiguous.
    pub display: String,
    /// Its kind.
    pub kind: String,
    /// Its account's handle; null for organization objects.
    pub account: Option<Handle>,
    /// The environments that it belongs to.
    pub environments: Vec<String>,
    /// The heading that it stands under.
    pub category: Category,
    /// What happens.
    pub action: Action,
    /// Why, for people; never read by apply.
    pub reason: Option<String>,
    /// Where it is declared, `file:line`; null when it no longer is.
    pub location: Option<String>,
    /// Natural key of the live object, where there is one.
    pub key: Option<String>,
    /// Canonical attributes now; null when it does not exist.
    pub before: Option<Plain>,
    /// Canonical attributes after; null when it will not exist. Unknown values are null here.
    pub after: Option<Plain>,
    /// Paths in `after` that are known after apply, each with what it waits for or is made of.
    pub after_unknown: Vec<String>,
    /// Partly unknown strings by path, readable: `arn:aws:iam::${account.new.id}:root`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after_partial: BTreeMap<String, String>,
    /// Paths whose values are hidden.
    pub sensitive: Vec<String>,
    /// Paths that differ.
    pub changed: Vec<String>,
    /// Of these, the ones that force a replacement.
    pub replace_because: Vec<String>,
    /// On replacement, whether the new object comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_before_destroy: bool,
    /// Differences between policy documents, by meaning.
    pub policy_diff: Vec<PolicyChange>,
    /// Where it was, for `moved`.
    pub previous_address: Option<ResourceAddr>,
    /// What it depends on.
    pub depends_on: Vec<ResourceAddr>,
}

/// One changed statement of a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// Which document.
    pub path: String,
    /// The statement's sid, or its index in brackets.
    pub statement: String,
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// The differences, one a line: `- principal arn:...`.
    pub lines: Vec<String>,
    /// Whether it permits more than before; null where that is not certain.
    pub widens: Option<bool>,
}

/// One node of the execution graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number, from 1, in a valid order.
    pub id: u32,
    /// What it does.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// Scope of the state that records it: `org` or `acct-HANDLE`.
    pub scope: String,
    /// The operations that must have succeeded before.
    pub after: Vec<u32>,
    /// For attach and detach: the target as an id, or as an address whose `id` it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<OperationTarget>,
}

/// What an operation acts with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationTarget {
    /// A known id.
    Id(String),
    /// The `id` of an object that this plan creates.
    IdOf(ResourceAddr),
}

/// What an operation does. All but the last three call AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Create the object.
    Create,
    /// Change it in place.
    Update,
    /// Delete it.
    Delete,
    /// Attach it to a target.
    Attach,
    /// Detach it from a target.
    Detach,
    /// Move it below another parent.
    Move,
    /// Wait until its asynchronous creation is through.
    Wait,
    /// Take it into state as it is.
    Adopt,
    /// Drop it from state.
    Forget,
    /// Rename it in state (`moved`, or an address that grew an environment).
    Rename,
}

impl OperationKind {
    /// The provider's step, for operations that call AWS.
    #[must_use]
    pub fn step(self) -> Option<Op> {
        Some(match self {
            Self::Create => Op::Create,
            Self::Update => Op::Update,
            Self::Delete => Op::Delete,
            Self::Attach => Op::Attach,
            Self::Detach => Op::Detach,
            Self::Move => Op::Move,
            Self::Wait => Op::Wait,
            Self::Adopt | Self::Forget | Self::Rename => return None,
        })
    }
}

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
    /// `changed`, `missing` or `unmanaged`.
    pub status: DriftStatus,
    /// Paths that differ.
    pub changed: Vec<String>,
    /// As recorded.
    pub expected: Option<Json>,
    /// As found.
    pub actual: Option<Json>,
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

/// The isolation section. Filled by the isolation analysis; until it has run, `basis` is absent
/// and no verdict is claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    /// What was read, and what the analysis does not cover.
    pub basis: Option<Json>,
    /// Environments compared.
    pub environments: Vec<String>,
    /// Verdict per ordered pair, before and after.
    pub matrix: Vec<Json>,
    /// Paths that this plan changes.
    pub changes: Vec<Json>,
    /// Paths that break a rule, standing ones included.
    pub violations: Vec<Json>,
    /// Warnings about the walls.
    pub findings: Vec<Json>,
    /// Why closed pairs are closed.
    pub proofs: Vec<Json>,
}

/// Usage of one AWS limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitUse {
    /// What is limited.
    pub target: String,
    /// The limit's name in `organization { limits {} }`.
    pub limit: String,
    /// Used before this plan.
    #[serde(default)]
    pub before: u64,
    /// Used after this plan.
    pub used: u64,
    /// Allowed.
    pub allowed: u64,
}

/// A check's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its label.
    pub name: String,
    /// `pass`, `fail` or `unknown`.
    pub status: String,
    /// Its message.
    pub message: String,
}

/// A root output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its value; null when hidden or unknown.
    pub value: Json,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// Whether it is known only after apply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// A diagnostic in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDiagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// One line.
    pub summary: String,
    /// More.
    pub detail: Option<String>,
    /// Where.
    pub location: Option<PlanLocation>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLocation {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

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

/// How many objects stood as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenObjects {
    /// Managed objects.
    pub managed: usize,
    /// Those of them that were changed or gone.
    pub drifted: usize,
}

impl SeenObjects {
    fn add(&mut self, managed: bool, drifted: bool) {
        self.managed += usize::from(managed);
        self.drifted += usize::from(drifted);
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
        let drifted = |c: &ResourceChange| {
            drifted.contains(c.address.to_string().as_str()) || drifted.contains(c.display.as_str())
        };
        let mut objects = SeenObjects::default();
        let mut environments: BTreeMap<String, SeenObjects> = BTreeMap::new();
        for change in &self.resource_changes {
            let drifted = drifted(change);
            let managed = change.before.is_some() || drifted;
            objects.add(managed, drifted);
            for environment in &change.environments {
                environments.entry(environment.clone()).or_default().add(managed, drifted);
            }
        }
        let broken = |path: &&Json| path.get("severity").and_then(Json::as_str) != Some("warning");
        Seen {
            objects,
            environments,
            violations: self
                .isolation
                .basis
                .is_some()
                .then(|| self.isolation.violations.iter().filter(broken).count()),
        }
    }

    /// Whether applying would change anything in AWS or in state.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.operations.is_empty()
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
