//! Documents of which a part is unknown until apply: there and back through placeholders.

use std::collections::BTreeMap;

use super::read::concat;
use super::{Home, kind};
use crate::address::ResourceAddr;
use crate::iam::text::{Placeholder, Text, TextRun};
use crate::value::{AttrRef, StringPart, Unknown, Value};

/// What stands behind the placeholders of a document.
#[derive(Default)]
pub(super) struct Placeholders(BTreeMap<String, Unknown>);

impl Placeholders {
    /// A text of a document; `None` for what is none.
    pub(super) fn text(&mut self, value: &Value) -> Option<Text> {
        match value {
            Value::String(text) => Some(Text::from(text.as_str())),
            Value::Number(number) => Some(Text::from(number.to_string())),
            Value::Bool(b) => Some(Text::from(b.to_string())),
            Value::Sensitive(inner) => self.text(inner),
            Value::Unknown(unknown) => Some(self.unknown(unknown)),
            _ => None,
        }
    }

    /// The object of the organization whose ARN a placeholder stands for.
    pub(super) fn arn_in_organization(&self, name: &str) -> Option<&ResourceAddr> {
        let [StringPart::Ref(reference)] = self.0.get(name)?.parts.as_slice() else { return None };
        let home = kind(&reference.address.kind)?.schema().home;
        (reference.attr == "arn" && home == Home::Organization).then_some(&reference.address)
    }

    fn unknown(&mut self, unknown: &Unknown) -> Text {
        if unknown.parts.is_empty() {
            return Text::placeholder(self.opaque(unknown));
        }
        Text::from_parts(unknown.parts.iter().map(|part| match part {
            StringPart::Text(text) => TextRun::Literal(text.clone()),
            StringPart::Ref(reference) => {
                TextRun::Placeholder(Placeholder::new(self.attr(reference)))
            }
        }))
    }

    fn attr(&mut self, reference: &AttrRef) -> String {
        let name = reference.to_string();
        self.0.insert(
            name.clone(),
            Unknown::attr(reference.address.clone(), reference.attr.as_str()),
        );
        name
    }

    fn opaque(&mut self, unknown: &Unknown) -> String {
        let waits: Vec<String> = unknown.waits_for.iter().map(ToString::to_string).collect();
        let name = format!("computed from {}", waits.join(", "));
        self.0.insert(name.clone(), unknown.clone());
        name
    }

    /// The canonical value of a document.
    pub(super) fn value(&self, json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::String(text) => self.string(text),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|item| self.value(item)).collect())
            }
            serde_json::Value::Object(map) => {
                Value::Map(map.iter().map(|(k, v)| (k.clone(), self.value(v))).collect())
            }
            other => Value::from_json(other),
        }
    }

    /// Placeholders stand between brackets that no valid policy can hold.
    fn string(&self, text: &str) -> Value {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\u{27e8}') {
            let Some((name, tail)) = after.split_once('\u{27e9}') else { break };
            let Some(unknown) = self.0.get(name) else { break };
            pieces.push(Value::from(before));
            pieces.push(Value::Unknown(unknown.clone()));
            rest = tail;
        }
        pieces.push(Value::from(rest));
        concat(&pieces)
    }
}
