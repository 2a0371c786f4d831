//! One move at a time into each environment: its lease, renewed while the move is under way.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use crate::apply::cancel::Urgency;
use crate::engine::error::EngineError;
use crate::engine::host::Event;
use crate::engine::leaving::end_leases_when_left;
use crate::engine::workspace::Workspace;
use crate::state::{Lease, LeaseHolder, Ledger, StateFailure, Terms, layout};

/// A crashed promotion blocks nobody for longer. No call to AWS hangs on this lease (those hang on
/// the leases of accounts), so nothing has to be waited out after it.
const TERMS: Terms =
    Terms { length: Duration::from_secs(60), request_timeout: Duration::from_secs(0) };
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(20);

/// Does `work` under the lease of an environment, and gives it back in every case.
///
/// # Errors
/// [`EngineError::Locked`] when another run moves something into it; those of `work`.
pub(super) async fn under<T>(
    workspace: &Workspace,
    ledger: &Ledger,
    environment: &str,
    holder: &LeaseHolder,
    timeout: Duration,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let scope = layout::environment_scope(environment);
    let scopes = BTreeMap::from([(scope, 0)]);
    let waiting = |_: &str, lock: &crate::state::Lock| {
        workspace.host.event(Event::WaitingForMove(lock.holder.clone()));
    };
    let cancel = workspace.host.cancel();
    let stop = cancel.risen(Urgency::None);
    let acquiring = ledger.acquire_unless_stopped(&scopes, holder, TERMS, timeout, waiting, stop);
    let mut held = acquiring.await?.ok_or(EngineError::Interrupted)?;
    let Some((mut lease, _)) = held.pop() else {
        return Err(EngineError::failed(format!("the lock of `{environment}` could not be taken")));
    };
    let _ending = end_leases_when_left(workspace, ledger);
    let end = tokio::select! {
        end = work => end,
        never = keep(workspace, ledger, &mut lease) => match never {},
    };
    // One refused write must not keep the environment locked; where none gets through it ends by itself.
    for pause in [1, 4] {
        match ledger.release(&mut lease).await {
            Err(error) if error.failure != StateFailure::Conflict => {
                workspace.host.clock().sleep(Duration::from_secs(pause)).await;
            }
            _ => return end,
        }
    }
    let _ = ledger.release(&mut lease).await;
    end
}

/// Renews the lease for as long as it is polled. The work beside it goes on whatever becomes of the lease:
/// no request hangs on it, and dropping the work would leave requests in flight and locks of accounts behind.
/// A refused renewal is tried again. Where another run has taken the lease, whichever of the two writes the
/// environment's record second loses that race, and ends with what is in flight recorded.
async fn keep(workspace: &Workspace, ledger: &Ledger, lease: &mut Lease) -> Infallible {
    let cancel = workspace.host.cancel();
    let mut lost = false;
    loop {
        tokio::select! {
            () = workspace.host.clock().idle(RENEWAL) => {}
            // The work leaves by itself; its leases lie in another backend's hands.
            () = cancel.risen(Urgency::Finish) => {
                ledger.end_held().await;
                std::future::pending::<()>().await;
            }
        }
        if !lost && let Err(error) = ledger.renew(lease).await {
            lost = error.failure == StateFailure::Conflict;
        }
    }
}
