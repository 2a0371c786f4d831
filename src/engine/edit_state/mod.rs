//! Changing state by hand: `state mv`, `rm`, `push`, `rollback`, `unlock`. Each change holds the leases of
//! the scopes it touches, writes by compare-and-swap, and leaves a record in the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::diag::Diagnostic;
use crate::state::{Event, Holder, Lease, Ledger, Snapshot, Stamp, Terms};

use super::error::EngineError;
use super::host::Event as HostEvent;
use super::open::Store;
use super::workspace::Workspace;

/// What an edit did, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
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

/// Leases of some scopes, and who holds them.
pub struct Editing<'a> {
    ledger: &'a Ledger,
    leases: BTreeMap<String, Lease>,
    holder: Holder,
    /// State as it was when the leases were held.
    pub snapshot: Snapshot,
}

impl<'a> Editing<'a> {
    /// Takes the leases of `scopes` and reads the state again.
    ///
    /// # Errors
    /// A scope is locked, or has a run behind it that was not finished.
    pub async fn begin(
        workspace: &Workspace,
        store: &'a Store,
        operation: &str,
        scopes: &BTreeSet<String>,
        timeout: Duration,
    ) -> Result<Self, EngineError> {
        let ledger = &store.ledger;
        let holder = store.holder(workspace, operation).await;
        let before = ledger.read_all().await?;
        let floors: BTreeMap<String, u64> = scopes
            .iter()
            .map(|s| (s.clone(), before.scopes.get(s).map_or(0, |v| v.value.epoch)))
            .collect();
        let waiting = |scope: &str, lock: &crate::state::Lock| {
            let (scope, holder) = (scope.to_owned(), lock.holder.clone());
            workspace.host.event(HostEvent::WaitingForScope { scope, holder });
        };
        let held = ledger.acquire_all(&floors, &holder, Terms::default(), timeout, waiting).await?;
        let leases = held.into_iter().map(|(lease, _)| (lease.scope.clone(), lease)).collect();
        let mut this = Self { ledger, leases, holder, snapshot: Snapshot::default() };
        match this.read().await {
            Ok(()) => Ok(this),
            Err(exit) => {
                this.release().await;
                Err(exit)
            }
        }
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        self.snapshot = self.ledger.read_all().await?;
        let unfinished = self.snapshot.dangling.iter().find(|d| self.leases.contains_key(&d.scope));
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
    ///
    /// # Errors
    /// It was not asked for.
    pub fn lease(&self, scope: &str) -> Result<&Lease, EngineError> {
        self.leases
            .get(scope)
            .ok_or_else(|| EngineError::failed(format!("the lock of `{scope}` is not held")))
    }

    /// What a write by this edit is stamped with.
    ///
    /// # Errors
    /// The store tells no time.
    pub async fn stamp(&self) -> Result<Stamp, EngineError> {
        Ok(Stamp {
            at: self.ledger.now().await?,
            by: self.holder.who.clone(),
            run: self.holder.run.clone(),
            operation: self.holder.operation.clone(),
            plan: None,
        })
    }

    /// Writes the audit record, then every scope whose resources `change` altered, then gives the
    /// leases back. The record comes first: an edit that is cut off has at least been announced.
    ///
    /// # Errors
    /// Somebody else wrote, or the store cannot be used.
    pub async fn finish(
        mut self,
        edit: Edit,
        next: BTreeMap<String, crate::state::ScopeState>,
    ) -> Result<(), EngineError> {
        let end = self.write(edit, next).await;
        self.release().await;
        end
    }

    async fn write(
        &self,
        edit: Edit,
        next: BTreeMap<String, crate::state::ScopeState>,
    ) -> Result<(), EngineError> {
        let (action, details) = match edit {
            Edit::Moved { from, to } => (
                "state_moved",
                vec![("from".to_owned(), json!(from)), ("to".to_owned(), json!(to))],
            ),
            Edit::Removed { addresses } => {
                ("state_removed", vec![("addresses".to_owned(), json!(addresses))])
            }
        };
        let stamp = self.stamp().await?;
        let event = Event {
            at: stamp.at,
            who: stamp.by.clone(),
            run: stamp.run.clone(),
            action: action.to_owned(),
            plan: None,
            reason: None,
            scopes: self.leases.keys().cloned().collect(),
            details: details.into_iter().collect(),
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
    pub async fn release(&mut self) {
        for lease in self.leases.values_mut() {
            let _ = self.ledger.release(lease).await;
        }
    }
}
