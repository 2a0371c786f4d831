//! The lock of a scope: a lease with a rising fencing epoch, measured by the store's clock.
//!
//! The lock is for courtesy, compare-and-swap is for correctness. A lease is taken with
//! `If-None-Match: *` or by swapping a released or expired one, renewed while an operation runs,
//! and released by a swap, never by a delete. A crashed runner blocks nobody for longer than the lease.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;

use super::clock::backoff;
use super::error::{StateError, StateFailure, following};
use super::json::encode;
use super::layout;
use super::ledger::{Ledger, Versioned};
use super::scopes::{ScopeState, Stamp};
use super::store::{Cas, Condition, Object};

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
    /// Twice the request time-out.
    #[must_use]
    pub fn margin(&self) -> SignedDuration {
        SignedDuration::try_from(self.request_timeout.saturating_mul(2))
            .unwrap_or(SignedDuration::MAX)
    }

    fn length(&self) -> SignedDuration {
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
    /// When it was started, in clock ticks since the machine was.
    pub started: u64,
}

/// Who takes a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
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
    pub holder: Holder,
    /// Rises with each acquisition of the scope.
    pub epoch: u64,
    /// When it was taken.
    pub acquired_at: Timestamp,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
    /// Whether it was given back.
    pub released: bool,
    /// Whether a holder before this one may still be at work (it crashed, or was unlocked by force)
    /// and its writes are not shut out yet by a state of a higher epoch; see [`Ledger::fence`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfenced: bool,
}

impl Lock {
    /// What is left to say of a lock that cannot be read.
    fn of_nobody(at: Timestamp) -> Self {
        let nobody = || "unknown".to_owned();
        let holder = Holder {
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
            unfenced: false,
        }
    }
}

/// What became of the attempt to take a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is held now; with the lock that was taken over, where its holder had crashed or was shut out.
    Held(Box<Lease>, Option<Box<Lock>>),
    /// Somebody else holds it.
    Busy(Box<Lock>),
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
}

