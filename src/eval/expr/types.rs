//! Type constraints as they are written: `list(object({ name = string, port = optional(number, 80) }))`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl::edit::expr::{Expression, FuncCall, Object, ObjectKey, UnaryOperator};
use hcl::edit::{Formatted, Span};

use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::value::convert::{Field, MAX_DEPTH, Type, convert};
use crate::value::{Number, Value};

const PRIMITIVES: [&str; 4] = ["string", "number", "bool", "any"];
const CONSTRUCTORS: [&str; 6] = ["list", "set", "map", "object", "tuple", "optional"];

/// Reads a type constraint.
///
/// # Errors
/// Every place that is not a type.
pub(in crate::eval) fn parse_type(
    source: &Arc<Source>,
    expr: &Expression,
) -> Result<Type, Diagnostics> {
    let mut reader = Reader { source, diagnostics: Diagnostics::new() };
    let ty = reader.read(expr, 0);
    reader.diagnostics.into_result(ty)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    diagnostics: Diagnostics,
}

impl Reader<'_> {
    fn loc(&self, span: Option<std::ops::Range<usize>>) -> Loc {
        Loc::new(self.source, span.unwrap_or(0..0))
    }

    fn refuse(&mut self, at: Loc, summary: impl Into<String>, help: Option<String>) -> Type {
        self.diagnostics.push(Diagnostic::error(summary).at(at).help_opt(help));
        Type::Any
    }

    fn read(&mut self, expr: &Expression, depth: usize) -> Type {
        let loc = self.loc(expr.span());
        if depth > MAX_DEPTH {
            return self.refuse(loc, format!("types nest deeper than {MAX_DEPTH} levels"), None);
        }
        match expr {
            Expression::Parenthesis(inner) => self.read(inner.inner(), depth + 1),
            Expression::Variable(name) => self.named(name.as_str(), loc),
            Expression::FuncCall(call) => self.constructed(call, loc, depth),
            Expression::String(text) => {
                let help = format!("types are not quoted: write `{}`", text.value());
                self.refuse(loc, "this is a string, not a type", Some(help))
            }
            Expression::Array(_) => {
                let help = "write `tuple([...])`, or `list(...)` for any number of elements";
                self.refuse(loc, "this is not a type", Some(help.to_owned()))
            }
            Expression::Object(_) => {
                self.refuse(loc, "this is not a type", Some("write `object({ ... })`".to_owned()))
            }
            _ => {
                let help = "a type is `string`, `number`, `bool`, `any`, or one of these inside `list(...)`, `set(...)`, `map(...)`, `object({...})` or `tuple([...])`";
                self.refuse(loc, "this is not a type", Some(help.to_owned()))
            }
        }
    }

    fn named(&mut self, name: &str, loc: Loc) -> Type {
        match name {
            "string" => Type::String,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "any" => Type::Any,
            "list" | "set" | "map" => {
                let help = format!("say of what: `{name}(string)`, or `{name}(any)`");
                self.refuse(loc, format!("`{name}` needs the type of its elements"), Some(help))
            }
            "object" => {
                let help = "say its attributes: `object({ name = string })`";
                self.refuse(loc, "`object` needs its attributes", Some(help.to_owned()))
            }
            "tuple" => {
                let help = "say its elements: `tuple([string, number])`";
                self.refuse(loc, "`tuple` needs its elements", Some(help.to_owned()))
            }
            other => {
                let help = did_you_mean(other, PRIMITIVES.into_iter().chain(CONSTRUCTORS));
                self.refuse(loc, format!("there is no type `{other}`"), help)
            }
        }
    }

    fn constructed(&mut self, call: &FuncCall, loc: Loc, depth: usize) -> Type {
        let name = call.name.name.as_str();
        let mut args = call.args.iter();
        let (first, second) = (args.next(), args.next());
        match name {
            "list" | "set" | "map" | "object" | "tuple" => {}
            "optional" => {
                let help =
                    "write it as the type of an attribute: `object({ name = optional(string) })`";
                return self.refuse(
                    loc,
                    "`optional` stands only inside `object({...})`",
                    Some(help.to_owned()),
                );
            }
            other if PRIMITIVES.contains(&other) => {
                return self.refuse(loc, format!("`{other}` takes no argument"), None);
            }
            other => {
                let help = did_you_mean(other, CONSTRUCTORS);
                return self.refuse(loc, format!("there is no type `{other}`"), help);
            }
        }
        let (Some(arg), None) = (first, second) else {
            return self.refuse(loc, format!("`{name}` takes exactly one argument"), None);
        };
        match (name, arg) {
            ("list", arg) => Type::list(self.read(arg, depth + 1)),
            ("set", arg) => Type::set(self.read(arg, depth + 1)),
            ("map", arg) => Type::map(self.read(arg, depth + 1)),
            ("object", Expression::Object(object)) => self.object(object, depth),
            ("tuple", Expression::Array(array)) => {
                Type::Tuple(array.iter().map(|e| self.read(e, depth + 1)).collect())
            }
            ("object", other) => {
                let at = self.loc(other.span());
                self.refuse(at, "`object` takes its attributes in braces", None)
            }
            (_, other) => {
                let at = self.loc(other.span());
                self.refuse(at, "`tuple` takes its elements in brackets", None)
            }
        }
    }

    fn object(&mut self, object: &Object, depth: usize) -> Type {
        let mut fields = BTreeMap::new();
        for (key, value) in object {
            let name = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(Expression::String(name)) => name.value().clone(),
                ObjectKey::Expression(other) => {
                    let at = self.loc(other.span());
                    self.refuse(at, "an attribute's name must be a plain name", None);
                    continue;
                }
            };
            let field = self.field(value.expr(), depth + 1);
            if fields.insert(name.clone(), field).is_some() {
                let at = self.loc(key.span());
                self.refuse(at, format!("attribute `{name}` is given twice"), None);
            }
        }
        Type::Object(fields)
    }

    fn field(&mut self, expr: &Expression, depth: usize) -> Field {
        let optional = match expr {
            Expression::FuncCall(call) if call.name.name.as_str() == "optional" => call,
            _ => return Field { ty: self.read(expr, depth), optional: false, default: None },
        };
        let mut args = optional.args.iter();
        let (ty, default, extra) = (args.next(), args.next(), args.next());
        let (Some(ty), None) = (ty, extra) else {
            let at = self.loc(expr.span());
            let help = "`optional(string)`, or with a default `optional(string, \"x\")`";
            self.refuse(at, "`optional` takes a type and perhaps a default", Some(help.to_owned()));
            return Field { ty: Type::Any, optional: true, default: None };
        };
        let ty = self.read(ty, depth);
        let default = default.and_then(|given| {
            let at = self.loc(given.span());
            let Some(value) = constant(self.source, given, depth) else {
                self.refuse(at, "a default in a type must be a constant", None);
                return None;
            };
            match convert(value, &ty) {
                Ok(Value::Null) => None,
                Ok(value) => Some(value),
                Err(error) => {
                    let mut diagnostic =
                        Diagnostic::error(format!("the default does not fit its type: {error}"));
                    diagnostic.help = error.help;
                    self.diagnostics.push(diagnostic.at(at));
                    None
                }
            }
        });
        Field { ty, optional: true, default }
    }
}

