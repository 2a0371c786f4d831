//! History of a scope's state, and going back to an old version of it.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure, following};
use super::layout;
use super::lease::Lease;
use super::ledger::{Ledger, Versioned};
use super::scopes::{ScopeState, Stamp};
use super::store::WriteCondition;

/// One version of a scope's state.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// The store's version id.
    pub version: String,
    /// When the store got it.
    pub stored_at: Option<Timestamp>,
    /// Size in bytes.
    pub size: u64,
    /// What it says of itself; the reason when it cannot be read.
    pub state: Result<HistoryState, String>,
}

/// What a readable version says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryState {
    /// Its serial.
    pub serial: u64,
    /// Who wrote it, when, because of which plan.
    pub stamp: Stamp,
    /// How many objects it records.
    pub resources: usize,
}

impl Ledger {
    /// Versions of a scope's state, newest first, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn history(
        &self,
        scope: &str,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StateError> {
        Self::require_scope(scope)?;
        let key = layout::state(scope);
        let versions = self.store().versions(&key).await?;
        stream::iter(versions.into_iter().filter(|v| !v.deleted).take(limit))
            .map(|version| {
                let key = key.clone();
                async move {
                    let object = self.store().get_version(&key, &version.id).await?;
                    let state = object
                        .ok_or_else(|| "the version is gone".to_owned())
                        .and_then(|o| ScopeState::open(scope, &o.bytes))
                        .map(|s| HistoryState {
                            serial: s.serial,
                            stamp: s.stamp,
                            resources: s.resources.len(),
                        });
                    Ok(HistoryEntry {
                        version: version.id,
                        stored_at: version.at,
                        size: version.size,
                        state,
                    })
                }
            })
            .buffered(16)
            .try_collect()
            .await
    }

    /// The newest version of a scope with this serial.
    ///
    /// # Errors
    /// The store cannot be read, or there is no such version.
    pub async fn at_serial(&self, scope: &str, serial: u64) -> Result<ScopeState, StateError> {
        Self::require_scope(scope)?;
        let key = layout::state(scope);
        for version in self.store().versions(&key).await?.into_iter().filter(|v| !v.deleted) {
            if let Some(object) = self.store().get_version(&key, &version.id).await?
                && let Ok(state) = ScopeState::open(scope, &object.bytes)
                && state.serial == serial
            {
                return Ok(state);
            }
        }
        Err(StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!(
                "scope `{scope}` has no readable state with serial {serial}"
            ))
            .help(format!("`palisade state history {scope}` lists what there is")),
        ))
    }

    /// Writes an old version as a new serial, over whatever stands there now (damaged states too, or
    /// none), under a lease. What follows from it for AWS is the next plan's to show.
    ///
    /// # Errors
    /// There is no such version, or somebody else wrote in the meantime.
    pub async fn rollback(
        &self,
        lease: &Lease,
        serial: u64,
        stamp: Stamp,
    ) -> Result<Versioned<ScopeState>, StateError> {
        let scope = &lease.scope;
        let mut next = self.at_serial(scope, serial).await?;
        next.epoch = lease.lock.epoch;
        next.folded = None;
        let what = format!("the serial of scope `{scope}`");
        let object = self.store().get(&layout::state(scope)).await?;
        let current = object.as_ref().and_then(|o| ScopeState::open(scope, &o.bytes).ok());
        // A state that is damaged, forged or gone has no serial to count on from; the last good one has.
        let current = match current.filter(|current| !current.is_at_its_end()) {
            Some(current) => current,
            None => {
                let good = self.last_good(scope).await.map_or_else(|| next.clone(), |(_, s)| s);
                ScopeState { serial: following(good.serial, &what)?, epoch: 0, ..good }
            }
        };
        if current.epoch > next.epoch {
            return Err(StateError::conflict(&format!("state of scope `{scope}`")));
        }
        next.audit = current.audit.clone().max(next.audit);
        let serial = following(current.serial, &what)?;
        let condition =
            object.map_or(WriteCondition::Absent, |object| WriteCondition::Etag(object.etag));
        self.write_as(serial, condition, &next, stamp).await
    }

    /// The epoch below which nobody who changes a scope's state may stand, whatever stands there:
    /// a forged one does not count.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn floor(&self, scope: &str) -> Result<u64, StateError> {
        let object = self.store().get(&layout::state(scope)).await?;
        let current = object.and_then(|o| ScopeState::open(scope, &o.bytes).ok());
        match current.filter(|current| !current.is_at_its_end()) {
            Some(current) => Ok(current.epoch),
            None => Ok(self.last_good(scope).await.map_or(0, |(_, state)| state.epoch)),
        }
    }
}
