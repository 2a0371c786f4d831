//! What is known of a plan that could not be made: why, and of which estate.

use serde::Serialize;

use crate::config;
use crate::diag::{Diagnostics, by_place};
use crate::plan::compute::{diagnostic, location};
use crate::plan::model::{FORMAT_VERSION, PlanDiagnostic, PlanLocation, Selection};

use super::plan::timestamp;
use super::workspace::Workspace;

/// A plan that could not be made. Its JSON is that of a plan without everything else.
#[derive(Clone, Debug, Serialize)]
pub struct PlanRefusal {
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

/// What stands in the place of the plan that `diagnostics` kept from being made.
///
/// The comment on it takes the place of the one before: it needs the estate's name, which may be readable though
/// something else is wrong.
#[must_use]
pub fn of(workspace: &Workspace, selection: Selection, diagnostics: &Diagnostics) -> PlanRefusal {
    let loaded = config::load(&workspace.dir, &config::LoadOptions::default());
    let settings = &loaded.configuration.settings;
    PlanRefusal {
        estate: settings.name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        place: settings.loc.as_ref().map(location),
        selection,
        format_version: FORMAT_VERSION.to_owned(),
        palisade_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: timestamp(workspace),
        diagnostics: by_place(diagnostics).into_iter().map(diagnostic).collect(),
    }
}
