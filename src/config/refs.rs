//! Which names an expression refers to, told from its text alone.

use hcl::edit::Span;
use hcl::edit::expr::{Expression, ForExpr, Traversal, TraversalOperator};
use hcl::edit::template::ForDirective;
use hcl::edit::visit::{self, Visit};

use super::expr::Expr;
use super::raw::{RawBody, RawNested};
use crate::diag::Loc;

/// A reference: the first name and the names and keys behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The first name: `var`, `iam_role`, `each`.
    pub root: String,
    /// What follows it, up to the first splat.
    pub steps: Vec<RefPart>,
    /// The first name and the first step behind it: `var.region`.
    pub loc: Loc,
}

/// A step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefPart {
    /// `.name`, and where the name stands.
    Name(String, Loc),
    /// `[key]`.
    Key,
}

impl Reference {
    /// The name at `index` behind the first, when it is one.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<(&str, &Loc)> {
        match self.steps.get(index) {
            Some(RefPart::Name(name, loc)) => Some((name, loc)),
            _ => None,
        }
    }

    /// The first name at or after `index` that does not stand behind another one there: skips a key.
    #[must_use]
    pub fn name_after_key(&self, index: usize) -> Option<(&str, &Loc)> {
        match self.steps.get(index) {
            Some(RefPart::Key) => self.name(index + 1),
            _ => self.name(index),
        }
    }
}

/// The references of an expression, in source order. Names that `for` binds are not among them,
/// nor are those of `bound`.
#[must_use]
pub fn references(expr: &Expr, bound: &[&str]) -> Vec<Reference> {
    let mut finder = Finder {
        expr,
        bound: bound.iter().map(|b| (*b).to_owned()).collect(),
        references: Vec::new(),
    };
    finder.visit_expr(expr.node());
    finder.references
}

/// The references of all that stands in a body; `dynamic` iterators are bound in their content.
#[must_use]
pub fn body_references(body: &RawBody, bound: &[&str]) -> Vec<Reference> {
    let mut all = Vec::new();
    for attr in body.attrs.values() {
        all.extend(references(&attr.value, bound));
    }
    for nested in &body.blocks {
        match nested {
            RawNested::Block(block) => all.extend(body_references(&block.body, bound)),
            RawNested::Dynamic(dynamic) => {
                all.extend(references(&dynamic.for_each, bound));
                let mut inner = bound.to_vec();
                inner.push(&dynamic.iterator.value);
                if let Some(labels) = &dynamic.labels {
                    all.extend(references(labels, &inner));
                }
                all.extend(body_references(&dynamic.content, &inner));
            }
        }
    }
    all
}

struct Finder<'a> {
    expr: &'a Expr,
    bound: Vec<String>,
    references: Vec<Reference>,
}

impl Finder<'_> {
    fn root(&mut self, name: &str, node: &impl Span, operators: Option<&Traversal>) {
        if self.bound.iter().any(|b| b == name) {
            return;
        }
        let start = node.span().unwrap_or(0..0);
        let mut end = start.end;
        let mut steps = Vec::new();
        for (index, operator) in operators.into_iter().flat_map(|t| &t.operators).enumerate() {
            match operator.value() {
                TraversalOperator::GetAttr(attr) => {
                    let span = attr.span().unwrap_or(start.clone());
                    if index == 0 {
                        end = span.end;
                    }
                    steps.push(RefPart::Name(attr.as_str().to_owned(), self.expr.loc_at(span)));
                }
                TraversalOperator::Index(_) | TraversalOperator::LegacyIndex(_) => {
                    steps.push(RefPart::Key);
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => break,
            }
        }
        self.references.push(Reference {
            root: name.to_owned(),
            steps,
            loc: self.expr.loc_at(start.start..end),
        });
    }

    fn within(&mut self, names: impl IntoIterator<Item = String>, work: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        self.bound.extend(names);
        work(self);
        self.bound.truncate(before);
    }
}

impl Visit for Finder<'_> {
    fn visit_expr(&mut self, node: &Expression) {
        match node {
            Expression::Variable(name) => self.root(name.as_str(), name, None),
            Expression::Traversal(traversal) => {
                if let Expression::Variable(name) = &traversal.expr {
                    self.root(name.as_str(), name, Some(traversal));
                    for operator in &traversal.operators {
                        self.visit_traversal_operator(operator);
                    }
                } else {
                    visit::visit_traversal(self, traversal);
                }
            }
            other => visit::visit_expr(self, other),
        }
    }

    fn visit_for_expr(&mut self, node: &ForExpr) {
        self.visit_expr(&node.intro.collection_expr);
        let names = node
            .intro
            .key_var
            .iter()
            .chain(std::iter::once(&node.intro.value_var))
            .map(|n| n.as_str().to_owned())
            .collect::<Vec<_>>();
        self.within(names, |finder| {
            if let Some(key) = &node.key_expr {
                finder.visit_expr(key);
            }
            finder.visit_expr(&node.value_expr);
            if let Some(condition) = &node.cond {
                finder.visit_expr(&condition.expr);
            }
        });
    }

    fn visit_for_directive(&mut self, node: &ForDirective) {
        let intro = &node.for_expr;
        self.visit_expr(&intro.collection_expr);
        let names = intro
            .key_var
            .iter()
            .chain(std::iter::once(&intro.value_var))
            .map(|n| n.as_str().to_owned())
            .collect::<Vec<_>>();
        self.within(names, |finder| finder.visit_template(&intro.template));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_expression;
    use crate::diag::Source;

    fn references_in(text: &str) -> Vec<String> {
        let source = Source::new("x", text);
        let expr = Expr::new(parse_expression(&source).expect(text), &source);
        references(&expr, &["bound"])
            .into_iter()
            .map(|r| r.loc.source().text()[r.loc.span()].to_owned())
            .collect()
    }

    #[test]
    fn bound_names_are_no_references() {
        assert_eq!(
            references_in("[for k, v in var.a : v[local.b] if k != x]"),
            ["var.a", "local.b", "x"]
        );
        assert_eq!(
            references_in("\"%{ for i in var.a }${i.x}${i}${j}%{ endfor }\""),
            ["var.a", "j"]
        );
        assert_eq!(
            references_in("f(iam_role.a[var.k].arn, { a = b, (c) = bound })"),
            ["iam_role.a", "var.k", "b", "c"]
        );
        assert_eq!(references_in("module.m[*].out"), ["module.m"]);
    }
}
