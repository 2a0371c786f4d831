//! Names that cannot exist, told from the text alone: functions, and attributes of variables whose type is declared.
//! `try` and `can` pass over errors, and a branch that is not taken is not evaluated: none of them hides these.

use std::collections::BTreeMap;

use super::expr::types::parse_type;
use super::functions;
use crate::config::{
    Configuration, Expr, Module, RefPart, Reference, every_expression, references_and_calls,
};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::value::Type;

/// Every such name, in source order within a module.
#[must_use]
pub fn wrong_names(configuration: &Configuration) -> Diagnostics {
    let mut found = Diagnostics::new();
    for module in &configuration.modules {
        let types = declared_types(module);
        every_expression(module, &mut |place| {
            let (references, calls) = references_and_calls(place.expr, &place.bound);
            for call in calls.iter().filter(|call| !exists(&call.name)) {
                found.push(functions::unknown_function(&call.name, &call.loc));
            }
            for reference in references.iter().filter(|r| r.root == "var") {
                found.extend(wrong_attribute(&types, reference));
            }
        });
    }
    found
}

fn exists(name: &str) -> bool {
    functions::find(name).is_some() || functions::SPECIAL.contains(&name)
}

/// The types of a module's variables. One that is wrong is told of where it stands.
fn declared_types(module: &Module) -> BTreeMap<&str, Type> {
    let read = |ty: &Expr| parse_type(ty.source(), ty.node()).ok();
    let types = module.variables.iter();
    types.filter_map(|(name, decl)| Some((name.as_str(), read(decl.ty.as_ref()?)?))).collect()
}

/// An attribute that the type of a variable does not have.
fn wrong_attribute(types: &BTreeMap<&str, Type>, reference: &Reference) -> Option<Diagnostic> {
    let (name, _) = reference.name(0)?;
    let mut ty = types.get(name)?;
    for step in reference.steps.iter().skip(1) {
        ty = match (step, ty) {
            (RefPart::Name(attr, loc), Type::Object(fields)) => match fields.get(attr) {
                Some(field) => &field.ty,
                None => {
                    let help = did_you_mean(attr, fields.keys().map(String::as_str));
                    let summary = format!("`var.{name}` has no attribute `{attr}` by its type");
                    return Some(Diagnostic::error(summary).at(loc.clone()).help_opt(help));
                }
            },
            (RefPart::Name(..), Type::Map(element))
            | (RefPart::Key, Type::List(element) | Type::Map(element))
            | (RefPart::Each, Type::List(element) | Type::Set(element) | Type::Map(element)) => {
                element
            }
            _ => return None,
        };
    }
    None
}
