//! Expressions, evaluated on what state holds. Asks AWS nothing.

use crate::eval::Evaluator;
use crate::state::model::Resources;

use super::error::EngineError;
use super::known_values::KnownValues;
use super::load::{self, OfflineInputs};
use super::workspace::{Variables, Workspace};

/// A configuration, and what is recorded of its estate.
pub struct Console {
    inputs: OfflineInputs,
    resources: Resources,
}

impl Console {
    /// Loads the configuration and reads what is recorded.
    ///
    /// # Errors
    /// The configuration is wrong, or the state cannot be read.
    pub async fn open(workspace: &Workspace, variables: &Variables) -> Result<Self, EngineError> {
        let inputs = load::offline(workspace, variables).await?;
        let resources = inputs.snapshot.resources();
        Ok(Self { inputs, resources })
    }

    /// What expressions may know.
    #[must_use]
    pub fn known(&self) -> KnownValues<'_> {
        self.inputs.known(&self.resources)
    }

    /// What evaluates expressions, and remembers what it has evaluated of the configuration.
    #[must_use]
    pub fn evaluator<'a>(&'a self, known: &'a KnownValues<'a>) -> Evaluator<'a> {
        Evaluator::new(&self.inputs.configuration, known)
    }
}