/// The value of an expression that refers to nothing; `None` for any other.
#[must_use]
pub(in crate::eval) fn constant(source: &Source, expr: &Expression, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    match expr {
        Expression::Null(_) => Some(Value::Null),
        Expression::Bool(b) => Some(Value::Bool(*b.value())),
        Expression::String(text) => Some(Value::String(text.value().clone())),
        Expression::Number(number) => literal_number(number, source).map(Value::Number),
        Expression::Parenthesis(inner) => constant(source, inner.inner(), depth + 1),
        Expression::UnaryOp(op) => {
            match (op.operator.value(), constant(source, &op.expr, depth + 1)?) {
                (UnaryOperator::Neg, Value::Number(number)) => number.negated().map(Value::Number),
                (UnaryOperator::Not, Value::Bool(b)) => Some(Value::Bool(!b)),
                _ => None,
            }
        }
        Expression::Array(array) => array
            .iter()
            .map(|e| constant(source, e, depth + 1))
            .collect::<Option<Vec<_>>>()
            .map(Value::list),
        Expression::Object(object) => {
            let mut map = BTreeMap::new();
            for (key, value) in object {
                let key = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(expr) => match constant(source, expr, depth + 1)? {
                        Value::String(text) => text,
                        _ => return None,
                    },
                };
                map.insert(key, constant(source, value.expr(), depth + 1)?);
            }
            Some(Value::Map(map.into()))
        }
        _ => None,
    }
}

/// A number that is written in a file; `None` where it is out of range.
///
/// HCL's parser makes doubles of fractions and of large numbers, so they are read again from their text.
#[must_use]
pub(in crate::eval) fn literal_number(
    number: &Formatted<hcl::Number>,
    source: &Source,
) -> Option<Number> {
    let parsed = number.value();
    let text = number.span().and_then(|span| source.text().get(span));
    let read = text.and_then(Number::parse);
    // Where the place of an expression is not that of its text, the parser's number says what it is.
    let read = read.filter(|read| Some(read.as_f64()) == parsed.as_f64());
    read.or_else(|| Number::parse(&parsed.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Type, Diagnostics> {
        let source = Source::new("t.hcl", text);
        let expr: Expression = text.parse().unwrap();
        parse_type(&source, &expr)
    }

    #[test]
    fn types_survive_their_text() {
        for text in [
            "string",
            "number",
            "bool",
            "any",
            "list(string)",
            "set(map(number))",
            "tuple([string, list(bool)])",
            "object({})",
            "map(object({ a = string, b = optional(number) }))",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn defaults_are_converted() {
        let ty = parse(
            r#"object({ port = optional(string, 80), tags = optional(map(string), { a = -1 }) })"#,
        )
        .unwrap();
        let Type::Object(fields) = ty else { panic!() };
        assert_eq!(fields["port"].default, Some(Value::from("80")));
        assert_eq!(
            fields["tags"].default,
            Some(Value::Map([("a".to_owned(), "-1".into())].into()))
        );
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for (text, summary) in [
            ("strin", "there is no type `strin`"),
            (r#""string""#, "this is a string, not a type"),
            ("list", "`list` needs the type of its elements"),
            ("list(string, number)", "`list` takes exactly one argument"),
            ("lst(string)", "there is no type `lst`"),
            ("object(string)", "`object` takes its attributes in braces"),
            ("tuple(string)", "`tuple` takes its elements in brackets"),
            ("optional(string)", "`optional` stands only inside `object({...})`"),
            (
                "object({ a = optional(number, \"x\") })",
                "the default does not fit its type: a number is required, not the string \"x\"",
            ),
            ("object({ a = optional(number, b) })", "a default in a type must be a constant"),
            ("object({ a = string, \"a\" = number })", "attribute `a` is given twice"),
            ("1 + 1", "this is not a type"),
            ("[string]", "this is not a type"),
            ("string()", "`string` takes no argument"),
        ] {
            let found = parse(text).unwrap_err();
            assert_eq!(found.iter().next().unwrap().summary, summary, "{text}");
        }
        let many = parse("object({ a = strin, b = list })").unwrap_err();
        assert_eq!(many.len(), 2);
    }
}
