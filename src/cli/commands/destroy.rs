//! `palisade destroy`.

use clap::Args;

use crate::cli::args::{ApplyOptions, PlanOptions};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::apply::{self, ApplyRequest};
use crate::engine::plan::Mode;

/// Flags of `destroy`.
#[derive(Debug, Args)]
#[command(
    after_help = "Objects with `prevent_destroy` stop it; accounts are kept unless `on_destroy` says otherwise.\n\n\
                        Example:\n  palisade destroy --environment dev-aws"
)]
pub struct DestroyArgs {
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
    #[arg(long, requires = "auto_approve")]
    json: bool,
}

/// Plans to delete everything, asks, and does it.
///
/// # Errors
/// Whatever keeps the plan from being made, approved or carried out.
pub async fn run(args: &DestroyArgs, context: &Context) -> Result<(), Exit> {
    context.ended(carry_out(args, context).await, args.json)
}

async fn carry_out(args: &DestroyArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace_in(Manner {
        auto_approve: args.auto_approve,
        destroys: true,
        full: args.options.full,
        lines: args.json,
        ..Manner::default()
    })?;
    let approval = args.carrying.approval(&args.options);
    let request = ApplyRequest { plan: args.options.request(Mode::Destroy)?, approval };
    apply::run(&workspace, &request).await?;
    Ok(())
}
