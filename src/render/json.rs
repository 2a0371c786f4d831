//! JSON output: keys sorted, two spaces, one final newline, as files of the state are written.

use std::io::{self, Write};

use serde::Serialize;

pub use crate::state::json::sorted;

use super::inert::inert_json;

/// Writes any serialisable value with its keys sorted, so that equal values give equal bytes.
///
/// # Errors
/// Those of the writer, and of values that JSON cannot hold (maps with keys that are no strings).
pub fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    crate::state::json::write_sorted(value, &mut text)?;
    match std::str::from_utf8(&text) {
        Ok(text) => out.write_all(inert_json(text).as_bytes()),
        Err(error) => Err(io::Error::other(error)),
    }
}
