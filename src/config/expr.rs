//! An expression as written, with the file that it stands in.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::Expression;

use crate::diag::{Loc, Source};

/// An expression that has not been evaluated; cheap to clone.
#[derive(Clone)]
pub struct Expr {
    node: Arc<Expression>,
    source: Arc<Source>,
}

impl Expr {
    /// Wraps an expression parsed from `source`.
    #[must_use]
    pub fn new(node: Expression, source: &Arc<Source>) -> Self {
        Self { node: Arc::new(node), source: Arc::clone(source) }
    }

    /// The syntax tree.
    #[must_use]
    pub fn node(&self) -> &Expression {
        &self.node
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The whole expression's range.
    #[must_use]
    pub fn loc(&self) -> Loc {
        Loc::new(&self.source, self.span())
    }

    /// The range of a part of this expression; that of the whole for a part without one.
    #[must_use]
    pub fn loc_of(&self, part: &impl Span) -> Loc {
        Loc::new(&self.source, part.span().unwrap_or_else(|| self.span()))
    }

    /// What was not parsed (text given to a string variable) is its whole source.
    fn span(&self) -> Range<usize> {
        self.node.span().unwrap_or(0..self.source.text().len())
    }

    /// A range of the same file.
    #[must_use]
    pub fn loc_at(&self, span: Range<usize>) -> Loc {
        Loc::new(&self.source, span)
    }

    /// The expression's text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text().get(self.loc().span()).unwrap_or_default()
    }

    /// The text of a string literal without interpolation.
    #[must_use]
    pub fn as_literal_str(&self) -> Option<&str> {
        self.node.as_str()
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}", self.text(), self.loc())
    }
}
