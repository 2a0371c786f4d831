//! Output: plans, drift, state and diagnostics as text, Markdown, HTML, SARIF and JSON.
//!
//! Renderers take plain data and a writer. They read no clock, no environment and no terminal:
//! what the output may look like is a [`Style`] that the command line decides once. Whatever comes
//! from AWS or from configuration is made safe on the way ([`style::safe`]): no name in a plan can
//! move the cursor, close a fence or open a tag, and
//! none is a command to the runner of a pipeline ([`inert`]).

pub mod access;
pub mod diagnostics;
pub mod drift;
pub mod events;
pub mod hcl;
pub mod history;
pub mod html;
pub mod inert;
pub mod isolation;
pub mod json;
pub mod lines;
pub mod markdown;
pub mod principals;
pub mod progress;
pub mod promotion;
pub mod refusal;
pub mod requests;
pub mod review;
pub mod sarif;
pub mod state;
pub mod status;
pub mod style;
pub mod text;
pub mod value;
mod view;
pub mod walls;
pub mod who;

use std::io::{self, Write};

use crate::engine::side::LookAt;
use crate::plan::model::Plan;

pub use style::Style;

/// Formats of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Text,
    /// For tools; `docs/plan.schema.json` describes it.
    Json,
    /// For pull requests.
    Markdown,
    /// A page of its own.
    Html,
    /// For code scanning.
    Sarif,
}

/// The side of the estate that is looked at, for headings.
#[must_use]
pub fn side(look_at: LookAt) -> &'static str {
    match look_at {
        LookAt::Live => "AWS as it is now",
        LookAt::Plan => "AWS as it would be after apply",
        LookAt::State => "what the state holds, AWS unread",
    }
}

/// Writes a plan in one of its formats. `warnings` says whether the text form repeats the plan's
/// warnings; the others always hold them.
///
/// # Errors
/// Those of the writer.
pub fn plan(
    plan: &Plan,
    format: Format,
    warnings: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::plan(plan, warnings, style, out),
        Format::Json => json::write(plan, out),
        Format::Markdown => markdown::plan(plan, out),
        Format::Html => html::plan(plan, out),
        Format::Sarif => sarif::plan(plan, out),
    }
}

#[cfg(test)]
mod tests;
