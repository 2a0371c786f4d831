//! What a call of a function costs, in bytes that are looked at: time is bounded by counting, never by a
//! clock, so that equal configurations give equal results on slow and fast machines.

use std::path::Path;

use super::function::FunctionContext;
use super::{filesystem, regex};
use crate::value::Value;

/// What looking into a directory may come to: as many entries as `fileset` looks at.
const DIRECTORY: u64 = 64 << 20;
/// What compiling a regular expression may come to.
const PATTERN: u64 = 4 << 20;

/// The cost of a call whose arguments weigh so much together.
#[must_use]
pub(crate) fn cost(name: &str, args: &[Value], weight: usize, context: &FunctionContext) -> u64 {
    let own = result_cost(name, weight);
    let text = |index: usize| args.get(index).map(Value::reveal).and_then(Value::as_str);
    match name {
        "regex" | "regexall" | "replace" => {
            let pattern = text(usize::from(name == "replace")).unwrap_or_default();
            if name == "replace" && !pattern.starts_with('/') {
                return own;
            }
            // A text is searched in time that grows with the pattern as well.
            let compiled = if regex::is_at_hand(pattern) { 0 } else { PATTERN };
            let length = u64::try_from(pattern.len()).unwrap_or(u64::MAX);
            own.saturating_mul(2_u64.saturating_add(length / 16)).saturating_add(compiled)
        }
        "fileset" => DIRECTORY,
        name if name.starts_with("file") => file(text(0), context).saturating_mul(4),
        _ => own,
    }
}

/// The cost of a call whose result weighs so much: what it was put together from costs the same.
#[must_use]
pub(crate) fn result_cost(name: &str, weight: usize) -> u64 {
    let factor = match name {
        // Compression is the slowest of all, by far.
        "base64gzip" => 64,
        "yamldecode" | "yamlencode" => 32,
        "csvdecode" | "jsondecode" | "urlencode" => 16,
        "regex" | "regexall" | "replace" => 4,
        name if ["md5", "sha1", "sha256", "sha512", "base64sha", "uuidv5"]
            .iter()
            .any(|hash| name.starts_with(hash)) =>
        {
            4
        }
        "distinct" | "format" | "formatlist" | "jsonencode" | "range" | "sort"
        | "setintersection" | "setproduct" | "setsubtract" | "setunion" | "textdecodebase64"
        | "textencodebase64" | "toset" | "transpose" => 8,
        _ => 2,
    };
    u64::try_from(weight).unwrap_or(u64::MAX).saturating_mul(factor)
}

/// The size of a file, as far as one is read.
fn file(path: Option<&str>, context: &FunctionContext) -> u64 {
    let path = path.map(|path| context.root_dir.join(Path::new(path)));
    let size = path.and_then(|path| std::fs::metadata(path).ok()).map_or(0, |m| m.len());
    size.min(filesystem::MAX_FILE)
}
