//! `palisade audit verify`.

use std::io::Write as _;

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, Diagnostics};
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
#[command(after_help = "Example:\n  palisade audit verify")]
pub struct VerifyArgs {
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
    let verification = inspect_state::verify_audit_log(&context.workspace()?).await?;
    let mut out = context.stdout();
    if args.json {
        let report = serde_json::json!({
            "records": verification.records,
            "head": verification.head,
            "valid": verification.problems.is_empty(),
            "problems": verification.problems,
        });
        render::json::write(&report, &mut out)?;
    } else if verification.problems.is_empty() {
        let records = render::style::count(
            usize::try_from(verification.records).unwrap_or(usize::MAX),
            "record",
            "records",
        );
        writeln!(out, "the chain holds: {records}")?;
    }
    out.flush()?;
    if verification.problems.is_empty() {
        return Ok(());
    }
    let problems: Diagnostics = verification
        .problems
        .iter()
        .map(|p| Diagnostic::error(p.clone()))
        .chain([Diagnostic::error("the audit log is not what was written").help(
            "keep the bucket as it is: S3's object versions hold what was overwritten or deleted",
        )])
        .collect();
    Err(problems.into())
}
