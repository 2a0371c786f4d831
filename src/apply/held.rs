//! A lease that is held while AWS is called, and the gate that its requests pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::provider::AttemptGate;
use crate::state::{Clock, Lease, Ledger, StateError, StateFailure};

/// Until when requests may leave under a lease, on the holder's clock. Shared with those who send them.
#[derive(Clone)]
pub(super) struct LeaseGate {
    until: Arc<AtomicU64>,
    /// Whether a request has passed.
    used: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl LeaseGate {
    fn open_until(&self, deadline: Duration) {
        let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.until.store(millis, Ordering::Release);
    }

    fn close(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether a changing request has left under its lease.
    pub(super) fn was_passed(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }
}

impl AttemptGate for LeaseGate {
    fn passes(&self) -> bool {
        let passes =
            u128::from(self.until.load(Ordering::Acquire)) > self.clock.elapsed().as_millis();
        self.used.fetch_or(passes, Ordering::AcqRel);
        passes
    }
}

/// A lease and its gate, kept in step.
pub(super) struct HeldLease {
    pub(super) lease: Lease,
    pub(super) gate: LeaseGate,
}

impl HeldLease {
    pub(super) fn new(lease: Lease, clock: Arc<dyn Clock>) -> Self {
        let gate = LeaseGate { until: Arc::default(), used: Arc::default(), clock };
        gate.open_until(lease.passes_until());
        Self { lease, gate }
    }

    /// Sees whether the lease is still held: by renewing it when a third of it has passed, by reading it
    /// otherwise.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when it is not: the gate is closed for good. Others leave the gate to its
    /// own time: what is out of reach is not lost.
    pub(super) async fn check(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        let elapsed = ledger.clock().elapsed();
        let seen = if self.lease.is_stale(elapsed) {
            ledger.renew(&mut self.lease).await
        } else {
            ledger.confirm(&mut self.lease).await
        };
        match &seen {
            Ok(()) => self.gate.open_until(self.lease.passes_until()),
            Err(error) if error.failure == StateFailure::Conflict => self.close(),
            Err(_) => {}
        }
        seen
    }

    pub(super) fn close(&self) {
        self.gate.close();
    }
}

/// Keeps leases for as long as it is polled. Returns only when one is lost.
pub(super) async fn keep_all(ledger: &Ledger, leases: &mut [HeldLease]) -> StateError {
    loop {
        let window = leases.iter().map(|held| held.lease.terms().window()).min();
        ledger.clock().idle(window.unwrap_or_default() / 3).await;
        for held in &mut *leases {
            if let Err(error) = held.check(ledger).await
                && error.failure == StateFailure::Conflict
            {
                return error;
            }
        }
    }
}
