//! Arguments that must be literals, and lists of references.

use hcl::edit::Span;
use hcl::edit::expr::{Expression, TraversalOperator};

use super::super::expr::Expr;
use super::super::model::ConditionBlock;
use super::super::raw::{RawAttr, RawBlock};
use super::Decoder;
use crate::diag::Diagnostic;
use crate::schema::Spanned;

impl Decoder<'_> {
    /// A string without interpolation.
    pub(super) fn literal_string(
        &mut self,
        name: &str,
        attr: &RawAttr,
        why: &str,
    ) -> Option<Spanned<String>> {
        let loc = attr.value.loc();
        match attr.value.node() {
            Expression::String(text) => Some(Spanned { value: text.value().clone(), loc }),
            Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => {
                let diagnostic = Diagnostic::error(format!("`{name}` must be a plain string"))
                    .at(loc)
                    .detail("no interpolation is possible here")
                    .help(why);
                self.error(diagnostic);
                None
            }
            _ => {
                let diagnostic = Diagnostic::error(format!("`{name}` must be a plain string"))
                    .at(loc)
                    .detail("not a string in quotes")
                    .help(why);
                self.error(diagnostic);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn literal_bool(&mut self, name: &str, attr: &RawAttr) -> Option<bool> {
        if let Expression::Bool(value) = attr.value.node() {
            return Some(*value.value());
        }
        let help = match attr.value.as_literal_str() {
            Some(text @ ("true" | "false")) => format!("write `{name} = {text}` without quotes"),
            _ => "it is needed before anything is evaluated".to_owned(),
        };
        self.error(
            Diagnostic::error(format!("`{name}` must be `true` or `false`"))
                .at(attr.value.loc())
                .help(help),
        );
        None
    }

    /// `[iam_role.a, module.b]`: references, not evaluated.
    pub(super) fn references(&mut self, name: &str, attr: RawAttr) -> Vec<Expr> {
        let Expression::Array(array) = attr.value.node() else {
            self.error(
                Diagnostic::error(format!("`{name}` must be a list of references"))
                    .at(attr.value.loc())
                    .help(format!("write `{name} = [iam_role.deploy]`")),
            );
            return Vec::new();
        };
        let mut references = Vec::new();
        for element in array {
            let whole = Expr::new(element.clone(), attr.value.source());
            let reference = match element {
                Expression::Traversal(traversal) => {
                    matches!(traversal.expr, Expression::Variable(_))
                        && !traversal.operators.iter().any(|op| {
                            matches!(
                                op.value(),
                                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_)
                            )
                        })
                }
                _ => false,
            };
            if reference {
                references.push(whole);
                continue;
            }
            let help = match element {
                Expression::String(text) => format!("write `{}` without quotes", text.value()),
                _ => "a reference is a kind and a name, such as `iam_role.deploy`".to_owned(),
            };
            self.error(
                Diagnostic::error(format!("`{name}` takes references to blocks"))
                    .at(attr.value.loc_at(element.span().unwrap_or(0..0)))
                    .help(help),
            );
        }
        references
    }

    /// `condition` and `error_message` of a checked block.
    pub(super) fn condition(&mut self, block: &RawBlock) -> Option<ConditionBlock> {
        let condition = block.body.get("condition")?.clone();
        let error_message = block.body.get("error_message")?.clone();
        Some(ConditionBlock { loc: block.loc.clone(), condition, error_message })
    }

    /// Refuses nested blocks made by `dynamic` where the language itself needs them written out.
    pub(super) fn conditions(
        &mut self,
        body: &super::super::RawBody,
        name: &str,
    ) -> Vec<ConditionBlock> {
        let mut conditions = Vec::new();
        for nested in &body.blocks {
            match nested {
                super::super::RawNested::Block(block) if block.ty == name => {
                    conditions.extend(self.condition(block));
                }
                super::super::RawNested::Dynamic(dynamic) if dynamic.ty.value == name => {
                    self.error(
                        Diagnostic::error(format!("`{name}` cannot be made by `dynamic`"))
                            .at(dynamic.loc.clone())
                            .help("write one block whose condition uses `alltrue([for ...])`"),
                    );
                }
                _ => {}
            }
        }
        conditions
    }
}
