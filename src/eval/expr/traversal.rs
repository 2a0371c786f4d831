//! Traversals: attributes, indexes and splats.

use hcl::edit::expr::{Expression, Traversal, TraversalOperator};

use crate::diag::{Diagnostics, Loc};
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::scope::{TraversalStep, step_span, suggest};
use crate::eval::expr::{ExprEvaluator, mark, unmark};
use crate::value::convert::text_of;
use crate::value::{Attrs, Number, Unknown, Value};

/// Each splat of a traversal is one level of recursion.
const MAX_SPLATS: usize = 32;

/// A value on the way, whether a sensitive one was passed, and the steps that remain.
struct Walked<'s> {
    value: Value,
    marked: bool,
    rest: Option<&'s [TraversalStep]>,
}

/// Where one key leads.
enum Resolved<'v> {
    Inside(&'v Value),
    New(Value),
}

impl ExprEvaluator<'_> {
    pub(in crate::eval) fn traversal(&self, traversal: &Traversal) -> EvalResult {
        if let Expression::Variable(name) = &traversal.expr {
            return self.reference(name.as_str(), self.at(name), &traversal.operators);
        }
        let start = self.evaluate(&traversal.expr)?;
        self.walk(&start, &traversal.operators)
    }

    /// Follows steps from a value, cloning only what they lead to.
    pub(in crate::eval) fn walk(&self, value: &Value, steps: &[TraversalStep]) -> EvalResult {
        let mut owned: Option<Value> = None;
        let mut hidden = false;
        let mut rest = steps;
        loop {
            match self.walk_inside(owned.as_ref().unwrap_or(value), rest)? {
                Walked { value, marked, rest: None } => return Ok(mark(value, hidden || marked)),
                Walked { value, marked, rest: Some(after) } => {
                    owned = Some(value);
                    hidden |= marked;
                    rest = after;
                }
            }
        }
    }

    /// Follows steps until one leads out of `value` to a new value.
    fn walk_inside<'s>(
        &self,
        value: &Value,
        steps: &'s [TraversalStep],
    ) -> Result<Walked<'s>, Diagnostics> {
        let mut current = value;
        let mut marked = false;
        let mut rest = steps;
        while let Some((step, after)) = rest.split_first() {
            if let Value::Sensitive(inner) = current {
                marked = true;
                current = inner;
            }
            let found = match step.value() {
                TraversalOperator::GetAttr(name) => {
                    self.attribute(current, name.as_str(), step, marked)?
                }
                TraversalOperator::LegacyIndex(at) => {
                    let index = Number::Int(i64::try_from(*at.value()).unwrap_or(i64::MAX));
                    self.index(current, &Value::Number(index), step, marked)?
                }
                TraversalOperator::Index(key) => {
                    let (key, key_hidden) = unmark(self.evaluate(key)?);
                    marked |= key_hidden;
                    self.index(current, &key, step, marked)?
                }
                TraversalOperator::AttrSplat(_) => {
                    let attrs = after
                        .iter()
                        .take_while(|s| {
                            matches!(
                                s.value(),
                                TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
                            )
                        })
                        .count();
                    let (inner, outer) = after.split_at(attrs);
                    let value = self.splat(current, inner, step)?;
                    return Ok(Walked { value, marked, rest: Some(outer) });
                }
                TraversalOperator::FullSplat(_) => {
                    let splats = after
                        .iter()
                        .filter(|s| matches!(s.value(), TraversalOperator::FullSplat(_)))
                        .count();
                    if splats > MAX_SPLATS {
                        return Err(self
                            .step_error(step, format!("more than {MAX_SPLATS} splats in a row"))
                            .into());
                    }
                    return Ok(Walked {
                        value: self.splat(current, after, step)?,
                        marked,
                        rest: None,
                    });
                }
            };
            match found {
                Resolved::Inside(next) => {
                    current = next;
                    rest = after;
                }
                Resolved::New(value) => return Ok(Walked { value, marked, rest: Some(after) }),
            }
        }
        Ok(Walked { value: current.clone(), marked, rest: None })
    }

    /// The same steps from each element; the first that cannot take them speaks for all.
    fn splat(&self, value: &Value, steps: &[TraversalStep], at: &TraversalStep) -> EvalResult {
        let from = |element: &Value| {
            self.meter.step().map_err(|what| self.exceeded(what, at))?;
            self.copied(self.walk(element, steps)?, at)
        };
        match value {
            Value::Null => Ok(Value::list(Vec::new())),
            Value::Unknown(unknown) => Ok(Value::Unknown(Unknown::opaque([unknown]))),
            Value::List(list) => list.iter().map(from).collect::<Result<_, _>>().map(Value::List),
            Value::Set(set) => set.iter().map(from).collect::<Result<_, _>>().map(Value::List),
            one => Ok(Value::list(vec![from(one)?])),
        }
    }

    /// Which key may be meant, where somebody will read it.
    fn near(&self, name: &str, map: &Attrs) -> Option<String> {
        let known = || map.keys().map(String::as_str).collect::<Vec<&str>>();
        (!self.tolerant).then(|| suggest(name, &known()))
    }

    fn step_loc(&self, step: &TraversalStep) -> Loc {
        self.loc(step_span(step))
    }

    fn step_error(&self, step: &TraversalStep, summary: String) -> crate::diag::Diagnostic {
        crate::diag::Diagnostic::error(summary).at(self.step_loc(step))
    }

    fn attribute<'v>(
        &self,
        value: &'v Value,
        name: &str,
        step: &TraversalStep,
        hidden: bool,
    ) -> Result<Resolved<'v>, Diagnostics> {
        match value {
            Value::Map(map) => map.get(name).map(Resolved::Inside).ok_or_else(|| {
                let error = self.step_error(step, format!("this object has no attribute `{name}`"));
                if hidden { error } else { error.help_opt(self.near(name, map)) }.into()
            }),
            Value::Block(block) => {
                self.scope.block_attr(block, name, &self.step_loc(step)).map(Resolved::New)
            }
            // What AWS assigns is a string, and a string has none whatever it will be.
            Value::Unknown(unknown) if unknown.is_string() => Err(self
                .step_error(step, format!("a string has no attribute `{name}`"))
                .into()),
            Value::Unknown(unknown) => Ok(Resolved::New(Value::Unknown(Unknown::opaque([unknown])))),
            Value::Null => Err(self
                .step_error(step, format!("null has no attribute `{name}`"))
                .help("the value before it is null; `try(..., null)` tolerates that")
                .into()),
            Value::List(_) | Value::Set(_) => Err(self
                .step_error(step, format!("a {} has no attribute `{name}`", value.type_name()))
                .help(format!(
                    "for that attribute of every element write `[*].{name}`; for one element write `[0].{name}`"
                ))
                .into()),
            other => Err(self
                .step_error(step, format!("a {} has no attribute `{name}`", other.type_name()))
                .into()),
        }
    }

    fn index<'v>(
        &self,
        value: &'v Value,
        key: &Value,
        step: &TraversalStep,
        hidden: bool,
    ) -> Result<Resolved<'v>, Diagnostics> {
        match (value, key) {
            (Value::Unknown(unknown), _) if unknown.is_string() => {
                Err(self.step_error(step, "a string has no elements".to_owned()).into())
            }
            (Value::Unknown(a), Value::Unknown(b)) => {
                Ok(Resolved::New(Value::Unknown(Unknown::opaque([a, b]))))
            }
            (Value::Unknown(unknown), _)
            | (Value::List(_) | Value::Map(_) | Value::Block(_), Value::Unknown(unknown)) => {
                self.looks_through(value, step)?;
                let all = std::iter::once(unknown).chain(value.unknowns());
                Ok(Resolved::New(Value::Unknown(Unknown::opaque(all))))
            }
            (Value::Null, _) => {
                Err(self.step_error(step, "null has no elements".to_owned()).into())
            }
            (_, Value::Null) => Err(self.step_error(step, "the index is null".to_owned()).into()),
            (Value::List(list), key) => {
                let number = match key {
                    Value::Number(number) => number.as_i64(),
                    Value::String(text) => Number::parse(text).and_then(|n| n.as_i64()),
                    _ => None,
                };
                let Some(at) = number else {
                    return Err(self
                        .step_error(
                            step,
                            format!(
                                "a list's index must be a whole number, not a {}",
                                key.type_name()
                            ),
                        )
                        .into());
                };
                let element = usize::try_from(at).ok().and_then(|at| list.get(at));
                element.map(Resolved::Inside).ok_or_else(|| {
                    let help = match list.len() {
                        0 => "the list is empty".to_owned(),
                        1 => "the list has one element, of index 0".to_owned(),
                        n => format!("the list has {n} elements, from 0 to {}", n - 1),
                    };
                    let shown =
                        if hidden { "this index".to_owned() } else { format!("index {at}") };
                    self.step_error(step, format!("there is no element at {shown}"))
                        .help(help)
                        .into()
                })
            }
            (Value::Map(map), key) => {
                let Some(name) = text_of(key) else {
                    return Err(self
                        .step_error(
                            step,
                            format!("an object's key must be a string, not a {}", key.type_name()),
                        )
                        .into());
                };
                map.get(&name).map(Resolved::Inside).ok_or_else(|| {
                    if hidden {
                        return self
                            .step_error(step, "this object has no such key".to_owned())
                            .into();
                    }
                    self.step_error(step, format!("this object has no key `{name}`"))
                        .help_opt(self.near(&name, map))
                        .into()
                })
            }
            (Value::Block(block), Value::String(name)) => {
                self.scope.block_attr(block, name, &self.step_loc(step)).map(Resolved::New)
            }
            (Value::Set(_), _) => Err(self
                .step_error(step, "a set has no order, so its elements have no index".to_owned())
                .help("convert it first: `tolist(...)[0]`, or `one(...)` for a set of one")
                .into()),
            (other, _) => Err(self
                .step_error(step, format!("a {} has no elements", other.type_name()))
                .into()),
        }
    }
}
