//! Policies that are known only after apply, composed from the configuration.
//!
//! Claim: a composed policy is the text that the apply writes, with symbols for values that AWS assigns. A plan does not
//! contain the parts of an unknown value, so they come from the `.tf` files. The reader of the files accepts only expressions
//! that need no function except `jsonencode`. Here the plan must refer to the same objects, and each of them must be known,
//! or have a name from which its ARN follows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::overlay::{Work, symbol};
use super::plan::Change;
use crate::review::PolicyText;
use crate::review::json::scalar;

/// A value as the configuration writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenValue {
    /// A constant.
    Literal(Json),
    /// A string template.
    Text(Vec<Self>),
    /// A list.
    List(Vec<Self>),
    /// An object, in the order of its keys.
    Object(Vec<(Self, Self)>),
    /// A reference to another value.
    Reference(WrittenReference),
}

/// A reference to another value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenReference {
    /// `var.NAME`.
    Variable(String),
    /// `each.key` or `count.index`.
    Key(&'static str),
    /// `aws_iam_role.r["x"].arn`, `data.aws_caller_identity.c.account_id`.
    Attribute {
        /// The object without its key: `aws_iam_role.r`.
        object: String,
        /// Its key.
        key: Option<WrittenKey>,
        /// The attribute.
        attr: String,
    },
}

/// The key of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenKey {
    /// A constant.
    Literal(Json),
    /// The key of the object that contains the reference.
    Own(&'static str),
}

/// A policy as the configuration writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenPolicy {
    /// The argument of `jsonencode`.
    Encoded(WrittenValue),
    /// A string.
    Text(WrittenValue),
    /// An `aws_iam_policy_document`.
    Document {
        /// `data.aws_iam_policy_document.d`.
        data: String,
        /// The document that its blocks produce.
        content: WrittenValue,
    },
}

/// Policies as the configuration writes them, by the address of their object and the argument.
pub(crate) type WrittenPolicies = BTreeMap<(String, String), WrittenPolicy>;

/// The position of a value in a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PolicyPlace {
    /// Anywhere else.
    Element,
    /// In `Condition`.
    Condition,
    /// Below an operator that compares strings.
    Compared,
}

/// The policy that an apply writes; `None` if it cannot be derived.
pub(super) fn policy(work: &Work<'_>, change: &Change, attr: &str) -> Option<PolicyText> {
    // Proofs and reports show policies, so a sensitive one is not composed.
    if change.change.after_sensitive.get(attr) == Some(&Json::Bool(true)) {
        return None;
    }
    let written = work.written().get(&(change.address.clone(), attr.to_owned()))?;
    let said = work.accounts.block(change)?.expressions.get(attr)?;
    let value = match written {
        WrittenPolicy::Encoded(content) | WrittenPolicy::Text(content) => {
            let alike = references_in(content) == references_of(said);
            alike.then(|| work.value(change, content, PolicyPlace::Element))?
        }
        WrittenPolicy::Document { data, content } => {
            let address = match &change.module_address {
                Some(module) => format!("{module}.{data}"),
                None => data.clone(),
            };
            let read = work.accounts.change(&address)?;
            let block = &work.accounts.block(read)?.expressions;
            let alike = references_of(said) == BTreeSet::from([data.clone()])
                && references_in(content) == references_of(block);
            let value = alike.then(|| work.value(read, content, PolicyPlace::Element))?;
            value.filter(|value| {
                agrees(value, read.change.after.get("statement").unwrap_or(&Json::Null))
            })
        }
    }?;
    Some(PolicyText::read(&value))
}

