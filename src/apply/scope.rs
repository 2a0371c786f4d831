//! One scope during a run: its lease, its objects, its journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::held::HeldLease;
use crate::diag::Diagnostic;
use crate::provider::AttemptGate;
use crate::state::journal::{Finished, Intent, JournalWriter, OperationOutcome};
use crate::state::model::Resources;
use crate::state::scopes::{AuditHead, Folded};
use crate::state::{Ledger, ScopeState, Stamp, StateError, StateFailure, Versioned};

/// How a lease stands, for a request that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaseState {
    /// Requests may leave.
    Holds,
    /// The state is out of reach, and the lease's time is not over yet.
    Unknown,
    /// It is lost, or its time is over.
    Over,
}

pub(super) struct ScopeRun {
    pub(super) name: String,
    held: HeldLease,
    basis: Option<Versioned<ScopeState>>,
    template: ScopeState,
    /// The objects as they stand now.
    pub(super) resources: Resources,
    writer: JournalWriter,
    /// Results that are in no journal object and in no state yet.
    pending: Vec<Finished>,
    /// Announced operations without a result: the journal object that announced them.
    open: BTreeMap<u32, u64>,
    /// First journal object that is not removed yet.
    first: u64,
    dirty: bool,
    since_fold: usize,
    /// Why nothing more can be done in this scope.
    pub(super) lost: Option<StateError>,
}

impl ScopeRun {
    pub(super) fn new(
        held: HeldLease,
        basis: Option<Versioned<ScopeState>>,
        template: ScopeState,
        writer: JournalWriter,
    ) -> Self {
        let mut run = Self {
            name: held.lease.scope.clone(),
            held,
            resources: template.resources.clone(),
            basis,
            template,
            writer,
            pending: Vec::new(),
            open: BTreeMap::new(),
            first: 1,
            dirty: false,
            since_fold: 0,
            lost: None,
        };
        run.template.epoch = run.held.lease.lock.epoch;
        run
    }

    /// What the requests of this scope pass.
    pub(super) fn gate(&self) -> Arc<dyn AttemptGate> {
        Arc::new(self.held.gate.clone())
    }

    /// Records a result: in the objects at once, in the journal or the state with the next write.
    pub(super) fn finish(&mut self, finished: Finished) {
        finished.fold(&mut self.resources);
        self.open.remove(&finished.operation);
        self.dirty |= !matches!(finished.outcome, OperationOutcome::Failed(_));
        self.pending.push(finished);
        self.since_fold += 1;
    }

    /// Whether an operation is announced and has no result yet.
    pub(super) fn is_open(&self, operation: u32) -> bool {
        self.open.contains_key(&operation)
    }

    /// Objects of another scope continue here (`moved` of an account).
    pub(super) fn continues(&mut self, from: &str) {
        self.template.moved_from = Some(from.to_owned());
    }

    /// Another scope continues this one; a tombstone once nothing is left here.
    pub(super) fn continued_by(&mut self, to: &str) {
        self.template.moved_to = Some(to.to_owned());
    }

    /// An announced operation that was never started.
    pub(super) fn withdraw(&mut self, operation: u32) {
        self.open.remove(&operation);
    }

