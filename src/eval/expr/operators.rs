//! Operators: arithmetic, comparison and logic, with Terraform's conversions.

use hcl::edit::Span;
use hcl::edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};

use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::{ExprEvaluator, mark, unmark};
use crate::eval::functions::weight;
use crate::value::convert::unmark_deep;
use crate::value::{Number, Unknown, Value};

impl ExprEvaluator<'_> {
    pub(in crate::eval) fn unary(&self, op: &UnaryOp) -> EvalResult {
        let (value, sensitive) = unmark(self.evaluate(&op.expr)?);
        let result = match (*op.operator.value(), value) {
            (_, Value::Unknown(unknown)) => Value::Unknown(Unknown::opaque([&unknown])),
            (UnaryOperator::Not, value) => {
                match self.truth(value, &op.expr, "the operand of `!`")? {
                    Ok(truth) => Value::Bool(!truth),
                    Err(unknown) => Value::Unknown(unknown),
                }
            }
            (UnaryOperator::Neg, value) => {
                let number = self.number(&value, &op.expr, "-")?;
                match number.negated() {
                    Some(number) => Value::Number(number),
                    None => return Err(self.out_of_range(op, "-").into()),
                }
            }
        };
        Ok(mark(result, sensitive))
    }

    pub(in crate::eval) fn binary(&self, op: &BinaryOp) -> EvalResult {
        match *op.operator.value() {
            BinaryOperator::And => self.logic(op, false),
            BinaryOperator::Or => self.logic(op, true),
            BinaryOperator::Eq => self.equality(op, true),
            BinaryOperator::NotEq => self.equality(op, false),
            operator => self.arithmetic(op, operator),
        }
    }

    /// `&&` is decided by false, `||` by true; the right side is not evaluated once the left decides.
    fn logic(&self, op: &BinaryOp, decides: bool) -> EvalResult {
        let what = if decides { "an operand of `||`" } else { "an operand of `&&`" };
        let (left, left_hidden) = unmark(self.evaluate(&op.lhs_expr)?);
        let left = self.truth(left, &op.lhs_expr, what)?;
        if left == Ok(decides) {
            return Ok(mark(Value::Bool(decides), left_hidden));
        }
        let (right, right_hidden) = unmark(self.evaluate(&op.rhs_expr)?);
        let right = self.truth(right, &op.rhs_expr, what)?;
        let result = match (left, right) {
            (_, Ok(right)) if right == decides => Value::Bool(decides),
            (Ok(_), Ok(_)) => Value::Bool(!decides),
            (Err(a), Err(b)) => Value::Unknown(Unknown::opaque([&a, &b])),
            (Err(unknown), Ok(_)) | (Ok(_), Err(unknown)) => {
                Value::Unknown(Unknown::opaque([&unknown]))
            }
        };
        Ok(mark(result, left_hidden || right_hidden))
    }

    fn both(&self, op: &BinaryOp) -> Result<(Value, Value), Diagnostics> {
        match (self.evaluate(&op.lhs_expr), self.evaluate(&op.rhs_expr)) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(mut errors), Err(more)) => {
                errors.extend(more);
                Err(errors)
            }
            (Err(errors), _) | (_, Err(errors)) => Err(errors),
        }
    }

    fn equality(&self, op: &BinaryOp, equal: bool) -> EvalResult {
        let (left, right) = self.both(op)?;
        let both = weight(&left).saturating_add(weight(&right));
        self.looks_at(u64::try_from(both).unwrap_or(u64::MAX), op)?;
        let hidden = left.has_sensitive() || right.has_sensitive();
        let (left, right) =
            if hidden { (unmark_deep(left), unmark_deep(right)) } else { (left, right) };
        for (side, expr) in [(&left, &op.lhs_expr), (&right, &op.rhs_expr)] {
            if matches!(side, Value::Secret(_)) {
                return Err(self.secret_operand(expr));
            }
        }
        let same = match (&left, &right) {
            // One attribute is equal to itself, whatever it will be.
            (Value::Unknown(a), Value::Unknown(b)) if !a.parts.is_empty() && a == b => Some(true),
            // What AWS assigns is never null.
            (Value::Unknown(u), Value::Null) | (Value::Null, Value::Unknown(u))
                if !u.parts.is_empty() =>
            {
                Some(false)
            }
            // Nor is it another text than begins as it does.
            (Value::Unknown(u), Value::String(text)) | (Value::String(text), Value::Unknown(u))
                if !text.starts_with(u.known_start()) =>
            {
                Some(false)
            }
            _ if left.has_unknown() || right.has_unknown() => None,
            _ => Some(left == right),
        };
        let result = match same {
            Some(same) => Value::Bool(same == equal),
            None => {
                Value::Unknown(Unknown::opaque(left.unknowns().into_iter().chain(right.unknowns())))
            }
        };
        Ok(mark(result, hidden))
    }

    fn arithmetic(&self, op: &BinaryOp, operator: BinaryOperator) -> EvalResult {
        let (left, right) = self.both(op)?;
        let ((left, left_hidden), (right, right_hidden)) = (unmark(left), unmark(right));
        let hidden = left_hidden || right_hidden;
        let sign = operator.as_str();
        // A wrong type is an error even when the other side is not known yet.
        let left_number = self.maybe_number(&left, &op.lhs_expr, sign)?;
        let right_number = self.maybe_number(&right, &op.rhs_expr, sign)?;
        let (Some(a), Some(b)) = (left_number, right_number) else {
            let all = left.unknowns().into_iter().chain(right.unknowns());
            return Ok(mark(Value::Unknown(Unknown::opaque(all)), hidden));
        };
        let compared = match operator {
            BinaryOperator::Less => Some(a < b),
            BinaryOperator::LessEq => Some(a <= b),
            BinaryOperator::Greater => Some(a > b),
            BinaryOperator::GreaterEq => Some(a >= b),
            _ => None,
        };
        if let Some(truth) = compared {
            return Ok(mark(Value::Bool(truth), hidden));
        }
        if matches!(operator, BinaryOperator::Div | BinaryOperator::Mod) && b.is_zero() {
            return Err(self.error(&op.rhs_expr, "division by zero").into());
        }
        match compute(operator, &a, &b) {
            Some(number) => Ok(mark(Value::Number(number), hidden)),
            None => Err(self.out_of_range(op, sign).into()),
        }
    }

    fn out_of_range(&self, op: &impl Span, sign: &str) -> Diagnostic {
        self.error(op, format!("the result of `{sign}` is too large or too small for a number"))
    }

    fn maybe_number(
        &self,
        value: &Value,
        at: &Expression,
        sign: &str,
    ) -> Result<Option<Number>, Diagnostics> {
        match value {
            Value::Unknown(_) => Ok(None),
            known => self.number(known, at, sign).map(Some),
        }
    }

    fn number(&self, value: &Value, at: &Expression, sign: &str) -> Result<Number, Diagnostics> {
        let problem = match value {
            Value::Number(number) => return Ok(number.clone()),
            Value::String(text) => match Number::parse(text) {
                Some(number) => return Ok(number),
                None => "a string that is no number".to_owned(),
            },
            Value::Null => "null".to_owned(),
            Value::Secret(_) => return Err(self.secret_operand(at)),
            other => format!("a {}", other.type_name()),
        };
        let error =
            self.error(at, format!("an operand of `{sign}` must be a number, not {problem}"));
        Err(match (sign, value) {
            ("+", Value::String(_)) => error.help("to join strings, write \"${a}${b}\""),
            ("+", Value::List(_) | Value::Set(_)) => {
                error.help("to join lists, use `concat(a, b)`")
            }
            ("+", Value::Map(_)) => error.help("to join maps, use `merge(a, b)`"),
            _ => error,
        }
        .into())
    }

    fn secret_operand(&self, at: &impl Span) -> Diagnostics {
        self.error(at, "nothing can be computed from a secret reference")
            .help("its value is resolved only at apply, where a config value takes it whole")
            .into()
    }
}

/// `None` when the result is outside of the range of numbers.
fn compute(operator: BinaryOperator, a: &Number, b: &Number) -> Option<Number> {
    match operator {
        BinaryOperator::Plus => a.plus(b),
        BinaryOperator::Minus => a.minus(b),
        BinaryOperator::Mul => a.times(b),
        BinaryOperator::Div => a.divided_by(b),
        BinaryOperator::Mod => a.remainder(b),
        _ => None,
    }
}
