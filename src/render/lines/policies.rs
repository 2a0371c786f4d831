//! Policy documents in a plan's lines: statements, their elements and what changes in them.

use serde_json::Value as Json;

use super::{Lines, Sign, scalar};
use crate::iam::ChangeKind;
use crate::plan::model::PolicyChange;
use crate::render::style::{Tone, safe};
use crate::value::{AttrPath, path::AttrStep};

pub(super) fn statements(document: &Json) -> Vec<&Json> {
    match document.get("Statement") {
        Some(Json::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// What a statement is called: its `Sid`, or its number.
pub(super) fn statement_name(statement: &Json, index: usize) -> String {
    match statement.get("Sid").and_then(Json::as_str) {
        Some(sid) if !sid.is_empty() => safe(sid).into_owned(),
        _ => format!("[{index}]"),
    }
}

pub(super) fn statement_header(statement: &Json, index: usize) -> String {
    let effect = statement.get("Effect").and_then(Json::as_str).unwrap_or("?");
    format!("statement {} ({})", statement_name(statement, index), safe(effect))
}

/// A statement's elements, one value a line. `unknown` says what stands for a path that is known
/// only after apply.
pub(super) fn statement_items(
    statement: &Json,
    at: &AttrPath,
    unknown: &dyn Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let mut items = Vec::new();
    let scalars = |values: &Json, path: &AttrPath| -> Vec<String> {
        let all = scalars(values, path).into_iter();
        all.map(|(text, path)| unknown(&path).unwrap_or(text)).collect()
    };
    for (element, label) in [
        ("Principal", "principal"),
        ("NotPrincipal", "not_principal"),
        ("Action", "action"),
        ("NotAction", "not_action"),
        ("Resource", "resource"),
        ("NotResource", "not_resource"),
    ] {
        let Some(value) = statement.get(element) else { continue };
        let path = at.key(element);
        match value {
            Json::Object(by_type) => {
                for (kind, values) in by_type {
                    // What is not said otherwise is an ARN or an account.
                    let label = match kind.as_str() {
                        "AWS" => label.to_owned(),
                        other => format!("{label} {}", safe(other)),
                    };
                    for text in scalars(values, &path.key(kind)) {
                        items.push((label.clone(), text));
                    }
                }
            }
            values => {
                for text in scalars(values, &path) {
                    items.push((label.to_owned(), text));
                }
            }
        }
    }
    let conditions = statement.get("Condition").and_then(Json::as_object);
    for (operator, keys) in conditions.into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let p = at.key("Condition").key(operator).key(key);
            let texts = scalars(values, &p);
            let text = format!("{} {} = {}", safe(operator), safe(key), texts.join(" | "));
            items.push(("condition".to_owned(), text));
        }
    }
    items
}

/// A value or the members of a list, each with its path.
fn scalars(values: &Json, path: &AttrPath) -> Vec<(String, String)> {
    let bare = |v: &Json| match v {
        Json::String(text) => safe(text).into_owned(),
        other => scalar(other),
    };
    match values {
        Json::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, v)| (bare(v), path.join(AttrStep::Index(i)).to_string()))
            .collect(),
        one => vec![(bare(one), path.to_string())],
    }
}

pub(super) fn statements_text(document: &Json) -> String {
    let mut text = String::new();
    for (index, statement) in statements(document).iter().enumerate() {
        text.push_str(&statement_header(statement, index));
        text.push('\n');
        for (label, value) in statement_items(statement, &AttrPath::default(), &|_| None) {
            text.push_str(&format!("  {label} {value}\n"));
        }
    }
    text
}

pub(super) fn is_policy(value: Option<&Json>) -> bool {
    value
        .and_then(Json::as_object)
        .is_some_and(|o| o.get("Statement").is_some_and(|s| s.is_array() || s.is_object()))
}

/// The lines of one changed statement.
pub(super) fn policy_change(diff: &PolicyChange, depth: usize, out: &mut Lines) {
    let sign = match diff.change {
        ChangeKind::Added => Sign::Add,
        ChangeKind::Removed => Sign::Remove,
        ChangeKind::Changed => Sign::Change,
    };
    out.push(depth, sign, format!("statement {}", safe(&diff.statement)));
    match diff.widens {
        Some(true) => out.note(Tone::Bad, "widens"),
        Some(false) => {}
        None => out.note(Tone::Warn, "may widen"),
    }
    for line in &diff.lines {
        let (sign, text) = match line.split_at_checked(2) {
            Some(("+ ", rest)) => (Sign::Add, rest),
            Some(("- ", rest)) => (Sign::Remove, rest),
            Some(("~ ", rest)) => (Sign::Change, rest),
            _ => (sign, line.as_str()),
        };
        out.push(depth + 1, sign, safe(text));
    }
}
