//! `palisade report`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::report::{self, ReportRequest};
use crate::render;

/// Flags of `report`.
#[derive(Debug, Args)]
#[command(
    after_help = "The page needs nothing but a browser: no script, no request to anywhere. It shows AWS as it is now, \
                        whatever the configuration is about to change, and exits with code 0 whatever it finds.\n\n\
                        Examples:\n  palisade report > report.html\n  palisade report --out report.html"
)]
pub struct ReportArgs {
    /// Write the page to FILE in place of standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// How many accounts are read at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
}

/// Reads the estate and writes the page.
///
/// # Errors
/// Whatever keeps it from being read or written.
pub async fn run(args: &ReportArgs, context: &Context) -> Result<(), Exit> {
    let request = ReportRequest {
        variables: args.vars.variables(),
        parallelism: usize::from(args.parallelism),
    };
    let report = report::run(&context.workspace()?, &request).await?;
    let Some(path) = &args.out else {
        let mut out = context.stdout();
        render::html::report(&report, &mut out)?;
        return Ok(out.flush()?);
    };
    let mut page = Vec::new();
    render::html::report(&report, &mut page)?;
    std::fs::write(path, page)
        .map_err(|e| Diagnostic::error(format!("cannot write `{}`: {e}", path.display())).into())
}
