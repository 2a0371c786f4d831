//! Every expression of a module, for checks of names.

use super::model::{ConditionBlock, Module, ResourceDecl};
use super::raw::{RawBody, RawNested};
use super::{Expr, ImportTarget};

/// An expression, and what is special about its place.
pub struct ExprPlace<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// Names that `dynamic` binds there.
    pub bound: Vec<&'a str>,
    /// The managed block that it stands in.
    pub block: Option<&'a ResourceDecl>,
}

/// Calls `visit` on every expression that a module evaluates. Types are no expressions.
pub fn every_expression<'a>(module: &'a Module, visit: &mut dyn FnMut(ExprPlace<'a>)) {
    let mut plain: Vec<&'a Expr> = module.locals.values().map(|decl| &decl.value).collect();
    let conditions = module
        .variables
        .values()
        .flat_map(|v| &v.validations)
        .chain(module.outputs.values().flat_map(|o| &o.preconditions))
        .chain(module.checks.values().flat_map(|c| &c.asserts));
    plain.extend(conditions.flat_map(condition_exprs));
    for decl in module.outputs.values() {
        plain.push(&decl.value);
        plain.extend(&decl.depends_on);
    }
    for decl in module.calls.values() {
        plain.extend(decl.for_each.iter().chain(&decl.count).chain(&decl.depends_on));
        plain.extend(decl.args.values().map(|argument| &argument.value));
    }
    for import in &module.imports {
        plain.push(&import.id);
        if let ImportTarget::Each { over, .. } = &import.to {
            plain.push(over);
        }
    }
    plain.extend(module.data.values().flat_map(|d| d.for_each.iter().chain(&d.count)));
    for expr in plain {
        visit(ExprPlace { expr, bound: Vec::new(), block: None });
    }
    for decl in module.data.values() {
        body(&decl.body, &[], None, visit);
    }
    for decl in module.resources.values() {
        let meta = &decl.meta;
        let lifecycle = &meta.lifecycle;
        let block = Some(decl);
        meta.for_each
            .iter()
            .chain(&meta.count)
            .chain(&meta.accounts)
            .chain(&meta.environments)
            .chain(&meta.depends_on)
            .chain(&lifecycle.replace_triggered_by)
            .chain(lifecycle.preconditions.iter().flat_map(condition_exprs))
            .chain(lifecycle.postconditions.iter().flat_map(condition_exprs))
            .for_each(|expr| visit(ExprPlace { expr, bound: Vec::new(), block }));
        body(&decl.body, &[], block, visit);
    }
    let blocks = module
        .environments
        .values()
        .chain(module.config_schemas.values())
        .chain(module.declarations.values());
    for block in blocks {
        // `type` of a key is a type constraint, not an expression.
        if block.ty != "config_schema" {
            body(&block.body, &[], None, visit);
        }
    }
}

fn condition_exprs(condition: &ConditionBlock) -> impl Iterator<Item = &Expr> {
    [&condition.condition, &condition.error_message].into_iter()
}

fn body<'a>(
    body_of: &'a RawBody,
    bound: &[&'a str],
    block: Option<&'a ResourceDecl>,
    visit: &mut dyn FnMut(ExprPlace<'a>),
) {
    for attr in body_of.attrs.values() {
        visit(ExprPlace { expr: &attr.value, bound: bound.to_vec(), block });
    }
    for nested in &body_of.blocks {
        match nested {
            RawNested::Block(inner) => body(&inner.body, bound, block, visit),
            RawNested::Dynamic(dynamic) => {
                visit(ExprPlace { expr: &dynamic.for_each, bound: bound.to_vec(), block });
                let mut inner = bound.to_vec();
                inner.push(&dynamic.iterator.value);
                if let Some(labels) = &dynamic.labels {
                    visit(ExprPlace { expr: labels, bound: inner.clone(), block });
                }
                body(&dynamic.content, &inner, block, visit);
            }
        }
    }
}
