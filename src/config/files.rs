//! Files and directories of a configuration: how they are read, found and named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::{Diagnostic, Loc, Source};

/// The largest file that is read: 4 MiB.
pub const MAX_FILE: u64 = 4 << 20;

/// A file's text, as every reader of configuration takes it: bounded, UTF-8, without a byte-order
/// mark, from a regular file.
///
/// # Errors
/// Why the file cannot be read, naming it as `name`.
pub fn read_source(path: &Path, name: &str) -> Result<Arc<Source>, Diagnostic> {
    let fail = |why: String| Diagnostic::error(format!("`{name}` cannot be read")).detail(why);
    let metadata = fs::metadata(path).map_err(|e| fail(reason(&e)))?;
    if !metadata.is_file() {
        return Err(fail("it is not a regular file".to_owned()));
    }
    if metadata.len() > MAX_FILE {
        return Err(fail(format!("it has {} bytes, more than {MAX_FILE}", metadata.len()))
            .help("split it into several files"));
    }
    let bytes = fs::read(path).map_err(|e| fail(reason(&e)))?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            // The text up to the bad byte is as it was, so that the place is right.
            let at = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes);
            let source = Source::new(name, text.as_ref());
            let utf16 = matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
            Err(Diagnostic::error(format!("`{name}` is not UTF-8 text"))
                .at(Loc::new(&source, at..at + '\u{FFFD}'.len_utf8()))
                .detail("this byte is no text")
                .help(if utf16 { "it is UTF-16: save it as UTF-8" } else { "save it as UTF-8" }))
        }
    }
}

/// An I/O error in plain words.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The root of the repository that holds a directory.
pub(super) fn repository(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|d| d.join(".git").exists()).map(Path::to_path_buf)
}

/// Whether a directory holds a file of a configuration.
pub(super) fn holds_configuration(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.ends_with(".hcl")
                && !name.starts_with('.')
                && !name.ends_with(".test.hcl")
                && !name.ends_with(".vars.hcl")
        })
    })
}

/// A name below a displayed directory.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() || dir == "." {
        name.to_owned()
    } else {
        format!("{}/{name}", dir.trim_end_matches('/'))
    }
}

/// A displayed path without `.` and, where possible, without `..`.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." if !parts.is_empty() || part == "." => {}
            ".." if parts.last().is_some_and(|p| *p != ".." && !p.is_empty()) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displayed_paths_are_short() {
        assert_eq!(normal("examples/x/../../modules/m"), "modules/m");
        assert_eq!(normal("./m"), "m");
        assert_eq!(normal("../../m/./n"), "../../m/n");
    }
}
