//! `state rollback`: makes an earlier version of one scope's state the current one.

use std::time::Duration;

use crate::engine::error::EngineError;
use crate::engine::host::{ConfirmationQuestion, Event as HostEvent};
use crate::engine::open;
use crate::engine::plan::{self, PlanOutcome, PlanRequest};
use crate::engine::workspace::{Variables, Workspace};
use crate::state::Lease;

use super::repair::{Repaired, StateRepair, require_scope};

/// What is asked.
#[derive(Clone, Debug)]
pub struct StateRollbackRequest {
    /// The scope.
    pub scope: String,
    /// The serial to go back to.
    pub to: u64,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
}

/// A state that was rolled back.
pub struct StateRollbackOutcome {
    /// The serial that it has now: serials only rise.
    pub serial: u64,
    /// The plan that follows from it, or why none could be made. The state is rolled back either way.
    pub follows: Result<Box<PlanOutcome>, EngineError>,
}

/// Asks, and writes the old version as a new serial. AWS is not touched: what the plan says then is to be
/// decided on.
///
/// # Errors
/// There is no such version, the answer is no, the scope is locked, or another run wrote.
pub async fn run(
    workspace: &Workspace,
    request: &StateRollbackRequest,
) -> Result<StateRollbackOutcome, EngineError> {
    let StateRollbackRequest { scope, to, lock_timeout } = request;
    let store = open::configured(workspace).await?;
    let ledger = &store.ledger;
    require_scope(ledger, scope).await?;
    // The state may be damaged: that is what this use case is for, so nothing else is read.
    let target = ledger.at_serial(scope, *to).await?;
    let question = ConfirmationQuestion::RollBackState {
        scope,
        serial: *to,
        written_at: target.stamp.at,
        objects: target.resources.len(),
    };
    workspace.host.confirm(question).await?;
    let holder = store.holder(workspace, "state rollback").await;
    let floor = ledger.floor(scope).await?.max(target.epoch);
    let repair = StateRepair {
        workspace,
        ledger,
        holder: &holder,
        scope,
        floor,
        lock_timeout: *lock_timeout,
    };
    let roll_back = async |lease: &Lease, stamp| ledger.rollback(lease, *to, stamp).await;
    let written = repair.under_lease(Repaired::RolledBack { to: *to }, roll_back).await?;
    let serial = written.value.serial;
    workspace.host.event(HostEvent::StateRolledBack { scope: scope.clone(), serial, to: *to });
    let request = PlanRequest::everything(&Variables::default());
    let follows = match Box::pin(plan::run(workspace, &request)).await {
        Err(EngineError::Interrupted) => return Err(EngineError::Interrupted),
        follows => follows.map(Box::new),
    };
    Ok(StateRollbackOutcome { serial, follows })
}
