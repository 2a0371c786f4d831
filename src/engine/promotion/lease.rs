//! One move at a time into each environment: its lease, renewed while the move is under way.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::error::EngineError;
use crate::engine::host::Event;
use crate::engine::workspace::Workspace;
use crate::state::{Holder, Lease, Ledger, StateError, Terms, layout};

/// A crashed promotion blocks nobody for longer. No call to AWS hangs on this lease (those hang on
/// the leases of accounts), so nothing has to be waited out after it.
const TERMS: Terms =
    Terms { length: Duration::from_secs(60), request_timeout: Duration::from_secs(0) };
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(20);

/// Does `work` under the lease of an environment, and gives it back in every case.
///
/// # Errors
/// [`EngineError::Locked`] when another run moves something into it; [`EngineError::Stale`] when the
/// lease was lost in between; those of `work`.
pub(super) async fn under<T>(
    workspace: &Workspace,
    ledger: &Ledger,
    environment: &str,
    holder: &Holder,
    timeout: Duration,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let scope = layout::environment_scope(environment);
    let scopes = BTreeMap::from([(scope, 0)]);
    let waiting = |_: &str, lock: &crate::state::Lock| {
        workspace.host.event(Event::WaitingForMove(lock.holder.clone()));
    };
    let acquiring = ledger.acquire_all(&scopes, holder, TERMS, timeout, waiting);
    let mut held = workspace.interruptible(acquiring).await??;
    let Some((mut lease, _)) = held.pop() else {
        return Err(EngineError::failed(format!("the lock of `{environment}` could not be taken")));
    };
    let end = tokio::select! {
        end = work => end,
        lost = keep(workspace, ledger, &mut lease) => Err(lost.into()),
    };
    // Where it cannot be given back it ends by itself.
    let _ = ledger.release(&mut lease).await;
    end
}

async fn keep(workspace: &Workspace, ledger: &Ledger, lease: &mut Lease) -> StateError {
    loop {
        workspace.host.clock().idle(RENEWAL).await;
        if let Err(error) = ledger.renew(lease).await {
            return error;
        }
    }
}
