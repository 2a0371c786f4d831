//! JSON output: keys sorted, two spaces, one final newline.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value as Json;

/// Writes any serialisable value with its keys sorted, so that equal values give equal bytes.
///
/// # Errors
/// Those of the writer, and of values that JSON cannot hold (maps with keys that are no strings).
pub fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let value = serde_json::to_value(value).map_err(io::Error::other)?;
    serde_json::to_writer_pretty(&mut *out, &sorted(value)).map_err(io::Error::other)?;
    writeln!(out)
}

/// The same value with every object's keys in order, whatever map serde_json was built with.
#[must_use]
pub fn sorted(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> =
                map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        Json::Array(list) => Json::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}
