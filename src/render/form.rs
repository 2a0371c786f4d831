//! In which form a plan is written, and how much of it.

use crate::engine::declared_estate::DeclaredEstate;

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

/// How much of a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail<'a> {
    /// Whether the text form repeats the plan's warnings; the others always hold them.
    pub warnings: bool,
    /// Whether the plan was asked to delete everything that it selects.
    pub destroys: bool,
    /// Whether every object stands for itself, with all its attributes, and every path has its evidence.
    pub full: bool,
    /// The configuration's directory from the root of its repository; empty for the root. Code scanning
    /// names files from there.
    pub below: &'a str,
    /// The estate at a glance, for pages.
    pub estate: Option<&'a DeclaredEstate>,
}
