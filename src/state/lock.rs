//! What a lock says: who holds a scope, since when and until when, and on what terms.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::clock::to_the_second;
use super::scopes::Stamp;

/// How a lease is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long it lasts without renewal.
    pub length: Duration,
    /// The longest time that one request to AWS can take. A holder starts nothing with less than
    /// twice this left, and a successor waits as long after the expiry.
    pub request_timeout: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { length: Duration::from_secs(300), request_timeout: Duration::from_secs(30) }
    }
}

impl Terms {
    /// Twice the request time-out: what is left of a lease in which its holder starts nothing more, and what its
    /// successor waits after the end.
    #[must_use]
    pub fn margin(&self) -> SignedDuration {
        SignedDuration::try_from(self.margin_span()).unwrap_or(SignedDuration::MAX)
    }

    pub(super) fn margin_span(&self) -> Duration {
        self.request_timeout.saturating_mul(2)
    }

    /// How long requests may leave after the holder has seen the lock to be its own. No request hangs on a
    /// lease without a request time-out; there it is the lease's length.
    #[must_use]
    pub fn window(&self) -> Duration {
        if self.request_timeout.is_zero() { self.length } else { self.request_timeout }
    }

    pub(super) fn length(&self) -> SignedDuration {
        SignedDuration::try_from(self.length).unwrap_or(SignedDuration::MAX)
    }
}

/// What tells a process from every other one that had or will have its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Random for each start of the machine.
    pub boot: String,
    /// The namespace that its id counts in (containers have their own).
    pub namespace: String,
    /// The user that it runs as: the system may hide the processes of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// When it was started, in clock ticks since the machine was.
    pub started: u64,
}

/// Who takes a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHolder {
    /// The caller's ARN, by `sts:GetCallerIdentity`.
    pub who: String,
    /// Name of the machine.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Which process of that id; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// `apply`, `state mv`, ...
    pub operation: String,
    /// The run.
    pub run: String,
}

/// `lock.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Random for each acquisition.
    pub id: String,
    /// Random for each write.
    pub write_id: String,
    /// Who holds it.
    #[serde(flatten)]
    pub holder: LeaseHolder,
    /// Rises with each acquisition of the scope.
    pub epoch: u64,
    /// When it was taken.
    pub acquired_at: Timestamp,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
    /// Whether it was given back.
    pub released: bool,
    /// When its holder ended without giving it back, by its own word or proved by another run: requests of
    /// its last moment may be on their way until one margin later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether a holder before this one may still be at work (it crashed, or was unlocked by force)
    /// and its writes are not shut out yet by a state of a higher epoch; see [`Ledger::fence`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfenced: bool,
}

impl LeaseHolder {
    /// What a write of this run is stamped with; a plan that it carries out is the writer's to add.
    #[must_use]
    pub fn stamp(&self, at: Timestamp) -> Stamp {
        Stamp {
            at: to_the_second(at),
            by: self.who.clone(),
            run: self.run.clone(),
            operation: self.operation.clone(),
            plan: None,
        }
    }
}

impl Lock {
    /// What is left to say of a lock that cannot be read.
    pub(super) fn of_nobody(at: Timestamp) -> Self {
        let nobody = || "unknown".to_owned();
        let holder = LeaseHolder {
            who: nobody(),
            host: nobody(),
            pid: 0,
            process: None,
            operation: nobody(),
            run: nobody(),
        };
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            write_id: String::new(),
            holder,
            epoch: 0,
            acquired_at: at,
            expires_at: at,
            released: false,
            ended_at: None,
            unfenced: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patience::ATTEMPT;

    /// A successor waits for the last attempt of the run before it: the time that leases count with is its bound.
    #[test]
    fn leases_count_with_the_bound_of_one_attempt() {
        let terms = Terms::default();
        assert!(terms.request_timeout >= ATTEMPT, "{terms:?}");
        assert!(terms.margin().unsigned_abs() >= 2 * ATTEMPT, "{terms:?}");
        assert!(terms.length > terms.margin().unsigned_abs(), "{terms:?}");
    }
}
