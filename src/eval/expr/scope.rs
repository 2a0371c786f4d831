//! What an expression can see: references, the attributes of blocks, and functions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl::edit::expr::TraversalOperator;
use hcl::edit::{Decorated, Span};

use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::expr::ExprEvaluator;
use crate::eval::expr::meter::WorkMeter;
use crate::eval::functions::FunctionContext;
use crate::value::{BlockRef, Value};

/// A value, or everything that was wrong on the way to it.
pub type EvalResult = Result<Value, Diagnostics>;

pub(super) type TraversalStep = Decorated<TraversalOperator>;

/// The most useful range of a step: the attribute's name, the key's expression.
pub(super) fn step_span(step: &TraversalStep) -> Option<Range<usize>> {
    match step.value() {
        TraversalOperator::GetAttr(name) => name.span(),
        TraversalOperator::Index(key) => key.span(),
        TraversalOperator::LegacyIndex(index) => index.span(),
        TraversalOperator::AttrSplat(splat) | TraversalOperator::FullSplat(splat) => splat.span(),
    }
    .or_else(|| step.span())
}

/// A reference as written: a name and the steps behind it. Steps are evaluated only when asked for.
pub struct RefPath<'a> {
    name: &'a str,
    loc: Loc,
    steps: &'a [Decorated<TraversalOperator>],
    evaluator: &'a ExprEvaluator<'a>,
}

/// One step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefStep {
    /// `.name`
    Attr(String),
    /// `[key]` with its evaluated key (unmarked), or the legacy `.0`.
    Key(Value),
    /// `.*` or `[*]`
    Splat,
}

impl<'a> RefPath<'a> {
    pub(in crate::eval) fn new(
        name: &'a str,
        loc: Loc,
        steps: &'a [Decorated<TraversalOperator>],
        evaluator: &'a ExprEvaluator<'a>,
    ) -> Self {
        Self { name, loc, steps, evaluator }
    }

    /// The first name: `local` in `local.x`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Where the first name stands.
    #[must_use]
    pub fn loc(&self) -> &Loc {
        &self.loc
    }

