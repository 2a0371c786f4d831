//! What the formats of a plan hold where no plan could be made: why not.

use std::io::{self, Write};

use crate::diag::Severity;
use crate::engine::refusal::PlanRefusal;

use super::form::{Detail, Format};
use super::style::count;
use super::{html, json, markdown, sarif};

/// `No plan: 2 errors`.
#[must_use]
pub fn summary(refusal: &PlanRefusal) -> String {
    let errors = refusal.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    format!("No plan: {}", count(errors, "error", "errors"))
}

/// Writes it for tools and pages; people read the diagnostics themselves.
///
/// # Errors
/// Those of the writer.
pub fn write(
    refusal: &PlanRefusal,
    format: Format,
    detail: Detail<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => Ok(()),
        Format::Json => json::write(refusal, out),
        Format::Markdown => markdown::refusal(refusal, out),
        Format::Html => html::refusal(refusal, out),
        Format::Sarif => sarif::refusal(refusal, detail.below, out),
    }
}
