//! Functions that need the evaluator: `try`, `can`, `templatefile` and `templatestring`.

use hcl::edit::Span;
use hcl::edit::expr::FuncCall;

use crate::config::parse_template;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source};
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::scope::Values;
use crate::eval::expr::{ExprEvaluator, mark, unmark};
use crate::eval::functions;
use crate::value::convert::text_of;
use crate::value::{Unknown, Value};

/// What reading a template costs for each of its bytes.
const TEMPLATE: u64 = 32;

impl ExprEvaluator<'_> {
    /// `try(a, b, ...)`: the first that has no error.
    pub(in crate::eval) fn try_first(&self, call: &FuncCall, loc: &Loc) -> EvalResult {
        if call.args.is_empty() || call.args.expand_final() {
            return Err(Diagnostic::error("function `try` takes at least one expression")
                .at(loc.clone())
                .help("its form is `try(expression, ..., fallback)`")
                .into());
        }
        let mut reasons = Vec::new();
        let attempt = Self { tolerant: true, ..*self };
        for arg in call.args.iter() {
            match attempt.evaluate(arg) {
                Ok(value) => return self.settled(value, |value| value, arg),
                Err(errors) if self.passes_on(&errors) => return Err(errors),
                // What waits for a value has not failed yet.
                Err(errors) if errors.iter().any(|e| e.needs_value) => {
                    return Ok(Value::Unknown(Unknown::default()));
                }
                Err(errors) => reasons.extend(errors.iter().map(|e| e.summary.clone())),
            }
        }
        reasons.dedup();
        Err(Diagnostic::error("none of the expressions in `try` can be evaluated")
            .at(loc.clone())
            .detail(reasons.join("; "))
            .help("give a last one that always works, such as `null`")
            .into())
    }

    /// `can(a)`: whether it has no error.
    pub(in crate::eval) fn can(&self, call: &FuncCall, loc: &Loc) -> EvalResult {
        let mut args = call.args.iter();
        let (Some(arg), None, false) = (args.next(), args.next(), call.args.expand_final()) else {
            return Err(Diagnostic::error("function `can` takes 1 expression")
                .at(loc.clone())
                .help("its form is `can(expression)`")
                .into());
        };
        match (Self { tolerant: true, ..*self }).evaluate(arg) {
            Ok(value) => self.settled(value, |_| Value::Bool(true), arg),
            Err(errors) if self.passes_on(&errors) => Err(errors),
            Err(errors) if errors.iter().any(|e| e.needs_value) => {
                Ok(Value::Unknown(Unknown::default()))
            }
            Err(_) => Ok(Value::Bool(false)),
        }
    }

    /// Whether errors are no answer: an end that came too early, or a name that does not exist.
    fn passes_on(&self, errors: &Diagnostics) -> bool {
        self.meter.exceeded().is_some() || errors.iter().any(|error| error.is_certain)
    }

    /// What `try` and `can` make of a value that has no error, or may still get one.
    fn settled(
        &self,
        value: Value,
        otherwise: impl FnOnce(Value) -> Value,
        at: &impl Span,
    ) -> EvalResult {
        self.looks_through(&value, at)?;
        Ok(unsettled(&value).unwrap_or_else(|| otherwise(value)))
    }

    /// `templatefile(path, vars)` and `templatestring(template, vars)`.
    pub(in crate::eval) fn template_call(
        &self,
        name: &str,
        args: &[Value],
        locs: &[Loc],
        loc: &Loc,
    ) -> EvalResult {
        let from_file = name == "templatefile";
        let ([first, vars], [first_loc, vars_loc]) = (args, locs) else {
            let what = if from_file { "path" } else { "template" };
            return Err(Diagnostic::error(format!(
                "function `{name}` takes 2 arguments, not {}",
                args.len()
            ))
            .at(loc.clone())
            .help(format!("its form is `{name}({what}, vars)`"))
            .into());
        };
        if self.scope.in_template_file() {
            return Err(Diagnostic::error(format!("a template cannot call `{name}`"))
                .at(loc.clone())
                .help("render the inner template outside and pass its text as a variable")
                .into());
        }
        let (first, first_hidden) = unmark(first.clone());
        let (vars, vars_hidden) = unmark(vars.clone());
        let hidden = first_hidden || vars_hidden;
        if let Value::Unknown(unknown) = &first {
            return Ok(mark(Value::Unknown(Unknown::opaque([unknown])), hidden));
        }
        let vars = match vars {
            Value::Map(vars) => vars,
            Value::Unknown(unknown) => {
                return Ok(mark(Value::Unknown(Unknown::opaque([&unknown])), hidden));
            }
            other => {
                return Err(Diagnostic::error(format!(
                    "the variables of a template must be an object, not a {}",
                    other.type_name()
                ))
                .at(vars_loc.clone())
                .into());
            }
        };
        // What is wrong in a sensitive template, or with a sensitive path, must not be shown with its text.
        let conceal = |errors: Diagnostics| -> Diagnostics {
            if !first_hidden {
                return errors;
            }
            Diagnostic::error(format!("the call of `{name}` fails"))
                .detail("why is not shown, since its first argument is sensitive")
                .at(first_loc.clone())
                .into()
        };
        let context = self.scope.functions();
        let (shown, text) = if from_file {
            let refuse = |reason: &str| {
                Diagnostic::error(format!("invalid `path` in the call of `templatefile`: {reason}"))
                    .at(first_loc.clone())
            };
            let Some(path) = text_of(&first) else {
                let given = first.type_name();
                let reason = format!("a string is required, not a {given}");
                return Err(conceal(refuse(&reason).into()));
            };
            let bytes = functions::filesystem::read_file(context, &path).map_err(|refused| {
                let (reason, help) = refused.explain();
                conceal(refuse(&reason).help_opt(help.map(str::to_owned)).into())
            })?;
            let Ok(text) = String::from_utf8(bytes) else {
                return Err(conceal(refuse(&format!("`{path}` is not UTF-8 text")).into()));
            };
            (functions::filesystem::shown(context, &path), Value::String(text))
        } else {
            (format!("the template at {first_loc}"), first)
        };
        let Value::String(text) = text else {
            return Err(Diagnostic::error(format!(
                "a template must be a string, not a {}",
                text.type_name()
            ))
            .at(first_loc.clone())
            .into());
        };
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.meter
            .work(length.saturating_mul(TEMPLATE), self.scope.work())
            .map_err(|what| Diagnostic::error(what.summary()).at(loc.clone()))?;
        let source = Source::new(shown, text);
        let template = crate::stack::deep(|| parse_template(&source))
            .map_err(|error| conceal(error.into()))?;
        let scope = Values { template_file: true, ..Values::new(vars, context.clone()) };
        let result = ExprEvaluator::new(&source, &scope, self.meter)
            .whole_template(&template)
            .map_err(conceal)?;
        Ok(mark(result, hidden))
    }
}

/// What `try` and `can` make of a value that may still fail once more is known: nothing yet.
///
/// A string of which pieces are known cannot fail: AWS assigns strings. Whatever else is unknown
/// may turn out to be of another type, or shorter than an index.
fn unsettled(value: &Value) -> Option<Value> {
    let unknowns = value.unknowns();
    if unknowns.iter().all(|unknown| !unknown.parts.is_empty()) {
        return None;
    }
    Some(mark(Value::Unknown(Unknown::opaque(unknowns)), value.has_sensitive()))
}
