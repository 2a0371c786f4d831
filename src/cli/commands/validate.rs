//! `palisade validate`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::validate::{self, Validation};
use crate::render;

/// Flags of `validate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade validate --json")]
pub struct ValidateArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks everything that can be checked without AWS.
///
/// # Errors
/// Everything that is wrong.
pub fn run(args: &ValidateArgs, context: &Context) -> Result<(), Exit> {
    let Validation { diagnostics, objects } =
        validate::run(&context.offline(), &args.vars.variables())?;
    let mut out = context.stdout();
    if args.json {
        let count = |error: bool| diagnostics.iter().filter(|d| d.is_error() == error).count();
        let report = serde_json::json!({
            "valid": !diagnostics.has_errors(),
            "error_count": count(true),
            "warning_count": count(false),
            "diagnostics": render::diagnostics::json(&diagnostics),
        });
        render::json::write(&report, &mut out)?;
        out.flush()?;
        return if diagnostics.has_errors() { Err(Exit::Told) } else { Ok(()) };
    }
    context.tell(&diagnostics);
    if diagnostics.has_errors() {
        let tally = render::diagnostics::tally(&diagnostics);
        return Err(Diagnostic::error(format!("the configuration is not valid: {tally}")).into());
    }
    let objects = render::style::count(objects, "object", "objects");
    writeln!(out, "The configuration is valid: {objects}.")?;
    Ok(out.flush()?)
}
