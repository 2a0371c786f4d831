//! What interrupted runs have left, for a plan to show: AWS is read, nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::probe::Probe;
use super::scopes_to_recover;
use super::settle::{self, SettledIntent, SettledOutcome, Settlement};
use crate::address::ResourceAddr;
use crate::ids::Handle;
use crate::live::Targets;
use crate::plan::model::{InDoubtChange, InDoubtOutcome, InterruptedRun};
use crate::provider::{AccessMode, Permit, Provider};
use crate::state::{Ledger, ScopeState, Snapshot, Stamp, StateError, Versioned};

/// What `inspect` reads and reaches.
pub struct Inspection<'a> {
    /// Where state is.
    pub ledger: &'a Ledger,
    /// How AWS is reached.
    pub provider: Arc<dyn Provider>,
    /// How each account is reached.
    pub targets: Targets,
    /// Which `account` instance is which account.
    pub accounts: BTreeMap<ResourceAddr, Handle>,
}

/// Looks at what runs have left, through the read roles, without taking a lock, writing or changing
/// anything. The snapshot is brought to where a recovery would bring the state, so that a plan made
/// on it is the plan after the recovery. A run that still holds its lock is only named.
///
/// # Errors
/// The store cannot be read, or a journal is damaged.
pub async fn inspect(
    inspection: &Inspection<'_>,
    snapshot: &mut Snapshot,
) -> Result<Vec<InterruptedRun>, StateError> {
    let scopes: Vec<String> = scopes_to_recover(snapshot).into_keys().collect();
    if scopes.is_empty() {
        return Ok(Vec::new());
    }
    let now = inspection.ledger.now().await?;
    let mut active: BTreeSet<(String, String)> = BTreeSet::new();
    let mut left = Vec::new();
    for scope in &scopes {
        let Some(lock) = inspection.ledger.read_lock(scope).await? else { continue };
        let held = !lock.released
            && lock.ended_at.is_none()
            && now < lock.expires_at
            && !inspection.ledger.is_gone(&lock.holder);
        let runs = snapshot.interrupted.iter().filter(|d| d.scope == *scope);
        for run in runs.filter(|d| held && d.run == lock.holder.run) {
            active.insert((scope.clone(), run.run.clone()));
            left.push(InterruptedRun {
                scope: scope.clone(),
                run: run.run.clone(),
                by: lock.holder.who.clone(),
                active: true,
                results: 0,
                changes: Vec::new(),
            });
        }
    }
    let probe = Probe {
        provider: inspection.provider.as_ref(),
        clock: inspection.ledger.clock(),
        accounts: &inspection.accounts,
        access: AccessMode::Read,
        patience: Duration::from_secs(10),
        waits: false,
        events: None,
        permit: Permit::open(),
    };
    let wanted = |scope: &str, run: &str| !active.contains(&(scope.to_owned(), run.to_owned()));
    let targets = inspection.targets.clone();
    for settlement in settle::all(&probe, inspection.ledger, targets, scopes, &wanted).await? {
        left.extend(interrupted_runs(&settlement));
        take_in(snapshot, settlement, now);
    }
    Ok(left)
}

fn interrupted_runs(settlement: &Settlement) -> Vec<InterruptedRun> {
    let mut left: Vec<InterruptedRun> = settlement
        .runs
        .iter()
        .map(|run| InterruptedRun {
            scope: settlement.scope.clone(),
            run: run.run.clone(),
            by: run.by.clone(),
            active: false,
            results: run.results,
            changes: run.findings.iter().map(change).collect(),
        })
        .collect();
    let pending: Vec<InDoubtChange> = settlement.pending.iter().map(change).collect();
    match left.last_mut() {
        _ if pending.is_empty() => {}
        Some(last) => last.changes.extend(pending),
        None => left.push(InterruptedRun {
            scope: settlement.scope.clone(),
            run: settlement.basis.as_ref().map(|b| b.value.stamp.run.clone()).unwrap_or_default(),
            by: settlement.basis.as_ref().map(|b| b.value.stamp.by.clone()).unwrap_or_default(),
            active: false,
            results: 0,
            changes: pending,
        }),
    }
    left
}

fn change(finding: &SettledIntent) -> InDoubtChange {
    let (outcome, why) = match &finding.verdict {
        SettledOutcome::Done => (InDoubtOutcome::Done, None),
        SettledOutcome::NotDone => (InDoubtOutcome::NotDone, None),
        SettledOutcome::Unknown(why) => (
            InDoubtOutcome::Unknown,
            Some(why.detail.clone().unwrap_or_else(|| why.summary.clone())),
        ),
    };
    InDoubtChange { address: finding.address.clone(), op: finding.op, outcome, why }
}

/// The scope as a recovery would leave it. Its version stays: nothing was written.
fn take_in(snapshot: &mut Snapshot, settlement: Settlement, now: jiff::Timestamp) {
    let lineage = snapshot.lineage.clone();
    let scope = settlement.scope.clone();
    let entry = snapshot.scopes.entry(scope.clone()).or_insert_with(|| {
        let stamp = Stamp {
            at: now,
            by: String::new(),
            run: String::new(),
            operation: "recover".to_owned(),
            plan: None,
        };
        Versioned { value: ScopeState::new(lineage, scope, stamp), etag: String::new() }
    });
    entry.value.resources = settlement.resources;
}
