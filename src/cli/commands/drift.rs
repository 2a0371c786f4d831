//! `palisade drift`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{SelectArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::drift::{self, DriftRequest};
use crate::engine::plan::PlanRequest;
use crate::render;

/// Flags of `drift`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with code 2 when AWS differs from the state in anything, unmanaged objects included, and with code 6 \
                        when something could not be read, whatever else differs.\n\n\
                        Example:\n  palisade drift --environment production"
)]
pub struct DriftArgs {
    /// What is reported.
    #[command(flatten)]
    select: SelectArgs,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Leave out what is in AWS and not managed
    #[arg(long)]
    managed_only: bool,
    /// How many accounts are read at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads AWS and reports.
///
/// # Errors
/// [`Exit::Incomplete`] when something could not be read, [`Exit::Changes`] when there is drift, and whatever keeps it from being found out.
pub async fn run(args: &DriftArgs, context: &Context) -> Result<(), Exit> {
    let mut plan = PlanRequest::everything(&args.vars.variables());
    plan.options.selection = args.select.selection()?;
    plan.parallelism = usize::from(args.parallelism);
    let request = DriftRequest { plan, managed_only: args.managed_only };
    let report = drift::run(&context.workspace()?, &request).await?;
    let mut out = context.stdout();
    if args.json {
        render::json::write(&report, &mut out)?;
    } else {
        render::drift::text(&report, context.style(), &mut out)?;
    }
    out.flush()?;
    if !report.is_complete() {
        return Err(Exit::Incomplete);
    }
    if report.any() { Err(Exit::Changes) } else { Ok(()) }
}
