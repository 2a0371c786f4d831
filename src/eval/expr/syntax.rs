//! Expressions given as text: `console`, test files.

use crate::config::parse_expression;
use crate::diag::{Diagnostics, Source};
use crate::eval::expr::evaluate;
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::scope::Scope;

/// Evaluates an expression given as text, as `console` does; `name` is what errors call it.
///
/// # Errors
/// Syntax errors and everything that is wrong in it.
pub fn evaluate_text(name: &str, text: &str, scope: &dyn Scope) -> EvalResult {
    // Leading space only; a heredoc ends with its line break.
    let source = Source::new(name, text.trim_start());
    let expr = crate::stack::deep(|| parse_expression(&source)).map_err(Diagnostics::from)?;
    evaluate(&expr, &source, scope)
}
