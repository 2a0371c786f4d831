//! The lock of a scope: a lease with a rising fencing epoch, measured by the store's clock.
//!
//! The lock is for courtesy, compare-and-swap is for correctness. A lease is taken with
//! `If-None-Match: *` or by swapping a released or expired one, renewed while an operation runs,
//! and released by a swap, never by a delete. A crashed runner blocks nobody for longer than the lease.
//!
//! What AWS is asked cannot be swapped, so there the lease has to hold in time. The holder sends a request
//! only within [`Terms::window`] of having seen that the lock is still its own, counted on its own clock from
//! before it looked; an attempt lasts at most [`Terms::request_timeout`]. The two together are at most
//! [`Terms::margin`]. So whatever ends a lease (its time, a proof that its holder is dead, the holder's own
//! word) and however wrong any clock is: one margin after the lock was swapped nothing of the holder's is on
//! its way any more. A successor waits that long before it looks at what was left. It need not where the
//! server's clock and its own agree that lease and margin are over.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure, following};
use super::json::encode;
use super::layout;
use super::ledger::{Ledger, Versioned};
use super::lock::{LeaseHolder, Lock, Terms};
use super::scopes::{ScopeState, Stamp};
use super::store::{Cas, Object, WriteCondition};

/// What became of the attempt to take a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is held now; with the lock that was taken over, where its holder had crashed or was shut out.
    Held(Box<Lease>, Option<Box<Lock>>),
    /// Another run holds it.
    Busy(Box<Lock>),
    /// Its holder has ended; it is free once nothing of the holder's can be on its way, after so long.
    Ending(Box<Lock>, Duration),
}

/// A lease that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The scope.
    pub scope: String,
    /// As written.
    pub lock: Lock,
    /// Tag for the next write.
    etag: String,
    terms: Terms,
    /// When it was written last, on the holder's clock, from before the request.
    renewed: Duration,
    /// When it was last seen to be the holder's own, on the holder's clock, from before the request.
    confirmed: Duration,
}

impl Lease {
    /// Whether calls may be started at this (store) time.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.left(at) > self.terms.margin()
    }

    /// How it is held.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// Until when requests may leave, on the holder's clock.
    #[must_use]
    pub fn passes_until(&self) -> Duration {
        let seen = self.confirmed.saturating_add(self.terms.window());
        seen.min(self.lasts_until())
    }

    /// When its time is over on the holder's clock, less the margin.
    #[must_use]
    pub fn lasts_until(&self) -> Duration {
        self.renewed.saturating_add(self.terms.length).saturating_sub(self.terms.margin_span())
    }

    /// Whether it should be looked at again, on the holder's clock: a third of the window has passed.
    #[must_use]
    pub fn is_unconfirmed(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.confirmed) > self.terms.window() / 3
    }

    /// Whether it is time to renew it, on the holder's clock: a third of it has passed.
    #[must_use]
    pub fn is_stale(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.renewed) > self.terms.length / 3
    }

    /// Time left at `at`.
    #[must_use]
    pub fn left(&self, at: Timestamp) -> SignedDuration {
        self.lock.expires_at.duration_since(at)
    }

    /// Whether it is time to renew: less than two thirds of the lease are left.
    #[must_use]
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.left(at) < self.terms.length() * 2 / 3
    }
}

/// How a lock stands for who would like to take it.
enum LockState {
    /// It can be taken.
    Free,
    /// Its holder is at work.
    Held,
    /// Its holder has ended: free after so long.
    Ended(Duration),
    /// Its holder has ended, or its time is over, and nothing says so yet.
    Over,
}

/// A time that is left, as a duration.
fn positive(left: SignedDuration) -> Duration {
    Duration::try_from(left).unwrap_or_default()
}

/// No lease is taken for so long.
pub(super) const LONGEST: SignedDuration = SignedDuration::from_hours(24);

