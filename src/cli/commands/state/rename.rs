//! `palisade state mv`: objects that get another address in the state.

use std::time::Duration;

use clap::Args;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::edit_state::rename::{self, RenameRequest};
use crate::render;

/// Flags of `state mv`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `moved` block does the same for everybody who applies the configuration, and is reviewed like it.\n\n\
                        Example:\n  palisade state mv iam_role.ci iam_role.deploy"
)]
pub struct MvArgs {
    /// What to rename: an object, a block or a module
    from: String,
    /// Its new address
    to: String,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn mv(args: &MvArgs, context: &Context) -> Result<(), Exit> {
    let request = RenameRequest {
        from: args.from.clone(),
        to: args.to.clone(),
        lock_timeout: args.lock_timeout,
    };
    let moved = rename::run(&context.workspace()?, &request).await?;
    context.say(&format!("moved {}", render::style::count(moved.len(), "object", "objects")));
    context
        .say("rename the block too: a plan deletes what has no block at its address in the state");
    Ok(())
}
