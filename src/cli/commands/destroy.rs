//! `palisade destroy`.

use clap::Args;

use crate::cli::args::PlanOptions;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::apply::Approval;
use crate::plan::Mode;

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
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
}

/// Plans to delete everything, asks, and does it.
///
/// # Errors
/// Whatever keeps the plan from being made, approved or carried out.
pub async fn run(args: &DestroyArgs, cx: &Context) -> Result<(), Exit> {
    let approval = Approval {
        fail_on: args.options.fail_on,
        reason: args.options.reason.clone(),
        lock_timeout: args.options.lock_timeout,
        parallelism: usize::from(args.options.parallelism),
    };
    super::apply::fresh(&args.options, Mode::Destroy, args.auto_approve, &approval, cx).await
}
