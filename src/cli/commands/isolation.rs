//! `palisade isolation`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{LookArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::side;
use crate::plan::walls;
use crate::render;
use crate::render::evidence::Evidence;

/// Flags of `isolation`.
#[derive(Debug, Args)]
#[command(after_help = "Exits with code 3 when a path breaks an isolation rule.\n\n\
                  Examples:\n  palisade isolation\n  palisade isolation --plan --json")]
pub struct IsolationArgs {
    /// Which side.
    #[command(flatten)]
    look: LookArgs,
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
    let look_at = args.look.look_at();
    let side = side::read(&context.workspace()?, look_at, &args.vars.variables()).await?;
    let walls = walls::walls(&side.estate, &side.sides, look_at.name(), &side.today)?;
    let evidence = Evidence::of(&side, context.now(), &walls);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&evidence, &mut out)?;
    } else {
        evidence.head(context.style(), &mut out)?;
        render::walls::text(&walls, render::side(look_at), context.style(), &mut out)?;
    }
    out.flush()?;
    match walls.broken() {
        0 => Ok(()),
        broken => Err(Exit::RuleBroken(
            Diagnostic::error(format!(
                "{} an isolation rule",
                render::style::count(broken, "path breaks", "paths break")
            ))
            .help("close the path, or permit it with an `allow` block that has a reason and an end")
            .into(),
        )),
    }
}
