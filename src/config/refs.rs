//! Which names an expression refers to, told from its text alone.

use hcl::edit::expr::{Expression, ForExpr, Traversal, TraversalOperator};
use hcl::edit::template::ForDirective;
use hcl::edit::visit::{self, Visit};
use hcl::edit::{Decorated, Span};

use super::expr::Expr;
use super::raw::{RawBody, RawNested};
use crate::address::RESOURCE;
use crate::diag::Loc;

/// A reference: the first name and the names and keys behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The first name: `var`, `iam_role`, `each`.
    pub root: String,
    /// What follows it: up to the first splat, unless elements are asked for.
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
    /// Each element: a splat, or what a `for` binds. Only where elements are asked for.
    Each,
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
            Some(RefPart::Key | RefPart::Each) => self.name(index + 1),
            _ => self.name(index),
        }
    }
}

/// The references of an expression, in source order. Names that `for` binds are not among them,
/// nor are those of `bound`.
#[must_use]
pub fn references(expr: &Expr, bound: &[&str]) -> Vec<Reference> {
    find(expr, bound, false).references
}

/// The references and calls of an expression. What a `for` binds stands for the elements of what it goes through,
/// and names behind a splat for names of each element.
#[must_use]
pub fn references_and_calls(expr: &Expr, bound: &[&str]) -> (Vec<Reference>, Vec<FunctionCall>) {
    let found = find(expr, bound, true);
    (found.references, found.calls)
}

fn find<'a>(expr: &'a Expr, bound: &[&str], elements: bool) -> Finder<'a> {
    let bound = bound.iter().map(|name| Bound { name: (*name).to_owned(), element: None });
    let mut finder = Finder {
        expr,
        elements,
        bound: bound.collect(),
        references: Vec::new(),
        calls: Vec::new(),
    };
    finder.visit_expr(expr.node());
    finder
}

/// The call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub loc: Loc,
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

/// The AWS resource type in `resource["AWS::Logs::LogGroup"]`, by the step behind the first name.
#[must_use]
pub fn resource_type(step: &Decorated<TraversalOperator>) -> Option<&str> {
    match step.value() {
        TraversalOperator::Index(Expression::String(ty)) => Some(ty.value()),
        _ => None,
    }
}

struct Finder<'a> {
    expr: &'a Expr,
    /// Whether elements are asked for.
    elements: bool,
    bound: Vec<Bound>,
    references: Vec<Reference>,
    calls: Vec<FunctionCall>,
}

/// A name that stands for no block.
struct Bound {
    name: String,
    /// The elements of what, where that is plain.
    element: Option<(String, Vec<RefPart>)>,
}

impl Finder<'_> {
    fn root(&mut self, name: &str, node: &impl Span, operators: Option<&Traversal>) {
        let (root, mut steps) = match self.bound.iter().rev().find(|b| b.name == name) {
            None => (name.to_owned(), Vec::new()),
            Some(Bound { element: Some(element), .. }) => element.clone(),
            Some(_) => return,
        };
        steps.extend(self.steps(operators));
        let (root, steps) =
            match operators.and_then(|t| t.operators.first()).and_then(resource_type) {
                Some(ty) if root == RESOURCE => (ty.to_owned(), steps.split_off(1)),
                _ => (root, steps),
            };
        let start = node.span().unwrap_or(0..0);
        let end = match operators.and_then(|t| t.operators.first()).map(|o| o.value()) {
            Some(TraversalOperator::GetAttr(attr)) => attr.span().map_or(start.end, |s| s.end),
            _ => start.end,
        };
        let loc = self.expr.loc_at(start.start..end);
        self.references.push(Reference { root, steps, loc });
    }

    fn steps(&self, traversal: Option<&Traversal>) -> Vec<RefPart> {
        let mut steps = Vec::new();
        for operator in traversal.into_iter().flat_map(|t| &t.operators) {
            match operator.value() {
                TraversalOperator::GetAttr(attr) => {
                    let loc = self.expr.loc_of(attr);
                    steps.push(RefPart::Name(attr.as_str().to_owned(), loc));
                }
                TraversalOperator::Index(_) | TraversalOperator::LegacyIndex(_) => {
                    steps.push(RefPart::Key);
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_)
                    if self.elements =>
                {
                    steps.push(RefPart::Each);
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => break,
            }
        }
        steps
    }

    /// What an element of a collection is, where the collection is plainly named.
    fn element(&self, collection: &Expression) -> Option<(String, Vec<RefPart>)> {
        let (name, traversal) = match collection {
            Expression::Parenthesis(inner) => return self.element(inner.inner()),
            Expression::FuncCall(call) if call.name.name.as_str() == "values" => {
                return self.element(call.args.iter().next()?);
            }
            Expression::Traversal(traversal) => match &traversal.expr {
                Expression::Variable(name) => (name.as_str(), Some(&**traversal)),
                _ => return None,
            },
            _ => return None,
        };
        let (root, mut steps) = match self.bound.iter().rev().find(|b| b.name == name) {
            None => (name.to_owned(), Vec::new()),
            Some(bound) => bound.element.clone()?,
        };
        let own = self.steps(traversal);
        // The elements of a splat are those that it goes through.
        let goes_through = matches!(own.last(), Some(RefPart::Each));
        steps.extend(own);
        if !goes_through {
            steps.push(RefPart::Each);
        }
        Some((root, steps))
    }

    /// With what a `for` binds: a key, perhaps, and an element.
    fn within(
        &mut self,
        key: Option<&str>,
        value: &str,
        collection: &Expression,
        work: impl FnOnce(&mut Self),
    ) {
        let element = self.elements.then(|| self.element(collection)).flatten();
        let before = self.bound.len();
        self.bound.extend(key.map(|key| Bound { name: key.to_owned(), element: None }));
        self.bound.push(Bound { name: value.to_owned(), element });
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
            Expression::FuncCall(call) => {
                if !call.name.is_namespaced() {
                    let name = &call.name.name;
                    let loc = self.expr.loc_of(name);
                    self.calls.push(FunctionCall { name: name.as_str().to_owned(), loc });
                }
                visit::visit_func_call(self, call);
            }
            other => visit::visit_expr(self, other),
        }
    }

    fn visit_for_expr(&mut self, node: &ForExpr) {
        self.visit_expr(&node.intro.collection_expr);
        let intro = &node.intro;
        let key = intro.key_var.as_ref().map(|name| name.as_str());
        self.within(key, intro.value_var.as_str(), &intro.collection_expr, |finder| {
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
        let key = intro.key_var.as_ref().map(|name| name.as_str());
        self.within(key, intro.value_var.as_str(), &intro.collection_expr, |finder| {
            finder.visit_template(&intro.template);
        });
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
    fn elements_are_those_of_what_is_gone_through() {
        let source = Source::new("x", "[for k, r in values(iam_role.a) : upper(r.b)] == x.y[*].z");
        let expr = Expr::new(parse_expression(&source).expect("parses"), &source);
        let (found, calls) = references_and_calls(&expr, &[]);
        let names = |reference: &Reference| {
            let parts = reference.steps.iter().map(|part| match part {
                RefPart::Name(name, _) => name.as_str(),
                RefPart::Key => "[]",
                RefPart::Each => "*",
            });
            std::iter::once(reference.root.as_str()).chain(parts).collect::<Vec<_>>().join(".")
        };
        let found: Vec<String> = found.iter().map(names).collect();
        assert_eq!(found, ["iam_role.a", "iam_role.a.*.b", "x.y.*.z"]);
        assert_eq!(calls.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["values", "upper"]);
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
