//! Files of the configuration, and of nothing else.
//!
//! A plan may be made from a change that nobody has reviewed yet, so file functions read only
//! below the configuration's directory and its modules' directories, with symbolic links
//! resolved, and never the directories where version control and Palisade keep their own
//! files. What is no regular file (a device, a pipe) or too large is refused before it is read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::RegexBuilder;

use super::args::FunctionResult;
use super::function::{Call, Copes, Function, FunctionContext};
use crate::config::package::links_left_out;
use crate::diag::Diagnostic;
use crate::value::Value;

/// Largest file, in bytes.
pub const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Most directory entries that `fileset` looks at.
const MAX_ENTRIES: usize = 100_000;
/// Deepest directory that `fileset` looks into.
const MAX_LEVELS: usize = 64;
/// Directories inside a configuration that hold credentials or state, not configuration.
const PRIVATE: [&str; 2] = [".git", ".palisade"];

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "basename",
        params: &["path"],
        about: "The last part of a path.",
        copes: Copes::NOTHING,
        run: |call| {
            let text = call.text(0)?;
            let trimmed = text.trim_end_matches('/');
            Ok(match trimmed.rsplit('/').next() {
                _ if text.is_empty() => ".".into(),
                None | Some("") => "/".into(),
                Some(last) => last.into(),
            })
        },
    },
    Function {
        name: "dirname",
        params: &["path"],
        about: "A path without its last part.",
        copes: Copes::NOTHING,
        run: |call| Ok(dirname(&call.text(0)?).into()),
    },
    Function {
        name: "file",
        params: &["path"],
        about: "The text of a file of the configuration.",
        copes: Copes::NOTHING,
        run: |call| {
            String::from_utf8(read(call, 0)?).map(Value::String).map_err(|_| {
                call.bad(0, "the file is not UTF-8 text").help("`filebase64` reads any file")
            })
        },
    },
    Function {
        name: "filebase64",
        params: &["path"],
        about: "The content of a file of the configuration, in Base64.",
        copes: Copes::NOTHING,
        run: |call| Ok(STANDARD.encode(read(call, 0)?).into()),
    },
    Function {
        name: "fileexists",
        params: &["path"],
        about: "Whether the configuration has such a file.",
        copes: Copes::NOTHING,
        run: |call| {
            let name = call.text(0)?;
            match resolve(call.context, &name) {
                Ok(path) => Ok(path.is_file().into()),
                Err(Refused::Missing(_)) => Ok(false.into()),
                Err(refused) => Err(explain(call, 0, &refused)),
            }
        },
    },
    Function {
        name: "fileset",
        params: &["directory", "pattern"],
        about: "The files below a directory that match a pattern of `*`, `**`, `?`, `[...]` and `{a,b}`; paths are relative to the directory.",
        copes: Copes::NOTHING,
        run: fileset,
    },
];

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is there.
    Missing(String),
    /// It is, or is behind, a symbolic link that was left out of a fetched package.
    LeftOut(String),
    /// It is outside of the configuration.
    Outside(String),
    /// It belongs to version control or to Palisade.
    Private(String),
    /// It is a directory, a device, a pipe or a socket.
    NotAFile(String),
    /// It is larger than [`MAX_FILE`].
    TooLarge(String),
    /// The system refuses.
    Failed(String, String),
}

impl Refused {
    /// The reason and, where there is some, advice.
    #[must_use]
    pub fn explain(&self) -> (String, Option<&'static str>) {
        match self {
            Self::Missing(name) => (
                format!("there is no file `{name}`"),
                Some(
                    "paths start at the root module, in every module; `${path.module}/...` starts at the module",
                ),
            ),
            Self::LeftOut(name) => (
                format!("`{name}` is behind a symbolic link of the module's package"),
                Some(
                    "symbolic links are left out of fetched packages: name the file that the link leads to, or vendor the module in a local directory",
                ),
            ),
            Self::Outside(name) => (
                format!("`{name}` is outside of the configuration"),
                Some(
                    "only files in the configuration's directory and its modules can be read, symbolic links resolved",
                ),
            ),
            Self::Private(name) => (
                format!("`{name}` is not part of the configuration"),
                Some("`.git` and `.palisade` may hold credentials and state"),
            ),
            Self::NotAFile(name) => (format!("`{name}` is not a regular file"), None),
            Self::TooLarge(name) => {
                (format!("`{name}` is larger than {} MiB", MAX_FILE / 1024 / 1024), None)
            }
            Self::Failed(name, reason) => (format!("`{name}` cannot be read: {reason}"), None),
        }
    }
}

