//! What an object shall be that exists: what its block says, and what AWS filled in beside it. Only what the block says, or said
//! when it was applied last, is compared.

use std::collections::BTreeSet;

use super::canonical::parsed;
use crate::resource_types::{PropertyShape, TypeSchema};
use crate::value::{Attrs, Value};

/// The paths of what a block says of properties: `A.B`, and in a list `A.0.B`.
pub(super) fn said(properties: Option<&Value>) -> Value {
    fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value.reveal() {
            Value::Map(map) if !map.is_empty() => {
                for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    paths(value, &path, into);
                }
            }
            Value::List(list) if !path.is_empty() => {
                into.insert(path.to_owned());
                let elements = list.iter().enumerate();
                for (at, element) in elements.filter(|(_, element)| element.as_map().is_some()) {
                    paths(element, &format!("{path}.{at}"), into);
                }
            }
            _ if path.is_empty() => {}
            _ => {
                into.insert(path.to_owned());
            }
        }
    }
    let mut all = BTreeSet::new();
    if let Some(properties) = properties {
        paths(properties, "", &mut all);
    }
    all.into_iter().collect()
}

/// Desired attributes with what is live beside them. `said` lists the paths that the block said when it was applied last.
pub(super) fn with_live(
    ty: &TypeSchema,
    mut desired: Attrs,
    live: &Attrs,
    said: Option<&Value>,
) -> Attrs {
    let said = said.and_then(Value::elements).unwrap_or_default();
    let said: BTreeSet<&str> = said.into_iter().filter_map(Value::as_str).collect();
    let is_settable =
        |name: &str| !ty.read_only.iter().any(|path| path.is_top() && path.root() == name);
    for (name, live) in live {
        match desired.get(name) {
            Some(wanted) => {
                let shape = ty.shape().property(name);
                let merged = merged(wanted, live, (name, shape.as_ref()), &said);
                desired.insert(name.clone(), merged);
            }
            None if is_settable(name) && was_said(&said, name) => {
                desired.insert(name.clone(), without_said(live, name, &said));
            }
            None => {}
        }
    }
    desired
}

fn was_said(said: &BTreeSet<&str>, path: &str) -> bool {
    said.iter().any(|one| {
        one.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// What is left of a live value of which the block no longer says anything.
fn without_said(live: &Value, path: &str, said: &BTreeSet<&str>) -> Value {
    let Some(map) = live.as_map().filter(|_| !said.contains(path)) else { return Value::Null };
    let left = map.iter().filter_map(|(name, value)| {
        let path = format!("{path}.{name}");
        let value =
            if was_said(said, &path) { without_said(value, &path, said) } else { value.clone() };
        (!value.is_null()).then(|| (name.clone(), value))
    });
    let left: Attrs = left.collect();
    if left.is_empty() { Value::Null } else { Value::Map(left) }
}

/// Whether a live value is what is wanted, with more that AWS filled in.
fn is_filled_in(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Sensitive(_), Value::Null) => true,
        (Value::Sensitive(inner), _) => is_filled_in(inner, live),
        (Value::Map(wanted), Value::Map(live)) => wanted
            .iter()
            .all(|(name, value)| is_filled_in(value, live.get(name).unwrap_or(&Value::Null))),
        (Value::List(wanted), Value::List(live)) => {
            wanted.len() == live.len()
                && wanted.iter().zip(live.iter()).all(|(wanted, live)| is_filled_in(wanted, live))
        }
        _ => wanted == live,
    }
}

fn merged(
    wanted: &Value,
    live: &Value,
    (path, shape): (&str, Option<&PropertyShape<'_>>),
    said: &BTreeSet<&str>,
) -> Value {
    match (wanted, live) {
        (Value::Sensitive(inner), _) => merged(inner, live, (path, shape), said).sensitive(),
        // Into a document or a map, whose names are nobody's but the block's, AWS fills in nothing.
        (Value::Map(_), Value::Map(_)) if shape.is_none_or(|shape| shape.names().is_empty()) => {
            wanted.clone()
        }
        (Value::Map(wanted), Value::Map(live)) => {
            let mut all = wanted.clone();
            for (name, live) in live {
                let below = format!("{path}.{name}");
                match wanted.get(name) {
                    Some(wanted) => {
                        let shape = shape.and_then(|shape| shape.property(name));
                        let inner = merged(wanted, live, (&below, shape.as_ref()), said);
                        all.insert(name.clone(), inner)
                    }
                    None if was_said(said, &below) => None,
                    None => all.insert(name.clone(), live.clone()),
                };
            }
            Value::Map(all)
        }
        (Value::List(wanted), Value::List(live)) if wanted.len() == live.len() => {
            let shape = shape.and_then(PropertyShape::element);
            let all = wanted.iter().zip(live).enumerate().map(|(at, (wanted, live))| {
                // Another element has nothing to give to this one.
                match is_filled_in(wanted, live) {
                    true => merged(wanted, live, (&format!("{path}.{at}"), shape.as_ref()), said),
                    false => wanted.clone(),
                }
            });
            Value::list(all.collect())
        }
        (Value::String(wanted_text), Value::String(text)) => {
            // A document that AWS writes in another way.
            let same = || parsed(wanted_text).is_some_and(|wanted| parsed(text) == Some(wanted));
            if wanted_text == text || !same() { wanted.clone() } else { live.clone() }
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::resource_type;
    use super::*;

    fn attrs(json: serde_json::Value) -> Attrs {
        Value::from_json(&json).as_map().unwrap().clone()
    }

    #[test]
    fn what_aws_filled_in_stays_and_what_the_block_said_goes_with_it() {
        let ty = resource_type("AWS::S3::Bucket").unwrap();
        let live = attrs(json!({
            "BucketName": "a", "Arn": "arn:aws:s3:::a",
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true},
            "VersioningConfiguration": {"Status": "Enabled"},
        }));
        let desired =
            json!({"BucketName": "a", "PublicAccessBlockConfiguration": {"BlockPublicAcls": true}});
        let before = json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true},
            "VersioningConfiguration": {"Status": "Enabled"}});
        let merged = |said| {
            let all = with_live(ty, attrs(desired.clone()), &live, said);
            Value::Map(all).to_json()
        };
        let key = resource_type("AWS::KMS::Key").unwrap();
        let policy = |principal: serde_json::Value| json!({"KeyPolicy": {"Statement": [{"Effect": "Allow", "Principal": principal}]}});
        let (own, other) = (policy(json!({"AWS": "a"})), policy(json!({"Service": "b"})));
        let all = with_live(key, attrs(other.clone()), &attrs(own), None);
        assert_eq!(Value::Map(all).to_json(), other, "a document is the block's alone");
        assert_eq!(
            merged(None),
            json!({
                "BucketName": "a",
                "PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true},
            })
        );
        assert_eq!(
            merged(Some(&said(Some(&Value::from_json(&before))))),
            json!({
                "BucketName": "a",
                "PublicAccessBlockConfiguration": {"BlockPublicAcls": true},
                "VersioningConfiguration": null,
            })
        );
    }
}
