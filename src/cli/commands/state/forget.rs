//! `palisade state rm`: objects that leave the state and stay in AWS.

use std::time::Duration;

use clap::Args;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::edit_state::forget::{self, ForgetRequest};

/// Flags of `state rm`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `removed` block does the same for everybody who applies the configuration.\n\n\
                        Example:\n  palisade state rm iam_role.legacy@production"
)]
pub struct RmArgs {
    /// Objects, blocks or modules
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn rm(args: &RmArgs, context: &Context) -> Result<(), Exit> {
    let request =
        ForgetRequest { addresses: args.addresses.clone(), lock_timeout: args.lock_timeout };
    for address in forget::run(&context.workspace()?, &request).await? {
        context.say(&format!("forgot {address}; it stays in AWS"));
    }
    Ok(())
}
