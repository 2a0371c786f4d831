//! The leases of several scopes, taken together and in one order, so that two runs never wait for each other.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;

use crate::diag::Diagnostic;
use crate::patience::backoff;

use super::error::{StateError, StateFailure};
use super::layout::{self, ScopeKey};
use super::lease::{Acquired, LONGEST, Lease, add};
use super::ledger::Ledger;
use super::lock::{LeaseHolder, Lock, Terms};

/// How long a lock that was taken a moment ago is waited for even where nobody asked to wait: two
/// runs that start together take some scopes each and give them back. Without it both could lose.
const GRACE: Duration = Duration::from_secs(3);

/// How many locks are looked at in one moment.
const CONCURRENCY: usize = 32;

impl Ledger {
    /// Says of every lock of a process that is proven dead that it has ended, at once: the margin then runs for
    /// all of them together, and not again for each group of scopes that a successor comes to take.
    ///
    /// # Errors
    /// The store cannot be listed or tells no time. A lock that cannot be read or that changes meanwhile is left to
    /// whoever takes it.
    pub async fn end_leases_of_gone_processes(&self) -> Result<(), StateError> {
        let (keys, now) = futures::try_join!(
            async { self.store().list(layout::SCOPES, None).await.map_err(StateError::from) },
            self.now()
        )?;
        let scopes = keys.iter().filter_map(|key| match layout::parse(key) {
            Some(ScopeKey::Lock(scope)) => Some(scope),
            _ => None,
        });
        let ends = scopes.map(|scope| async move {
            let Ok(Some(found)) = self.store().get(&layout::lock(&scope)).await else { return };
            let Ok(lock) = serde_json::from_slice::<Lock>(&found.bytes) else { return };
            if !lock.released && lock.ended_at.is_none() && self.is_gone(&lock.holder) {
                let _ = self.depose(&scope, lock, found.etag, now).await;
            }
        });
        stream::iter(ends).buffer_unordered(CONCURRENCY).collect::<()>().await;
        Ok(())
    }

    /// Takes the leases of several scopes, in order, waiting up to `timeout` for others to finish.
    /// While one is waited for, only scopes that sort before it are held, so that two runs never
    /// wait for each other. `waiting` is told who holds what, once for each holder.
    ///
    /// # Errors
    /// [`StateFailure::Locked`] when the time is up; everything taken so far is given back.
    pub async fn acquire_all(
        &self,
        scopes: &BTreeMap<String, u64>,
        holder: &LeaseHolder,
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
                    // Nobody holds it any more: the wait is short, and has nothing to do with a time-out.
                    Ok(Acquired::Ending(lock, left)) => {
                        if told != lock.write_id {
                            waiting(scope, &lock);
                            told.clone_from(&lock.write_id);
                        }
                        let wait = left.max(Duration::from_millis(100));
                        self.clock().sleep(wait.min(Duration::from_secs(10))).await;
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

    /// As [`Self::acquire_all`], until `stop` ends: what was taken by then is given back.
    ///
    /// # Errors
    /// As there; `None` where it was stopped.
    pub async fn acquire_unless_stopped(
        &self,
        scopes: &BTreeMap<String, u64>,
        holder: &LeaseHolder,
        terms: Terms,
        timeout: Duration,
        waiting: impl FnMut(&str, &Lock),
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Vec<(Lease, Option<Box<Lock>>)>>, StateError> {
        tokio::select! {
            biased;
            () = stop => {
                self.give_back(scopes).await;
                Ok(None)
            }
            held = self.acquire_all(scopes, holder, terms, timeout, waiting) => held.map(Some),
        }
    }

    /// The common case, quickly: tries all at once, and keeps what was taken before the first that
    /// was busy, in order.
    async fn acquire_prefix(
        &self,
        scopes: &BTreeMap<String, u64>,
        holder: &LeaseHolder,
        terms: Terms,
    ) -> Result<Vec<(Lease, Option<Box<Lock>>)>, StateError> {
        let tries: Vec<_> = scopes
            .iter()
            .map(|(scope, floor)| self.acquire(scope, holder, terms, *floor))
            .collect();
        let results: Vec<_> = stream::iter(tries).buffered(CONCURRENCY).collect().await;
        let mut held = Vec::new();
        let mut failed = None;
        let mut surplus = Vec::new();
        let mut in_prefix = true;
        for result in results {
            match result {
                Ok(Acquired::Held(lease, previous)) if in_prefix => held.push((*lease, previous)),
                Ok(Acquired::Held(lease, _)) => surplus.push(*lease),
                Ok(Acquired::Busy(_) | Acquired::Ending(..)) => in_prefix = false,
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
        let LeaseHolder { who, host, pid, operation, .. } = &lock.holder;
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
                    "`palisade {operation}` on {host} (pid {pid}) holds it since {:.0}. {state}",
                    lock.acquired_at
                ))
                .help(help),
        )
    }
}
