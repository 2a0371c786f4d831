//! An edit of objects in state: leases of the touched scopes, the state as it is under them, and one write
//! at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::address::ResourceAddr;
use crate::apply::cancel::Urgency;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::open::Store;
use crate::engine::workspace::Workspace;
use crate::live::selection;
use crate::state::model::Resources;
use crate::state::{
    AuditDetails, AuditEvent, Lease, LeaseHolder, Ledger, ScopeState, Snapshot, Stamp,
};

use super::repair::waiting;

/// What an edit did, as the audit log says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Edit {
    /// Objects have another address.
    Moved {
        /// The address or its beginning, as it was typed.
        from: String,
        /// What stands in its place.
        to: String,
    },
    /// Objects have left the state and stay in AWS.
    Removed {
        /// Their addresses.
        addresses: Vec<String>,
    },
}

impl Edit {
    /// The audit log's action.
    const fn action(&self) -> &'static str {
        match self {
            Self::Moved { .. } => "state_moved",
            Self::Removed { .. } => "state_removed",
        }
    }
}

/// Leases of some scopes, and who holds them.
pub(super) struct Editing<'a> {
    ledger: &'a Ledger,
    leases: BTreeMap<String, Lease>,
    holder: LeaseHolder,
    /// State as it was when the leases were held.
    pub(super) snapshot: Snapshot,
}

impl<'a> Editing<'a> {
    /// Takes the leases of `scopes` and reads the state again: `before` was read without them.
    ///
    /// # Errors
    /// A scope is locked, or has a run behind it that was not finished.
    pub(super) async fn begin(
        workspace: &Workspace,
        store: &'a Store,
        operation: &str,
        before: &Snapshot,
        scopes: &BTreeSet<String>,
        timeout: Duration,
    ) -> Result<Self, EngineError> {
        let ledger = &store.ledger;
        let holder = store.holder(workspace, operation).await;
        let floors: BTreeMap<String, u64> = scopes
            .iter()
            .map(|s| (s.clone(), before.scopes.get(s).map_or(0, |v| v.value.epoch)))
            .collect();
        let (terms, waiting, cancel) =
            (workspace.terms, waiting(workspace), workspace.host.cancel());
        let stop = cancel.risen(Urgency::None);
        let acquiring =
            ledger.acquire_unless_stopped(&floors, &holder, terms, timeout, waiting, stop);
        let held = acquiring.await?.ok_or(EngineError::Interrupted)?;
        let leases = held.into_iter().map(|(lease, _)| (lease.scope.clone(), lease)).collect();
        let mut this = Self { ledger, leases, holder, snapshot: Snapshot::default() };
        match this.read().await {
            Ok(()) => Ok(this),
            Err(error) => {
                this.release().await;
                Err(error)
            }
        }
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        self.snapshot = self.ledger.read_all().await?;
        let unfinished =
            self.snapshot.interrupted.iter().find(|d| self.leases.contains_key(&d.scope));
        match unfinished {
            Some(run) => Err(Diagnostic::error(format!(
                "scope `{}` has an unfinished run `{}`",
                run.scope, run.run
            ))
            .help("run `palisade apply` first: it finishes what was begun")
            .into()),
            None => Ok(()),
        }
    }

    /// The lease of a scope.
    fn lease(&self, scope: &str) -> Result<&Lease, EngineError> {
        self.leases
            .get(scope)
            .ok_or_else(|| EngineError::failed(format!("the lock of `{scope}` is not held")))
    }

    /// What a write by this edit is stamped with.
    async fn stamp(&self) -> Result<Stamp, EngineError> {
        Ok(self.holder.stamp(self.ledger.now().await?))
    }

    /// Scope states to change, as they stand; new ones for scopes that do not exist yet.
    ///
    /// # Errors
    /// The store tells no time.
    pub(super) async fn states(
        &self,
        scopes: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, ScopeState>, EngineError> {
        let stamp = self.stamp().await?;
        let snapshot = &self.snapshot;
        let states = scopes.iter().map(|name| {
            let state = snapshot.scopes.get(name).map_or_else(
                || ScopeState::new(&snapshot.lineage, name, stamp.clone()),
                |s| s.value.clone(),
            );
            (name.clone(), state)
        });
        Ok(states.collect())
    }

    /// Writes the audit record, then every scope of `next`, and gives the leases back; an error in place of
    /// `next` gives them back and nothing else. The record comes first: an edit that is interrupted has at
    /// least been announced.
    ///
    /// # Errors
    /// Somebody else wrote, or the store cannot be used.
    pub(super) async fn finish(
        mut self,
        edit: Edit,
        next: Result<BTreeMap<String, ScopeState>, EngineError>,
    ) -> Result<(), EngineError> {
        let end = match next {
            Ok(next) => self.write(edit, next).await,
            Err(error) => Err(error),
        };
        self.release().await;
        end
    }

    async fn write(
        &self,
        edit: Edit,
        next: BTreeMap<String, ScopeState>,
    ) -> Result<(), EngineError> {
        let stamp = self.stamp().await?;
        let event = AuditEvent {
            scopes: self.leases.keys().cloned().collect(),
            details: AuditDetails::of(&edit)?,
            ..self.holder.event(stamp.at, edit.action())
        };
        let head = self.ledger.audit(self.snapshot.audit_head(), event).await?;
        for (scope, mut state) in next {
            let basis = self.snapshot.scopes.get(&scope);
            state.epoch = self.lease(&scope)?.lock.epoch;
            state.audit = Some(head.clone());
            self.ledger.write_scope(basis, &state, stamp.clone()).await?;
        }
        Ok(())
    }

    /// Gives the leases back; where that fails they end by themselves.
    async fn release(&mut self) {
        for lease in self.leases.values_mut() {
            let _ = self.ledger.release(lease).await;
        }
    }
}

/// Makes sure that a state holds an object, a block or a module.
///
/// # Errors
/// It does not.
pub(in crate::engine) fn require(resources: &Resources, pattern: &str) -> Result<(), EngineError> {
    if resources.keys().any(|address| selection::names(&[pattern.to_owned()], address)) {
        return Ok(());
    }
    let known: Vec<String> = resources.keys().map(ResourceAddr::to_string).collect();
    let help = did_you_mean(pattern, known.iter().map(String::as_str))
        .unwrap_or_else(|| "`palisade state list` shows the addresses".to_owned());
    Err(Diagnostic::error(format!("the state holds nothing at `{pattern}`")).help(help).into())
}
