//! Policy documents inside attributes: compared by meaning, unknown parts included.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diagnostics;
use crate::iam::node::{JsonMember, JsonNode, MAX_DEPTH, NodeKind};
use crate::iam::{Document, Placeholder, Text, TextRun, Use, decode};
use crate::value::{StringPart, Value};

/// Whether a canonical attribute path (`["inline_policies", "deploy"]`) holds a policy document,
/// by the patterns of [`crate::schema::KindSchema::policies`].
#[must_use]
pub(crate) fn is_policy(patterns: &[&str], path: &[&str]) -> bool {
    patterns.iter().any(|pattern| {
        let steps: Vec<&str> = pattern.split('.').collect();
        steps.len() == path.len() && steps.iter().zip(path).all(|(s, p)| *s == "*" || s == p)
    })
}

/// The document that a canonical attribute holds; `None` when it holds none or none that can be
/// read (then values are compared as they stand).
#[must_use]
pub(crate) fn document(value: &Value) -> Option<Document> {
    let role = role_of(value);
    let read = match value.reveal() {
        Value::String(text) => Document::parse_text(&Text::from(text.as_str()), role),
        Value::Map(_) => decode::document(node(value, 0)?, &role, Diagnostics::new()),
        _ => return None,
    };
    read.ok().map(|(document, _)| document)
}

/// The document of a text that is used so, of which parts may not be known yet.
#[must_use]
pub(crate) fn text_document(value: &Value, role: Use) -> Option<Document> {
    let NodeKind::String(text) = node(value, 0)?.kind else { return None };
    Document::parse_text(&text, role).ok().map(|(document, _)| document)
}

/// A canonical policy in which principals that stand as unique ids are named by the ARNs that these ids stood
/// for.
#[must_use]
pub(crate) fn with_arns(policy: &Value, arns: &BTreeMap<String, String>) -> Value {
    fn walk(value: &Value, arns: &BTreeMap<String, String>, principal: bool) -> Value {
        let named = |text: &Value| match text.as_str().and_then(|id| arns.get(id)) {
            Some(arn) if principal => arn.as_str().into(),
            _ => text.clone(),
        };
        match value {
            Value::Map(map) => {
                let walked = map.iter().map(|(key, part)| {
                    let principal = principal || matches!(&**key, "Principal" | "NotPrincipal");
                    (key.clone(), walk(part, arns, principal))
                });
                Value::Map(walked.collect())
            }
            // In canonical order again, which the ARN may change.
            Value::List(list) if principal => {
                let texts = list.iter().map(named);
                let texts: BTreeSet<String> =
                    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect();
                texts.into_iter().collect()
            }
            Value::List(list) => {
                Value::List(list.iter().map(|part| walk(part, arns, principal)).collect())
            }
            other => named(other),
        }
    }
    walk(policy, arns, false)
}

/// A text as principals and resources in documents are compared: pieces that are not known yet stand as
/// placeholders.
#[must_use]
pub(crate) fn symbol(value: &Value) -> Option<String> {
    match node(value, 0)?.kind {
        NodeKind::String(text) => Some(text.symbolic().to_string()),
        _ => None,
    }
}

/// How a document is used shows in its elements: only trust and resource policies name principals,
/// and a trust policy has no resource.
fn role_of(document: &Value) -> Use {
    let statements = document.as_map().and_then(|d| d.get("Statement"));
    let statements = match statements.map(Value::reveal) {
        Some(Value::List(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let has = |names: &[&str]| {
        statements
            .iter()
            .filter_map(|s| s.as_map())
            .any(|s| names.iter().any(|name| s.contains_key(name)))
    };
    if !has(&["Principal", "NotPrincipal"]) {
        Use::Identity
    } else if has(&["Resource", "NotResource"]) {
        Use::Resource(String::new())
    } else {
        Use::Trust
    }
}

fn node(value: &Value, depth: usize) -> Option<JsonNode> {
    if depth > MAX_DEPTH {
        return None;
    }
    let kind = match value.reveal() {
        Value::Null => NodeKind::Null,
        Value::Bool(bool) => NodeKind::Bool(*bool),
        Value::Number(number) => NodeKind::Number(number.to_string()),
        Value::String(text) => NodeKind::String(Text::from(text.as_str())),
        Value::List(list) => {
            NodeKind::Array(list.iter().map(|v| node(v, depth + 1)).collect::<Option<_>>()?)
        }
        Value::Map(map) => NodeKind::Object(
            map.iter()
                .map(|(key, v)| {
                    Some(JsonMember { key: key.clone(), key_loc: None, value: node(v, depth + 1)? })
                })
                .collect::<Option<_>>()?,
        ),
        Value::Unknown(unknown) if !unknown.parts.is_empty() => {
            NodeKind::String(Text::from_parts(unknown.parts.iter().map(|part| match part {
                StringPart::Text(text) => TextRun::Literal(text.clone()),
                StringPart::Ref(reference) => {
                    TextRun::Placeholder(Placeholder::new(reference.to_string()))
                }
            })))
        }
        Value::Unknown(_)
        | Value::Set(_)
        | Value::Block(_)
        | Value::Secret(_)
        | Value::Sensitive(_) => return None,
    };
    Some(JsonNode { kind, loc: None })
}
