//! What `palisade version` says.

use std::io::{self, Write};

use serde_json::json;

/// Writes the program's version, and for tools that of the plan's format.
///
/// # Errors
/// Those of the writer.
pub fn write(plan_format: &str, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    let palisade = env!("CARGO_PKG_VERSION");
    if as_json {
        return super::json::write(&json!({"palisade": palisade, "plan_format": plan_format}), out);
    }
    writeln!(out, "palisade {palisade}")
}
