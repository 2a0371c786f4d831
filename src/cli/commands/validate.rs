//! `palisade validate`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::validate;
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
    let validation = validate::run(&context.offline(), &args.vars.variables())?;
    let is_valid = !validation.diagnostics.has_errors();
    let mut out = context.stdout();
    if args.json {
        render::diagnostics::validation_json(&validation, &mut out)?;
        out.flush()?;
        return if is_valid { Ok(()) } else { Err(Exit::Reported) };
    }
    context.tell(&validation.diagnostics);
    if !is_valid {
        let tally = render::diagnostics::tally(&validation.diagnostics);
        return Err(Diagnostic::error(format!("the configuration is not valid: {tally}")).into());
    }
    let objects = render::style::count(validation.objects, "object", "objects");
    writeln!(out, "The configuration is valid: {objects}.")?;
    Ok(out.flush()?)
}
