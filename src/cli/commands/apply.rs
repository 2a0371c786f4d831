//! `palisade apply`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{ApplyOptions, PlanOptions};
use crate::cli::context::Context;
use crate::cli::endings;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::diag::Diagnostic;
use crate::engine::apply::{self, ApplyRequest};
use crate::engine::plan::Mode;
use crate::engine::saved_plan;

/// Flags of `apply`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a file, makes a plan and asks before it is carried out. With a saved plan, computes it again \
                        and carries it out only if nothing has moved since (exit code 4 otherwise).\n\n\
                        Examples:\n  palisade apply\n  palisade apply staging.plan\n  palisade apply --auto-approve --environment staging\n  palisade apply --auto-approve --json"
)]
pub struct ApplyArgs {
    /// A plan saved with `palisade plan --out FILE`
    file: Option<PathBuf>,
    /// How the plan is made.
    #[command(flatten)]
    options: PlanOptions,
    /// How it is carried out.
    #[command(flatten)]
    carrying: ApplyOptions,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// Print what happens as JSON, one event a line; with `--auto-approve` or a saved plan
    #[arg(long)]
    json: bool,
}

/// Makes a plan, asks, and carries it out.
///
/// # Errors
/// Everything that keeps the plan from being made, approved or carried out.
pub async fn run(args: &ApplyArgs, context: &Context) -> Result<(), Exit> {
    if args.json && args.file.is_none() && !args.auto_approve {
        return Err(Diagnostic::error("`--json` asks no question")
            .help("pass `--auto-approve`, or apply a plan saved with `palisade plan --out FILE`")
            .into());
    }
    context.ended(carry_out(args, context).await, args.json)
}

async fn carry_out(args: &ApplyArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace_in(Manner {
        auto_approve: args.auto_approve,
        full: args.options.full,
        lines: args.json,
        ..Manner::default()
    })?;
    let (options, approval) = (&args.options, args.carrying.approval(&args.options));
    let outcome = match &args.file {
        Some(path) => {
            options.require_none_of_a_plan()?;
            let saved = saved_plan::load(path)?;
            apply::run_saved(&workspace, &saved, &options.vars.variables(), &approval).await?
        }
        None => {
            let request = ApplyRequest { plan: options.request(Mode::Normal)?, approval };
            apply::run(&workspace, &request).await?
        }
    };
    endings::entered(&outcome.entered)
}
