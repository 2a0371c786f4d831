//! `palisade state push`: writes the state that an apply had to save to a file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::edit_state::push::{self, PushRequest};

/// Flags of `state push`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state push errored.acct-production.state.json")]
pub struct PushArgs {
    /// The file that an apply left behind
    file: PathBuf,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn push(args: &PushArgs, context: &Context) -> Result<(), Exit> {
    let request = PushRequest { file: args.file.clone(), lock_timeout: args.lock_timeout };
    let pushed = push::run(&context.workspace()?, &request).await?;
    let (scope, file) = (pushed.scope, args.file.display());
    context.say(&format!("the state of `{scope}` is written; `{file}` can be deleted"));
    Ok(())
}
