//! What the repairs of a state share: one scope's lease, taken without reading the state, and the record in
//! the audit log before the write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::apply::cancel::Urgency;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::host::Event as HostEvent;
use crate::engine::workspace::Workspace;
use crate::state::layout::{self, ScopeKey};
use crate::state::{AuditDetails, AuditEvent, Lease, LeaseHolder, Ledger, Lock, Stamp, StateError};

/// Tells the host that a lock is waited for.
pub(super) fn waiting(workspace: &Workspace) -> impl FnMut(&str, &Lock) {
    move |scope: &str, lock: &Lock| {
        let (scope, holder) = (scope.to_owned(), lock.holder.clone());
        workspace.host.event(HostEvent::WaitingForScope { scope, holder });
    }
}

/// What a repair does, as the audit log says it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Repaired {
    /// A saved state is written back.
    Pushed {
        /// Who applied what it records.
        applied_by: String,
    },
    /// An old version is the current one again.
    RolledBack {
        /// Its serial.
        to: u64,
    },
}

impl Repaired {
    /// The audit log's action.
    const fn action(&self) -> &'static str {
        match self {
            Self::Pushed { .. } => "state_pushed",
            Self::RolledBack { .. } => "state_rolled_back",
        }
    }
}

/// What a repair needs: whose it is, of which scope, and above which epoch its lease must stand.
pub(super) struct StateRepair<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) ledger: &'a Ledger,
    pub(super) holder: &'a LeaseHolder,
    pub(super) scope: &'a str,
    pub(super) floor: u64,
    pub(super) lock_timeout: Duration,
}

impl StateRepair<'_> {
    /// Takes the lease, writes a record into the audit log, does `work` under the lease with the
    /// stamp of its write, and gives the lease back, whatever came of it. The record comes first: a repair
    /// that is interrupted has at least been announced.
    ///
    /// # Errors
    /// The scope is locked, the store cannot be used, or the work failed.
    pub(super) async fn under_lease<T>(
        &self,
        repaired: Repaired,
        work: impl AsyncFnOnce(&Lease, Stamp) -> Result<T, StateError>,
    ) -> Result<T, EngineError> {
        let floors = BTreeMap::from([(self.scope.to_owned(), self.floor)]);
        let (terms, timeout) = (self.workspace.terms, self.lock_timeout);
        let waiting = waiting(self.workspace);
        let stop = self.workspace.host.cancel();
        let stop = stop.risen(Urgency::None);
        let acquiring =
            self.ledger.acquire_unless_stopped(&floors, self.holder, terms, timeout, waiting, stop);
        let held = acquiring.await?.ok_or(EngineError::Interrupted)?;
        let Some((mut lease, _)) = held.into_iter().next() else {
            return Err(EngineError::failed(format!("the lock of `{}` is not held", self.scope)));
        };
        let done = async {
            let stamp = self.holder.stamp(self.ledger.now().await?);
            let event = AuditEvent {
                scopes: vec![self.scope.to_owned()],
                details: AuditDetails::of(&repaired)?,
                ..self.holder.event(stamp.at, repaired.action())
            };
            self.ledger.audit(None, event).await?;
            work(&lease, stamp).await
        };
        let done = done.await;
        // Where it cannot be given back it ends by itself.
        let _ = self.ledger.release(&mut lease).await;
        Ok(done?)
    }
}

/// Makes sure that a scope is known by anything that is kept of it: its state, a lock or a journal.
///
/// # Errors
/// It is not, or the backend cannot be listed.
pub(super) async fn require_scope(ledger: &Ledger, scope: &str) -> Result<(), EngineError> {
    let keys = ledger.store().list(layout::SCOPES, None).await.map_err(StateError::from)?;
    let scopes = keys.iter().filter_map(|key| {
        let (ScopeKey::State(scope) | ScopeKey::Lock(scope) | ScopeKey::Journal(scope, ..)) =
            layout::parse(key)?;
        Some(scope)
    });
    let known: BTreeSet<String> = scopes.collect();
    if known.contains(scope) {
        return Ok(());
    }
    let help = did_you_mean(scope, known.iter().map(String::as_str)).unwrap_or_else(|| match known
        .is_empty()
    {
        true => "the state is empty".to_owned(),
        false => {
            format!("there are {}", known.iter().cloned().collect::<Vec<_>>().join(", "))
        }
    });
    Err(Diagnostic::error(format!("the state has no scope `{scope}`")).help(help).into())
}
