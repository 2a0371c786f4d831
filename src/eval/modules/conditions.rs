//! Conditions: validations, preconditions, postconditions, and `check` blocks.

use crate::config::{CheckDecl, ConditionBlock};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::CheckResult;
use crate::eval::expr::unmark;
use crate::eval::modules::scope::ModuleScope;
use crate::value::Value;
use crate::value::convert::text_of;

/// What a condition came to.
enum ConditionOutcome {
    Holds,
    Fails(String),
    Unknown,
}

fn judge(
    scope: &ModuleScope<'_, '_>,
    names: &[(&str, &Value)],
    condition: &ConditionBlock,
) -> Result<ConditionOutcome, Diagnostics> {
    let (value, _) = unmark(scope.evaluate(&condition.condition, names)?);
    let holds = match value {
        Value::Bool(b) => b,
        Value::String(s) if s == "true" => true,
        Value::String(s) if s == "false" => false,
        Value::Unknown(_) => return Ok(ConditionOutcome::Unknown),
        other => {
            return Err(Diagnostic::error(format!(
                "a condition must be true or false, not {}",
                other.type_name()
            ))
            .at(condition.condition.loc())
            .into());
        }
    };
    if holds {
        return Ok(ConditionOutcome::Holds);
    }
    let message = match scope.evaluate(&condition.error_message, names)? {
        Value::Sensitive(_) => "(the message holds a sensitive value)".to_owned(),
        Value::Unknown(unknown) => unknown.to_string(),
        other => text_of(&other).unwrap_or_else(|| "the condition is false".to_owned()),
    };
    Ok(ConditionOutcome::Fails(message))
}

/// A condition that must hold; what is unknown is judged again at apply.
pub(in crate::eval) fn require(
    scope: &ModuleScope<'_, '_>,
    names: &[(&str, &Value)],
    condition: &ConditionBlock,
    what: &str,
    errors: &mut Diagnostics,
) {
    match judge(scope, names, condition) {
        Ok(ConditionOutcome::Holds | ConditionOutcome::Unknown) => {}
        Ok(ConditionOutcome::Fails(message)) => errors.push(
            Diagnostic::error(message)
                .at(condition.condition.loc())
                .detail(format!("this {what} does not hold")),
        ),
        Err(more) => errors.extend(more),
    }
}

/// The assertions of a `check` block.
pub(in crate::eval) fn check(
    scope: &ModuleScope<'_, '_>,
    decl: &CheckDecl,
    results: &mut Vec<CheckResult>,
    errors: &mut Diagnostics,
) {
    let module = &scope.module.addr;
    let name = if module.is_root() {
        decl.name.value.clone()
    } else {
        format!("{module}.{}", decl.name.value)
    };
    for assert in &decl.asserts {
        let (passed, message) = match judge(scope, &[], assert) {
            Ok(ConditionOutcome::Holds) => (Some(true), String::new()),
            Ok(ConditionOutcome::Fails(message)) => (Some(false), message),
            Ok(ConditionOutcome::Unknown) => (None, String::new()),
            Err(more) => {
                errors.extend(more);
                continue;
            }
        };
        results.push(CheckResult {
            name: name.clone(),
            passed,
            message,
            loc: assert.condition.loc(),
        });
    }
}
