//! `palisade audit verify`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::inspect_state;
use crate::render;

/// `palisade audit ...`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check the hash chain of everything that was applied, edited or unlocked
    Verify(VerifyArgs),
}

/// Flags of `audit verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Compares the log with the states as they are and were, with moves, approvals and releases, and with the bucket's versions; `not seen` says what that cannot show. \
                        Every apply prints the log's head; kept elsewhere, it shows a log that was rewritten whole.\n\n\
                        Examples:\n  palisade audit verify\n  palisade audit verify --anchor audit-head.txt"
)]
pub struct VerifyArgs {
    /// A head of the log that was kept elsewhere: the line that an apply printed, a plan's comment or JSON, or JSON of this command
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs an audit command.
///
/// # Errors
/// The chain is broken, or the backend cannot be read.
pub async fn run(command: AuditCommand, context: &Context) -> Result<(), Exit> {
    let AuditCommand::Verify(args) = command;
    let anchor = args.anchor.as_deref().map(anchor).transpose()?;
    let workspace = context.workspace()?;
    let verification = inspect_state::verify_audit_log(&workspace, anchor.as_deref()).await?;
    let mut out = context.stdout();
    if args.json {
        render::audit::json(&verification, &mut out)?;
    } else {
        render::audit::text(&verification, context.style(), &mut out)?;
    }
    out.flush()?;
    Ok(render::audit::problems(&verification).into_result(())?)
}

fn anchor(path: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(path)
        .map_err(|error| Exit::error(format!("cannot read `{}`: {error}", path.display())))
}
