//! `palisade status`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::status::{self, StatusRequest};
use crate::render;

/// Flags of `status`.
#[derive(Debug, Args)]
#[command(
    after_help = "For each environment: its releases and for how long, whether they are verified, a hold, drift, and what \
                        could move on with the gates that can be judged now. Starts no program and asks no URL.\n\nExample:\n  palisade status"
)]
pub struct StatusArgs {
    /// Only this environment; may be given several times
    #[arg(long, short, value_name = "NAME")]
    environment: Vec<String>,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// How many accounts are read at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks and tells.
///
/// # Errors
/// The configuration is wrong, or AWS or the backend cannot be read.
pub async fn run(args: &StatusArgs, context: &Context) -> Result<(), Exit> {
    let request = StatusRequest {
        variables: args.vars.variables(),
        parallelism: usize::from(args.parallelism),
        environments: args.environment.clone(),
    };
    let status = status::run(&context.workspace()?, &request).await?;
    let mut out = context.stdout();
    if args.json {
        render::json::write(&status, &mut out)?;
    } else {
        render::status::text(&status, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
