//! Evaluation: expressions, functions, and the whole configuration into an [`estate::Estate`].

pub mod estate;
pub mod expr;
mod for_expr;
pub mod functions;
mod operators;
pub mod scope;
mod special;
pub mod syntax;
mod templates;
mod traversal;
pub mod types;

pub use expr::{Outcome, evaluate, evaluate_with};
pub use for_expr::entries;
pub use scope::{RefPath, RefStep, Resolved, Scope, Values};
pub use syntax::{evaluate_text, parse_expression, syntax_error};
