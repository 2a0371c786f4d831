//! `palisade rollback`.

use clap::Args;

use super::promote::MoveArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::rollback::{self, Rollback};

/// Flags of `rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Brings the last verified release back and sets a hold: nothing moves into the environment until\n\
                        `palisade promote EDGE --release-hold`. Gates are not asked, but for freezes that do not permit rollbacks.\n\n\
                        Example:\n  palisade rollback production --reason \"INC-7: checkout fails\""
)]
pub struct RollbackArgs {
    /// The environment
    environment: String,
    /// Which release, where several stand there
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Why; goes into the audit log and the hold
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    move_args: MoveArgs,
}

/// Rolls back.
///
/// # Errors
/// There is nothing to go back to, a freeze does not permit it, or a step failed.
pub async fn run(args: &RollbackArgs, cx: &Context) -> Result<(), Exit> {
    let asked = Rollback {
        environment: args.environment.clone(),
        release: args.release.clone(),
        reason: args.reason.clone(),
        settings: args.move_args.settings(),
    };
    rollback::run(cx, &asked).await
}
