//! One scope during a run: its lease, its objects, its journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::diag::Diagnostic;
use crate::state::journal::{Finished, Intent, JournalWriter, Outcome};
use crate::state::model::Resources;
use crate::state::scopes::{AuditHead, Folded};
use crate::state::{
    Clock, Lease, Ledger, ScopeState, Stamp, StateError, StateFailure, Terms, Versioned,
};

/// Until when calls may be started under a lease, on the monotonic clock. Shared with workers.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<AtomicU64>);

impl Gate {
    pub(super) fn closed() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    fn until(&self, deadline: Duration) {
        self.0.store(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    fn close(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether a call may be started now.
    pub(super) fn passes(&self, clock: &dyn Clock) -> bool {
        u128::from(self.0.load(Ordering::Acquire)) > clock.elapsed().as_millis()
    }
}

pub(super) struct ScopeRun {
    pub(super) name: String,
    lease: Lease,
    terms: Terms,
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
    renewed: Duration,
    pub(super) gate: Gate,
    /// Why nothing more can be done in this scope.
    pub(super) lost: Option<StateError>,
}

impl ScopeRun {
    pub(super) fn new(
        lease: Lease,
        terms: Terms,
        basis: Option<Versioned<ScopeState>>,
        template: ScopeState,
        writer: JournalWriter,
        clock: &dyn Clock,
    ) -> Self {
        let mut run = Self {
            name: lease.scope.clone(),
            lease,
            terms,
            resources: template.resources.clone(),
            basis,
            template,
            writer,
            pending: Vec::new(),
            open: BTreeMap::new(),
            first: 1,
            dirty: false,
            since_fold: 0,
            renewed: clock.elapsed(),
            gate: Gate::closed(),
            lost: None,
        };
        run.template.epoch = run.lease.lock.epoch;
        run.extend_gate();
        run
    }

    fn extend_gate(&self) {
        let margin = self.terms.request_timeout.saturating_mul(2);
        self.gate.until(self.renewed.saturating_add(self.terms.length).saturating_sub(margin));
    }

    /// Records a result: in the objects at once, in the journal or the state with the next write.
    pub(super) fn finish(&mut self, finished: Finished) {
        finished.fold(&mut self.resources);
        self.open.remove(&finished.operation);
        self.dirty |= !matches!(finished.outcome, Outcome::Failed(_));
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

    /// Writes results and announces intents; when it returns they are durable and the lease is good
    /// for another batch.
    pub(super) async fn journal(
        &mut self,
        ledger: &Ledger,
        intents: Vec<Intent>,
    ) -> Result<(), StateError> {
        if intents.is_empty() && self.pending.is_empty() {
            return Ok(());
        }
        let numbers: Vec<u32> = intents.iter().map(|i| i.operation).collect();
        let finished = std::mem::take(&mut self.pending);
        let written = match self.writer.write(ledger, finished.clone(), intents).await {
            Ok(written) => written,
            Err(error) => {
                self.pending = finished;
                return Err(self.lose(error));
            }
        };
        let sequence = self.writer.sequence();
        self.open.extend(numbers.into_iter().map(|n| (n, sequence)));
        // The answer's own time: a machine that slept since the last renewal notices here.
        if written.at.is_some_and(|at| self.lease.is_due(at)) {
            self.renew(ledger).await?;
        }
        Ok(())
    }

    /// Renews the lease when a third of it has passed.
    pub(super) async fn keep(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        let passed = ledger.clock().elapsed().saturating_sub(self.renewed);
        if self.lost.is_none() && passed > self.terms.length / 3 {
            self.renew(ledger).await?;
        }
        Ok(())
    }

    async fn renew(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        let before = ledger.clock().elapsed();
        match ledger.renew(&mut self.lease).await {
            Ok(()) => {
                self.renewed = before;
                self.extend_gate();
                Ok(())
            }
            // Out of reach is not lost: the gate closes by itself when the lease runs out.
            Err(error) if error.failure == StateFailure::Unavailable => Ok(()),
            Err(error) => Err(self.lose(error)),
        }
    }

    fn lose(&mut self, error: StateError) -> StateError {
        self.gate.close();
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
            .then(|| Folded { run: self.lease.lock.holder.run.clone(), sequence })
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
        let run = self.lease.lock.holder.run.clone();
        ledger.remove_journal(&self.name, &run, self.first..=settled).await?;
        self.first = settled + 1;
        Ok(serial)
    }

    /// Gives the lease back.
    pub(super) async fn release(&mut self, ledger: &Ledger) -> Option<Diagnostic> {
        self.gate.close();
        if self.lost.as_ref().is_some_and(|e| e.failure == StateFailure::Conflict) {
            return None;
        }
        let error = ledger.release(&mut self.lease).await.err()?;
        Some(
            Diagnostic::warning(format!("the lock of scope `{}` was not given back", self.name))
                .detail(error.to_string())
                .help("it ends by itself"),
        )
    }

    /// Leaves at once: gives the lease back as one whose holder may still be at work.
    pub(super) async fn abandon(&mut self, ledger: &Ledger) {
        self.gate.close();
        self.lease.lock.unfenced = true;
        let _ = ledger.release(&mut self.lease).await;
    }
}
