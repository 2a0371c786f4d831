//! JSON values with their places, in source order.

use crate::diag::{Diagnostic, Loc};

use super::text::Text;

/// The deepest nesting that is read. A policy needs seven levels.
pub const MAX_DEPTH: usize = 32;

/// A JSON value and where it stands.
#[derive(Clone, Debug)]
pub struct JsonNode {
    /// The value.
    pub kind: NodeKind,
    /// Its range, when it was read from a text.
    pub loc: Option<Loc>,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    String(Text),
    /// An array.
    Array(Vec<JsonNode>),
    /// An object, in source order.
    Object(Vec<JsonMember>),
}

/// One key of an object with its value.
#[derive(Clone, Debug)]
pub struct JsonMember {
    /// The key.
    pub key: String,
    /// The key's range.
    pub key_loc: Option<Loc>,
    /// The value.
    pub value: JsonNode,
}

impl NodeKind {
    /// What it is, with its article, for messages.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Takes over a value that has no source text. Nesting beyond [`MAX_DEPTH`] is an error.
///
/// # Errors
/// When the value is nested too deeply.
pub fn from_value(value: &serde_json::Value) -> Result<JsonNode, Diagnostic> {
    fn convert(value: &serde_json::Value, depth: usize) -> Result<JsonNode, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let kind = match value {
            serde_json::Value::Null => NodeKind::Null,
            serde_json::Value::Bool(b) => NodeKind::Bool(*b),
            serde_json::Value::Number(n) => NodeKind::Number(n.to_string()),
            serde_json::Value::String(s) => NodeKind::String(Text::from(s.as_str())),
            serde_json::Value::Array(items) => NodeKind::Array(
                items.iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>()?,
            ),
            serde_json::Value::Object(members) => NodeKind::Object(
                members
                    .iter()
                    .map(|(key, value)| {
                        Ok(JsonMember {
                            key: key.clone(),
                            key_loc: None,
                            value: convert(value, depth + 1)?,
                        })
                    })
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        };
        Ok(JsonNode { kind, loc: None })
    }
    convert(value, 0)
}

/// Straight from a deserializer, without places; duplicate keys are an error.
impl<'de> serde::Deserialize<'de> for JsonNode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl NodeVisitor {
    fn node<E>(kind: NodeKind) -> Result<JsonNode, E> {
        Ok(JsonNode { kind, loc: None })
    }
}

impl<'de> serde::de::Visitor<'de> for NodeVisitor {
    type Value = JsonNode;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<JsonNode, E> {
        Self::node(NodeKind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonNode, E> {
        Self::node(NodeKind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsonNode, E> {
        Self::node(NodeKind::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonNode, E> {
        Self::node(NodeKind::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<JsonNode, E> {
        Self::node(NodeKind::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonNode, E> {
        Self::node(NodeKind::String(Text::from(value)))
    }

    fn visit_string<E>(self, value: String) -> Result<JsonNode, E> {
        Self::node(NodeKind::String(Text::from(value)))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<JsonNode, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Self::node(NodeKind::Array(items))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<JsonNode, A::Error> {
        // How `serde_json` hands over the text of a number.
        const NUMBER: &str = "$serde_json::private::Number";
        let mut members: Vec<JsonMember> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some((key, value)) = map.next_entry::<String, JsonNode>()? {
            // A few keys are compared one by one; hostile objects get a set.
            let twice = if members.len() < 16 {
                members.iter().any(|m| m.key == key)
            } else {
                if seen.is_empty() {
                    seen.extend(members.iter().map(|m| m.key.clone()));
                }
                !seen.insert(key.clone())
            };
            if key == NUMBER
                && let NodeKind::String(text) = &value.kind
            {
                return Self::node(NodeKind::Number(text.known().unwrap_or_default().to_owned()));
            }
            if twice {
                let message = format!("the key `{key}` occurs twice");
                return Err(serde::de::Error::custom(message));
            }
            members.push(JsonMember { key, key_loc: None, value });
        }
        Self::node(NodeKind::Object(members))
    }
}

pub(super) fn too_deep() -> Diagnostic {
    Diagnostic::error(format!("the JSON is nested more than {MAX_DEPTH} levels deep"))
}