fn epoch_of(scope: &str) -> String {
    format!("the epoch of scope `{scope}`")
}

pub(super) fn add(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

impl Ledger {
    /// Tries once to take the lease of a scope. `floor` is the epoch of the scope's state, below
    /// which no new epoch may be (somebody could have removed the lock).
    ///
    /// # Errors
    /// The store cannot be used or tells no time.
    pub async fn acquire(
        &self,
        scope: &str,
        holder: &LeaseHolder,
        terms: Terms,
        floor: u64,
    ) -> Result<Acquired, StateError> {
        loop {
            let asked = self.clock().elapsed();
            let now = self.now().await?;
            let key = layout::lock(scope);
            let (condition, epoch, previous, before) = match self.store().get(&key).await? {
                None => (WriteCondition::Absent, following(floor, &epoch_of(scope))?, None, None),
                Some(found) => {
                    let lock = self.usable(&key, &found)?;
                    match self.lock_state(&lock, now, terms) {
                        LockState::Free => {}
                        LockState::Held => return Ok(Acquired::Busy(Box::new(lock))),
                        LockState::Ended(left) => {
                            return Ok(Acquired::Ending(Box::new(lock), left));
                        }
                        LockState::Over => match self.depose(scope, lock, found.etag, now).await? {
                            Some(ended) => {
                                return Ok(Acquired::Ending(
                                    Box::new(ended),
                                    positive(terms.margin()),
                                ));
                            }
                            // The lock changed at that moment: look again.
                            None => continue,
                        },
                    }
                    let epoch = following(lock.epoch.max(floor), &epoch_of(scope))?;
                    let abandoned = (!lock.released || lock.unfenced).then(|| Box::new(lock));
                    (WriteCondition::Etag(found.etag), epoch, abandoned, found.version)
                }
            };
            let lock = Lock {
                id: uuid::Uuid::new_v4().to_string(),
                write_id: uuid::Uuid::new_v4().to_string(),
                holder: holder.clone(),
                epoch,
                acquired_at: now,
                expires_at: add(now, terms.length()),
                released: false,
                ended_at: None,
                unfenced: previous.is_some(),
            };
            // Before the answer: a run that is stopped in between gives back what it was about to get.
            self.holds(scope, &lock.id);
            match self.swap(&key, &encode(&lock)?, &condition).await? {
                Cas::Won(written) => {
                    let written_as = written.version.as_deref();
                    if let Err(error) =
                        self.require_one_history(&key, written_as, before.as_deref()).await
                    {
                        // The other one may be at work: this lock ends, and is not given back.
                        self.end_held().await;
                        return Err(error);
                    }
                    let lease = Lease {
                        scope: scope.to_owned(),
                        lock,
                        etag: written.etag,
                        terms,
                        renewed: asked,
                        confirmed: asked,
                    };
                    return Ok(Acquired::Held(Box::new(lease), previous));
                }
                // Somebody was faster: look again who holds it now.
                Cas::Lost(_) => self.holds_no_more(scope, &lock.id),
            }
        }
    }

    /// What stands between this run and a lock that was not taken by it.
    fn lock_state(&self, lock: &Lock, now: Timestamp, terms: Terms) -> LockState {
        if lock.released || self.left_nothing(&lock.holder) {
            return LockState::Free;
        }
        let over = add(lock.expires_at, terms.margin());
        if let Some(ended) = lock.ended_at {
            // No later than the lease itself would be over, whatever stands there; by a clock that has jumped that says
            // nothing, and the margin is waited out.
            let until = match self.agrees(now, terms) {
                true => add(ended, terms.margin()).min(over),
                false => add(ended, terms.margin()).min(add(now, terms.margin())),
            };
            let left = until.duration_since(now);
            return if left.is_positive() {
                LockState::Ended(positive(left))
            } else {
                LockState::Free
            };
        }
        match now >= over {
            true if self.agrees(now, terms) => LockState::Free,
            true => LockState::Over,
            false if self.is_gone(&lock.holder) => LockState::Over,
            false => LockState::Held,
        }
    }

    /// Whether this machine's clock tells about the same time as the server's. Where it does not, one of
    /// them has jumped, and that a lease is over is not taken from the server's alone.
    fn agrees(&self, now: Timestamp, terms: Terms) -> bool {
        let Some(here) = self.calendar() else { return true };
        here.duration_since(now).abs() <= terms.margin()
    }

    /// Says of a lock that its holder has ended. From here on the holder cannot see the lock to be its own.
    pub(super) async fn depose(
        &self,
        scope: &str,
        lock: Lock,
        etag: String,
        now: Timestamp,
    ) -> Result<Option<Lock>, StateError> {
        let ended =
            Lock { write_id: uuid::Uuid::new_v4().to_string(), ended_at: Some(now), ..lock };
        let key = layout::lock(scope);
        match self.swap(&key, &encode(&ended)?, &WriteCondition::Etag(etag)).await? {
            Cas::Won(_) => Ok(Some(ended)),
            Cas::Lost(_) => Ok(None),
        }
    }

    /// Ends every lease that this process holds without giving it back: a request may be in flight.
    /// A successor waits one margin from here.
    pub async fn end_held(&self) {
        let Ok(now) = self.now().await else { return };
        let ends = self.held().into_iter().map(|(scope, id)| async move {
            // A renewal may have been under way: what stands there decides, not what is remembered.
            for _ in 0..3 {
                let Ok(Some(found)) = self.store().get(&layout::lock(&scope)).await else { return };
                let Ok(lock) = serde_json::from_slice::<Lock>(&found.bytes) else { return };
                let own = lock.id == id && !lock.released && lock.ended_at.is_none();
                if !own || matches!(self.depose(&scope, lock, found.etag, now).await, Ok(Some(_))) {
                    return;
                }
            }
        });
        futures::future::join_all(ends).await;
    }

    /// Gives the leases of these scopes back that this process holds: it has sent nothing under them.
    pub async fn give_back(&self, scopes: &BTreeMap<String, u64>) {
        let own = self.held().into_iter().filter(|(scope, _)| scopes.contains_key(scope));
        let ends = own.map(|(scope, id)| async move {
            let key = layout::lock(&scope);
            // A renewal may have been under way, as in `end_held`.
            for _ in 0..3 {
                let Ok(Some(found)) = self.store().get(&key).await else { return };
                let Ok(lock) = serde_json::from_slice::<Lock>(&found.bytes) else { return };
                if lock.id != id || lock.released || lock.ended_at.is_some() {
                    return;
                }
                let write_id = uuid::Uuid::new_v4().to_string();
                let free = Lock { write_id, released: true, ..lock };
                let Ok(bytes) = encode(&free) else { return };
                match self.swap(&key, &bytes, &WriteCondition::Etag(found.etag)).await {
                    Ok(Cas::Lost(_)) => {}
                    // It ends by itself where this fails.
                    Ok(Cas::Won(_)) | Err(_) => break,
                }
            }
            self.holds_no_more(&scope, &id);
        });
        futures::future::join_all(ends).await;
    }

    /// Looks whether a lease is still the holder's own, without writing.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when it is not; the store cannot be read.
    pub async fn confirm(&self, lease: &mut Lease) -> Result<(), StateError> {
        let asked = self.clock().elapsed();
        let found = self.store().get(&layout::lock(&lease.scope)).await?;
        let lock = found.as_ref().and_then(|o| serde_json::from_slice::<Lock>(&o.bytes).ok());
        match (found, lock) {
            (Some(found), Some(lock))
                if lock.id == lease.lock.id && !lock.released && lock.ended_at.is_none() =>
            {
                // A renewal whose answer was lost may have been carried out.
                lease.etag = found.etag;
                lease.lock = Lock { unfenced: lease.lock.unfenced, ..lock };
                lease.confirmed = asked;
                Ok(())
            }
            (_, lock) => Err(self.lost(lease, lock)),
        }
    }

    /// Extends a lease by its whole length.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when it was taken over or unlocked by force.
    pub async fn renew(&self, lease: &mut Lease) -> Result<(), StateError> {
        let asked = self.clock().elapsed();
        let now = self.now().await?;
        let lock = Lock {
            write_id: uuid::Uuid::new_v4().to_string(),
            expires_at: add(now, lease.terms.length()),
            ..lease.lock.clone()
        };
        self.rewrite(lease, lock).await?;
        (lease.renewed, lease.confirmed) = (asked, asked);
        Ok(())
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// The store cannot be used, or the lease was lost before.
    pub async fn release(&self, lease: &mut Lease) -> Result<(), StateError> {
        let lock = Lock {
            write_id: uuid::Uuid::new_v4().to_string(),
            released: true,
            ..lease.lock.clone()
        };
        self.rewrite(lease, lock).await?;
        self.holds_no_more(&lease.scope, &lease.lock.id);
        Ok(())
    }

    async fn rewrite(&self, lease: &mut Lease, lock: Lock) -> Result<(), StateError> {
        let condition = WriteCondition::Etag(lease.etag.clone());
        match self.swap(&layout::lock(&lease.scope), &encode(&lock)?, &condition).await? {
            Cas::Won(written) => {
                lease.etag = written.etag;
                lease.lock = lock;
                Ok(())
            }
            Cas::Lost(object) => {
                let now = object.and_then(|o| serde_json::from_slice::<Lock>(&o.bytes).ok());
                Err(self.lost(lease, now))
            }
        }
    }

    /// The error of a lease that is not the holder's any more, by what stands there now.
    fn lost(&self, lease: &Lease, now: Option<Lock>) -> StateError {
        self.holds_no_more(&lease.scope, &lease.lock.id);
        let by = match now {
            Some(lock) if lock.id != lease.lock.id => format!(
                "It was taken over by `{}` on {} (pid {}) with `{}`.",
                lock.holder.who, lock.holder.host, lock.holder.pid, lock.holder.operation
            ),
            Some(lock) if lock.ended_at.is_some() => {
                "Another run found it to be over and is about to take it.".to_owned()
            }
            _ => "It was unlocked by force.".to_owned(),
        };
        StateError::new(
            StateFailure::Conflict,
            Diagnostic::error(format!("the lock of scope `{}` was lost", lease.scope))
                .detail(format!(
                    "{by} Nothing more is started, and no state is written over the new holder's."
                ))
                .help("run `palisade plan` to see where the new holder left things"),
        )
    }

    /// Shuts out a holder before this one: rewrites the scope's state under this lease's epoch, so
    /// that a write on what the other has read cannot succeed any more. Returns the state.
    ///
    /// # Errors
    /// The store cannot be used, or a newer holder has shut this one out.
    pub async fn fence(
        &self,
        lease: &mut Lease,
        lineage: &str,
        stamp: &Stamp,
    ) -> Result<Versioned<ScopeState>, StateError> {
        for _ in 0..5 {
            let basis = self.read_scope(&lease.scope).await?;
            let mut next = match &basis {
                Some(basis) => basis.value.clone(),
                None => ScopeState::new(lineage, &lease.scope, stamp.clone()),
            };
            if next.epoch > lease.lock.epoch {
                break;
            }
            next.epoch = lease.lock.epoch;
            match self.write_scope(basis.as_ref(), &next, stamp.clone()).await {
                Ok(written) => {
                    lease.lock.unfenced = false;
                    return Ok(written);
                }
                // A last write of the other's: it counts, and the next attempt stands on it.
                Err(error) if error.failure == StateFailure::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(StateError::conflict(&format!("state of scope `{}`", lease.scope)))
    }

    /// Releases whatever lock stands there, for the impatient (`state unlock`), also one that is
    /// damaged or forged. The holder notices with its next renewal or write. Returns the lock that was
    /// broken; `None` when there was none.
    ///
    /// # Errors
    /// The store cannot be used, or the lock changed hands at that moment.
    pub async fn unlock(&self, scope: &str) -> Result<Option<Lock>, StateError> {
        let key = layout::lock(scope);
        let Some(object) = self.store().get(&key).await? else { return Ok(None) };
        let (found, epoch) = match self.usable(&key, &object) {
            Ok(lock) if lock.released => return Ok(None),
            Ok(lock) => {
                let epoch = following(lock.epoch, &epoch_of(scope))?;
                (lock, epoch)
            }
            // A free lock takes its place, of an epoch above that of every state.
            Err(_) => {
                let lock = Lock::of_nobody(self.now().await?);
                (lock, following(self.floor(scope).await?, &epoch_of(scope))?)
            }
        };
        // The epoch rises, so that the next acquisition knows that somebody was shut out, and the
        // expiry stays: a successor still has to look for what was in flight.
        let broken = Lock {
            write_id: uuid::Uuid::new_v4().to_string(),
            released: true,
            unfenced: true,
            epoch,
            ..found.clone()
        };
        match self.swap(&key, &encode(&broken)?, &WriteCondition::Etag(object.etag)).await? {
            Cas::Won(_) => Ok(Some(found)),
            Cas::Lost(_) => Err(StateError::conflict(&format!("the lock of scope `{scope}`"))),
        }
    }

    /// A lock as it was stored, if somebody could take it after its holder.
    fn usable(&self, key: &str, object: &Object) -> Result<Lock, StateError> {
        let advise = |error: StateError| {
            let scope = key.trim_start_matches(layout::SCOPES).trim_end_matches("/lock.json");
            let help = format!(
                "if nobody is at work there, `palisade state unlock {scope}` puts a free lock in its place"
            );
            StateError::new(error.failure, error.diagnostic.help(help))
        };
        let lock: Lock = self.decode(key, object).map_err(advise)?;
        following(lock.epoch, &format!("the epoch in `{key}`")).map_err(advise)?;
        Ok(lock)
    }

    /// The lock of a scope as it stands.
    ///
    /// # Errors
    /// The store cannot be read, or what stands there is no lock.
    pub async fn read_lock(&self, scope: &str) -> Result<Option<Lock>, StateError> {
        let key = layout::lock(scope);
        let object = self.store().get(&key).await?;
        object.map(|object| self.usable(&key, &object)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::local::LocalStore;

    /// Another run proved by a server's clock that had jumped that a lease is over, and ended it. Nothing but the margin
    /// says when the holder's last request has arrived.
    #[test]
    fn the_margin_is_waited_out_by_a_clock_that_has_jumped_too() {
        let terms = Terms::default();
        let dir = tempfile::tempdir().expect("a directory");
        let taken: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let ledger = Ledger::new(Arc::new(LocalStore::new(dir.path())));
        let ledger = ledger.with_calendar(move || taken);
        let left = |ended: Timestamp, now: Timestamp| {
            let expires_at = add(taken, terms.length());
            let lock = Lock { ended_at: Some(ended), expires_at, ..Lock::of_nobody(taken) };
            match ledger.lock_state(&lock, now, terms) {
                LockState::Ended(left) => Some(left),
                _ => None,
            }
        };
        let jumped = add(taken, SignedDuration::from_secs(4000));
        assert_eq!(left(jumped, jumped), Some(positive(terms.margin())));
        assert_eq!(left(jumped, add(jumped, terms.margin())), None);
        // What was forged holds nobody for longer than that.
        assert_eq!(left(Timestamp::MAX, jumped), Some(positive(terms.margin())));
        let soon = add(taken, SignedDuration::from_secs(10));
        assert_eq!(left(soon, soon), Some(positive(terms.margin())));
    }
}
