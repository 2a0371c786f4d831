//! Syntax errors as diagnostics, and expressions given as text (`console`, `--var`).

use std::sync::Arc;

use hcl::edit::expr::Expression;

use super::expr::{Outcome, evaluate};
use super::scope::Scope;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source};

/// A syntax error at its place, with advice where the mistake is a known one.
#[must_use]
pub fn syntax_error(source: &Arc<Source>, error: &hcl::edit::parser::Error) -> Diagnostic {
    let offset = error.location().offset();
    if let Some((span, name)) = iam_variable(source.text(), offset) {
        return Diagnostic::error(format!("`${{{name}}}` is an IAM variable, not an expression"))
            .at(Loc::new(source, span))
            .help(format!("escape it as `$${{{name}}}`, or write `&{{{name}}}`"));
    }
    let end = source
        .text()
        .get(offset..)
        .and_then(|rest| rest.chars().next())
        .map_or(offset, |c| offset + c.len_utf8());
    Diagnostic::error(format!("syntax error: {}", error.message()))
        .at(Loc::new(source, offset..end))
        .help_opt(advice(source.text(), offset))
}

/// `${aws:username}` around `offset`: its range, and what stands between the braces.
fn iam_variable(text: &str, offset: usize) -> Option<(std::ops::Range<usize>, &str)> {
    let before = text.get(..offset)?;
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let start = line + before.get(line..)?.rfind("${")?;
    let rest = text.get(start + 2..)?;
    let end = rest.find(['}', '\n'])?;
    let inner = rest.get(..end)?;
    let prefix = inner.split(':').next()?.trim();
    let name_like = |c: char| c.is_ascii_alphanumeric() || "-_:/., '".contains(c);
    let known = matches!(prefix, "aws" | "s3" | "iam" | "sts" | "ec2" | "saml" | "kms" | "sso")
        || prefix.contains('.')
        || prefix.ends_with("amazonaws.com");
    (inner.contains(':')
        && known
        && inner.chars().all(name_like)
        && rest.get(end..)?.starts_with('}'))
    .then_some((start..start + 2 + end + 1, inner))
}

fn advice(text: &str, offset: usize) -> Option<String> {
    let rest = text.get(offset..)?;
    if rest.starts_with('\'') {
        return Some("strings stand in double quotes".to_owned());
    }
    if rest.starts_with("=>") || rest.starts_with("= ") || rest.starts_with("==") {
        return None;
    }
    None
}

/// Parses one expression.
///
/// # Errors
/// The syntax error at its place.
pub fn parse_expression(source: &Arc<Source>) -> Result<Expression, Diagnostic> {
    crate::stack::deep(|| source.text().parse()).map_err(|error| syntax_error(source, &error))
}

/// Evaluates an expression given as text, as `console` does; `name` is what errors call it.
///
/// # Errors
/// Syntax errors and everything that is wrong in it.
pub fn evaluate_text(name: &str, text: &str, scope: &dyn Scope) -> Outcome {
    let source = Source::new(name, text.trim());
    let expr = parse_expression(&source).map_err(Diagnostics::from)?;
    evaluate(&expr, &source, scope)
}
