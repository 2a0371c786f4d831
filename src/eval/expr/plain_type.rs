//! The type that an expression plainly has, told from its text alone.
//!
//! Both branches of a conditional have one type. The branch that is not taken must not be evaluated:
//! what it refers to would become a dependency, and may not exist. Its type is told from literals,
//! from what they are put into, and from functions and operators whose result has one type.

use std::collections::BTreeMap;

use hcl::edit::expr::{BinaryOperator, Expression, ObjectKey, UnaryOperator};

use crate::value::convert::unify;
use crate::value::{Field, Type};

/// Functions whose result is always a string.
const STRINGS: &[&str] = &[
    "base64encode",
    "basename",
    "chomp",
    "dirname",
    "file",
    "format",
    "formatdate",
    "jsonencode",
    "join",
    "lower",
    "replace",
    "sha256",
    "substr",
    "templatefile",
    "templatestring",
    "title",
    "tostring",
    "trim",
    "trimprefix",
    "trimspace",
    "trimsuffix",
    "upper",
    "yamlencode",
];
/// Functions whose result is always a number.
const NUMBERS: &[&str] =
    &["abs", "ceil", "floor", "length", "max", "min", "parseint", "pow", "sum", "tonumber"];
/// Functions whose result is always true or false.
const BOOLS: &[&str] = &[
    "alltrue",
    "anytrue",
    "can",
    "contains",
    "endswith",
    "fileexists",
    "startswith",
    "strcontains",
    "tobool",
];

/// The type, where it is plain; null and references have none.
pub(super) fn plain_type(expr: &Expression) -> Option<Type> {
    Some(match expr {
        Expression::Bool(_) => Type::Bool,
        Expression::Number(_) => Type::Number,
        Expression::String(_) | Expression::HeredocTemplate(_) => Type::String,
        // `"${x}"` is x itself.
        Expression::StringTemplate(template) => match template.as_single_element() {
            Some(element) => plain_type(&element.as_interpolation()?.expr)?,
            None => Type::String,
        },
        Expression::Parenthesis(inner) => plain_type(inner.inner())?,
        Expression::Array(array) => Type::Tuple(array.iter().map(part).collect()),
        Expression::Object(object) => {
            let mut fields = BTreeMap::new();
            for (key, value) in object.iter() {
                let name = match key {
                    ObjectKey::Ident(name) => name.to_string(),
                    ObjectKey::Expression(Expression::String(name)) => name.value().clone(),
                    ObjectKey::Expression(_) => return None,
                };
                let ty = part(value.expr());
                fields.insert(name, Field { ty, optional: false, default: None });
            }
            Type::Object(fields)
        }
        Expression::UnaryOp(op) => match op.operator.value() {
            UnaryOperator::Neg => Type::Number,
            UnaryOperator::Not => Type::Bool,
        },
        Expression::BinaryOp(op) => match op.operator.value() {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Mul
            | BinaryOperator::Div
            | BinaryOperator::Mod => Type::Number,
            _ => Type::Bool,
        },
        Expression::Conditional(inner) => {
            unify([plain_type(&inner.true_expr)?, plain_type(&inner.false_expr)?])?
        }
        Expression::FuncCall(call) => {
            let name = call.name.name.as_str();
            let element = || {
                let [only] = call.args.iter().collect::<Vec<_>>()[..] else { return Type::Any };
                match plain_type(only) {
                    Some(Type::Tuple(types)) => unify(types).unwrap_or(Type::Any),
                    Some(Type::List(element) | Type::Set(element)) => *element,
                    _ => Type::Any,
                }
            };
            match name {
                _ if STRINGS.contains(&name) => Type::String,
                _ if NUMBERS.contains(&name) => Type::Number,
                _ if BOOLS.contains(&name) => Type::Bool,
                "tolist" => Type::list(element()),
                "toset" => Type::set(element()),
                "tomap" => Type::map(match call.args.iter().next().and_then(plain_type) {
                    Some(Type::Object(fields)) => {
                        unify(fields.into_values().map(|field| field.ty)).unwrap_or(Type::Any)
                    }
                    Some(Type::Map(element)) => *element,
                    _ => Type::Any,
                }),
                _ => return None,
            }
        }
        Expression::Null(_)
        | Expression::Variable(_)
        | Expression::Traversal(_)
        | Expression::ForExpr(_) => return None,
    })
}

/// The type of something inside: any, where it is not plain.
fn part(expr: &Expression) -> Type {
    plain_type(expr).unwrap_or(Type::Any)
}
