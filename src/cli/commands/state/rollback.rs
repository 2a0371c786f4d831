//! `palisade state rollback`: makes an earlier version of one scope's state the current one.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::edit_state::rollback::{self, StateRollbackRequest};
use crate::render;

/// Flags of `state rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Only the state goes back, not AWS: the plan that follows from it is shown.\n\n\
                        Example:\n  palisade state rollback acct-production --to 7"
)]
pub struct RollbackArgs {
    /// The scope: org, or acct-HANDLE
    scope: String,
    /// The serial to go back to; `state history` lists them
    #[arg(long, value_name = "SERIAL")]
    to: u64,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn rollback(args: &RollbackArgs, context: &Context) -> Result<(), Exit> {
    let request = StateRollbackRequest {
        scope: args.scope.clone(),
        to: args.to,
        lock_timeout: args.lock_timeout,
    };
    let manner = Manner { auto_approve: args.auto_approve, ..Manner::default() };
    let workspace = context.workspace_in(manner)?;
    match rollback::run(&workspace, &request).await?.follows {
        Ok(follows) => {
            let mut out = context.stdout();
            render::text::plan(
                &follows.plan,
                render::Detail::default(),
                context.style(),
                &mut out,
            )?;
            out.flush()?;
            follows.warn(&workspace);
        }
        Err(error) => {
            context.tell(error.diagnostics().into_iter().flatten());
            context.say("the state is rolled back; `palisade plan` shows what follows from it");
        }
    }
    Ok(())
}
