//! Policy documents inside attributes: compared by meaning, unknown parts included.

use crate::iam::{Document, Part as TextPart, Placeholder, Text, Use};
use crate::value::{Part, Value};

/// Whether a canonical attribute path (`["inline_policies", "deploy"]`) holds a policy document,
/// by the patterns of [`crate::schema::KindSchema::policies`].
#[must_use]
pub fn is_policy(patterns: &[&str], path: &[&str]) -> bool {
    patterns.iter().any(|pattern| {
        let steps: Vec<&str> = pattern.split('.').collect();
        steps.len() == path.len() && steps.iter().zip(path).all(|(s, p)| *s == "*" || s == p)
    })
}

/// The document that a canonical attribute holds; `None` when it holds none or none that can be
/// read (then values are compared as they stand).
#[must_use]
pub fn document(value: &Value) -> Option<Document> {
    let mut parts = Vec::new();
    match value.reveal() {
        Value::String(text) => parts.push(TextPart::Literal(text.clone())),
        Value::Map(_) => write_json(value, &mut parts)?,
        _ => return None,
    }
    let role = role_of(value);
    let (document, _) = Document::parse_text(&Text::from_parts(parts), role).ok()?;
    Some(document)
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
            .any(|s| names.iter().any(|name| s.contains_key(*name)))
    };
    if !has(&["Principal", "NotPrincipal"]) {
        Use::Identity
    } else if has(&["Resource", "NotResource"]) {
        Use::Resource(String::new())
    } else {
        Use::Trust
    }
}

fn write_json(value: &Value, out: &mut Vec<TextPart>) -> Option<()> {
    let mut literal = |text: String| out.push(TextPart::Literal(text));
    match value.reveal() {
        Value::Map(map) => {
            literal("{".to_owned());
            for (index, (key, value)) in map.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                out.push(TextPart::Literal(format!("{comma}{}:", quoted(key))));
                write_json(value, out)?;
            }
            out.push(TextPart::Literal("}".to_owned()));
        }
        Value::List(list) => {
            literal("[".to_owned());
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    out.push(TextPart::Literal(",".to_owned()));
                }
                write_json(value, out)?;
            }
            out.push(TextPart::Literal("]".to_owned()));
        }
        Value::Unknown(unknown) if !unknown.parts.is_empty() => {
            literal("\"".to_owned());
            for part in &unknown.parts {
                out.push(match part {
                    Part::Text(text) => {
                        let quoted = quoted(text);
                        TextPart::Literal(
                            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned(),
                        )
                    }
                    Part::Ref(reference) => {
                        TextPart::Placeholder(Placeholder::new(reference.to_string()))
                    }
                });
            }
            out.push(TextPart::Literal("\"".to_owned()));
        }
        Value::Unknown(_) | Value::Set(_) | Value::Block(_) | Value::Secret(_) => return None,
        known => literal(known.to_json().to_string()),
    }
    Some(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
