//! `palisade version`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::plan::FORMAT_VERSION;
use crate::render;

/// Flags of `version`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade version --json")]
pub struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the version, and those of the formats.
///
/// # Errors
/// Those of writing.
pub fn run(args: &VersionArgs, context: &Context) -> Result<(), Exit> {
    let mut out = context.stdout();
    render::version::write(FORMAT_VERSION, args.json, &mut out)?;
    Ok(out.flush()?)
}
