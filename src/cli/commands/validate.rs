//! `palisade validate`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::load;
use crate::diag::Diagnostic;
use crate::engine::load::{options, require_configuration};
use crate::eval::{Engine, NothingKnown};
use crate::graph;
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
    let workspace = context.offline();
    require_configuration(&workspace.dir)?;
    let loaded = load(&workspace.dir, &options(&workspace, &args.vars.variables()));
    let mut found = loaded.diagnostics.clone();
    let mut objects = 0;
    if loaded.complete {
        match Engine::new(&loaded.configuration, &NothingKnown).estate() {
            Ok(estate) => {
                objects = estate.instances.len();
                found.extend(estate.warnings);
            }
            Err(more) => found.extend(loaded.news(more)),
        }
        found.extend(graph::check_beyond(&loaded.configuration, &found));
    }
    let mut out = context.stdout();
    if args.json {
        let count = |error: bool| found.iter().filter(|d| d.is_error() == error).count();
        let report = serde_json::json!({
            "valid": !found.has_errors(),
            "error_count": count(true),
            "warning_count": count(false),
            "diagnostics": render::diagnostics::json(&found),
        });
        render::json::write(&report, &mut out)?;
        out.flush()?;
        return if found.has_errors() { Err(Exit::Told) } else { Ok(()) };
    }
    context.tell(&found);
    if found.has_errors() {
        let tally = render::diagnostics::tally(&found);
        return Err(Diagnostic::error(format!("the configuration is not valid: {tally}")).into());
    }
    let objects = render::style::count(objects, "object", "objects");
    writeln!(out, "The configuration is valid: {objects}.")?;
    Ok(out.flush()?)
}
