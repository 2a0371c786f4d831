//! Finishing what a run that was interrupted has left: no orphan, no duplicate, nothing lost.
//!
//! Results in the journal are folded into the state. Each intent without a result is looked up in
//! AWS by the object's natural key and ownership tags: what was created is adopted, what was not is
//! dropped, and the next plan sees the world as it is. A journal written under an epoch that the
//! state has passed is not believed: all that it names is looked up.
//!
//! [`settle`] works out what the journals of some scopes come to and writes nothing; [`probe`] finds
//! out what became of one intent; [`recover`] writes the outcome under locks, [`inspect`] shows it.

mod inspect;
mod probe;
mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cancel::{Cancel, Urgency};
use super::events::{Events, waiting};
use super::held::{HeldLease, LeaseGate, keep_all};
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::ids::Handle;
use crate::live::Targets;
use crate::provider::{AccessMode, Permit, Provider};
use crate::state::audit_details::RecoveryDetails;
use crate::state::{
    AuditDetails, AuditEvent, Lease, LeaseHolder, Ledger, ScopeState, Snapshot, Stamp, StateError,
    StateFailure, Terms, layout,
};

use probe::Probe;
use settle::{SettledIntent, SettledOutcome, Settlement};

pub use inspect::{Inspection, inspect};

/// Everything that recovery works with.
pub struct Recovery<'a> {
    /// Where state is.
    pub ledger: &'a Ledger,
    /// How AWS is reached.
    pub provider: Arc<dyn Provider>,
    /// How each account is reached.
    pub targets: Targets,
    /// Which `account` instance is which account.
    pub accounts: BTreeMap<ResourceAddr, Handle>,
    /// Who recovers.
    pub holder: LeaseHolder,
    /// How leases are held.
    pub terms: Terms,
    /// How long to wait for the lock of the run that was interrupted to end.
    pub lock_timeout: Duration,
    /// Where events go.
    pub events: Events,
    /// Ctrl-C: it breaks off what only waits or looks.
    pub cancel: Cancel,
}

/// What recovery did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Runs whose journals were folded: scope and run.
    pub runs: Vec<(String, String)>,
    /// Objects that had been created or changed without a recorded result, and are in the state now.
    pub adopted: Vec<ResourceAddr>,
    /// Changes that had not been carried out.
    pub dropped: Vec<ResourceAddr>,
    /// What still cannot be told; it stays in the journal.
    pub unsettled: Vec<Diagnostic>,
    /// Whether it was stopped before it had changed or recorded anything.
    pub interrupted: bool,
}

impl Recovered {
    /// Whether there was anything to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.adopted.is_empty() && self.unsettled.is_empty()
    }

    fn count(&mut self, settlement: &Settlement) {
        for run in &settlement.runs {
            self.runs.push((settlement.scope.clone(), run.run.clone()));
        }
        for finding in settlement.findings() {
            match &finding.verdict {
                SettledOutcome::Done => self.adopted.push(finding.address.clone()),
                SettledOutcome::NotDone => self.dropped.push(finding.address.clone()),
                SettledOutcome::Unknown(why) => self.unsettled.push(why.clone()),
            }
        }
    }
}

/// Whether there is anything to recover: a journal that was left, or an account that was asked for
/// and not waited out.
#[must_use]
pub fn is_needed(snapshot: &Snapshot) -> bool {
    !scopes_to_recover(snapshot).is_empty()
}

/// Scopes with something to recover, each with the epoch of its state; the organization first, for
/// members are reached by the account ids that it records.
fn scopes_to_recover(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let epoch = |scope: &str| snapshot.scopes.get(scope).map_or(0, |s| s.value.epoch);
    let left = snapshot.interrupted.iter().map(|d| d.scope.clone());
    let waiting = snapshot
        .scopes
        .iter()
        .filter(|(_, scope)| scope.value.resources.values().any(|r| r.meta.is_pending()));
    let names = left.chain(waiting.map(|(name, _)| name.clone()));
    names.map(|name| (name.clone(), epoch(&name))).collect()
}

/// Recovers every run that was interrupted. Reads without locks first and takes none when there is
/// nothing to do. Waits for the lock of a run that is still at work.
///
/// # Errors
/// A scope is locked ([`crate::state::StateFailure::Locked`]), or the store cannot be used.
pub async fn recover(recovery: &Recovery<'_>) -> Result<Recovered, StateError> {
    let snapshot = recovery.ledger.read_all().await?;
    let scopes = scopes_to_recover(&snapshot);
    if scopes.is_empty() {
        return Ok(Recovered::default());
    }
    recovery.ledger.end_leases_of_gone_processes().await?;
    let held = recovery
        .ledger
        .acquire_unless_stopped(
            &scopes,
            &recovery.holder,
            recovery.terms,
            recovery.lock_timeout,
            waiting(&recovery.events, recovery.terms),
            recovery.cancel.risen(Urgency::None),
        )
        .await?;
    let Some(held) = held else {
        return Ok(Recovered { interrupted: true, ..Recovered::default() });
    };
    let clock = || recovery.ledger.shared_clock();
    let mut leases: Vec<HeldLease> =
        held.into_iter().map(|(lease, _)| HeldLease::new(lease, clock())).collect();
    let recovered = under_locks(recovery, &mut leases, &snapshot.lineage).await;
    match &recovered {
        Ok(recovered) if recovered.interrupted => recovery.ledger.give_back(&scopes).await,
        // A request of the work that was broken off may be in flight.
        Err(error) if error.failure == StateFailure::Conflict => recovery.ledger.end_held().await,
        _ => {
            for held in &mut leases {
                // It ends by itself where this fails.
                let _ = recovery.ledger.release(&mut held.lease).await;
            }
        }
    }
    recovered
}