    /// How many steps follow the first name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing follows the first name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The name of the step at `index`, when it is `.name`.
    #[must_use]
    pub fn attr(&self, index: usize) -> Option<&'a str> {
        match self.steps.get(index).map(|s| s.value()) {
            Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
            _ => None,
        }
    }

    /// Whether the step at `index` is `[key]` (or the legacy `.0`).
    #[must_use]
    pub fn is_key(&self, index: usize) -> bool {
        matches!(
            self.steps.get(index).map(|s| s.value()),
            Some(TraversalOperator::Index(_) | TraversalOperator::LegacyIndex(_))
        )
    }

    /// The step at `index`, its key evaluated; `None` past the end.
    ///
    /// # Errors
    /// What is wrong in a key's expression.
    pub fn step(&self, index: usize) -> Result<Option<RefStep>, Diagnostics> {
        Ok(match self.steps.get(index).map(|s| s.value()) {
            None => None,
            Some(TraversalOperator::GetAttr(name)) => Some(RefStep::Attr(name.to_string())),
            Some(TraversalOperator::LegacyIndex(at)) => {
                Some(RefStep::Key(Value::int(i64::try_from(*at.value()).unwrap_or(i64::MAX))))
            }
            Some(TraversalOperator::Index(key)) => {
                Some(RefStep::Key(self.evaluator.evaluate(key)?.reveal().clone()))
            }
            Some(TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_)) => {
                Some(RefStep::Splat)
            }
        })
    }

    /// Where the step at `index` stands; the first name for one past the end.
    #[must_use]
    pub fn step_loc(&self, index: usize) -> Loc {
        self.steps
            .get(index)
            .and_then(step_span)
            .map_or_else(|| self.loc.clone(), |span| Loc::new(self.loc.source(), span))
    }

    /// From the first name to the end of the step before `end`: `loc_to(0)` is the name alone.
    #[must_use]
    pub fn loc_to(&self, end: usize) -> Loc {
        let last = end
            .checked_sub(1)
            .and_then(|at| self.steps.get(at))
            .and_then(|s| step_span(s).or_else(|| s.span()));
        match last {
            Some(span) => Loc::new(self.loc.source(), self.loc.span().start..span.end),
            None => self.loc.clone(),
        }
    }

    /// Counts what is looked at in the whole of a value.
    ///
    /// # Errors
    /// It is more than one expression may look at.
    pub(in crate::eval) fn looks_through(&self, value: &Value) -> Result<(), Diagnostics> {
        self.evaluator.looks_through(value, self)
    }

    /// Which of the names may be meant, where somebody will read it.
    #[must_use]
    pub(in crate::eval) fn near(
        &self,
        typed: &str,
        known: impl FnOnce() -> Vec<String>,
    ) -> Option<String> {
        (!self.evaluator.tolerant).then(|| {
            let known = known();
            suggest(typed, &known.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }

    /// The text of the first name and `end` steps, as written.
    #[must_use]
    pub fn text(&self, end: usize) -> String {
        let loc = self.loc_to(end);
        loc.source().text().get(loc.span()).unwrap_or(self.name).to_owned()
    }
}

impl Span for RefPath<'_> {
    fn span(&self) -> Option<Range<usize>> {
        Some(self.loc.span())
    }
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The value.
    pub value: Arc<Value>,
    /// How many of the steps the scope has taken; the evaluator takes the rest.
    pub consumed: usize,
}

impl Resolved {
    /// A value for the first name and `consumed` steps.
    #[must_use]
    pub fn new(value: impl Into<Arc<Value>>, consumed: usize) -> Self {
        Self { value: value.into(), consumed }
    }
}

/// What an expression can see.
pub trait Scope {
    /// Resolves a reference: takes as many of its steps as it needs to find one value, so that
    /// `local.x` computes nothing but `x`.
    ///
    /// # Errors
    /// Unknown names with suggestions, cycles, and what is wrong in what the reference names.
    fn resolve(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics>;

    /// An attribute of a block that a value refers to.
    ///
    /// # Errors
    /// No such attribute (with the ones there are), or what is wrong in the block.
    fn block_attr(&self, block: &BlockRef, attr: &str, loc: &Loc) -> EvalResult {
        block.attrs.get(attr).cloned().ok_or_else(|| {
            let known: Vec<&str> = block.attrs.keys().map(String::as_str).collect();
            Diagnostic::error(format!("`{}` has no attribute `{attr}`", block.address))
                .at(loc.clone())
                .help(suggest(attr, &known))
                .into()
        })
    }

    /// Directories for file functions.
    fn functions(&self) -> &FunctionContext;

    /// What all expressions of the configuration use together, where they are counted together.
    fn work(&self) -> Option<&WorkMeter> {
        None
    }

    /// Whether this is the inside of a template file, which may not call `templatefile` again.
    fn in_template_file(&self) -> bool {
        false
    }
}

/// "did you mean `x`?", else the list of what there is.
#[must_use]
pub(in crate::eval) fn suggest(typed: &str, known: &[&str]) -> String {
    if let Some(near) = did_you_mean(typed, known.iter().copied()) {
        return near;
    }
    if known.is_empty() {
        return "there are none".to_owned();
    }
    let shown: Vec<String> = known.iter().take(12).map(|k| format!("`{k}`")).collect();
    let more = known.len().saturating_sub(12);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("there are {}{tail}", shown.join(", "))
}

/// A scope of plain values: template files, tests, and literals with functions.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Values by name.
    pub values: BTreeMap<String, Arc<Value>>,
    /// Directories for file functions.
    pub functions: FunctionContext,
    /// Whether this is the inside of a template file.
    pub template_file: bool,
}

impl Values {
    /// A scope with these values.
    #[must_use]
    pub fn new(
        values: impl IntoIterator<Item = (String, Value)>,
        functions: FunctionContext,
    ) -> Self {
        Self {
            values: values.into_iter().map(|(k, v)| (k, Arc::new(v))).collect(),
            functions,
            template_file: false,
        }
    }
}

impl Scope for Values {
    fn resolve(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        if let Some(value) = self.values.get(path.name()) {
            return Ok(Resolved { value: Arc::clone(value), consumed: 0 });
        }
        let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
        let (what, help) = if self.template_file {
            (
                "the template is not given a variable",
                format!(
                    "add it to the second argument of `templatefile`; {}",
                    suggest(path.name(), &known)
                ),
            )
        } else if known.is_empty() {
            ("nothing can be referred to here: there is no", "write a literal value".to_owned())
        } else {
            ("there is no", suggest(path.name(), &known))
        };
        Err(Diagnostic::error(format!("{what} `{}`", path.name()))
            .at(path.loc().clone())
            .help(help)
            .into())
    }

    fn functions(&self) -> &FunctionContext {
        &self.functions
    }

    fn in_template_file(&self) -> bool {
        self.template_file
    }
}
