//! `palisade releases`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::releases;
use crate::render;

/// Flags of `releases`.
#[derive(Debug, Args)]
#[command(
    after_help = "Lists every release that was ever applied, the newest first, with the environments whose current release it is and \
                        whether it is verified there.\n\nExample:\n  palisade releases shop"
)]
pub struct ReleasesArgs {
    /// Only releases of this name
    name: Option<String>,
    /// Only releases that are the current one of some environment
    #[arg(long)]
    current: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists releases.
///
/// # Errors
/// The backend cannot be read, or a release is damaged.
pub async fn run(args: &ReleasesArgs, context: &Context) -> Result<(), Exit> {
    let mut all = releases::run(&context.workspace()?, args.name.as_deref()).await?;
    if args.current {
        all.retain(|view| !view.stands_in.is_empty());
    }
    let mut out = context.stdout();
    if args.json {
        render::json::write(&all, &mut out)?;
    } else if all.is_empty() {
        context.say("There are no releases yet: `palisade apply` brings the first into its entry environment.");
    } else {
        render::promotion::releases(&all, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
