//! `state unlock`: breaks locks whose holders are gone.

use super::repair::require_scope;
use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::host::{BreakableLock, ConfirmationQuestion, Event as HostEvent, Shown};
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::state::audit_details::UnlockDetails;
use crate::state::{AuditDetails, AuditEvent, Ledger, StateError, StateFailure, layout};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct UnlockRequest {
    /// Scopes; every locked one where the list is empty.
    pub scopes: Vec<String>,
}

/// Shows the locks, asks, breaks them, and returns the scopes whose locks were broken.
///
/// # Errors
/// A scope's name is not valid, the answer is no, or the backend cannot be used.
pub async fn run(
    workspace: &Workspace,
    request: &UnlockRequest,
) -> Result<Vec<String>, EngineError> {
    for scope in &request.scopes {
        if !layout::is_scope(scope) {
            let text = format!("`{scope}` is no scope");
            return Err(Diagnostic::error(text).help("as in `org` or `acct-production`").into());
        }
    }
    let store = open::configured(workspace).await?;
    let ledger = &store.ledger;
    for scope in &request.scopes {
        require_scope(ledger, scope).await?;
    }
    let scopes = match request.scopes.as_slice() {
        [] => with_locks(ledger).await?,
        scopes => scopes.to_vec(),
    };
    let mut locks = Vec::new();
    for scope in scopes {
        match ledger.read_lock(&scope).await {
            Ok(Some(lock)) if !lock.released => {
                locks.push(BreakableLock { scope, lock: Ok(lock) });
            }
            Err(error) if error.failure == StateFailure::Invalid => {
                locks.push(BreakableLock { scope, lock: Err(error.diagnostic.summary) });
            }
            Err(error) => return Err(error.into()),
            Ok(_) if request.scopes.is_empty() => {}
            Ok(_) => workspace.host.event(HostEvent::NotLocked { scope }),
        }
    }
    if locks.is_empty() {
        return Ok(Vec::new());
    }
    workspace.host.show(Shown::Locks(&locks))?;
    workspace.host.confirm(ConfirmationQuestion::BreakLocks).await?;
    let holder = store.holder(workspace, "state unlock").await;
    let mut broken = Vec::new();
    for BreakableLock { scope, .. } in locks {
        let Some(lock) = ledger.unlock(&scope).await? else { continue };
        let event = AuditEvent {
            scopes: vec![scope.clone()],
            details: AuditDetails::of(&UnlockDetails {
                held_by: &lock.holder.who,
                run: &lock.holder.run,
            })?,
            ..holder.event(ledger.now().await?, "unlocked")
        };
        ledger.audit(None, event).await?;
        workspace.host.event(HostEvent::Unlocked { scope: scope.clone() });
        broken.push(scope);
    }
    Ok(broken)
}

/// The scopes in which an object stands where a lock does, given back or not.
async fn with_locks(ledger: &Ledger) -> Result<Vec<String>, EngineError> {
    let keys = ledger.store().list(layout::SCOPES, None).await.map_err(StateError::from)?;
    let locks = keys.iter().filter_map(|key| match layout::parse(key)? {
        layout::ScopeKey::Lock(scope) => Some(scope),
        _ => None,
    });
    Ok(locks.collect())
}
