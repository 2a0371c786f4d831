//! A last look at the walls before the first call, under the lock of the walls.

use std::sync::Arc;

use async_trait::async_trait;

use crate::apply::Recheck;
use crate::diag::Diagnostic;
use crate::plan::model::Plan;

use super::error::EngineError;
use super::plan::{self, PlanRequest};
use super::refresh::{self, PlanInputs};
use super::workspace::Workspace;

/// Analyses the estate again when somebody else has applied since the plan was made: two changes,
/// each harmless alone, can open a wall together.
pub(super) struct WallsRecheck<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) inputs: &'a PlanInputs,
    pub(super) request: &'a PlanRequest,
    pub(super) approved: &'a Plan,
}

#[async_trait(?Send)]
impl Recheck for WallsRecheck<'_> {
    async fn recheck(&self) -> Result<(), Diagnostic> {
        let now = self.inputs.store.ledger.read_all().await?;
        // Whoever changes the walls holds their lock and leaves a new serial: without one, what was
        // analysed is what is there.
        if now.interrupted.is_empty() && now.versions() == self.inputs.snapshot.versions() {
            return Ok(());
        }
        let looked = async {
            // The configuration is the approved one; state and AWS are those of now.
            let (configuration, store) = (&self.inputs.configuration, self.inputs.store.clone());
            let configuration = Arc::clone(configuration);
            let inputs =
                refresh::refresh(self.workspace, self.request, configuration, store, Some(now))
                    .await?;
            plan::make(self.workspace, &inputs, self.request)
        };
        let plan = looked.await.map_err(failed)?;
        let approved = opened(self.approved);
        let worse: Vec<String> =
            opened(&plan).into_iter().filter(|path| !approved.contains(path)).collect();
        if worse.is_empty() {
            return Ok(());
        }
        Err(Diagnostic::error("the plan is stale: it would open more than was approved")
            .detail(format!(
                "Somebody else has applied since, and together the two changes open {}.",
                worse.join(", ")
            ))
            .help("nothing was changed; plan again and look at the walls"))
    }
}

/// Paths that a plan adds or widens, with how far, and walls whose proof rests on more than before.
fn opened(plan: &Plan) -> Vec<String> {
    let opened = plan.isolation.changes.iter().filter(|path| path.change.widens());
    let opened = opened.map(|path| format!("`{}` ({})", path.id, path.verdict.name()));
    let assuming = plan.isolation.matrix.iter().filter(|row| !row.assumptions_added.is_empty());
    let assuming = assuming.map(|row| format!("{} -> {} (by a new assumption)", row.from, row.to));
    opened.chain(assuming).collect()
}

fn failed(error: EngineError) -> Diagnostic {
    error
        .diagnostics()
        .and_then(|found| found.iter().next().cloned())
        .unwrap_or_else(|| Diagnostic::error("the walls could not be analysed again"))
}
