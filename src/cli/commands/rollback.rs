//! `palisade rollback`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::MoveArgs;
use crate::cli::context::Context;
use crate::cli::endings;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::promotion::rollback::{self, RollbackOutcome, RollbackRequest};
use crate::render;

/// Flags of `rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Brings the last verified release back and sets a hold: nothing moves into the environment until \
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
pub async fn run(args: &RollbackArgs, context: &Context) -> Result<(), Exit> {
    let json = args.move_args.json;
    let request = RollbackRequest {
        environment: args.environment.clone(),
        release: args.release.clone(),
        reason: args.reason.clone(),
        settings: args.move_args.settings(),
    };
    let manner = Manner { auto_approve: args.move_args.auto_approve, json, ..Manner::default() };
    let RollbackOutcome { run: done, edges } =
        rollback::run(&context.workspace_in(manner)?, &request).await?;
    if json {
        let mut out = context.stdout();
        render::json::write(&done.without_prints(), &mut out)?;
        out.flush()?;
    }
    match render::promotion::turned_back(&done) {
        Some(line) => context.say(&line),
        None => endings::moved(&done, context)?,
    }
    if !edges.is_empty() {
        let lifts: Vec<String> =
            edges.iter().map(|edge| format!("`palisade promote {edge} --release-hold`")).collect();
        let lifts = lifts.join(" or ");
        context.say(&format!("{} is held: nothing moves into it until {lifts}.", done.environment));
    }
    Ok(())
}
