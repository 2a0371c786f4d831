//! Configuration in canonical style: which files are not in it, and rewriting those.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{fmt, read_source};
use crate::diag::{Diagnostics, Source};

use super::error::EngineError;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct FormatRequest {
    /// Files, and directories whose `.hcl` files are meant.
    pub paths: Vec<PathBuf>,
    /// Directories below those, too.
    pub recursive: bool,
    /// Rewrite what is not in canonical style.
    pub write: bool,
}

/// A file, or a text that is not one, before and after formatting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReformattedFile {
    /// Its path, as it was named.
    pub name: String,
    /// Its text.
    pub before: String,
    /// The same in canonical style.
    pub after: String,
}

impl ReformattedFile {
    /// Whether it was in canonical style already.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.before == self.after
    }

    /// What formatting changes in it, as a unified diff; empty where that is nothing.
    #[must_use]
    pub fn diff(&self) -> String {
        fmt::diff(&self.name, &self.before, &self.after)
    }
}

/// What is not in canonical style.
#[derive(Clone, Debug, Default)]
pub struct FormatOutcome {
    /// Files that are not, in order.
    pub changed: Vec<ReformattedFile>,
    /// Files that cannot be read or parsed; the others are formatted nevertheless.
    pub diagnostics: Diagnostics,
}

/// Formats files in place, or only looks.
///
/// # Errors
/// A path cannot be listed, or a file cannot be written.
pub fn run(request: &FormatRequest) -> Result<FormatOutcome, EngineError> {
    let mut files = Vec::new();
    for path in &request.paths {
        collect(path, request.recursive, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut outcome = FormatOutcome::default();
    for file in &files {
        let name = file.strip_prefix(".").unwrap_or(file).display().to_string();
        let formatted = read_source(file, &name)
            .and_then(|source| fmt::format(&source).map(|text| (source, text)));
        match formatted {
            Err(error) => outcome.diagnostics.push(error),
            Ok((source, text)) if text == source.text() => {}
            Ok((source, after)) => {
                if request.write {
                    replace(file, &after)?;
                }
                let before = source.text().to_owned();
                outcome.changed.push(ReformattedFile { name, before, after });
            }
        }
    }
    Ok(outcome)
}

/// Formats a text that stands in no file; `name` is what errors call it.
///
/// # Errors
/// It cannot be parsed.
pub fn text(name: &str, text: String) -> Result<ReformattedFile, EngineError> {
    let source = Source::new(name, text);
    let after = fmt::format(&source)?;
    Ok(ReformattedFile { name: name.to_owned(), before: source.text().to_owned(), after })
}

/// The HCL files of a directory, or the file itself.
fn collect(path: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), EngineError> {
    let fail = |e: io::Error| EngineError::failed(format!("cannot read `{}`: {e}", path.display()));
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

/// Writes beside the file and renames over it, so that a reader never sees half of it.
fn replace(file: &Path, text: &str) -> Result<(), EngineError> {
    let fail =
        |e: io::Error| EngineError::failed(format!("cannot write `{}`: {e}", file.display()));
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
