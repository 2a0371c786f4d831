//! What happens during an apply, as it happens: plain data for whoever shows it.

use std::time::Duration;

use crate::address::ResourceAddr;
use crate::plan::model::OperationKind;
use crate::state::{Lock, Terms};

/// Which operation an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRef {
    /// Its number in the plan.
    pub id: u32,
    /// What it does.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// What it is attached to, detached from or moved to: an address, or an id.
    pub target: Option<String>,
    /// The scope, as people read it: an account's handle or `org`.
    pub account: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum ApplyEvent {
    /// Somebody else holds a lock that is waited for.
    WaitingForLock {
        /// The scope.
        scope: String,
        /// Who holds it.
        who: String,
        /// On which machine.
        host: String,
        /// Doing what.
        operation: String,
        /// Where that run has ended: how long at most what it had in flight is waited out.
        ended: Option<Duration>,
    },
    /// All locks are held; this many operations follow.
    Begun {
        /// Number of operations.
        operations: usize,
    },
    /// An operation starts.
    Started(OperationRef),
    /// An operation is tried again.
    Retrying {
        /// Which.
        operation: OperationRef,
        /// From 1.
        attempt: u32,
        /// After this time.
        wait: Duration,
        /// Because of this.
        reason: String,
    },
    /// An operation is done.
    Succeeded(OperationRef),
    /// An operation failed.
    Failed {
        /// Which.
        operation: OperationRef,
        /// Why.
        reason: String,
    },
    /// An operation is skipped.
    Skipped {
        /// Which.
        operation: OperationRef,
        /// Because of which.
        because: OperationRef,
    },
    /// Ctrl-C was heard: this many operations are waited for.
    Stopping {
        /// In flight.
        running: usize,
    },
    /// A scope's state was written.
    Saved {
        /// The scope.
        scope: String,
        /// Its new serial.
        serial: u64,
    },
    /// A run that was interrupted is recovered in a scope.
    Recovering {
        /// The scope.
        scope: String,
        /// The run.
        run: String,
        /// How many of its operations have no result.
        in_doubt: usize,
    },
}

/// Where events go; a receiver that is gone is no error.
pub type Events = tokio::sync::mpsc::UnboundedSender<ApplyEvent>;

/// Tells of a lock that is waited for.
pub(super) fn waiting(events: &Events, terms: Terms) -> impl FnMut(&str, &Lock) {
    let events = events.clone();
    move |scope, lock| {
        let _ = events.send(ApplyEvent::WaitingForLock {
            scope: scope.to_owned(),
            who: lock.holder.who.clone(),
            host: lock.holder.host.clone(),
            operation: lock.holder.operation.clone(),
            ended: lock.ended_at.map(|_| terms.margin().unsigned_abs()),
        });
    }
}
