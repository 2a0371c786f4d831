//! `palisade show`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::FormatArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::{inspect_state, saved_plan};
use crate::render::{self, Detail, Format};

/// Flags of `show`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  palisade show staging.plan\n  palisade show --format html staging.plan > plan.html\n  palisade show"
)]
pub struct ShowArgs {
    /// A saved plan; the state when none is named
    file: Option<PathBuf>,
    /// Show every object and every path by itself, with all that is known of it
    #[arg(long)]
    full: bool,
    /// How it is printed.
    #[command(flatten)]
    format: FormatArgs,
}

/// Prints a saved plan, or the state.
///
/// # Errors
/// The file is no plan, or the state cannot be read.
pub async fn run(args: &ShowArgs, context: &Context) -> Result<(), Exit> {
    let format = args.format.format();
    let mut out = context.stdout();
    if let Some(path) = &args.file {
        let saved = saved_plan::load(path)?;
        let below = context.env.below_repository();
        let detail = Detail {
            warnings: true,
            full: args.full,
            destroys: saved.destroys(),
            below: &below,
            estate: None,
        };
        render::plan(&saved.plan, format, detail, context.style(), &mut out)?;
        return Ok(out.flush()?);
    }
    let snapshot = inspect_state::snapshot(&context.workspace()?).await?;
    let resources = snapshot.resources();
    match format {
        Format::Text if resources.is_empty() => context.say_empty("The state is empty."),
        Format::Text => render::state::objects(&resources, context.style(), &mut out)?,
        Format::Json => render::state::json(&snapshot.lineage, &resources, &mut out)?,
        Format::Markdown | Format::Html | Format::Sarif => {
            return Err(Diagnostic::error("the state is shown as text or JSON only")
                .help("name a saved plan to see it in this format")
                .into());
        }
    }
    Ok(out.flush()?)
}
