//! `palisade fmt`.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::format::{self, FormatOutcome, FormatRequest};
use crate::render;

/// Flags of `fmt`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with code 1 under --check when a file is not in canonical style.\n\n\
                        Examples:\n  palisade fmt\n  palisade fmt --check --diff\n  palisade fmt - < main.hcl"
)]
pub struct FmtArgs {
    /// Files and directories (`-` for standard input); this directory when none is named
    paths: Vec<PathBuf>,
    /// Change nothing; fail when something would be changed
    #[arg(long)]
    check: bool,
    /// Show what would be changed, or is changed
    #[arg(long)]
    diff: bool,
    /// Directories below the named ones too
    #[arg(long, short = 'r')]
    recursive: bool,
}

/// Formats files in place.
///
/// # Errors
/// A file cannot be parsed, read or written; under `--check`, a file is not canonical.
pub fn run(args: &FmtArgs, context: &Context) -> Result<(), Exit> {
    if args.paths.iter().any(|p| p.as_os_str() == "-") {
        return standard_input(args, context);
    }
    let paths = if args.paths.is_empty() { vec![context.dir()] } else { args.paths.clone() };
    let request = FormatRequest { paths, recursive: args.recursive, write: !args.check };
    let FormatOutcome { changed, diagnostics } = format::run(&request)?;
    let mut out = context.stdout();
    for file in &changed {
        writeln!(out, "{}", file.name)?;
        if args.diff {
            write!(out, "{}", file.diff())?;
        }
    }
    out.flush()?;
    if !diagnostics.is_empty() {
        return Err(diagnostics.into());
    }
    if args.check && !changed.is_empty() {
        let files = render::style::count(changed.len(), "file is", "files are");
        context.say(&format!("{files} not in canonical style: `palisade fmt` rewrites them"));
        return Err(Exit::Reported);
    }
    Ok(())
}

fn standard_input(args: &FmtArgs, context: &Context) -> Result<(), Exit> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Exit::error(format!("cannot read standard input: {e}")))?;
    let formatted = format::text("standard input", text)?;
    if args.diff {
        let mut out = context.stdout();
        write!(out, "{}", formatted.diff())?;
        out.flush()?;
    } else if !args.check {
        let mut out = context.raw_stdout();
        write!(out, "{}", formatted.after)?;
        out.flush()?;
    }
    if args.check && !formatted.is_canonical() { Err(Exit::Reported) } else { Ok(()) }
}
