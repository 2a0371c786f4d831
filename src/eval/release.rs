//! What moves: an immutable set of values, named by the digest of its content.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::value::{Attrs, PlainValue, Value};

/// The schema that release values stand under; no `config_schema` may have this name.
pub const SCHEMA: &str = "release";
/// The key that holds the digest; no value may have this name.
pub const DIGEST_KEY: &str = "digest";

/// How a release's digest begins.
const PREFIX: &str = "sha256:";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;
/// Digits that are shown to people, and the fewest that name a release.
pub const SHORT: usize = 12;

/// A release's digest: `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest of a release: it is `sha256:` and 64 hexadecimal digits")]
pub struct DigestError(String);

impl Digest {
    /// As text, `sha256:` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hexadecimal digits alone: the name of the stored object.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.get(PREFIX.len()..).unwrap_or_default()
    }

    /// What people are shown: the first digits.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hex().get(..SHORT).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let valid = text.strip_prefix(PREFIX).is_some_and(|hex| {
            hex.len() == DIGITS && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(DigestError(text.to_owned())) }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// What a release consists of, by key: the values that its digest is computed of, as they are stored.
pub type ReleaseValues = BTreeMap<String, PlainValue>;

/// A release: equal content has an equal digest, and another content has another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Label of its `release` block.
    pub name: String,
    /// What it consists of.
    pub values: ReleaseValues,
    /// SHA-256 over name and values as canonical JSON; see [`Release::new`].
    pub digest: Digest,
}

impl Release {
    /// A release of these values. Its digest is the SHA-256 of the canonical JSON of
    /// `{"name": NAME, "values": VALUES}`: keys sorted, nothing between the tokens, numbers in
    /// their shortest form.
    #[must_use]
    pub fn new(name: impl Into<String>, values: ReleaseValues) -> Self {
        let name = name.into();
        let mut text = String::from("{\"name\":");
        canonical(&Json::from(name.as_str()), &mut text);
        text.push_str(",\"values\":{");
        for (index, (key, value)) in values.iter().enumerate() {
            member(index, key, &value.to_json(), &mut text);
        }
        text.push_str("}}");
        let hash = Sha256::digest(text.as_bytes());
        let digest = Digest(format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&hash)));
        Self { name, values, digest }
    }

    /// What `environment.E.release["NAME"]` is in expressions: an object with `values` and `digest`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let values = self.values.iter().map(|(k, v)| (k.clone(), Value::clone(v))).collect();
        Value::Map(Attrs::from([
            ("values".to_owned(), Value::Map(values)),
            ("digest".to_owned(), Value::string(self.digest.as_str())),
        ]))
    }

    /// Its values as texts, as applications read them: what is no text is JSON.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<String, String> {
        let json = |value: &Value| value.to_json().to_string();
        let text = |value: &Value| value.as_str().map_or_else(|| json(value), str::to_owned);
        self.values.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// Whether the digest is the content's.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        Self::new(self.name.as_str(), self.values.clone()).digest == self.digest
    }
}

fn member(index: usize, key: &str, value: &Json, into: &mut String) {
    if index > 0 {
        into.push(',');
    }
    into.push_str(&Json::from(key).to_string());
    into.push(':');
    canonical(value, into);
}

/// Writes JSON with sorted keys; serde_json alone may keep the order of insertion.
fn canonical(value: &Json, into: &mut String) {
    match value {
        Json::Object(object) => {
            let sorted: BTreeMap<&String, &Json> = object.iter().collect();
            into.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                member(index, key, value, into);
            }
            into.push('}');
        }
        Json::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                canonical(item, into);
            }
            into.push(']');
        }
        scalar => into.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(values: Json) -> Release {
        Release::new("app", serde_json::from_value(values).unwrap())
    }

    #[test]
    fn the_digest_is_of_the_content_whatever_its_order() {
        let one =
            release(json!({"image": "a@sha256:1", "schema": {"b": 1, "a": [1, {"y": 1, "x": 2}]}}));
        let other =
            release(json!({"schema": {"a": [1, {"x": 2, "y": 1}], "b": 1}, "image": "a@sha256:1"}));
        assert_eq!(one, other);
        assert!(one.is_sound());
        // printf '{"name":"app","values":{"schema":42}}' | sha256sum
        assert_eq!(
            release(json!({"schema": 42})).digest.as_str(),
            "sha256:f86870876b3fc26ccad03de53f98baa54ca3b3f1ca136ab607e5a1b75a275856"
        );
        assert_ne!(release(json!({"schema": 42})).digest, release(json!({"schema": "42"})).digest);
        assert_ne!(Release::new("api", one.values.clone()).digest, one.digest);
    }

    #[test]
    fn a_release_that_was_edited_shows_it() {
        let mut edited = release(json!({"schema": 42}));
        edited.values.insert("schema".into(), PlainValue::shown(&Value::int(43)));
        assert!(!edited.is_sound());
    }

    #[test]
    fn digests_are_checked_when_they_are_read() {
        let good = release(json!({})).digest;
        assert_eq!(good.as_str().parse(), Ok(good.clone()));
        for bad in ["", "sha256:", "../../x", &good.as_str().to_uppercase(), good.hex()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        assert!(serde_json::from_value::<Digest>(json!("sha256:..")).is_err());
        assert_eq!(good.short().len(), SHORT);
    }
}
