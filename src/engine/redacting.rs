//! What a run hides from whatever it shows and keeps: the values of sensitive variables, and of secrets.

use hcl::edit::expr::Expression;

use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, count};
use crate::eval::estate::Estate;
use crate::isolation::section::AccessPath;
use crate::isolation::who::WhoCan;
use crate::promotion::variable_prints::supplied_text;
use crate::redact::{self, Audience, Redactions};
use crate::value::Value;

use super::secrets::local;
use super::workspace::Workspace;

/// Hides the values of sensitive variables from whatever the run keeps. It happens as a configuration is
/// loaded: no use case can write a reason before it knows them.
pub(super) fn learn_variables(workspace: &Workspace, configuration: &Configuration) {
    let mut known: Vec<(String, String)> = Vec::new();
    let declared = &configuration.root().variables;
    for (name, supplied) in &configuration.supplied {
        if declared.get(name).is_some_and(|variable| variable.sensitive) {
            let name = format!("var.{name}");
            let mut texts = vec![supplied_text(supplied)];
            leaves(supplied.value.node(), &mut texts);
            known.extend(texts.into_iter().map(|text| (name.clone(), text)));
        }
    }
    workspace.redactions.learn(known);
}

/// The same for the sensitive values of an estate, and for what its `env:` and `file:` sources hold. Those in
/// SSM follow when they are read.
pub(super) fn learn_estate(workspace: &Workspace, estate: &Estate) {
    let mut known: Vec<(String, String)> = Vec::new();
    for (address, instance) in &estate.instances {
        for value in instance.desired.values() {
            value.visit(&mut |value| match value {
                Value::Secret(reference) => {
                    let local = local(&workspace.dir, &workspace.env, reference);
                    if let Some(Ok(text)) = local {
                        known.push((reference.clone(), text));
                    }
                }
                Value::Sensitive(inner) => inner.visit(&mut |inner| {
                    if let Some(text) = inner.as_str() {
                        known.push((address.to_string(), text.to_owned()));
                    }
                }),
                _ => {}
            });
        }
    }
    workspace.redactions.learn(known);
}

/// Takes sensitive values out of paths: a witness holds the values that policies ask for, and the tags of what is
/// reached.
pub(super) fn redact_paths<'p>(
    workspace: &Workspace,
    estate: &Estate,
    paths: impl IntoIterator<Item = &'p mut AccessPath>,
) {
    learn_estate(workspace, estate);
    for path in paths {
        path.redact(&|text| workspace.redactions.text(text, Audience::Record).into_owned());
    }
}

/// The same for an answer to `who-can`.
pub(super) fn redact_answer(workspace: &Workspace, estate: &Estate, answer: &mut WhoCan) {
    learn_estate(workspace, estate);
    let hide = |text: &str| workspace.redactions.text(text, Audience::Record).into_owned();
    for entry in &mut answer.principals {
        entry.conditions = entry.conditions.iter().map(|condition| hide(condition)).collect();
        entry.via.iter_mut().for_each(|hop| hop.resource = hide(&hop.resource));
        if let Some(witness) = &mut entry.witness {
            witness.redact(&hide);
        }
    }
}

/// The texts in a value as it was written: a file has them in quotes, and maps and lists hold several.
fn leaves(value: &Expression, texts: &mut Vec<String>) {
    match value {
        Expression::String(text) => texts.push(text.to_string()),
        Expression::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Expression::Object(entries) => {
            entries.iter().for_each(|(_, entry)| leaves(entry.expr(), texts));
        }
        _ => {}
    }
}

/// That secrets are too short to be hidden by their value, once for each.
#[must_use]
pub(super) fn too_short(redactions: &Redactions) -> Diagnostics {
    let names: Vec<String> =
        redactions.too_short().into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return Diagnostics::new();
    }
    let (have, hidden) = (redact::LONG, redact::SHORT);
    Diagnostic::warning(format!(
        "{} too short to be hidden by value everywhere: {}",
        count(names.len(), "secret is", "secrets are"),
        names.join(", ")
    ))
    .detail(format!(
        "from {hidden} characters on a secret is hidden in what gates print, from {have} on in every record"
    ))
    .help("use a longer secret: a short one can be guessed too")
    .into()
}
