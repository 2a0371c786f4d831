//! `palisade approve`.

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::Settings;
use crate::engine::promotion::approve::{self, Approving};

/// Flags of `approve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Shows the plan that the promotion would carry out and asks. The approval counts for this plan and this\n\
                        release alone, and not when its giver promotes. Who you are is what AWS says, so no flag changes it.\n\n\
                        Examples:\n  palisade approve to_production\n  palisade approve to_production --comment \"CHG-118\"\n  \
                        palisade approve to_production --revoke"
)]
pub struct ApproveArgs {
    /// The edge: label of a `promotion` block
    edge: String,
    /// Which release: its name, its digest (first digits), or NAME@DIGEST; by default the verified one
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Take your approval back
    #[arg(long)]
    revoke: bool,
    /// What to tell those who read it
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
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

/// Approves, or takes an approval back.
///
/// # Errors
/// There is nothing to approve, nobody is signed in, or the backend cannot be written.
pub async fn run(args: &ApproveArgs, cx: &Context) -> Result<(), Exit> {
    let settings = Settings {
        vars: args.vars.clone(),
        auto_approve: args.auto_approve,
        json: args.json,
        parallelism: usize::from(args.parallelism),
        lock_timeout: std::time::Duration::ZERO,
    };
    let asked = Approving {
        edge: args.edge.clone(),
        release: args.release.clone(),
        revoke: args.revoke,
        comment: args.comment.clone(),
        settings,
    };
    approve::run(cx, &asked).await
}