async fn under_locks(
    recovery: &Recovery<'_>,
    leases: &mut [HeldLease],
    lineage: &str,
) -> Result<Recovered, StateError> {
    let probe = Probe {
        provider: recovery.provider.as_ref(),
        clock: recovery.ledger.clock(),
        accounts: &recovery.accounts,
        access: AccessMode::Write,
        patience: Duration::from_secs(120),
        waits: true,
        events: Some(&recovery.events),
        permit: Permit::through(
            leases.iter().map(|held| Arc::new(held.gate.clone()) as _).collect(),
        ),
    };
    let names: Vec<String> = leases.iter().map(|held| held.lease.scope.clone()).collect();
    let sent: Vec<LeaseGate> = leases.iter().map(|held| held.gate.clone()).collect();
    let stopped_while_it_looks = async {
        recovery.cancel.risen(Urgency::None).await;
        // An account that was waited for may be on its way to its place: that is seen to its end.
        if sent.iter().any(LeaseGate::was_passed) {
            std::future::pending::<()>().await;
        }
    };
    // Accounts may take half an hour to be created: the leases must last as long.
    let settlements = tokio::select! {
        settled = find_out(recovery, &probe, names) => settled?,
        () = stopped_while_it_looks => {
            return Ok(Recovered { interrupted: true, ..Recovered::default() });
        }
        error = keep_all(recovery.ledger, leases) => return Err(error),
    };
    let mut recovered = Recovered::default();
    for settlement in settlements {
        recovered.count(&settlement);
        let held = leases.iter_mut().find(|held| held.lease.scope == settlement.scope);
        if let Some(HeldLease { lease, .. }) = held {
            write(recovery, lease, lineage, settlement, &recovered).await?;
        }
    }
    Ok(recovered)
}

/// How long after the first look what was not there is looked for once more.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// Finds out what the journals come to. What was announced and is not there is looked for once more before
/// it counts as not done: the last request of a run that was interrupted may arrive late, and IAM shows what is
/// new with a delay.
async fn find_out(
    recovery: &Recovery<'_>,
    probe: &Probe<'_>,
    names: Vec<String>,
) -> Result<Vec<Settlement>, StateError> {
    let ledger = recovery.ledger;
    let targets = || recovery.targets.clone();
    let every = |_: &str, _: &str| true;
    let first = settle::all(probe, ledger, targets(), names.clone(), &every).await?;
    let absent = |finding: &SettledIntent| finding.verdict == SettledOutcome::NotDone;
    if !first.iter().any(|settlement| settlement.findings().any(absent)) {
        return Ok(first);
    }
    ledger.clock().sleep(SECOND_LOOK).await;
    let quiet = Probe { events: None, ..probe.clone() };
    settle::all(&quiet, ledger, targets(), names, &every).await
}

async fn write(
    recovery: &Recovery<'_>,
    lease: &mut Lease,
    lineage: &str,
    settlement: Settlement,
    recovered: &Recovered,
) -> Result<(), StateError> {
    let ledger = recovery.ledger;
    let at = ledger.now().await?;
    let stamp = Stamp { operation: "recover".to_owned(), ..recovery.holder.stamp(at) };
    let scope = settlement.scope;
    let mut next = match &settlement.basis {
        Some(basis) => basis.value.clone(),
        None => {
            let lineage = match lineage {
                "" => ledger.begin(&recovery.holder.who).await?,
                known => known.to_owned(),
            };
            ScopeState::new(lineage, &scope, stamp.clone())
        }
    };
    next.resources = settlement.resources;
    next.moved_to = match settlement.moved_to {
        Some(to) if next.resources.is_empty() => Some(to),
        _ => next.moved_to.filter(|_| next.resources.is_empty()),
    };
    next.epoch = lease.lock.epoch;
    next.folded = settlement.folded.or(next.folded);
    let event = AuditEvent {
        at,
        who: recovery.holder.who.clone(),
        run: recovery.holder.run.clone(),
        action: "recovered".to_owned(),
        plan: None,
        reason: None,
        scopes: vec![scope.clone()],
        details: AuditDetails::of(&RecoveryDetails {
            runs: settlement.runs.iter().map(|run| run.run.as_str()).collect(),
            adopted: &recovered.adopted,
            dropped: &recovered.dropped,
        })?,
    };
    next.audit = Some(ledger.audit(next.audit.as_ref(), event).await?);
    ledger.write_scope(settlement.basis.as_ref(), &next, stamp).await?;
    lease.lock.unfenced = false;
    for (run, sequences) in settlement.clean {
        ledger.remove_journal(&scope, &run, sequences).await?;
    }
    Ok(())
}

/// The organization first, then the others in order.
fn in_order(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort_by_key(|scope| (scope != layout::ORG, scope.clone()));
    scopes
}
