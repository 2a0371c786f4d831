//! Outputs of the last apply: all of them, or one.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value as Json;

use crate::plan::model::PlannedOutput;

use super::style::{columns, pad, safe};

/// Writes all outputs, one a line.
///
/// # Errors
/// Those of the writer.
pub fn all(outputs: &BTreeMap<String, PlannedOutput>, out: &mut dyn Write) -> io::Result<()> {
    let width = outputs.keys().map(|name| columns(name)).max().unwrap_or(0);
    for (name, output) in outputs {
        let value = if output.sensitive { "(sensitive value)".to_owned() } else { value(output) };
        writeln!(out, "{} = {}", pad(name, width), safe(&value))?;
    }
    Ok(())
}

/// Writes the value of one output.
///
/// # Errors
/// Those of the writer.
pub fn one(output: &PlannedOutput, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", safe(&value(output)))
}

fn value(output: &PlannedOutput) -> String {
    output.value.to_json().to_string()
}

/// The text of an output and nothing around it; `None` for lists and maps, which have no such text.
#[must_use]
pub fn raw(output: &PlannedOutput) -> Option<String> {
    match output.value.to_json() {
        Json::String(text) => Some(text),
        Json::Array(_) | Json::Object(_) => None,
        plain @ (Json::Null | Json::Bool(_) | Json::Number(_)) => Some(plain.to_string()),
    }
}
