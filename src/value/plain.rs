//! Attributes that are plain JSON, as plans and state hold them.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::path::{AttrPath, AttrStep};
use super::{Attrs, Number, Value};

/// Attributes of which every value is null, a truth value, a number, a text, a list or a map: nothing
/// unknown, nothing sensitive. They are written and read as a JSON object.
///
/// Where attributes are plain already, which is nearly everywhere, this shares their memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain(Attrs);

impl Plain {
    /// Attributes without what must not be shown: null stands at every path of `hidden`, at every
    /// sensitive value, and where a value is unknown.
    #[must_use]
    pub fn shown(attrs: &Attrs, hidden: &BTreeSet<String>) -> Self {
        if hidden.is_empty() && attrs.values().all(is_plain) {
            return Self(attrs.clone());
        }
        let root = AttrPath::default();
        Self(attrs.iter().map(|(k, v)| (k.clone(), shown(v, &root.key(k), hidden))).collect())
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
    }

    /// Puts a value under a name.
    pub fn insert(&mut self, name: String, value: &Json) {
        self.0.insert(name, Value::from_json(value));
    }

    /// Takes away what stands under a name.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes over the memory of what is equal in `other`, see [`Attrs::share`].
    pub fn share(&mut self, other: &Attrs) {
        // Equal to plain attributes is plain.
        self.0.share(other);
    }

    /// The attributes, to be read and changed as such.
    #[must_use]
    pub fn attrs(&self) -> &Attrs {
        &self.0
    }
}

impl FromIterator<(String, Json)> for Plain {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(k, v)| (k, Value::from_json(&v))).collect())
    }
}

impl Deref for Plain {
    type Target = Attrs;

    fn deref(&self) -> &Attrs {
        &self.0
    }
}

/// One value of which nothing is unknown and nothing sensitive, written and read as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainValue(Value);

impl PlainValue {
    /// A value as JSON would hold it: a set as a list, a block as its address. What must not be shown is
    /// not to be given to it; what is unknown becomes null.
    #[must_use]
    pub fn shown(value: &Value) -> Self {
        if is_plain(value) { Self(value.clone()) } else { Self(Value::from_json(&value.to_json())) }
    }
}

/// Null.
impl Default for PlainValue {
    fn default() -> Self {
        Self(Value::Null)
    }
}

impl Deref for PlainValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Serialize for PlainValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written(&self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for PlainValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Value::from_json(&Json::deserialize(from)?)))
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        // A number as it will be read again, so that it is compared with what was stored.
        Value::Number(number) => number.outlives_its_text(),
        Value::List(list) => list.iter().all(is_plain),
        Value::Map(map) => map.values().all(is_plain),
        _ => false,
    }
}

fn shown(value: &Value, at: &AttrPath, hidden: &BTreeSet<String>) -> Value {
    if matches!(value, Value::Sensitive(_)) || hidden.contains(&at.to_string()) {
        return Value::Null;
    }
    match value {
        Value::Map(map) => {
            Value::Map(map.iter().map(|(k, v)| (k.clone(), shown(v, &at.key(k), hidden))).collect())
        }
        Value::List(list) => Value::list(
            list.iter()
                .enumerate()
                .map(|(i, v)| shown(v, &at.join(AttrStep::Index(i)), hidden))
                .collect(),
        ),
        plain if is_plain(plain) => plain.clone(),
        other => Value::from_json(&other.to_json()),
    }
}

/// A plain value on its way into JSON.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(b) => to.serialize_bool(*b),
            Value::Number(Number::Int(int)) => to.serialize_i64(*int),
            Value::Number(number) => number.to_json().serialize(to),
            Value::String(text) => to.serialize_str(text),
            Value::List(list) => {
                let mut seq = to.serialize_seq(Some(list.len()))?;
                for value in list {
                    seq.serialize_element(&Written(value))?;
                }
                seq.end()
            }
            Value::Map(map) => entries(map, to),
            // Nothing else is in plain attributes.
            _ => to.serialize_unit(),
        }
    }
}

fn entries<S: Serializer>(attrs: &Attrs, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(attrs.len()))?;
    for (name, value) in attrs {
        map.serialize_entry(name, &Written(value))?;
    }
    map.end()
}

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        entries(&self.0, to)
    }
}

/// Whether a number is in it that no number of the language can hold: it must not pass for null.
fn is_out_of_range(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Number(number) => Number::from_json(number).is_none(),
        serde_json::Value::Array(all) => all.iter().any(is_out_of_range),
        serde_json::Value::Object(all) => all.values().any(is_out_of_range),
        _ => false,
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::deserialize(from)?;
        if map.values().any(is_out_of_range) {
            return Err(serde::de::Error::custom("number out of range"));
        }
        Ok(Self(map.iter().map(|(k, v)| (k.clone(), Value::from_json(v))).collect()))
    }
}
