//! The expression evaluator: syntax trees of `hcl::edit` and a [`Scope`] into values.
//!
//! It differs from the evaluator of hcl-rs where that one differs from Terraform: `&&` and `||`
//! short-circuit, only the taken branch of a conditional counts, division by zero is an error at
//! its place, objects iterate in key order, null cannot be interpolated, and values that are
//! unknown or sensitive go through everything. Nesting is bounded by the parser (64 levels of
//! nesting, 128 chained operators), so recursion over one expression is too.

pub(in crate::eval) mod for_expr;
pub(in crate::eval) mod meter;
pub(in crate::eval) mod operators;
mod plain_type;
pub(in crate::eval) mod scope;
mod secrets;
mod special;
pub(in crate::eval) mod syntax;
pub(in crate::eval) mod templates;
pub(in crate::eval) mod traversal;
pub(in crate::eval) mod types;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Conditional, Expression, FuncCall, Object, ObjectKey};

use crate::address::RESOURCE;
use crate::config::resource_type;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source};
use crate::eval::expr::meter::{Exceeded, Meter};
use crate::eval::expr::scope::{EvalResult, RefPath, Scope};
use crate::eval::expr::types::literal_number;
use crate::eval::functions;
use crate::value::convert::{convert, text_of, type_of, unify};
use crate::value::{Unknown, Value, normal_form};

/// Evaluates an expression that was parsed from `source`.
///
/// # Errors
/// Everything that is wrong in it, each at its place.
pub fn evaluate(expr: &Expression, source: &Arc<Source>, scope: &dyn Scope) -> EvalResult {
    evaluate_with(expr, source, scope, &[])
}

/// Evaluates with additional names in scope (`each`, `self`, an iterator), which hide outer ones.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_with(
    expr: &Expression,
    source: &Arc<Source>,
    scope: &dyn Scope,
    names: &[(&str, &Value)],
) -> EvalResult {
    let meter = Meter::default();
    let evaluator = ExprEvaluator::new(source, scope, &meter);
    let value = with_frames(evaluator, names, expr);
    // One that fails has taken its steps all the same.
    if let Some(of_all) = scope.work() {
        meter.settle(of_all).map_err(|what| evaluator.exceeded(what, expr))?;
    }
    value
}

fn with_frames(
    evaluator: ExprEvaluator<'_>,
    names: &[(&str, &Value)],
    expr: &Expression,
) -> EvalResult {
    match names.split_first() {
        None => evaluator.evaluate(expr),
        Some(((name, value), rest)) => {
            let frame = Frame { name, value, parent: evaluator.locals };
            with_frames(ExprEvaluator { locals: Some(&frame), ..evaluator }, rest, expr)
        }
    }
}

/// What looking through a value costs for each of its bytes: it may be converted on the way.
const LOOK: u64 = 4;
/// Text up to which a copy counts as part of the step that makes it, in bytes.
const SHORT: usize = 256;

/// A name bound inside an expression, by a `for`.
#[derive(Clone, Copy)]
pub(in crate::eval) struct Frame<'a> {
    pub(in crate::eval) name: &'a str,
    pub(in crate::eval) value: &'a Value,
    pub(in crate::eval) parent: Option<&'a Frame<'a>>,
}

/// Evaluates the parts of one expression.
#[derive(Clone, Copy)]
pub(in crate::eval) struct ExprEvaluator<'a> {
    source: &'a Arc<Source>,
    pub(in crate::eval) scope: &'a dyn Scope,
    pub(in crate::eval) locals: Option<&'a Frame<'a>>,
    pub(in crate::eval) meter: &'a Meter,
    /// Inside `try` and `can`, which pass over errors: nobody will read their advice.
    pub(in crate::eval) tolerant: bool,
}

impl<'a> ExprEvaluator<'a> {
    pub(in crate::eval) fn new(
        source: &'a Arc<Source>,
        scope: &'a dyn Scope,
        meter: &'a Meter,
    ) -> Self {
        Self { source, scope, locals: None, meter, tolerant: false }
    }

    /// The error for an expression that would take all time or memory.
    pub(in crate::eval) fn exceeded(&self, what: Exceeded, part: &impl Span) -> Diagnostics {
        self.error(part, what.summary())
            .help("a `for` inside a `for` multiplies: iterate over less, or write it apart")
            .into()
    }

