//! The drift report: live AWS against state and configuration, per environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::address::ResourceAddr;
use crate::live::selection;
use crate::plan::model::{Action, Drift, DriftStatus, Plan, Selection, Unread};

use super::error::EngineError;
use super::plan::{self, FailedLookups, PlanRequest};
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
    let plan_request = PlanRequest {
        failed_lookups: FailedLookups::LeftOut,
        resource_policies: false,
        ..request.plan.clone()
    };
    let inputs = refresh::load_and_refresh_recovered(workspace, &plan_request).await?;
    let mut plan = plan::make(workspace, &inputs, &plan_request)?;
    narrow(&mut plan, request.managed_only);
    workspace.host.diagnostics(&inputs.warnings);
    Ok(DriftReport::of(&plan))
}

/// What `palisade drift` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// Managed objects that were read and are as state and configuration say, of 100; two decimals. Null where
    /// nothing is managed and not everything could be read.
    pub consistency_percent: Option<f64>,
    /// Per environment; objects that belong to none stand under `-`.
    pub environments: BTreeMap<String, EnvironmentDrift>,
    /// Every difference between AWS and state, unmanaged objects included.
    pub drift: Vec<Drift>,
    /// What could not be read: nothing is claimed of it.
    pub unread: Vec<Unread>,
    /// Objects whose configuration asks for a change that is not applied yet.
    pub pending: Vec<String>,
}

/// One environment's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Managed ones that could not be read.
    pub unread: usize,
    /// Whether everything that the environment's accounts may hold was read.
    pub complete: bool,
    /// Managed objects without any of these, of 100. Null where nothing is managed and not everything was read.
    pub consistency_percent: Option<f64>,
}

impl Default for EnvironmentDrift {
    fn default() -> Self {
        Self {
            managed: 0,
            changed: 0,
            missing: 0,
            unmanaged: 0,
            pending: 0,
            unread: 0,
            complete: true,
            consistency_percent: Some(100.0),
        }
    }
}

impl DriftReport {
    /// From a plan that was refreshed against live AWS.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut environments: BTreeMap<String, EnvironmentDrift> = BTreeMap::new();
        let drifted: BTreeSet<&str> = managed(plan).map(|d| d.address.as_str()).collect();
        let unread: BTreeSet<&str> =
            plan.unread.iter().flat_map(|part| &part.objects).map(String::as_str).collect();
        let mut pending = Vec::new();
        let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
        let (mut managed_all, mut wrong_all) = (0, 0);
        for change in &plan.resource_changes {
            let canonical = change.address.canonical();
            let has_drift =
                drifted.contains(canonical.as_str()) || drifted.contains(change.display.as_str());
            let is_unread = unread.contains(change.display.as_str());
            let is_pending = change.action != Action::NoOp && !has_drift && !is_unread;
            // What is not there yet is no managed object, only a wish.
            let managed = change.before.is_some() || has_drift;
            let is_wrong = managed && (has_drift || is_pending || is_unread);
            if is_pending {
                pending.push(change.display.clone());
            }
            managed_all += usize::from(managed);
            wrong_all += usize::from(is_wrong);
            for name in names(&change.environments) {
                let entry = environments.entry(name.clone()).or_default();
                entry.managed += usize::from(managed);
                entry.pending += usize::from(is_pending);
                entry.unread += usize::from(managed && is_unread);
                *wrong.entry(name).or_default() += usize::from(is_wrong);
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
        for part in &plan.unread {
            for name in names(&part.environments) {
                environments.entry(name).or_default().complete = false;
            }
        }
        for (name, entry) in &mut environments {
            let wrong = wrong.get(name).copied().unwrap_or(0);
            entry.consistency_percent = percent(entry.managed, wrong, entry.complete);
        }
        Self {
            consistency_percent: percent(managed_all, wrong_all, plan.unread.is_empty()),
            environments,
            drift: plan.drift.clone(),
            unread: plan.unread.clone(),
            pending,
        }
    }

    /// Whether anything in AWS differs from state, unmanaged objects included.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.drift.is_empty()
    }

    /// Whether everything was read that was asked about.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }
}

fn names(environments: &[String]) -> Vec<String> {
    if environments.is_empty() { vec!["-".to_owned()] } else { environments.to_vec() }
}

/// Two decimals, and less than 100 where anything is wrong; nothing where there is nothing to judge by, or where not
/// all was read that could be wrong.
fn percent(managed: usize, wrong: usize, complete: bool) -> Option<f64> {
    if !complete && (managed == 0 || wrong == 0) {
        return None;
    }
    if wrong == 0 {
        return Some(100.0);
    }
    let managed = managed.max(1);
    let hundredths = ((managed - wrong.min(managed)) * 10_000 + managed / 2) / managed;
    let hundredths = hundredths.min(9_999);
    Some(f64::from(u32::try_from(hundredths).unwrap_or(0)) / 100.0)
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
                .is_ok_and(|a| selection::names(&selection.targets, &a))
    });
}

fn managed(plan: &Plan) -> impl Iterator<Item = &Drift> {
    plan.drift.iter().filter(|d| d.status != DriftStatus::Unmanaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_whole_only_where_nothing_is_wrong() {
        assert_eq!(percent(7, 2, true), Some(71.43));
        assert_eq!(percent(7, 0, true), Some(100.0));
        assert_eq!(percent(1_000_000, 1, true), Some(99.99));
        assert_eq!(percent(0, 0, false), None);
    }
}
