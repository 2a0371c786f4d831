//! The change of an object as a JSON Patch (RFC 6902) over its model: the smallest leaf at a time, for a patch of more than that
//! touches what is settled at creation beside it, which AWS refuses.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::model::{Model, encoded};
use crate::resource_types::{PropertyPath, PropertyStep, TypeSchema};
use crate::value::{AttrPath, AttrStep, Attrs, Value};

/// The operations that take an object from `before` to `after` where `changed` differ.
pub(super) fn operations(
    ty: &'static TypeSchema,
    before: &Attrs,
    after: &Attrs,
    changed: &[AttrPath],
) -> Vec<Json> {
    let mut done: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut operations = Vec::new();
    for path in changed {
        let mut names: Vec<String> = Vec::new();
        for step in &path.0 {
            // A list has no elements that could be named for good: it is written whole.
            let AttrStep::Key(name) = step else { break };
            names.push(name.clone());
        }
        match names.first().map(String::as_str) {
            None => continue,
            Some("tags") => {
                let Some(tags) = Model(ty).tags() else { continue };
                names = vec![tags.root().to_owned()];
                if done.insert(names.clone()) {
                    let wanted =
                        after.get("tags").and_then(Value::as_map).cloned().unwrap_or_default();
                    operations.push(json!({"op": "add", "path": pointer(&names), "value": Model(ty).tags_json(&wanted)}));
                }
                continue;
            }
            Some(_) => {}
        }
        shorten_to_what_is_there(&mut names, before, after);
        let covered =
            |all: &BTreeSet<Vec<String>>| all.iter().any(|other| names.starts_with(other));
        if covered(&done) {
            continue;
        }
        let shape =
            ty.shape().at(&names.iter().cloned().map(PropertyStep::Name).collect::<Vec<_>>());
        let value = at(after, &names).filter(|value| !value.is_null());
        let was = at(before, &names).filter(|value| !value.is_null());
        match (value, was) {
            // "add" on what is there replaces it (RFC 6902, 4.1), and so does no harm where it is not.
            (Some(value), _) => {
                operations.push(json!({"op": "add", "path": pointer(&names), "value": encoded(value, shape.as_ref())}));
            }
            (None, Some(_)) => operations.push(json!({"op": "remove", "path": pointer(&names)})),
            (None, None) => {}
        }
        done.insert(names);
    }
    if !operations.is_empty() {
        operations.extend(needed_again(ty, after, &done));
    }
    operations
}

/// What is never read back and yet asked for: the model lacks it, and the whole is checked once it is patched.
fn needed_again(ty: &TypeSchema, after: &Attrs, done: &BTreeSet<Vec<String>>) -> Vec<Json> {
    let shape = ty.shape();
    let required = shape.required();
    let fixed = |path: &PropertyPath| ty.create_only.iter().any(|other| other.covers(&path.0));
    let again = ty
        .write_only
        .iter()
        .filter(|path| path.is_top() && required.contains(path.root()) && !fixed(path));
    let again = again.filter(|path| !done.contains(&vec![path.root().to_owned()]));
    again
        .filter_map(|path| {
            let value = encoded(after.get(path.root())?, shape.property(path.root()).as_ref());
            Some(json!({"op": "add", "path": pointer(&[path.root().to_owned()]), "value": value}))
        })
        .collect()
}

/// Cuts a path after the first object that is not on both sides: there is nothing below it to patch.
fn shorten_to_what_is_there(names: &mut Vec<String>, before: &Attrs, after: &Attrs) {
    for length in 1..names.len() {
        let part = names.get(..length).unwrap_or_default();
        let both = [before, after]
            .map(|attrs| at(attrs, part).is_some_and(|value| value.as_map().is_some()));
        if both != [true, true] {
            names.truncate(length);
            return;
        }
    }
}

fn at<'a>(attrs: &'a Attrs, names: &[String]) -> Option<&'a Value> {
    let (root, below) = names.split_first()?;
    below.iter().try_fold(attrs.get(root)?, |value, name| value.as_map()?.get(name))
}

/// RFC 6901.
fn pointer(names: &[String]) -> String {
    names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attrs(json: Json) -> Attrs {
        Value::from_json(&json).as_map().unwrap().clone()
    }

    #[test]
    fn the_smallest_leaf_is_patched_and_lists_are_written_whole() {
        let ty =
            crate::resource_types::find("AWS::S3::Bucket").and_then(|entry| entry.load()).unwrap();
        let before = attrs(json!({
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": false, "IgnorePublicAcls": true},
            "LoggingConfiguration": {"LogFilePrefix": "x"},
            "tags": {"a": "b"},
        }));
        let after = attrs(json!({
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true},
            "VersioningConfiguration": {"Status": "Enabled"},
            "tags": {"a": "c"},
        }));
        let path = |text: &str| {
            AttrPath(text.split('.').map(|name| AttrStep::Key(name.to_owned())).collect())
        };
        let changed = [
            "PublicAccessBlockConfiguration.BlockPublicAcls",
            "LoggingConfiguration.LogFilePrefix",
            "VersioningConfiguration.Status",
            "tags.a",
        ]
        .map(path);
        assert_eq!(
            operations(ty, &before, &after, &changed),
            [
                json!({"op": "add", "path": "/PublicAccessBlockConfiguration/BlockPublicAcls", "value": true}),
                json!({"op": "remove", "path": "/LoggingConfiguration"}),
                json!({"op": "add", "path": "/VersioningConfiguration", "value": {"Status": "Enabled"}}),
                json!({"op": "add", "path": "/Tags", "value": [{"Key": "a", "Value": "c"}]}),
            ]
        );
    }
}
