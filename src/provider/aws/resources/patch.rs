//! The change of an object as a JSON Patch (RFC 6902) over its model: the smallest leaf at a time, for a patch of more than that
//! touches what is settled at creation beside it, which AWS refuses.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::model::{Model, encoded};
use crate::resource_types::{PropertyStep, TypeSchema};
use crate::schema::resource::tags_json;
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
                    operations.push(json!({"op": "add", "path": pointer(&names), "value": tags_json(ty, &wanted)}));
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
        for (beside, value) in empty_beside(&names, before, after) {
            if done.insert(beside.clone()) {
                operations.push(match value {
                    Some(value) => {
                        json!({"op": "add", "path": pointer(&beside), "value": value.to_json()})
                    }
                    None => json!({"op": "remove", "path": pointer(&beside)}),
                });
            }
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
    let mut again: BTreeSet<Vec<String>> = BTreeSet::new();
    for path in &ty.write_only {
        let Some((PropertyStep::Name(last), above)) = path.0.split_last() else { continue };
        let is_asked_for =
            ty.shape().at(above).is_some_and(|shape| shape.asked_for().contains(last.as_str()));
        let names = path.0.iter().map_while(|step| match step {
            PropertyStep::Name(name) => Some(name.clone()),
            // In a list, the list as a whole.
            PropertyStep::Each => None,
        });
        let names: Vec<String> = names.collect();
        let steps: Vec<PropertyStep> = names.iter().cloned().map(PropertyStep::Name).collect();
        let is_fixed =
            ty.create_only.iter().any(|fixed| fixed.covers(&steps) || fixed.is_below(&steps));
        let is_done = done.iter().any(|other| names.starts_with(other));
        if is_asked_for && !is_fixed && !is_done && !names.is_empty() {
            again.insert(names);
        }
    }
    let written = again.into_iter().filter_map(|names| {
        let value = at(after, &names).filter(|value| !value.is_null())?;
        let steps: Vec<PropertyStep> = names.iter().cloned().map(PropertyStep::Name).collect();
        let value = encoded(value, ty.shape().at(&steps).as_ref());
        Some(json!({"op": "add", "path": pointer(&names), "value": value}))
    });
    written.collect()
}

/// Whether a comparison takes a value for absent.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Map(map) => map.values().all(says_nothing),
        Value::List(list) => list.is_empty(),
        _ => false,
    }
}

/// Alternatives that say nothing but their names (`Public = {}`): a comparison takes them for absent, AWS does not.
fn empty_beside(
    names: &[String],
    before: &Attrs,
    after: &Attrs,
) -> Vec<(Vec<String>, Option<Value>)> {
    let Some((_, above)) = names.split_last().filter(|(_, above)| !above.is_empty()) else {
        return Vec::new();
    };
    let inside = |attrs| at(attrs, above).and_then(Value::as_map);
    let (Some(was), Some(is)) = (inside(before), inside(after)) else { return Vec::new() };
    let below = |name: &String| above.iter().chain([name]).cloned().collect::<Vec<_>>();
    let gone = was.iter().filter(|(name, value)| says_nothing(value) && !is.contains_key(name));
    let new = is.iter().filter(|(name, value)| says_nothing(value) && !was.contains_key(name));
    let gone = gone.map(|(name, _)| (below(name), None));
    gone.chain(new.map(|(name, value)| (below(name), Some(value.clone())))).collect()
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
