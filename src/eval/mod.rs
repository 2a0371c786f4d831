//! Evaluation: expressions, functions, and the whole configuration into an [`estate::Estate`].

mod assemble;
mod body;
mod checks;
mod config_instances;
mod config_values;
mod engine;
mod environments;
pub mod estate;
pub mod expr;
mod for_expr;
pub mod functions;
mod instances;
pub mod known;
mod meter;
mod module_scope;
mod modules;
mod operators;
pub mod ownership;
mod placement;
pub mod release;
mod releases;
pub mod scope;
mod special;
mod surroundings;
pub mod syntax;
mod templates;
mod traversal;
pub mod types;

pub use assemble::evaluate_configuration;
pub use engine::Engine;
pub use expr::{Outcome, evaluate, evaluate_with};
pub use for_expr::entries;
pub use known::{Known, NothingKnown};
pub use scope::{RefPath, RefStep, Resolved, Scope, Values};
pub use syntax::evaluate_text;