impl Work<'_> {
    /// A value, if it is known before the apply.
    fn value(&self, change: &Change, written: &WrittenValue, place: PolicyPlace) -> Option<Json> {
        match written {
            WrittenValue::Literal(value) => Some(value.clone()),
            WrittenValue::Text(parts) => {
                let part = |part| scalar(&self.value(change, part, place)?);
                parts.iter().map(part).collect::<Option<String>>().map(Json::String)
            }
            WrittenValue::List(all) => {
                all.iter().map(|one| self.value(change, one, place)).collect()
            }
            WrittenValue::Object(members) => {
                let mut object = Map::new();
                for (key, value) in members {
                    let key = scalar(&self.value(change, key, place)?)?;
                    let within = match place {
                        PolicyPlace::Element if key == "Condition" => PolicyPlace::Condition,
                        PolicyPlace::Condition if key.contains("String") => PolicyPlace::Compared,
                        place => place,
                    };
                    let value = self.value(change, value, within)?;
                    // Two keys may be equal only after evaluation, and it is not clear which one wins.
                    if object.insert(key, value).is_some() {
                        return None;
                    }
                }
                Some(Json::Object(object))
            }
            WrittenValue::Reference(reference) => self.referred(change, reference, place),
        }
    }

    fn referred(
        &self,
        change: &Change,
        reference: &WrittenReference,
        place: PolicyPlace,
    ) -> Option<Json> {
        let (object, key, attr) = match reference {
            // The plan does not show the values of a child module's variables.
            WrittenReference::Variable(name) if change.module_address.is_none() => {
                return self.accounts.variable(name).cloned();
            }
            WrittenReference::Variable(_) => return None,
            WrittenReference::Key(_) => return change.index.clone(),
            WrittenReference::Attribute { object, key, attr } => (object, key, attr.as_str()),
        };
        let key = match key {
            None => String::new(),
            Some(WrittenKey::Literal(key)) => format!("[{key}]"),
            Some(WrittenKey::Own(_)) => format!("[{}]", change.index.as_ref()?),
        };
        let module = change.module_address.as_ref().map(|m| format!("{m}.")).unwrap_or_default();
        let address = format!("{module}{object}{key}");
        let Some(other) = self.accounts.change(&address) else {
            return self.accounts.read_before(&address)?.get(attr).cloned();
        };
        let known = other.change.after.get(attr).filter(|value| !value.is_null());
        if let Some(known) = known.filter(|_| !other.is_unknown(attr)) {
            return Some(known.clone());
        }
        let entity = self.entity(other);
        let named = match (other.r#type.as_str(), attr) {
            (_, "arn")
            | ("aws_iam_policy" | "aws_secretsmanager_secret" | "aws_sns_topic", "id") => {
                entity.map(|entity| entity.arn.clone())
            }
            ("aws_iam_group" | "aws_iam_role" | "aws_iam_user", "id" | "name")
            | ("aws_s3_bucket", "id" | "bucket")
            | ("aws_kms_key", "id" | "key_id")
            | ("aws_dynamodb_table", "id" | "name") => entity.map(|entity| entity.name.clone()),
            _ => None,
        };
        // A symbol equals only itself, which is right for string comparisons and for nothing else.
        let assigned = || {
            (place == PolicyPlace::Compared && matches!(attr, "arn" | "id"))
                .then(|| symbol(other, attr))
        };
        named.or_else(assigned).map(Json::String)
    }
}

/// The objects, variables and keys that a value refers to.
fn references_in(written: &WrittenValue) -> BTreeSet<String> {
    let all = |parts: &[WrittenValue]| parts.iter().flat_map(references_in).collect();
    match written {
        WrittenValue::Literal(_) => BTreeSet::new(),
        WrittenValue::Text(parts) | WrittenValue::List(parts) => all(parts),
        WrittenValue::Object(members) => members
            .iter()
            .flat_map(|(key, value)| references_in(key).into_iter().chain(references_in(value)))
            .collect(),
        WrittenValue::Reference(WrittenReference::Variable(name)) => {
            BTreeSet::from([format!("var.{name}")])
        }
        WrittenValue::Reference(WrittenReference::Key(name)) => {
            BTreeSet::from([(*name).to_owned()])
        }
        WrittenValue::Reference(WrittenReference::Attribute { object, key, .. }) => {
            let own = match key {
                Some(WrittenKey::Own(name)) => Some((*name).to_owned()),
                Some(WrittenKey::Literal(_)) | None => None,
            };
            std::iter::once(object.clone()).chain(own).collect()
        }
    }
}

/// The same for an argument in a plan, where each reference occurs with several lengths.
fn references_of(expression: &Json) -> BTreeSet<String> {
    match expression {
        Json::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("references", Json::Array(all)) => {
                    all.iter().filter_map(|one| one.as_str().map(base)).collect()
                }
                ("constant_value", _) => BTreeSet::new(),
                (_, value) => references_of(value),
            })
            .collect(),
        Json::Array(all) => all.iter().flat_map(references_of).collect(),
        _ => BTreeSet::new(),
    }
}

/// `aws_iam_role.r` of `aws_iam_role.r["x"].arn`.
fn base(reference: &str) -> String {
    let plain = reference.split('[').next().unwrap_or(reference);
    let length = if plain.starts_with("data.") { 3 } else { 2 };
    plain.split('.').take(length).collect::<Vec<_>>().join(".")
}

/// Whether a document agrees with the known parts of its statements in the plan.
fn agrees(document: &Json, known: &Json) -> bool {
    let (Some(written), Some(known)) =
        (document.get("Statement").and_then(Json::as_array), known.as_array())
    else {
        return false;
    };
    let alike = |(written, known): (&Json, &Json)| {
        let effect = |statement: &Json, name: &str| {
            statement.get(name).and_then(Json::as_str).unwrap_or("Allow").to_owned()
        };
        let (mut all, mut parts) = (BTreeSet::new(), BTreeSet::new());
        texts(written, &mut all);
        texts(known, &mut parts);
        effect(written, "Effect") == effect(known, "effect") && parts.is_subset(&all)
    };
    written.len() == known.len() && written.iter().zip(known).all(alike)
}

/// The strings of a value as the provider writes them, including those keys of objects that are values in a block.
fn texts(value: &Json, into: &mut BTreeSet<String>) {
    match value {
        Json::String(text) if !text.is_empty() => {
            into.insert(text.replace("&{", "${"));
        }
        Json::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Json::Object(members) => members.iter().for_each(|(key, value)| {
            // Principal types, operators and condition keys are keys in a document and values in a block.
            if key.starts_with(char::is_uppercase) || key.contains(':') {
                into.insert(key.clone());
            }
            texts(value, into);
        }),
        _ => {}
    }
}
