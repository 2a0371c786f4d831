//! `state push`: writes back the state that an apply had to save to a file.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::error::EngineError;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::state::{Lease, errored, layout};

use super::repair::{Repaired, StateRepair};

/// What is asked.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The file that an apply left behind.
    pub file: PathBuf,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
}

/// A state that was written back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushOutcome {
    /// The scope.
    pub scope: String,
    /// Its serial now.
    pub serial: u64,
}

/// Writes the saved state back, where the backend's state is still the one that it was to replace.
///
/// # Errors
/// The file is no saved state; the state has moved on, is locked, or belongs to another estate.
pub async fn run(workspace: &Workspace, request: &PushRequest) -> Result<PushOutcome, EngineError> {
    let saved = errored::load(&request.file)?;
    let scope = &saved.state.scope;
    let store = open::configured(workspace).await?;
    if !layout::is_scope(scope) {
        let file = request.file.display();
        let text = format!("`{file}` is not a saved state: `{scope}` is no scope");
        return Err(EngineError::failed(text));
    }
    let ledger = &store.ledger;
    // A run that could not write its state may have left its journal too; the saved state is what
    // settles it, so no check for unfinished runs here.
    let holder = store.holder(workspace, "state push").await;
    let repair = StateRepair {
        workspace,
        ledger,
        holder: &holder,
        scope,
        floor: saved.state.epoch,
        lock_timeout: request.lock_timeout,
    };
    let repaired = Repaired::Pushed { applied_by: saved.state.stamp.by.clone() };
    let push = async |lease: &Lease, stamp| ledger.push(&saved, lease.lock.epoch, stamp).await;
    let written = repair.under_lease(repaired, push).await?;
    Ok(PushOutcome { scope: scope.clone(), serial: written.value.serial })
}
