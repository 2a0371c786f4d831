//! Policy documents as dumps and plans hold them: JSON, or not known.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::access::NamedPolicy;
use crate::iam::{Document, Use, semantic_eq};

/// A policy document of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PolicyText {
    /// It is known.
    Known(Arc<KnownPolicy>),
    /// It is not, for this reason: whom it lets in or keeps out cannot be told.
    Unknown(String),
}

/// The JSON of a policy, kept as text, which takes a tenth of the memory, and compiled once for all that share it.
pub(crate) struct KnownPolicy {
    text: Box<str>,
    /// For the use that asked first: hardly a document stands in places of two kinds.
    compiled: OnceLock<(Use, Option<NamedPolicy>)>,
}

impl KnownPolicy {
    fn new(json: &Json) -> Arc<Self> {
        Arc::new(Self { text: json.to_string().into(), compiled: OnceLock::new() })
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn compile(&self, role: Use) -> Option<NamedPolicy> {
        let (document, _) = Document::from_json(&self.json(), role).ok()?;
        Some(NamedPolicy::new("", "", document))
    }

    /// The policy, compiled under no name.
    fn compiled(&self, role: Use) -> Option<NamedPolicy> {
        let (of, compiled) =
            self.compiled.get_or_init(|| (role.clone(), self.compile(role.clone())));
        if *of == role { compiled.clone() } else { self.compile(role) }
    }
}

impl fmt::Debug for KnownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for KnownPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for KnownPolicy {}

impl Hash for KnownPolicy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Documents by their text: those that are equal share one, and with it what is compiled.
#[derive(Debug, Default)]
pub(crate) struct SharedTexts(HashSet<Arc<KnownPolicy>>);

impl SharedTexts {
    /// The same document, in the memory of the first one that is equal.
    pub(crate) fn shared(&mut self, policy: PolicyText) -> PolicyText {
        let PolicyText::Known(known) = policy else { return policy };
        if let Some(first) = self.0.get(&known) {
            return PolicyText::Known(Arc::clone(first));
        }
        self.0.insert(Arc::clone(&known));
        PolicyText::Known(known)
    }
}

impl<'de> Deserialize<'de> for PolicyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Json::deserialize(from).map(|json| Self::read(&json))
    }
}

impl Serialize for PolicyText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(known) => known.json().serialize(to),
            // What is no policy is read back as none.
            Self::Unknown(why) => to.serialize_str(why),
        }
    }
}

impl PolicyText {
    /// A document from JSON, which AWS's tools give as an object or, from the API, as URL-encoded text (IAM API
    /// Reference, `GetAccountAuthorizationDetails`).
    #[must_use]
    pub(crate) fn read(json: &Json) -> Self {
        let Json::String(text) = json else { return Self::known(json) };
        let decoded = if text.trim_start().starts_with('{') {
            text.clone()
        } else {
            percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
        };
        match serde_json::from_str(&decoded) {
            Ok(json) => Self::known(&json),
            Err(error) => Self::Unknown(format!("its policy is not JSON: {error}")),
        }
    }

    fn known(json: &Json) -> Self {
        Self::Known(KnownPolicy::new(json))
    }

    /// The document as a part of what reports call `label`; `None` where it is unknown or no policy.
    #[must_use]
    pub(crate) fn named(&self, label: &str, part: &str, role: Use) -> Option<NamedPolicy> {
        let Self::Known(known) = self else { return None };
        Some(known.compiled(role)?.named(label, part))
    }

    /// Whether a principal of it is that ARN.
    pub(super) fn names(&self, arn: &str) -> bool {
        let Self::Known(known) = self else { return false };
        // Most name nobody who is asked about, which their texts show.
        known.text.contains(&Json::from(arn).to_string()) && names(&known.json(), arn)
    }

