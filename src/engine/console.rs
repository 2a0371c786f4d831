//! Expressions, evaluated on what state holds. Asks AWS nothing.

use crate::eval::Evaluator;
use crate::state::model::Resources;
use crate::value::Value;

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
    pub fn evaluator<'a>(&'a self, known: &'a KnownValues<'a>) -> ConsoleEvaluator<'a> {
        ConsoleEvaluator(Evaluator::new(&self.inputs.configuration, known))
    }
}

/// Evaluates one expression after another.
pub struct ConsoleEvaluator<'a>(Evaluator<'a>);

/// A value, as far as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsoleValue {
    /// A part of it is sensitive.
    Sensitive,
    /// It is known only once something is applied, and this says what.
    Unknown(String),
    /// The value.
    Known(Value),
}

impl ConsoleEvaluator<'_> {
    /// Evaluates an expression; `name` is what errors call the text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn evaluate(&self, name: &str, text: &str) -> Result<ConsoleValue, EngineError> {
        let value = self.0.evaluate_text(name, text)?;
        Ok(match value {
            value if value.has_sensitive() => ConsoleValue::Sensitive,
            Value::Unknown(unknown) => ConsoleValue::Unknown(unknown.to_string()),
            value => ConsoleValue::Known(value),
        })
    }
}
