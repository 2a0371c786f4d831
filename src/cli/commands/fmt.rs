//! `palisade fmt`.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::{fmt, read_source};
use crate::diag::{Diagnostics, Source};
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
    let mut diagnostics = Diagnostics::new();
    let mut files = Vec::new();
    let here = [context.dir()];
    let paths: &[PathBuf] = if args.paths.is_empty() { &here } else { &args.paths };
    for path in paths {
        collect(path, args.recursive, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut out = context.stdout();
    let mut changed = 0;
    for file in &files {
        let name = file.strip_prefix(".").unwrap_or(file).display().to_string();
        let formatted = match read_source(file, &name) {
            Err(error) => Err(error),
            Ok(source) => fmt::format(&source).map(|text| (source, text)),
        };
        let (source, text) = match formatted {
            Ok(pair) => pair,
            Err(error) => {
                diagnostics.push(error);
                continue;
            }
        };
        if text == source.text() {
            continue;
        }
        changed += 1;
        writeln!(out, "{name}")?;
        if args.diff {
            write!(out, "{}", fmt::diff(&name, source.text(), &text))?;
        }
        if !args.check {
            replace(file, &text)?;
        }
    }
    out.flush()?;
    if !diagnostics.is_empty() {
        return Err(diagnostics.into());
    }
    if args.check && changed > 0 {
        let files = render::style::count(changed, "file is", "files are");
        context.say(&format!("{files} not in canonical style: `palisade fmt` rewrites them"));
        return Err(Exit::Told);
    }
    Ok(())
}

fn standard_input(args: &FmtArgs, context: &Context) -> Result<(), Exit> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Exit::error(format!("cannot read standard input: {e}")))?;
    let source = Source::new("standard input", text);
    let formatted = fmt::format(&source)?;
    let mut out = context.stdout();
    if args.diff {
        write!(out, "{}", fmt::diff("standard input", source.text(), &formatted))?;
    } else if !args.check {
        write!(out, "{formatted}")?;
    }
    out.flush()?;
    if args.check && formatted != source.text() { Err(Exit::Told) } else { Ok(()) }
}

/// The HCL files of a directory, or the file itself.
fn collect(path: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), Exit> {
    let fail = |e: io::Error| Exit::error(format!("cannot read `{}`: {e}", path.display()));
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if !metadata.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        // A link is never followed: it may lead out of the directory, or in a circle.
        let kind = entry.file_type().map_err(fail)?;
        let path = entry.path();
        if kind.is_dir() && recursive {
            collect(&path, true, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|x| x == "hcl") {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes beside the file and renames over it, so that nobody ever sees half of it.
fn replace(file: &Path, text: &str) -> Result<(), Exit> {
    let fail = |e: io::Error| Exit::error(format!("cannot write `{}`: {e}", file.display()));
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = file.with_file_name(name);
    std::fs::write(&temporary, text).map_err(fail)?;
    let permissions = std::fs::metadata(file).map(|m| m.permissions());
    let done = permissions
        .and_then(|p| std::fs::set_permissions(&temporary, p))
        .and_then(|()| std::fs::rename(&temporary, file));
    if done.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    done.map_err(fail)
}
