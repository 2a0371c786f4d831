//! `palisade verify`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::diag::Diagnostics;
use crate::engine::promotion::MoveSettings;
use crate::engine::promotion::verify::{self, VerificationRequest};
use crate::render;

/// Flags of `verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Asks the gates of the environment's `verify` block again. A release that does not pass any more loses its \
                        verification: it cannot be promoted from there, and what was promoted on its strength says so. Exit code 3 \
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
    /// How long to wait for a lock held by another process, as in `30s` or `5m`
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
pub async fn run(args: &VerifyArgs, context: &Context) -> Result<(), Exit> {
    let request = VerificationRequest {
        environment: args.environment.clone(),
        release: args.release.clone(),
        settings: MoveSettings {
            variables: args.vars.variables(),
            parallelism: 10,
            lock_timeout: args.lock_timeout,
        },
    };
    let manner = Manner { json: args.json, ..Manner::default() };
    let all = verify::run(&context.workspace_in(manner)?, &request).await?;
    let mut out = context.stdout();
    if args.json {
        render::json::write(&all, &mut out)?;
    } else {
        for one in &all {
            render::promotion::verification(one, context.style(), &mut out)?;
        }
    }
    out.flush()?;
    let failed: Diagnostics =
        all.iter().filter(|one| !one.verified).map(render::promotion::unverified).collect();
    if failed.is_empty() { Ok(()) } else { Err(Exit::RuleBroken(failed)) }
}
