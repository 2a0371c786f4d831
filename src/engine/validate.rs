//! Checks everything of a configuration that can be checked without AWS and without the state.

use crate::config;
use crate::diag::Diagnostics;
use crate::eval::{Evaluator, NothingKnown};
use crate::graph;

use super::error::EngineError;
use super::load::{options, require_configuration};
use super::names::wrong_names;
use super::workspace::{Variables, Workspace};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// Errors and warnings: the configuration is valid where no error is among them.
    pub diagnostics: Diagnostics,
    /// How many objects it declares, as far as it could be evaluated.
    pub objects: usize,
}

/// Validates. What is wrong with the configuration is a result, not an error.
///
/// # Errors
/// There is no configuration.
pub fn run(workspace: &Workspace, variables: &Variables) -> Result<Validation, EngineError> {
    require_configuration(&workspace.dir)?;
    let loaded = config::load(&workspace.dir, &options(workspace, variables));
    let mut validation = Validation { diagnostics: loaded.diagnostics.clone(), objects: 0 };
    let diagnostics = &mut validation.diagnostics;
    if loaded.complete {
        match Evaluator::new(&loaded.configuration, &NothingKnown).estate() {
            Ok(estate) => {
                validation.objects = estate.instances.len();
                diagnostics.extend(estate.warnings);
            }
            Err(more) => diagnostics.extend(loaded.not_reported(more)),
        }
        let wrong = wrong_names(&loaded.configuration, diagnostics);
        diagnostics.extend(wrong);
        let beyond = graph::check_beyond(&loaded.configuration, diagnostics);
        diagnostics.extend(beyond);
    }
    Ok(validation)
}
