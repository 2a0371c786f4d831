//! `for` expressions, and iteration as `for`, `for_each`, `dynamic` and `%{for}` share it.

use std::collections::BTreeMap;

use hcl::edit::Span;
use hcl::edit::expr::ForExpr;

use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::{ExprEvaluator, Frame, mark, unmark};
use crate::value::{Unknown, Value};

/// The keys and values of a collection: index and element of a list, element twice of a set, key
/// and value of an object in key order. `None` for what cannot be iterated over.
#[must_use]
pub fn entries(value: &Value) -> Option<Box<dyn ExactSizeIterator<Item = (Value, &Value)> + '_>> {
    Some(match value {
        Value::List(list) => Box::new(
            list.iter()
                .enumerate()
                .map(|(at, v)| (Value::int(i64::try_from(at).unwrap_or(i64::MAX)), v)),
        ),
        Value::Set(set) => Box::new(set.iter().map(|v| (v.clone(), v))),
        Value::Map(map) => Box::new(map.iter().map(|(k, v)| (Value::string(k.as_str()), v))),
        _ => return None,
    })
}

impl ExprEvaluator<'_> {
    /// The error for a collection that cannot be iterated over.
    pub(in crate::eval) fn not_iterable(&self, value: &Value, at: &impl Span) -> Diagnostic {
        match value {
            Value::Null => self
                .error(at, "null cannot be iterated over")
                .help("`coalesce(x, [])` or `try(x, [])` gives an empty list instead"),
            other => self.error(
                at,
                format!(
                    "a {} cannot be iterated over: it takes a list, set or object",
                    other.type_name()
                ),
            ),
        }
    }

    pub(in crate::eval) fn for_expr(&self, expr: &ForExpr) -> EvalResult {
        let intro = &expr.intro;
        let (collection, mut hidden) = unmark(self.evaluate(&intro.collection_expr)?);
        if let Value::Unknown(unknown) = &collection {
            return Ok(mark(Value::Unknown(Unknown::opaque([unknown])), hidden));
        }
        let Some(entries) = entries(&collection) else {
            return Err(self.not_iterable(&collection, &intro.collection_expr).into());
        };
        let mut list = Vec::new();
        let mut map = BTreeMap::new();
        let mut unknown: Vec<Unknown> = Vec::new();
        let value_name = intro.value_var.as_str();
        let key_name = intro.key_var.as_ref().map(|k| k.as_str());
        for (key, value) in entries {
            let key = self.copied(key, &intro.collection_expr)?;
            let value_frame = Frame { name: value_name, value, parent: self.locals };
            let key_frame =
                key_name.map(|name| Frame { name, value: &key, parent: Some(&value_frame) });
            let inner = self.bind(key_frame.as_ref().unwrap_or(&value_frame));
            if let Some(condition) = &expr.cond {
                let (truth, cond_hidden) = unmark(inner.evaluate(&condition.expr)?);
                hidden |= cond_hidden;
                match inner.truth(truth, &condition.expr, "the condition after `if`")? {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(u) => {
                        unknown.push(u);
                        continue;
                    }
                }
            }
            let Some(key_expr) = &expr.key_expr else {
                list.push(inner.part(&expr.value_expr)?);
                continue;
            };
            let (name, key_hidden) = inner.key_of(inner.evaluate(key_expr)?, key_expr)?;
            hidden |= key_hidden;
            let value = inner.part(&expr.value_expr)?;
            let name = match name {
                Value::Unknown(u) => {
                    unknown.push(u);
                    continue;
                }
                name => name.as_str().unwrap_or_default().to_owned(),
            };
            if expr.grouping {
                match map.entry(name).or_insert_with(|| Value::list(Vec::new())) {
                    Value::List(group) => group.push(value),
                    other => *other = Value::list(vec![value]),
                }
            } else if map.insert(name.clone(), value).is_some() {
                let what = if hidden { "a key".to_owned() } else { format!("the key `{name}`") };
                return Err(Diagnostics::from(
                    self.error(key_expr, format!("{what} comes up twice")).help(
                        "make the key unique, or write `...` after the value to group values by key",
                    ),
                ));
            }
        }
        let result = if !unknown.is_empty() {
            Value::Unknown(Unknown::opaque(
                unknown
                    .iter()
                    .chain(list.iter().flat_map(Value::unknowns))
                    .chain(map.values().flat_map(Value::unknowns)),
            ))
        } else if expr.key_expr.is_some() {
            Value::Map(map.into())
        } else {
            Value::list(list)
        };
        Ok(mark(result, hidden))
    }
}
