//! Output: plans, drift, state and diagnostics as text, Markdown, HTML, SARIF and JSON.
//!
//! Renderers take plain data and a writer. They read no clock, no environment and no terminal:
//! what the output may look like is a [`Style`] that the command line decides once. Whatever comes
//! from AWS or from configuration is made safe on the way ([`style::safe`]): no name in a plan can
//! move the cursor, close a fence or open a tag, and
//! none is a command to the runner of a pipeline ([`inert`]).

pub mod access;
pub mod audit;
pub mod diagnostics;
pub mod drift;
pub mod event_lines;
pub mod events;
pub mod evidence;
mod fold;
mod form;
pub mod hcl;
pub mod history;
pub mod html;
pub mod inert;
pub mod init;
pub mod isolation;
pub mod json;
pub mod lines;
pub mod markdown;
pub mod outputs;
pub mod permissions;
pub mod principals;
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
mod verdict;
pub mod version;
mod view;
pub mod walls;
pub mod who;

use std::io::{self, Write};

use crate::engine::side::LookAt;
use crate::plan::model::Plan;

pub use form::{Detail, Format};
pub use style::Style;

/// The side of the estate that is looked at, for headings.
#[must_use]
pub fn side(look_at: LookAt) -> &'static str {
    match look_at {
        LookAt::Live => "AWS as it is now",
        LookAt::Plan => "AWS as it would be after apply",
        LookAt::State => "what the state holds, AWS unread",
    }
}

/// Writes a plan in one of its formats.
///
/// # Errors
/// Those of the writer.
pub fn plan(
    plan: &Plan,
    format: Format,
    detail: Detail<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::plan(plan, detail, style, out),
        Format::Json => json::write(plan, out),
        Format::Markdown => markdown::plan(plan, detail, out),
        Format::Html => html::plan(plan, detail, out),
        Format::Sarif => sarif::plan(plan, detail.below, out),
    }
}

#[cfg(test)]
mod tests;
