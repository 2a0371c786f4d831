//! State for people: `state list`, `state show`.

use std::io::{self, Write};

use serde_json::Value as Json;

use crate::address::ResourceAddr;
use crate::state::model::{ResourceState, Resources};

use super::lines::{self, Sign};
use super::style::{Style, Tone, safe};

/// One address a line.
///
/// # Errors
/// Those of the writer.
pub fn list(resources: &Resources, out: &mut dyn Write) -> io::Result<()> {
    for address in resources.keys() {
        writeln!(out, "{}", safe(&address.to_string()))?;
    }
    Ok(())
}

/// One object: its key, its attributes, what it depends on.
///
/// # Errors
/// Those of the writer.
pub fn show(
    address: &ResourceAddr,
    resource: &ResourceState,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Bold, &safe(&address.to_string())))?;
    writeln!(out, "  {} {}", style.paint(Tone::Dim, "# in AWS:"), safe(&resource.key))?;
    if !resource.environments.is_empty() {
        let all: Vec<&str> = resource.environments.iter().map(String::as_str).collect();
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "# environments:"), safe(&all.join(", ")))?;
    }
    for dependency in &resource.depends_on {
        let text = format!("# depends on {}", safe(&dependency.to_string()));
        writeln!(out, "  {}", style.paint(Tone::Dim, &text))?;
    }
    let meta = resource.meta.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for attrs in [resource.attrs.to_json(), Json::Object(meta)] {
        for line in lines::between(None, Some(&attrs)) {
            let indent = " ".repeat(2 + line.depth * 4);
            let text = if line.sign == Sign::None {
                style.paint(Tone::Dim, &line.text)
            } else {
                line.text
            };
            writeln!(out, "{}", format!("{indent}{text}").trim_end())?;
        }
    }
    Ok(())
}
