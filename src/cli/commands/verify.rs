//! `palisade verify`.

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::{Settings, verify};

/// Flags of `verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Asks the gates of the environment's `verify` block again. A release that does not pass any more loses its\n\
                        verification: it cannot be promoted from there, and what was promoted on its strength says so. Exit code 3\n\
                        when it does not pass.\n\n\
                        Example:\n  palisade verify staging"
)]
pub struct VerifyArgs {
    /// The environment
    environment: String,
    /// Which release; all that stand there by default
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Wait so long for a lock that somebody else holds, as in `30s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::cli::args::duration)]
    lock_timeout: std::time::Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Verifies what stands in an environment.
///
/// # Errors
/// It does not pass, or cannot be looked at.
pub async fn run(args: &VerifyArgs, cx: &Context) -> Result<(), Exit> {
    let settings = Settings {
        vars: args.vars.clone(),
        auto_approve: true,
        json: args.json,
        parallelism: 10,
        lock_timeout: args.lock_timeout,
    };
    verify::run(cx, &args.environment, args.release.as_deref(), &settings).await
}