fn explain(call: &Call<'_>, index: usize, refused: &Refused) -> Diagnostic {
    let (reason, help) = refused.explain();
    call.bad(index, reason).help_opt(help.map(str::to_owned))
}

/// The content of the file that the argument at `index` names.
pub(super) fn read(call: &Call<'_>, index: usize) -> Result<Vec<u8>, Diagnostic> {
    read_file(call.context, &call.text(index)?).map_err(|refused| explain(call, index, &refused))
}

/// The content of a file of the configuration.
///
/// # Errors
/// Whatever [`Refused`] lists.
pub fn read_file(context: &FunctionContext, name: &str) -> Result<Vec<u8>, Refused> {
    let path = resolve(context, name)?;
    let failed = |error: std::io::Error| Refused::Failed(name.to_owned(), error.to_string());
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if !std::fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(Refused::NotAFile(name.to_owned()));
    }
    let file = File::open(&path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Refused::NotAFile(name.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(Refused::TooLarge(name.to_owned()));
    }
    Ok(bytes)
}

/// How diagnostics name a file that was read: from the root's directory, as they name every other file.
#[must_use]
pub fn shown(context: &FunctionContext, name: &str) -> String {
    let root =
        if context.root_dir.as_os_str().is_empty() { Path::new(".") } else { &context.root_dir };
    let (Ok(file), Ok(root)) = (resolve(context, name), root.canonicalize()) else {
        return name.to_owned();
    };
    let common = file.components().zip(root.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(common)).collect();
    path.display().to_string()
}

/// The canonical path of a file or directory of the configuration.
///
/// # Errors
/// When it does not exist, or is not the configuration's.
pub fn resolve(context: &FunctionContext, name: &str) -> Result<PathBuf, Refused> {
    if name.contains('\0') {
        return Err(Refused::Missing(name.replace('\0', "\\0")));
    }
    let base =
        if context.root_dir.as_os_str().is_empty() { Path::new(".") } else { &context.root_dir };
    let joined = base.join(name);
    let roots = roots(context);
    // First by its text alone, so that nothing is told of what exists elsewhere.
    let Some(lexical) = base.canonicalize().ok().map(|base| normalise(&base.join(name))) else {
        return Err(Refused::Missing(name.to_owned()));
    };
    let as_given = |dir: &Path| std::path::absolute(dir).map(|dir| normalise(&dir));
    let by_text = roots.iter().any(|root| lexical.starts_with(root))
        || directories(context)
            .into_iter()
            .any(|d| as_given(d).is_ok_and(|d| lexical.starts_with(d)));
    if !by_text {
        return Err(Refused::Outside(name.to_owned()));
    }
    let real = joined.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            match is_left_out(context, &lexical) {
                true => Refused::LeftOut(name.to_owned()),
                false => Refused::Missing(name.to_owned()),
            }
        }
        _ => Refused::Failed(name.to_owned(), error.to_string()),
    })?;
    let Some(inside) = roots.iter().filter_map(|root| real.strip_prefix(root).ok()).next() else {
        return Err(Refused::Outside(name.to_owned()));
    };
    if is_private(inside) || roots.iter().any(|r| real.strip_prefix(r).is_ok_and(is_private)) {
        return Err(Refused::Private(name.to_owned()));
    }
    Ok(real)
}

/// Whether a file of a fetched package is, or is behind, a symbolic link that was left out.
fn is_left_out(context: &FunctionContext, file: &Path) -> bool {
    let Some(package) = &context.package else { return false };
    let canonical = package.canonicalize().ok();
    let inside = std::iter::once(package).chain(&canonical).find_map(|p| file.strip_prefix(p).ok());
    inside.is_some_and(|inside| links_left_out(package).iter().any(|link| inside.starts_with(link)))
}

fn is_private(path: &Path) -> bool {
    path.components().any(|c| {
        matches!(c, Component::Normal(name) if PRIVATE.iter().any(|p| name.eq_ignore_ascii_case(p)))
    })
}

