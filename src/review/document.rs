//! Policy documents as dumps and plans hold them: JSON, or not known.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::access::NamedPolicy;
use crate::iam::{Document, Use, semantic_eq};

/// A policy document of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PolicyText {
    /// It is known.
    Known(Arc<Json>),
    /// It is not, for this reason: whom it lets in or keeps out cannot be told.
    Unknown(String),
}

impl PolicyText {
    /// A document from JSON, which AWS's tools give as an object or, from the API, as URL-encoded text (IAM API
    /// Reference, `GetAccountAuthorizationDetails`).
    #[must_use]
    pub(crate) fn read(json: &Json) -> Self {
        let Json::String(text) = json else { return Self::Known(Arc::new(json.clone())) };
        let decoded = if text.trim_start().starts_with('{') {
            text.clone()
        } else {
            percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
        };
        match serde_json::from_str(&decoded) {
            Ok(json) => Self::Known(Arc::new(json)),
            Err(error) => Self::Unknown(format!("its policy is not JSON: {error}")),
        }
    }

    /// The document as a part of what reports call `label`; `None` where it is unknown or no policy.
    #[must_use]
    pub(crate) fn named(&self, label: &str, part: &str, role: Use) -> Option<NamedPolicy> {
        let Self::Known(json) = self else { return None };
        let (document, _) = Document::from_json(json, role).ok()?;
        Some(NamedPolicy::new(label, part, document))
    }

    /// Whether a principal of it is that ARN.
    pub(super) fn names(&self, arn: &str) -> bool {
        matches!(self, Self::Known(json) if names(json, arn))
    }

    /// Replaces a principal's ARN by the unique id that AWS saves in its place once the principal is gone (IAM User
    /// Guide, "AWS JSON policy elements: Principal"): a new principal of the same name is another one.
    pub(super) fn sever(&mut self, arn: &str, unique_id: &str) {
        let Self::Known(json) = self else { return };
        if !names(json, arn) {
            return;
        }
        let mut severed = (**json).clone();
        for statement in statements(&mut severed) {
            for element in ["Principal", "NotPrincipal"] {
                if let Some(principal) = statement.get_mut(element) {
                    replace(principal, arn, unique_id);
                }
            }
        }
        *json = Arc::new(severed);
    }

    /// Whether a statement of it has that `Sid`; `None` where the document is not known.
    pub(super) fn has_statement(&self, sid: &str) -> Option<bool> {
        let Self::Known(json) = self else { return None };
        let mut json = (**json).clone();
        Some(statements(&mut json).any(|statement| is_called(statement, sid)))
    }

    /// The document with one more statement, which takes the place of one with the same `Sid`.
    #[must_use]
    pub(super) fn with_statement(policy: Option<Self>, sid: &str, statement: Json) -> Self {
        let left = policy.and_then(|policy| policy.without_statement(sid));
        let mut json = match left {
            Some(unknown @ Self::Unknown(_)) => return unknown,
            Some(Self::Known(json)) => Arc::unwrap_or_clone(json),
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
        Self::Known(Arc::new(json))
    }

    /// The document without the statement of that `Sid`; `None` where nothing is left of it.
    #[must_use]
    pub(super) fn without_statement(self, sid: &str) -> Option<Self> {
        let Self::Known(json) = self else { return Some(self) };
        let mut json = Arc::unwrap_or_clone(json);
        match json.get_mut("Statement") {
            Some(Json::Array(all)) => all.retain(|statement| !is_called(statement, sid)),
            Some(one) if is_called(one, sid) => return None,
            _ => {}
        }
        let is_empty = json.get("Statement").and_then(Json::as_array).is_some_and(Vec::is_empty);
        (!is_empty).then(|| Self::Known(Arc::new(json)))
    }

    /// Whether both are known and permit the same.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let (Self::Known(one), Self::Known(other)) = (self, other) else { return false };
        let read = |json: &Json| Document::from_json(json, Use::Resource(String::new())).ok();
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