    /// This evaluator with one more name in scope.
    pub(in crate::eval) fn bind<'b>(&'b self, frame: &'b Frame<'b>) -> ExprEvaluator<'b> {
        ExprEvaluator { locals: Some(frame), ..*self }
    }

    pub(in crate::eval) fn local(&self, name: &str) -> Option<&'a Value> {
        let mut frame = self.locals;
        while let Some(at) = frame {
            if at.name == name {
                return Some(at.value);
            }
            frame = at.parent;
        }
        None
    }

    /// A place in the expression's file.
    pub(in crate::eval) fn loc(&self, span: Option<Range<usize>>) -> Loc {
        Loc::new(self.source, span.unwrap_or(0..0))
    }

    pub(in crate::eval) fn at(&self, part: &impl Span) -> Loc {
        self.loc(part.span())
    }

    pub(in crate::eval) fn error(
        &self,
        part: &impl Span,
        summary: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(summary).at(self.at(part))
    }

    /// Evaluates one expression.
    pub(in crate::eval) fn evaluate(&self, expr: &Expression) -> EvalResult {
        self.meter.step().map_err(|what| self.exceeded(what, expr))?;
        match expr {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(b) => Ok(Value::Bool(*b.value())),
            Expression::Number(n) => match literal_number(n, self.source) {
                Some(number) => Ok(Value::Number(number)),
                None => Err(self.error(n, "this number is too large or too small").into()),
            },
            Expression::String(s) => self.copied(Value::String(s.value().clone()), s),
            Expression::Array(array) => self.each(array.iter(), |e| self.part(e)).map(Value::list),
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.quoted_template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.evaluate(inner.inner()),
            Expression::Variable(name) => {
                self.copied(self.reference(name.as_str(), self.at(name), &[])?, name)
            }
            Expression::Traversal(traversal) => self.copied(self.traversal(traversal)?, traversal),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call),
            Expression::UnaryOp(op) => self.unary(op),
            Expression::BinaryOp(op) => self.binary(op),
            Expression::ForExpr(for_expr) => self.for_expr(for_expr),
        }
    }

    /// Evaluates what becomes a part of something larger.
    pub(in crate::eval) fn part(&self, expr: &Expression) -> EvalResult {
        let value = self.evaluate(expr)?;
        self.meter.value(&value).map_err(|what| self.exceeded(what, expr))?;
        Ok(value)
    }

    /// Evaluates all, collecting the errors of all.
    pub(in crate::eval) fn each<T, R>(
        &self,
        items: impl Iterator<Item = T>,
        mut f: impl FnMut(T) -> Result<R, Diagnostics>,
    ) -> Result<Vec<R>, Diagnostics> {
        let mut done = Vec::with_capacity(items.size_hint().0);
        let mut errors = Diagnostics::new();
        for item in items {
            match f(item) {
                Ok(result) => done.push(result),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(done) } else { Err(errors) }
    }

    /// A reference that starts with `name`.
    pub(in crate::eval) fn reference(
        &self,
        name: &str,
        loc: Loc,
        steps: &[hcl::edit::Decorated<hcl::edit::expr::TraversalOperator>],
    ) -> EvalResult {
        if let Some(value) = self.local(name) {
            return self.walk(value, steps);
        }
        // An AWS resource type is a kind, and its name is given as a key.
        let (name, steps) = match steps.split_first() {
            Some((first, rest)) if name == RESOURCE => match resource_type(first) {
                Some(ty) => (ty, rest),
                None => (name, steps),
            },
            _ => (name, steps),
        };
        let path = RefPath::new(name, loc, steps, self);
        let resolved = self.scope.resolve(&path)?;
        // What nobody else holds was put together for this reference: all instances of a block.
        if Arc::strong_count(&resolved.value) == 1 {
            path.looks_through(&resolved.value)?;
        }
        self.walk(&resolved.value, steps.get(resolved.consumed..).unwrap_or_default())
    }

    fn object(&self, object: &Object) -> EvalResult {
        let mut map = BTreeMap::new();
        let mut errors = Diagnostics::new();
        let mut unknown: Vec<Unknown> = Vec::new();
        let mut sensitive = false;
        for (key, item) in object.iter() {
            let value = self.part(item.expr()).map_err(|e| errors.extend(e)).ok();
            let name = match self.object_key(key) {
                Ok((Value::Unknown(u), hidden)) => {
                    sensitive |= hidden;
                    unknown.push(u);
                    continue;
                }
                Ok((name, hidden)) => {
                    sensitive |= hidden;
                    name.as_str().unwrap_or_default().to_owned()
                }
                Err(more) => {
                    errors.extend(more);
                    continue;
                }
            };
            let Some(value) = value else { continue };
            if map.contains_key(&name) {
                errors.push(
                    self.error(key, format!("the key `{name}` is given twice"))
                        .help("an object holds each key once; remove one of them"),
                );
            }
            map.insert(name, value);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let value = if unknown.is_empty() {
            Value::Map(map.into())
        } else {
            Value::Unknown(Unknown::opaque(&unknown))
        };
        Ok(if sensitive { value.sensitive() } else { value })
    }

    /// A key as a string value or an unknown, and whether it was sensitive.
    fn object_key(&self, key: &ObjectKey) -> Result<(Value, bool), Diagnostics> {
        match key {
            ObjectKey::Ident(ident) => Ok((Value::string(ident.as_str()), false)),
            // Bare words are names here, and this is one.
            ObjectKey::Expression(Expression::Null(_)) => Ok((Value::string("null"), false)),
            ObjectKey::Expression(expr) => {
                if matches!(expr, Expression::Traversal(_)) {
                    return Err(self
                        .error(expr, "this key is ambiguous: a reference or a literal name")
                        .help("wrap a reference in parentheses, `(var.x) = ...`, or quote a literal key")
                        .into());
                }
                let value = match self.evaluate(expr)? {
                    Value::String(text) => Value::String(normal_form(&text).unwrap_or(text)),
                    other => other,
                };
                self.key_of(value, expr)
            }
        }
    }

    /// A key for an object from an evaluated value.
    pub(in crate::eval) fn key_of(
        &self,
        value: Value,
        at: &impl Span,
    ) -> Result<(Value, bool), Diagnostics> {
        let (value, sensitive) = unmark(value);
        match value {
            Value::Unknown(_) | Value::String(_) => Ok((value, sensitive)),
            Value::Number(_) | Value::Bool(_) => {
                Ok((Value::String(text_of(&value).unwrap_or_default()), sensitive))
            }
            Value::Null => Err(self.error(at, "an object's key cannot be null").into()),
            other => Err(self
                .error(at, format!("an object's key must be a string, not a {}", other.type_name()))
                .into()),
        }
    }

    fn conditional(&self, conditional: &Conditional) -> EvalResult {
        let (condition, sensitive) = unmark(self.evaluate(&conditional.cond_expr)?);
        let result = match self.truth(condition, &conditional.cond_expr, "the condition")? {
            Ok(true) => self.branch(&conditional.true_expr, &conditional.false_expr)?,
            Ok(false) => self.branch(&conditional.false_expr, &conditional.true_expr)?,
            Err(unknown) => {
                // Which branch counts is not known, so neither one's errors do.
                let branches = [&conditional.true_expr, &conditional.false_expr]
                    .map(|e| self.evaluate(e).unwrap_or(Value::Unknown(unknown.clone())));
                for (branch, expr) in
                    branches.iter().zip([&conditional.true_expr, &conditional.false_expr])
                {
                    self.looks_through(branch, expr)?;
                }
                match branches {
                    [a, b] if a == b => a,
                    [a, b] => Value::Unknown(Unknown::opaque(
                        std::iter::once(&unknown).chain(a.unknowns()).chain(b.unknowns()),
                    )),
                }
            }
        };
        Ok(if sensitive { result.sensitive() } else { result })
    }

    /// The taken branch, converted to the type that both branches have in common, as far as the
    /// other one's type is plain from its text ([`plain_type`]): that one is not evaluated.
    fn branch(&self, taken: &Expression, other: &Expression) -> EvalResult {
        let value = self.evaluate(taken)?;
        let Some(other) = plain_type::plain_type(other) else { return Ok(value) };
        self.looks_through(&value, taken)?;
        let own = type_of(&value);
        if own == other {
            return Ok(value);
        }
        match unify([own, other]) {
            // Branches without a common type keep theirs: a deliberate difference.
            None => Ok(value),
            // A list has a copy of its own then.
            Some(common) => {
                self.looks_through(&value, taken)?;
                Ok(convert(value.clone(), &common).unwrap_or(value))
            }
        }
    }

    /// A condition: `Ok(Ok(bool))`, or `Ok(Err(unknown))`.
    pub(in crate::eval) fn truth(
        &self,
        value: Value,
        at: &impl Span,
        what: &str,
    ) -> Result<Result<bool, Unknown>, Diagnostics> {
        match value {
            Value::Bool(b) => Ok(Ok(b)),
            Value::String(s) if s == "true" => Ok(Ok(true)),
            Value::String(s) if s == "false" => Ok(Ok(false)),
            Value::Unknown(unknown) => Ok(Err(unknown)),
            Value::Null => Err(self
                .error(at, format!("{what} is null"))
                .help("it must be true or false; compare with null explicitly, as in `x != null`")
                .into()),
            other => Err(self
                .error(at, format!("{what} must be true or false, not a {}", other.type_name()))
                .into()),
        }
    }

    /// The arguments of a call, and what they weigh. They go away with it, so they count only against each other.
    fn arguments(&self, call: &FuncCall) -> Result<(Vec<Value>, usize), Diagnostics> {
        let together = Meter::default();
        let arguments = self.each(call.args.iter(), |e| {
            let value = self.evaluate(e)?;
            together.value(&value).map_err(|what| self.exceeded(what, e))?;
            Ok(value)
        })?;
        Ok((arguments, together.bytes()))
    }

    /// Counts what is looked at.
    pub(in crate::eval) fn looks_at(&self, bytes: u64, at: &impl Span) -> Result<(), Diagnostics> {
        self.meter.work(bytes, self.scope.work()).map_err(|what| self.exceeded(what, at))
    }

    /// Counts what is looked at in the whole of a value, where it is a collection.
    pub(in crate::eval) fn looks_through(
        &self,
        value: &Value,
        at: &impl Span,
    ) -> Result<(), Diagnostics> {
        match value.reveal() {
            Value::List(_) | Value::Set(_) | Value::Map(_) => {
                let bytes = u64::try_from(functions::weight(value)).unwrap_or(u64::MAX);
                self.looks_at(bytes.saturating_mul(LOOK), at)
            }
            _ => Ok(()),
        }
    }

    /// A value that was copied from where it stays. Collections share what they hold; long text does not.
    pub(in crate::eval) fn copied(&self, value: Value, at: &impl Span) -> EvalResult {
        if let Value::String(text) = value.reveal()
            && text.len() > SHORT
        {
            self.looks_at(u64::try_from(text.len()).unwrap_or(u64::MAX), at)?;
        }
        Ok(value)
    }

    fn call(&self, call: &FuncCall) -> EvalResult {
        let loc = self.at(call);
        let name_loc = self.at(&call.name.name);
        let core = matches!(call.name.namespace.as_slice(), [only] if only.as_str() == "core");
        if call.name.is_namespaced() && !core {
            return Err(Diagnostic::error("functions of providers do not exist here")
                .at(name_loc)
                .help(
                    "only the functions of the standard library can be called: `upper(...)`, or `core::upper(...)`",
                )
                .into());
        }
        let name = call.name.name.as_str();
        match name {
            "try" => return self.try_first(call, &loc),
            "can" => return self.can(call, &loc),
            _ => {}
        }
        if functions::find(name).is_none() && !functions::SPECIAL.contains(&name) {
            return Err(functions::unknown_function(name, &name_loc).into());
        }
        let (mut args, weight) = self.arguments(call)?;
        self.looks_at(functions::cost(name, &args, weight, self.scope.functions()), call)?;
        let mut arg_locs: Vec<Loc> = call.args.iter().map(|e| self.at(e)).collect();
        let mut hidden = false;
        if call.args.expand_final()
            && let (Some(last), Some(last_loc)) = (args.pop(), arg_locs.pop())
        {
            let (last, sensitive) = unmark(last);
            hidden = sensitive;
            match last {
                Value::Unknown(unknown) => {
                    let all =
                        args.iter().flat_map(Value::unknowns).chain(std::iter::once(&unknown));
                    return Ok(mark(Value::Unknown(Unknown::opaque(all)), hidden));
                }
                Value::List(list) => {
                    arg_locs.extend(list.iter().map(|_| last_loc.clone()));
                    args.extend(list);
                }
                Value::Set(set) => {
                    arg_locs.extend(set.iter().map(|_| last_loc.clone()));
                    args.extend(set);
                }
                other => {
                    return Err(Diagnostic::error(format!(
                        "only a list can be expanded into arguments, not a {}",
                        other.type_name()
                    ))
                    .at(last_loc)
                    .into());
                }
            }
        }
        let result = match name {
            "templatefile" | "templatestring" => {
                self.template_call(name, &args, &arg_locs, &loc)?
            }
            "secret" => secrets::secret(&args, &arg_locs, &loc)?,
            _ => {
                secrets::refuse_secrets(name, &args, &arg_locs)?;
                let made = |bytes| self.looks_at(functions::result_cost(name, bytes), call);
                functions::call(name, args, arg_locs, loc, self.scope.functions(), made)?
            }
        };
        Ok(mark(result, hidden))
    }
}

/// Takes a sensitivity mark off the top.
pub(in crate::eval) fn unmark(value: Value) -> (Value, bool) {
    match value {
        Value::Sensitive(inner) => (*inner, true),
        other => (other, false),
    }
}

/// Puts a sensitivity mark on, where one is due.
pub(in crate::eval) fn mark(value: Value, sensitive: bool) -> Value {
    if sensitive { value.sensitive() } else { value }
}

#[cfg(test)]
mod tests;
