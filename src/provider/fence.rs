//! The fence: a request that changes something leaves only while the lease that it stands on holds.
//!
//! Claim: once a lease was taken over, no attempt of a changing request of its former holder leaves that
//! process any more. A check before a step does not give that: one step makes several calls, and the SDK
//! repeats each of them by itself. So the check stands where an attempt leaves, after it was signed, and a
//! changing request that comes with no permit does not leave at all. What has left before may still be
//! delivered; its signature then says how old it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A lease, as the requests that stand on it see it.
pub trait AttemptGate: Send + Sync {
    /// Whether a request may leave at this moment.
    fn passes(&self) -> bool;
}

/// What the changing requests of one step pass through; clones share what has passed.
#[derive(Clone)]
pub struct Permit {
    gates: Vec<Arc<dyn AttemptGate>>,
    sent: Arc<AtomicBool>,
}

impl Permit {
    /// Through all of these gates.
    #[must_use]
    pub fn through(gates: Vec<Arc<dyn AttemptGate>>) -> Self {
        Self { gates, sent: Arc::default() }
    }

    /// For who holds no lease because nothing else is at work there.
    #[must_use]
    pub fn open() -> Self {
        Self::through(Vec::new())
    }

    /// Whether a request may leave now.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.gates.iter().all(|gate| gate.passes())
    }

    /// Lets one attempt pass, or refuses it.
    #[must_use]
    pub fn admit(&self) -> bool {
        let passes = self.passes();
        if passes {
            self.sent.store(true, Ordering::Release);
        }
        passes
    }

    /// Whether any attempt has passed: then a refused one says nothing of what was done before.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }
}
