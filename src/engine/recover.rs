//! Finishes what interrupted runs have left, before anything else is decided.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::apply::cancel::Urgency;
use crate::apply::recover::Recovered;
use crate::apply::{self, Recovery};

use super::error::EngineError;
use super::host::{Activity, Event};
use super::leaving::end_leases_when_left;
use super::load::Opened;
use super::plan::PlanRequest;
use super::refresh::{self, PlanInputs};
use super::workspace::Workspace;

/// Loads and reads as [`refresh::load_and_refresh`], recovers what interrupted runs have left, and reads
/// again where there was anything.
///
/// # Errors
/// An interrupted run is still at work, or something of it cannot be settled.
pub async fn load_recovered(
    workspace: &Workspace,
    request: &PlanRequest,
    lock_timeout: Duration,
) -> Result<PlanInputs, EngineError> {
    let inputs = refresh::load_and_refresh(workspace, request).await?;
    recovered(workspace, request, lock_timeout, inputs).await
}

/// The same with a configuration that this run has loaded, and its backend.
///
/// # Errors
/// Those of [`load_recovered`].
pub(super) async fn refresh_recovered(
    workspace: &Workspace,
    request: &PlanRequest,
    lock_timeout: Duration,
    opened: Opened,
) -> Result<PlanInputs, EngineError> {
    let inputs = refresh::refresh_opened(workspace, request, opened).await?;
    recovered(workspace, request, lock_timeout, inputs).await
}

/// The inputs once nothing is left to recover: these, or what is read again.
async fn recovered(
    workspace: &Workspace,
    request: &PlanRequest,
    lock_timeout: Duration,
    inputs: PlanInputs,
) -> Result<PlanInputs, EngineError> {
    if run(workspace, &inputs, lock_timeout).await? {
        return refresh::refresh_opened(workspace, request, inputs.opened()).await;
    }
    Ok(inputs)
}

/// Recovers; says whether there was anything to recover.
///
/// # Errors
/// An interrupted run is still at work, or something of it cannot be settled.
pub async fn run(
    workspace: &Workspace,
    inputs: &PlanInputs,
    lock_timeout: Duration,
) -> Result<bool, EngineError> {
    if !apply::recover::is_needed(&inputs.snapshot) {
        return Ok(false);
    }
    let recovered = execute(workspace, inputs, lock_timeout).await?;
    for (scope, run) in &recovered.runs {
        let (scope, run) = (scope.clone(), run.clone());
        workspace.host.event(Event::Recovered { scope, run });
    }
    for address in &recovered.adopted {
        workspace.host.event(Event::Adopted(address.clone()));
    }
    if recovered.unsettled.is_empty() {
        return Ok(!recovered.is_empty());
    }
    Err(EngineError::Failed(recovered.unsettled.into_iter().collect()))
}

/// Recovers, and returns what became of each change, settled or not.
///
/// # Errors
/// A scope is locked, or the backend cannot be used.
pub async fn execute(
    workspace: &Workspace,
    inputs: &PlanInputs,
    lock_timeout: Duration,
) -> Result<Recovered, EngineError> {
    let (events, received) = mpsc::unbounded_channel();
    let recovery = Recovery {
        ledger: &inputs.store.ledger,
        provider: Arc::clone(&inputs.provider),
        targets: inputs.targets.clone(),
        accounts: inputs.account_addresses(),
        holder: inputs.store.holder(workspace, "recovery").await,
        terms: workspace.terms,
        lock_timeout,
        events,
        cancel: workspace.host.cancel().clone(),
    };
    let work = async {
        // Owned here: its sender of events must be gone when the work is done.
        let recovery = recovery;
        let ledger = &inputs.store.ledger;
        tokio::select! {
            recovered = apply::recover(&recovery) => match recovered? {
                recovered if recovered.interrupted => Err(EngineError::Interrupted),
                recovered => Ok(recovered),
            },
            () = workspace.host.cancel().risen(Urgency::Finish) => {
                ledger.end_held().await;
                Err(EngineError::Interrupted)
            }
        }
    };
    let _ending = end_leases_when_left(workspace, &inputs.store.ledger);
    let busy = workspace.begin(Activity::Applying);
    let (recovered, ()) = tokio::join!(work, forward(workspace, received));
    drop(busy);
    recovered
}

/// Hands the executor's events to the host, until the executor is done.
pub(super) async fn forward(
    workspace: &Workspace,
    mut events: mpsc::UnboundedReceiver<apply::ApplyEvent>,
) {
    while let Some(event) = events.recv().await {
        workspace.host.event(Event::Apply(event));
    }
}
