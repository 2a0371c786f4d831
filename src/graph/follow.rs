//! What a reference stands for: the block behind a local value, an output or `each.value`, where those are plain
//! references themselves.

use hcl::edit::expr::Expression;

use crate::config::{
    Configuration, Expr, Module, RefPart, Reference, ResourceDecl, references_and_calls,
};

/// How many names one after the other are followed.
const MOST: usize = 16;

/// A reference, and the module whose names it uses.
pub(super) struct Followed<'a> {
    pub(super) module: &'a Module,
    pub(super) reference: Reference,
}

/// The reference behind another one; `None` where that stands for nothing else.
pub(super) fn follow<'a>(
    configuration: &'a Configuration,
    module: &'a Module,
    reference: &Reference,
    block: Option<&ResourceDecl>,
) -> Option<Followed<'a>> {
    let mut found = next(configuration, module, reference, block)?;
    for _ in 1..MOST {
        match next(configuration, found.module, &found.reference, None) {
            Some(more) => found = more,
            None => break,
        }
    }
    Some(found)
}

fn next<'a>(
    configuration: &'a Configuration,
    module: &'a Module,
    reference: &Reference,
    block: Option<&ResourceDecl>,
) -> Option<Followed<'a>> {
    let (name, _) = reference.name(0)?;
    match reference.root.as_str() {
        "local" => joined(module, &module.locals.get(name)?.value, &[], reference, 1),
        "each" if name == "value" => {
            joined(module, block?.meta.for_each.as_ref()?, &[RefPart::Each], reference, 1)
        }
        "module" => {
            let callee = configuration.module(module.calls.get(name)?.module);
            let (output, _) = reference.name_after_key(1)?;
            let behind = 1 + reference
                .steps
                .iter()
                .skip(1)
                .position(|step| matches!(step, RefPart::Name(..)))?;
            joined(callee, &callee.outputs.get(output)?.value, &[], reference, behind + 1)
        }
        _ => None,
    }
}

/// The reference that an expression is, with what another one has behind `taken` steps.
fn joined<'a>(
    module: &'a Module,
    expr: &Expr,
    between: &[RefPart],
    reference: &Reference,
    taken: usize,
) -> Option<Followed<'a>> {
    if !matches!(expr.node(), Expression::Traversal(_)) {
        return None;
    }
    let (mut found, _) = references_and_calls(expr, &[]);
    // One in a key is another one.
    if found.len() != 1 {
        return None;
    }
    let mut base = found.pop()?;
    if base.steps.iter().any(|step| matches!(step, RefPart::Each)) {
        return None;
    }
    base.steps.extend(between.iter().cloned());
    base.steps.extend(reference.steps.iter().skip(taken).cloned());
    Some(Followed { module, reference: base })
}
