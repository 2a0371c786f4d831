//! A last look at the walls before the first call, under the lock of the walls.

use async_trait::async_trait;

use crate::apply::Recheck;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::plan::model::Plan;

use super::pipeline::{self, Request, World};

/// Analyses the estate again when somebody else has applied since the plan was made: two changes,
/// each harmless alone, can open a wall together.
pub(super) struct Walls<'a> {
    pub(super) cx: &'a Context,
    pub(super) world: &'a World,
    pub(super) request: &'a Request,
    pub(super) approved: &'a Plan,
}

#[async_trait(?Send)]
impl Recheck for Walls<'_> {
    async fn recheck(&self) -> Result<(), Diagnostic> {
        let now = self.world.store.ledger.read_all().await?;
        // Whoever changes the walls holds their lock and leaves a new serial: without one, what was
        // analysed is what is there.
        if now.dangling.is_empty() && now.versions() == self.world.snapshot.versions() {
            return Ok(());
        }
        let looked = async {
            let world = pipeline::survey(self.cx, self.request).await?;
            pipeline::plan(self.cx, &world, self.request)
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

/// Paths that a plan adds or widens, with how far.
fn opened(plan: &Plan) -> Vec<String> {
    let opened = plan.isolation.changes.iter().filter(|path| path.change.opens());
    opened.map(|path| format!("`{}` ({})", path.id, path.verdict.name())).collect()
}

fn failed(exit: Exit) -> Diagnostic {
    exit.diagnostics()
        .and_then(|found| found.iter().next().cloned())
        .unwrap_or_else(|| Diagnostic::error("the walls could not be analysed again"))
}
