//! The leases of a run that is left at once, wherever it stands.

use tokio::task::JoinSet;

use crate::apply::cancel::Urgency;
use crate::state::Ledger;

use super::workspace::Workspace;

/// Ends the leases of this run as soon as it is to be left at once, for as long as what is returned is kept. It has a
/// task of its own: that of the run may stand still, where nobody reads what it says.
pub(super) fn end_leases_when_left(workspace: &Workspace, ledger: &Ledger) -> JoinSet<()> {
    let (ledger, cancel) = (ledger.clone(), workspace.host.cancel().clone());
    let mut ending = JoinSet::new();
    ending.spawn(async move {
        cancel.risen(Urgency::Finish).await;
        ledger.end_held().await;
    });
    ending
}
