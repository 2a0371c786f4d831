//! The drift report: live AWS against state and configuration, per environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::address::ResourceAddr;
use crate::plan::model::{Action, Drift, DriftStatus, Plan, Selection};
use crate::plan::select;

use super::error::EngineError;
use super::plan::{self, PlanRequest};
use super::refresh;
use super::workspace::Workspace;

/// What is compared, and which differences are reported.
#[derive(Clone, Debug)]
pub struct DriftRequest {
    /// How the estate is read; its selection limits the report.
    pub plan: PlanRequest,
    /// Whether objects that no state knows are left out.
    pub managed_only: bool,
}

/// Compares AWS with state and configuration.
///
/// # Errors
/// Everything that is wrong with the configuration, or that cannot be read.
pub async fn run(
    workspace: &Workspace,
    request: &DriftRequest,
) -> Result<DriftReport, EngineError> {
    let inputs = refresh::load_and_refresh_recovered(workspace, &request.plan).await?;
    let mut plan = plan::make(workspace, &inputs, &request.plan)?;
    narrow(&mut plan, request.managed_only);
    workspace.host.diagnostics(&inputs.warnings);
    Ok(DriftReport::of(&plan))
}

/// What `palisade drift` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// Managed objects that are as state and configuration say, of 100; two decimals.
    pub consistency_percent: f64,
    /// Per environment; objects that belong to none stand under `-`.
    pub environments: BTreeMap<String, EnvironmentDrift>,
    /// Every difference between AWS and state, unmanaged objects included.
    pub drift: Vec<Drift>,
    /// Objects whose configuration asks for a change that is not applied yet.
    pub pending: Vec<String>,
}

/// One environment's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EnvironmentDrift {
    /// Objects that Palisade manages.
    pub managed: usize,
    /// Managed ones that were changed in AWS.
    pub changed: usize,
    /// Managed ones that are gone from AWS.
    pub missing: usize,
    /// Objects in AWS that no state knows.
    pub unmanaged: usize,
    /// Managed ones whose configuration moved and is not applied.
    pub pending: usize,
    /// Managed objects without any of these, of 100.
    pub consistency_percent: f64,
}

impl DriftReport {
    /// From a plan that was refreshed against live AWS.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut environments: BTreeMap<String, EnvironmentDrift> = BTreeMap::new();
        let drifted: BTreeSet<&str> = managed(plan).map(|d| d.address.as_str()).collect();
        let mut pending = Vec::new();
        let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
        let (mut managed_all, mut wrong_all) = (0, 0);
        for change in &plan.resource_changes {
            let canonical = change.address.canonical();
            let has_drift =
                drifted.contains(canonical.as_str()) || drifted.contains(change.display.as_str());
            let is_pending = change.action != Action::NoOp && !has_drift;
            // What is not there yet is no managed object, only a wish.
            let managed = change.before.is_some() || has_drift;
            if is_pending {
                pending.push(change.display.clone());
            }
            managed_all += usize::from(managed);
            wrong_all += usize::from(managed && (has_drift || is_pending));
            for name in names(&change.environments) {
                let entry = environments.entry(name.clone()).or_default();
                entry.managed += usize::from(managed);
                entry.pending += usize::from(is_pending);
                *wrong.entry(name).or_default() +=
                    usize::from(managed && (has_drift || is_pending));
            }
        }
        for drift in &plan.drift {
            for name in names(&drift.environments) {
                let entry = environments.entry(name).or_default();
                match drift.status {
                    DriftStatus::Changed => entry.changed += 1,
                    DriftStatus::Missing => entry.missing += 1,
                    DriftStatus::Unmanaged => entry.unmanaged += 1,
                }
            }
        }
        for (name, entry) in &mut environments {
            let wrong = wrong.get(name).copied().unwrap_or(0);
            entry.consistency_percent = percent(entry.managed, wrong);
        }
        Self {
            consistency_percent: percent(managed_all, wrong_all),
            environments,
            drift: plan.drift.clone(),
            pending,
        }
    }

    /// Whether anything in AWS differs from state, unmanaged objects included.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.drift.is_empty()
    }
}

fn names(environments: &[String]) -> Vec<String> {
    if environments.is_empty() { vec!["-".to_owned()] } else { environments.to_vec() }
}

/// Two decimals, never rounded up to 100.
fn percent(managed: usize, wrong: usize) -> f64 {
    if managed == 0 || wrong == 0 {
        return 100.0;
    }
    let hundredths = (managed - wrong.min(managed)) * 10_000 / managed;
    f64::from(u32::try_from(hundredths).unwrap_or(0)) / 100.0
}

/// Limits a plan's drift to what was selected, and to managed objects where that was asked for.
fn narrow(plan: &mut Plan, managed_only: bool) {
    let selection = plan.selection.clone();
    let everything = selection == Selection::default();
    plan.drift.retain(|d| {
        if managed_only && d.status == DriftStatus::Unmanaged {
            return false;
        }
        everything
            || selection.accounts.iter().any(|a| a.as_str() == d.account)
            || selection.environments.iter().any(|e| d.environments.contains(e))
            || d.address
                .parse::<ResourceAddr>()
                .is_ok_and(|a| select::names(&selection.targets, &a))
    });
}

fn managed(plan: &Plan) -> impl Iterator<Item = &Drift> {
    plan.drift.iter().filter(|d| d.status != DriftStatus::Unmanaged)
}
