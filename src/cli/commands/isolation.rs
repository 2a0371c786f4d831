//! `palisade isolation`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{LookArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::isolation::{self, IsolationRequest};
use crate::render;
use crate::render::evidence::WithEvidence;

/// Flags of `isolation`.
#[derive(Debug, Args)]
#[command(
    after_help = "Open paths that differ only in the environment that they enter stand as one, with the others \
                  below it; `--json` has each with its evidence. Exits with code 3 when a path breaks an isolation \
                  rule.\n\n\
                  Examples:\n  palisade isolation\n  palisade isolation --plan --json"
)]
pub struct IsolationArgs {
    /// Which side.
    #[command(flatten)]
    side: LookArgs,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Analyses one side and prints all that is known of its walls.
///
/// # Errors
/// Whatever keeps it from being read, and a broken rule.
pub async fn run(args: &IsolationArgs, context: &Context) -> Result<(), Exit> {
    let look_at = args.side.look_at();
    let request = IsolationRequest { look_at, variables: args.vars.variables() };
    let outcome = isolation::run(&context.workspace()?, &request).await?;
    let evidence = WithEvidence::of(&outcome.basis, &outcome.walls);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&evidence, &mut out)?;
    } else {
        evidence.head(context.style(), &mut out)?;
        let what = render::side(look_at);
        render::walls::text(&outcome.walls, &outcome.accounts, what, context.style(), &mut out)?;
    }
    out.flush()?;
    Ok(isolation::require_rules(&outcome)?)
}