    /// Facts about an object that no operation changed (what it depends on, settings of its block).
    pub(super) fn touch_up(&mut self, change: impl FnOnce(&mut Resources) -> bool) {
        self.dirty |= change(&mut self.resources);
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn since_fold(&self) -> usize {
        self.since_fold
    }

    /// Writes results and announces intents; when it returns they are durable. It is not written but while
    /// the lease holds: a successor may have folded this journal by then.
    pub(super) async fn journal(
        &mut self,
        ledger: &Ledger,
        intents: Vec<Intent>,
    ) -> Result<(), StateError> {
        if intents.is_empty() && self.pending.is_empty() {
            return Ok(());
        }
        if !self.held.gate.passes()
            && let Err(error) = self.held.check(ledger).await
        {
            return Err(self.lose(error));
        }
        let numbers: Vec<u32> = intents.iter().map(|i| i.operation).collect();
        let finished = std::mem::take(&mut self.pending);
        let gate = &self.held.gate;
        let may = || gate.passes();
        let written = match self.writer.write_while(ledger, finished.clone(), intents, &may).await {
            Ok(written) => written,
            Err(error) => {
                self.pending = finished;
                return Err(self.lose(error));
            }
        };
        let sequence = self.writer.sequence();
        self.open.extend(numbers.into_iter().map(|n| (n, sequence)));
        // The answer's own time: that the server's clock has jumped shows here.
        if written.at.is_some_and(|at| self.held.lease.is_due(at)) {
            self.check(ledger).await?;
        }
        Ok(())
    }

    /// Looks at the lease when it is time to.
    pub(super) async fn keep(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        if self.lost.is_some() || !self.held.lease.is_unconfirmed(ledger.clock().elapsed()) {
            return Ok(());
        }
        self.check(ledger).await
    }

    async fn check(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        match self.held.check(ledger).await {
            Err(error) if error.failure == StateFailure::Conflict => Err(self.lose(error)),
            // Out of reach is not lost: the gate closes by itself.
            _ => Ok(()),
        }
    }

    /// For a request that found the gate closed: looks at the lease now.
    pub(super) async fn lease_state(&mut self, ledger: &Ledger) -> LeaseState {
        if self.lost.is_none() && !self.held.gate.passes() {
            // What it finds shows below.
            let _ = self.check(ledger).await;
        }
        match self.held.gate.passes() {
            true => LeaseState::Holds,
            false if self.lost.is_some() || self.is_over(ledger) => LeaseState::Over,
            false => LeaseState::Unknown,
        }
    }

    /// Whether the lease, as far as it was confirmed, has run out.
    pub(super) fn is_over(&self, ledger: &Ledger) -> bool {
        ledger.clock().elapsed() >= self.held.lease.lasts_until()
    }

    fn lose(&mut self, error: StateError) -> StateError {
        self.held.close();
        self.lost = Some(error.clone());
        error
    }

    /// Journal objects up to here hold nothing that is still open.
    fn settled(&self) -> u64 {
        self.open.values().min().map_or(self.writer.sequence(), |first| first.saturating_sub(1))
    }

    /// The state as it would be written now.
    pub(super) fn state(&self, audit: Option<AuditHead>) -> ScopeState {
        let mut next = self.template.clone();
        next.resources = self.resources.clone();
        // A name that is used again is no tombstone any more.
        next.moved_to = next.moved_to.filter(|_| next.resources.is_empty());
        next.audit = audit.max(next.audit);
        let sequence = self.settled();
        next.folded = (sequence > 0)
            .then(|| Folded { run: self.held.lease.lock.holder.run.clone(), sequence })
            .or(next.folded);
        next
    }

    pub(super) fn basis(&self) -> Option<&Versioned<ScopeState>> {
        self.basis.as_ref()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Folds results into the state by compare-and-swap and removes the journal objects that are
    /// settled. A scope without a result is not rewritten. Returns the serial when it wrote.
    pub(super) async fn fold(
        &mut self,
        ledger: &Ledger,
        stamp: Stamp,
        audit: Option<AuditHead>,
    ) -> Result<Option<u64>, StateError> {
        let settled = self.settled();
        let mut serial = None;
        if self.dirty {
            let next = self.state(audit);
            let written = match ledger.write_scope(self.basis.as_ref(), &next, stamp).await {
                Ok(written) => written,
                Err(error) => return Err(self.lose(error)),
            };
            serial = Some(written.value.serial);
            self.template = written.value.clone();
            self.basis = Some(written);
            self.dirty = false;
            self.since_fold = 0;
        }
        // What is pending now is in the state, or is a failure that changed nothing.
        self.pending.clear();
        let run = self.held.lease.lock.holder.run.clone();
        ledger.remove_journal(&self.name, &run, self.first..=settled).await?;
        self.first = settled + 1;
        Ok(serial)
    }

    /// Whether another run has its lock.
    pub(super) fn is_taken_over(&self) -> bool {
        self.lost.as_ref().is_some_and(|e| e.failure == StateFailure::Conflict)
    }

    /// Gives the lease back.
    pub(super) async fn release(&mut self, ledger: &Ledger) -> Option<Diagnostic> {
        self.held.close();
        if self.is_taken_over() {
            return None;
        }
        let error = ledger.release(&mut self.held.lease).await.err()?;
        if error.failure == StateFailure::Conflict {
            self.lost = Some(error.clone());
        }
        Some(
            Diagnostic::warning(format!("the lock of scope `{}` was not given back", self.name))
                .detail(error.to_string())
                .help("it ends by itself"),
        )
    }

    /// Results that are neither in the journal nor in the state.
    pub(super) fn unrecorded(&self) -> impl Iterator<Item = &Finished> {
        self.pending.iter().filter(|f| !matches!(f.outcome, OperationOutcome::Failed(_)))
    }
}
