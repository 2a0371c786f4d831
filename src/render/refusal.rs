//! What the formats of a plan hold where no plan could be made: why not.

use std::io::{self, Write};

use serde::Serialize;

use crate::diag::Severity;
use crate::plan::model::{PlanDiagnostic, PlanLocation, Selection};

use super::form::{Detail, Format};
use super::style::count;
use super::{html, json, markdown, sarif};

/// A plan that could not be made. Its JSON is that of a plan without everything else.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// The version of the plan's format.
    pub format_version: String,
    /// The estate's name, as far as it is known; empty where the configuration cannot be read.
    #[serde(skip)]
    pub estate: String,
    /// Where the configuration names the estate, as far as it is known.
    #[serde(skip)]
    pub place: Option<PlanLocation>,
    /// What the plan was to be limited to.
    #[serde(skip)]
    pub selection: Selection,
    /// Who wrote it.
    pub palisade_version: String,
    /// When.
    pub generated_at: String,
    /// Why there is no plan.
    pub diagnostics: Vec<PlanDiagnostic>,
}

impl Refusal {
    /// `No plan: 2 errors`.
    #[must_use]
    pub fn summary(&self) -> String {
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        format!("No plan: {}", count(errors, "error", "errors"))
    }
}

/// Writes it for tools and pages; people read the diagnostics themselves.
///
/// # Errors
/// Those of the writer.
pub fn write(
    refusal: &Refusal,
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
