//! `palisade approve`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::promotion::MoveSettings;
use crate::engine::promotion::approve::{self, ApprovalRequest};
use crate::render;

/// Flags of `approve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Shows the plan that the promotion would carry out and asks. The approval counts for this plan and this \
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
pub async fn run(args: &ApproveArgs, context: &Context) -> Result<(), Exit> {
    let request = ApprovalRequest {
        edge: args.edge.clone(),
        release: args.release.clone(),
        revoke: args.revoke,
        comment: args.comment.clone(),
        settings: MoveSettings {
            variables: args.vars.variables(),
            parallelism: usize::from(args.parallelism),
            lock_timeout: std::time::Duration::ZERO,
        },
    };
    let manner = Manner { auto_approve: args.auto_approve, json: args.json, ..Manner::default() };
    let done = approve::run(&context.workspace_in(manner)?, &request).await?;
    if args.json {
        let mut out = context.stdout();
        render::json::write(&done.kept.without_prints(), &mut out)?;
        return Ok(out.flush()?);
    }
    let said = if args.revoke { "Taken back" } else { "Approved" };
    context.say(&format!(
        "{said}: release {} {} on {}\n  by   {}\n  plan {}",
        done.release,
        done.digest.short(),
        args.edge,
        done.kept.by.arn,
        done.kept.plan
    ));
    Ok(())
}
