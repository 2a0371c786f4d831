//! The `isolation` blocks of a configuration, read as rules.

use std::collections::BTreeSet;

use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::isolation::Grade;
use crate::isolation::rules::{Exception, Rule};
use crate::plan::access::symbol;
use crate::schema::{Body, Spanned};
use crate::value::Value;

/// Reads all `isolation` blocks.
///
/// # Errors
/// Everything that is wrong with them, each at its place.
pub(super) fn read(estate: &Estate) -> Result<Vec<Rule>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let blocks = estate.declarations.get("isolation");
    let rules = blocks
        .into_iter()
        .flatten()
        .filter_map(|(name, body)| rule(estate, name, body, &mut diagnostics))
        .collect();
    diagnostics.into_result(rules)
}

fn rule(estate: &Estate, name: &str, body: &Body, diagnostics: &mut Diagnostics) -> Option<Rule> {
    let mut sides = |attr: &str| -> Option<Vec<String>> {
        let value = body.get(attr)?;
        Some(names(estate, attr, value, diagnostics))
    };
    let (between, from, to) = (sides("between"), sides("from"), sides("to"));
    let pairs: BTreeSet<(String, String)> = match (between, from, to) {
        (Some(all), None, None) => {
            let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (a.clone(), b.clone())));
            pairs.filter(|(a, b)| a != b).collect()
        }
        (None, Some(from), Some(to)) => {
            let pairs = from.iter().flat_map(|a| to.iter().map(move |b| (a.clone(), b.clone())));
            pairs.filter(|(a, b)| a != b).collect()
        }
        _ => {
            diagnostics.push(
                Diagnostic::error(format!(
                    "the isolation rule `{name}` does not say what it keeps apart"
                ))
                .at(body.loc.clone())
                .help("give `between = [...]`, or both `from = [...]` and `to = [...]`"),
            );
            return None;
        }
    };
    let mut choice = |attr: &str| match body.get(attr) {
        None => true,
        Some(value) => match value.value.as_str() {
            Some("error") => true,
            Some("warn") => false,
            _ => {
                diagnostics.push(
                    Diagnostic::error(format!("`{attr}` must be \"error\" or \"warn\""))
                        .at(value.loc.clone()),
                );
                true
            }
        },
    };
    let grades = match body.get("grades").and_then(|g| g.value.elements()) {
        Some(listed) => listed.into_iter().filter_map(|g| grade(g.as_str()?)).collect(),
        None => [Grade::Request, Grade::Power].into(),
    };
    let (error, undetermined_counts) = (choice("on_violation"), choice("undetermined"));
    let assumptions_count = body.get("assumptions").is_some() && choice("assumptions");
    let exceptions = body
        .nested("allow")
        .filter_map(|block| {
            let label = block.labels.first().map_or_else(String::new, |l| l.value.clone());
            exception(estate, &label, &block.body, diagnostics)
        })
        .collect();
    Some(Rule {
        name: name.to_owned(),
        pairs,
        grades,
        error,
        undetermined_counts,
        assumptions_count,
        exceptions,
        loc: body.loc.clone(),
    })
}

/// The grade of that name; others are refused when the configuration is checked.
fn grade(name: &str) -> Option<Grade> {
    Grade::ALL.into_iter().find(|grade| grade.letter() == name)
}

/// Names of environments and pseudo-origins.
fn names(
    estate: &Estate,
    attr: &str,
    value: &Spanned<Value>,
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    const ORIGINS: [&str; 4] = ["$management", "$unassigned", "$external", "$anonymous"];
    let listed = value.value.elements().unwrap_or_else(|| vec![&value.value]);
    let mut names = Vec::new();
    for element in listed {
        match element.reveal() {
            Value::Block(block) if block.address.kind == "environment" => {
                names.push(block.address.name.clone());
            }
            Value::String(text)
                if estate.environments.contains_key(text)
                    || (attr == "from" && ORIGINS.contains(&text.as_str())) =>
            {
                names.push(text.clone());
            }
            other => {
                let shown = other.as_str().map_or(other.type_name(), |t| t).to_owned();
                diagnostics.push(
                    Diagnostic::error(format!("`{shown}` is no environment"))
                        .at(value.loc.clone())
                        .help("write `environment.NAME`; `from` also takes \"$management\", \"$unassigned\", \"$external\" and \"$anonymous\""),
                );
            }
        }
    }
    names
}

fn exception(
    estate: &Estate,
    name: &str,
    body: &Body,
    diagnostics: &mut Diagnostics,
) -> Option<Exception> {
    let mut sides = |attr: &str| -> BTreeSet<String> {
        body.get(attr).map(|v| names(estate, attr, v, diagnostics)).into_iter().flatten().collect()
    };
    let (from, to) = (sides("from"), sides("to"));
    let texts = |attr: &str| -> Vec<String> {
        let elements = body.get(attr).and_then(|v| v.value.elements()).unwrap_or_default();
        elements.into_iter().map(symbol).collect()
    };
    let resources = texts("resources");
    if resources.iter().any(|r| r == "*") {
        diagnostics.push(
            Diagnostic::error(format!("the exception `{name}` permits every resource"))
                .at(body.loc_of("resources").clone())
                .detail("a bare `*` would cover paths that nobody has thought of yet")
                .help("name the resources, as in `arn:aws:s3:::acme-production-masked/*`"),
        );
    }
    let reason = body.get("reason").and_then(|r| r.value.as_str()).unwrap_or_default().to_owned();
    if reason.trim().is_empty() {
        diagnostics.push(
            Diagnostic::error(format!("the exception `{name}` has no reason"))
                .at(body.loc_of("reason").clone())
                .help("say why it exists, for example the ticket in which it was decided"),
        );
    }
    let said = |attr: &str| -> Option<String> {
        let text = body.get(attr)?.value.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let expires = body.get("expires").and_then(|e| e.value.as_str()).unwrap_or_default();
    let Ok(expires) = expires.parse::<jiff::civil::Date>() else {
        diagnostics.push(
            Diagnostic::error(format!("the exception `{name}` has no end"))
                .at(body.loc_of("expires").clone())
                .help("give the last day on which it counts, as in `expires = \"2027-03-31\"`"),
        );
        return None;
    };
    Some(Exception {
        name: name.to_owned(),
        from,
        to,
        principals: texts("principals"),
        actions: texts("actions"),
        resources,
        reason,
        owner: said("owner"),
        approved_by: said("approved_by"),
        expires,
        loc: body.loc.clone(),
    })
}