    /// Replaces a principal's ARN by the unique id that AWS saves in its place once the principal is gone (IAM User
    /// Guide, "AWS JSON policy elements: Principal"): a new principal of the same name is another one.
    pub(super) fn sever(&mut self, arn: &str, unique_id: &str) {
        if !self.names(arn) {
            return;
        }
        let Self::Known(known) = self else { return };
        let mut severed = known.json();
        for statement in statements(&mut severed) {
            for element in ["Principal", "NotPrincipal"] {
                if let Some(principal) = statement.get_mut(element) {
                    replace(principal, arn, unique_id);
                }
            }
        }
        *known = KnownPolicy::new(&severed);
    }

    /// Whether a statement of it has that `Sid`; `None` where the document is not known.
    pub(super) fn has_statement(&self, sid: &str) -> Option<bool> {
        let Self::Known(known) = self else { return None };
        let mut json = known.json();
        Some(statements(&mut json).any(|statement| is_called(statement, sid)))
    }

    /// The document with one more statement, which takes the place of one with the same `Sid`.
    #[must_use]
    pub(super) fn with_statement(policy: Option<Self>, sid: &str, statement: Json) -> Self {
        let left = policy.and_then(|policy| policy.without_statement(sid));
        let mut json = match left {
            Some(unknown @ Self::Unknown(_)) => return unknown,
            Some(Self::Known(known)) => known.json(),
            None => serde_json::json!({"Version": "2012-10-17", "Statement": []}),
        };
        let Some(members) = json.as_object_mut() else {
            return Self::Unknown("its policy is no document".to_owned());
        };
        match members.get_mut("Statement") {
            Some(Json::Array(all)) => all.push(statement),
            Some(one) => *one = Json::Array(vec![one.take(), statement]),
            None => {
                members.insert("Statement".to_owned(), Json::Array(vec![statement]));
            }
        }
        Self::known(&json)
    }

    /// The document without the statement of that `Sid`; `None` where nothing is left of it.
    #[must_use]
    pub(super) fn without_statement(self, sid: &str) -> Option<Self> {
        let Self::Known(known) = self else { return Some(self) };
        let mut json = known.json();
        match json.get_mut("Statement") {
            Some(Json::Array(all)) => all.retain(|statement| !is_called(statement, sid)),
            Some(one) if is_called(one, sid) => return None,
            _ => {}
        }
        let is_empty = json.get("Statement").and_then(Json::as_array).is_some_and(Vec::is_empty);
        (!is_empty).then(|| Self::known(&json))
    }

    /// Whether both are known and permit the same.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let (Self::Known(one), Self::Known(other)) = (self, other) else { return false };
        let read = |known: &KnownPolicy| {
            Document::from_json(&known.json(), Use::Resource(String::new())).ok()
        };
        one == other
            || matches!((read(one), read(other)), (Some((one, _)), Some((other, _))) if semantic_eq(&one, &other))
    }
}

/// Whether a principal of the document is that ARN.
fn names(json: &Json, arn: &str) -> bool {
    fn within(value: &Json, arn: &str) -> bool {
        match value {
            Json::String(text) => text == arn,
            Json::Array(all) => all.iter().any(|one| within(one, arn)),
            Json::Object(all) => all.values().any(|one| within(one, arn)),
            _ => false,
        }
    }
    let statement = |s: &Json| {
        ["Principal", "NotPrincipal"].iter().any(|p| s.get(p).is_some_and(|p| within(p, arn)))
    };
    match json.get("Statement") {
        Some(Json::Array(all)) => all.iter().any(statement),
        Some(one) => statement(one),
        None => false,
    }
}

fn is_called(statement: &Json, sid: &str) -> bool {
    statement.get("Sid").and_then(Json::as_str) == Some(sid)
}

fn statements(json: &mut Json) -> impl Iterator<Item = &mut Json> {
    let statement = json.get_mut("Statement");
    let all: Vec<&mut Json> = match statement {
        Some(Json::Array(all)) => all.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    all.into_iter()
}

fn replace(value: &mut Json, old: &str, new: &str) {
    match value {
        Json::String(text) if text == old => new.clone_into(text),
        Json::Array(all) => all.iter_mut().for_each(|one| replace(one, old, new)),
        Json::Object(all) => all.values_mut().for_each(|one| replace(one, old, new)),
        _ => {}
    }
}