impl Lease {
    /// Whether calls may be started at this (store) time.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.left(at) > self.terms.margin()
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

/// How long a lock that was taken a moment ago is waited for even where nobody asked to wait: two
/// runs that start together take some scopes each and give them back. Without it both could lose.
const GRACE: Duration = Duration::from_secs(3);

/// No lease is taken for so long.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

fn epoch_of(scope: &str) -> String {
    format!("the epoch of scope `{scope}`")
}

fn add(at: Timestamp, duration: SignedDuration) -> Timestamp {
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
        holder: &Holder,
        terms: Terms,
        floor: u64,
    ) -> Result<Acquired, StateError> {
        loop {
            let now = self.now().await?;
            let key = layout::lock(scope);
            let (condition, epoch, previous) = match self.store().get(&key).await? {
                None => (Condition::Absent, following(floor, &epoch_of(scope))?, None),
                Some(found) => {
                    let lock = self.usable(&key, &found)?;
                    let over = add(lock.expires_at, terms.margin());
                    let running = now < over && !self.left_nothing(&lock.holder);
                    if !lock.released && running {
                        return Ok(Acquired::Busy(Box::new(lock)));
                    }
                    let epoch = following(lock.epoch.max(floor), &epoch_of(scope))?;
                    let abandoned = (!lock.released || lock.unfenced).then(|| Box::new(lock));
                    (Condition::Etag(found.etag), epoch, abandoned)
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
                unfenced: previous.is_some(),
            };
            match self.swap(&key, &encode(&lock)?, &condition).await? {
                Cas::Won(written) => {
                    let lease = Lease { scope: scope.to_owned(), lock, etag: written.etag, terms };
                    return Ok(Acquired::Held(Box::new(lease), previous));
                }
                // Somebody was faster: look again who holds it now.
                Cas::Lost(_) => {}
            }
        }
    }

    /// Extends a lease by its whole length.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when it was taken over or unlocked by force.
    pub async fn renew(&self, lease: &mut Lease) -> Result<(), StateError> {
        let now = self.now().await?;
        let lock = Lock {
            write_id: uuid::Uuid::new_v4().to_string(),
            expires_at: add(now, lease.terms.length()),
            ..lease.lock.clone()
        };
        self.rewrite(lease, lock).await
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
        self.rewrite(lease, lock).await
    }

    async fn rewrite(&self, lease: &mut Lease, lock: Lock) -> Result<(), StateError> {
        let condition = Condition::Etag(lease.etag.clone());
        match self.swap(&layout::lock(&lease.scope), &encode(&lock)?, &condition).await? {
            Cas::Won(written) => {
                lease.etag = written.etag;
                lease.lock = lock;
                Ok(())
            }
            Cas::Lost(object) => {
                let now = object.and_then(|o| serde_json::from_slice::<Lock>(&o.bytes).ok());
                let by = match now {
                    Some(lock) if lock.id != lease.lock.id => format!(
                        "It was taken over by `{}` on {} (pid {}) with `{}`.",
                        lock.holder.who, lock.holder.host, lock.holder.pid, lock.holder.operation
                    ),
                    _ => "It was unlocked by force.".to_owned(),
                };
                Err(StateError::new(
                    StateFailure::Conflict,
                    Diagnostic::error(format!("the lock of scope `{}` was lost", lease.scope))
                        .detail(format!("{by} Nothing more is started, and no state is written over the new holder's."))
                        .help("run `palisade plan` to see where the new holder left things"),
                ))
            }
        }
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
        match self.swap(&key, &encode(&broken)?, &Condition::Etag(object.etag)).await? {
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

    /// Takes the leases of several scopes, in order, waiting up to `timeout` for others to finish.
    /// While one is waited for, only scopes that sort before it are held, so that two runs never
    /// wait for each other. `waiting` is told who holds what, once for each holder.
    ///
    /// # Errors
    /// [`StateFailure::Locked`] when the time is up; everything taken so far is given back.
    pub async fn acquire_all(
        &self,
        scopes: &std::collections::BTreeMap<String, u64>,
        holder: &Holder,
        terms: Terms,
        timeout: Duration,
        mut waiting: impl FnMut(&str, &Lock),
    ) -> Result<Vec<(Lease, Option<Box<Lock>>)>, StateError> {
        let start = self.clock().elapsed();
        let mut held = self.acquire_prefix(scopes, holder, terms).await?;
        for (scope, floor) in scopes.iter().skip(held.len()) {
            let mut attempt = 0;
            let mut told = String::new();
            let outcome = loop {
                match self.acquire(scope, holder, terms, *floor).await {
                    Ok(Acquired::Held(lease, previous)) => break Ok((*lease, previous)),
                    Ok(Acquired::Busy(lock)) => {
                        let passed = self.clock().elapsed().saturating_sub(start);
                        let fresh = self.now().await.is_ok_and(|now| {
                            now.duration_since(lock.acquired_at) < SignedDuration::from_secs(5)
                        });
                        let timeout = if fresh { timeout.max(GRACE) } else { timeout };
                        if passed >= timeout {
                            break Err(self.locked(scope, &lock, terms).await);
                        }
                        if told != lock.id {
                            waiting(scope, &lock);
                            told.clone_from(&lock.id);
                        }
                        let wait =
                            backoff(attempt, Duration::from_millis(500), Duration::from_secs(15));
                        self.clock().sleep(wait.min(timeout.saturating_sub(passed))).await;
                        attempt += 1;
                        // What is held meanwhile must not expire.
                        if let Err(error) = self.renew_due(&mut held).await {
                            break Err(error);
                        }
                    }
                    Err(error) => break Err(error),
                }
            };
            match outcome {
                Ok(pair) => held.push(pair),
                Err(error) => {
                    for (lease, _) in &mut held {
                        // The lease ends by itself where this fails.
                        let _ = self.release(lease).await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(held)
    }

    /// The common case, quickly: tries all at once, and keeps what was taken before the first that
    /// was busy, in order.
    async fn acquire_prefix(
        &self,
        scopes: &std::collections::BTreeMap<String, u64>,
        holder: &Holder,
        terms: Terms,
    ) -> Result<Vec<(Lease, Option<Box<Lock>>)>, StateError> {
        let tries: Vec<_> = scopes
            .iter()
            .map(|(scope, floor)| self.acquire(scope, holder, terms, *floor))
            .collect();
        let results: Vec<_> = stream::iter(tries).buffered(32).collect().await;
        let mut held = Vec::new();
        let mut failed = None;
        let mut surplus = Vec::new();
        let mut in_prefix = true;
        for result in results {
            match result {
                Ok(Acquired::Held(lease, previous)) if in_prefix => held.push((*lease, previous)),
                Ok(Acquired::Held(lease, _)) => surplus.push(*lease),
                Ok(Acquired::Busy(_)) => in_prefix = false,
                Err(error) => {
                    in_prefix = false;
                    failed = failed.or(Some(error));
                }
            }
        }
        for lease in &mut surplus {
            let _ = self.release(lease).await;
        }
        match failed {
            None => Ok(held),
            Some(error) => {
                for (lease, _) in &mut held {
                    let _ = self.release(lease).await;
                }
                Err(error)
            }
        }
    }

    async fn renew_due(&self, held: &mut [(Lease, Option<Box<Lock>>)]) -> Result<(), StateError> {
        if held.is_empty() {
            return Ok(());
        }
        let now = self.now().await?;
        for (lease, _) in held {
            if lease.is_due(now) {
                self.renew(lease).await?;
            }
        }
        Ok(())
    }

    /// The error of a lock held by somebody else: who, and for how long at most.
    pub async fn locked(&self, scope: &str, lock: &Lock, terms: Terms) -> StateError {
        let Holder { who, host, pid, operation, .. } = &lock.holder;
        let over = add(lock.expires_at, terms.margin());
        let left = self.now().await.ok().map(|now| over.duration_since(now));
        let endless = left.is_some_and(|left| left > LONGEST);
        let left = left.map_or("?".to_owned(), |left| left.as_secs().max(0).to_string());
        let (state, help) = if endless {
            (
                format!(
                    "It is said to end at {over}, longer than any lease lasts: it was forged, or the server's clock was wrong."
                ),
                format!("if that run is surely dead, `palisade state unlock {scope}`"),
            )
        } else if self.is_gone(&lock.holder) {
            (
                format!(
                    "That process has ended without giving it back; it is free in {left} s at most (at {over})."
                ),
                format!(
                    "wait for it with `--lock-timeout 10m`, or do not: `palisade state unlock {scope}`, then run again"
                ),
            )
        } else {
            (
                format!("Unless renewed it is free in {left} s, at {over}."),
                format!(
                    "wait for it with `--lock-timeout 10m`; if that run is surely dead, `palisade state unlock {scope}`"
                ),
            )
        };
        StateError::new(
            StateFailure::Locked,
            Diagnostic::error(format!("scope `{scope}` is locked by `{who}`"))
                .detail(format!(
                    "`palisade {operation}` on {host} (pid {pid}) holds it since {}. {state}",
                    lock.acquired_at
                ))
                .help(help),
        )
    }
}