/// The directories that may be read, as they were given.
fn directories(context: &FunctionContext) -> Vec<&Path> {
    if let Some(package) = &context.package {
        return vec![package];
    }
    let given = [&context.root_dir, &context.module_dir].into_iter().chain(&context.allowed_dirs);
    given.map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir }).collect()
}

/// The directories that may be read, canonical.
fn roots(context: &FunctionContext) -> Vec<PathBuf> {
    let all: BTreeSet<PathBuf> =
        directories(context).into_iter().filter_map(|dir| dir.canonicalize().ok()).collect();
    all.into_iter().collect()
}

/// Resolves `.` and `..` by the text alone.
fn normalise(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

fn dirname(text: &str) -> String {
    let Some((parent, _)) = text.rsplit_once('/') else { return ".".to_owned() };
    let absolute = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in parent.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    match (absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn fileset(call: &Call<'_>) -> FunctionResult {
    let (name, pattern) = (call.text(0)?, call.text(1)?);
    let pattern = glob(call, pattern.strip_prefix("./").unwrap_or(&pattern))?;
    let base = match resolve(call.context, &name) {
        Ok(base) => base,
        // What is not there holds no files.
        Err(Refused::Missing(_)) => return Ok(Value::set(BTreeSet::new())),
        Err(refused) => return Err(explain(call, 0, &refused)),
    };
    if !base.is_dir() {
        return Err(call.bad(0, format_args!("`{name}` is not a directory")));
    }
    let roots = roots(call.context);
    let mut found = BTreeSet::new();
    let mut looked_at = 0_usize;
    let mut stack = vec![(base.clone(), 0_usize)];
    while let Some((directory, level)) = stack.pop() {
        let entries = std::fs::read_dir(&directory)
            .map_err(|error| call.bad(0, format_args!("`{name}` cannot be read: {error}")))?;
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > MAX_ENTRIES || level > MAX_LEVELS {
                return Err(call.fail("the directory is too large or too deep"));
            }
            let path = entry.path();
            let Ok(relative) = path.strip_prefix(&base) else { continue };
            if is_private(relative) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                stack.push((path.clone(), level + 1));
                continue;
            }
            // Links to files of the configuration count; directories are not followed, they may turn in circles.
            let inside = kind.is_file()
                || path.canonicalize().is_ok_and(|real| {
                    real.is_file()
                        && roots.iter().any(|root| {
                            real.strip_prefix(root).is_ok_and(|inside| !is_private(inside))
                        })
                });
            let Some(text) = relative.to_str() else { continue };
            if inside && pattern.is_match(text) {
                found.insert(Value::from(text));
            }
        }
    }
    Ok(Value::set(found))
}

/// A pattern of file names as a regular expression over the whole relative path.
fn glob(call: &Call<'_>, pattern: &str) -> Result<regex::Regex, Diagnostic> {
    let malformed = || call.bad(1, format_args!("the pattern `{pattern}` is malformed"));
    let mut expression = String::from("^");
    let mut chars = pattern.chars().peekable();
    let mut braces = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                if chars.next_if_eq(&'/').is_some() {
                    expression.push_str("(?:[^/]+/)*");
                } else {
                    expression.push_str(".*");
                }
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '{' => {
                braces += 1;
                expression.push_str("(?:");
            }
            '}' => {
                braces = braces.checked_sub(1).ok_or_else(malformed)?;
                expression.push(')');
            }
            ',' if braces > 0 => expression.push('|'),
            '[' => {
                expression.push('[');
                if chars.next_if(|c| matches!(c, '!' | '^')).is_some() {
                    expression.push('^');
                }
                loop {
                    match chars.next().ok_or_else(malformed)? {
                        ']' => break,
                        '-' => expression.push('-'),
                        '\\' => {
                            let c = chars.next().ok_or_else(malformed)?;
                            expression.push_str(&regex::escape(&c.to_string()));
                        }
                        c if c.is_alphanumeric() => expression.push(c),
                        c => {
                            expression.push('\\');
                            expression.push(c);
                        }
                    }
                }
                expression.push(']');
            }
            '\\' => {
                let c = chars.next().ok_or_else(malformed)?;
                expression.push_str(&regex::escape(&c.to_string()));
            }
            c => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    if braces > 0 {
        return Err(malformed());
    }
    expression.push('$');
    RegexBuilder::new(&expression).size_limit(1024 * 1024).build().map_err(|_| malformed())
}
