//! Evaluation: expressions, functions, and the whole configuration into an [`estate::Estate`].

mod assemble;
mod body;
mod data;
mod entries;
mod environments;
pub mod estate;
mod evaluator;
mod expr;
pub mod functions;
mod instances;
mod modules;
mod names;
pub mod release;
mod value_source;

#[cfg(test)]
mod tests;

pub use entries::evaluate_configuration;
pub use evaluator::Evaluator;
pub use expr::for_expr::entries;
pub use expr::scope::{EvalResult, RefPath, RefStep, Resolved, Scope, Values};
pub use expr::syntax::evaluate_text;
pub use expr::{evaluate, evaluate_with};
pub use names::wrong_names;
pub use value_source::{Looked, LookedUp, LookupFailure, NothingKnown, ValueSource};
