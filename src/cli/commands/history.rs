//! `palisade history`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::history::{self, HistoryRequest};
use crate::render;

/// Flags of `history`.
#[derive(Debug, Args)]
#[command(
    after_help = "What moved where, when, by whom, under which plan, past which gates, and how long it took: the newest \
                        first. The figures count the same time and the same environments.\n\n\
                        Examples:\n  palisade history --environment production --since 30d\n  palisade history --since 2026-11-01 --json"
)]
pub struct HistoryArgs {
    /// Only moves into this environment; may be given several times
    #[arg(long, short, value_name = "NAME")]
    environment: Vec<String>,
    /// Only what ended since: a length of time such as `30d`, a day, or a moment in UTC
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the history.
///
/// # Errors
/// The backend cannot be read, or an environment is not known.
pub async fn run(args: &HistoryArgs, context: &Context) -> Result<(), Exit> {
    let since = args.since.as_deref().map(str::parse).transpose()?;
    let request = HistoryRequest { environments: args.environment.clone(), since };
    let history = history::run(&context.workspace()?, &request).await?;
    let mut out = context.stdout();
    if args.json {
        render::json::write(&history, &mut out)?;
    } else {
        if history.moves.is_empty() {
            context.say(match args.since {
                Some(_) => "No release has moved in that time.",
                None => "No release has moved.",
            });
        }
        render::history::text(&history, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
