//! Adopting objects of AWS resource types: which types can be asked for, and what a block says of an object.

use crate::diag::{Diagnostic, did_you_mean};
use crate::resource_types::{self, Handler, PropertyPath, PropertyStep, TypeSchema};
use crate::schema::{Home, kinds};
use crate::value::{Attrs, Value};

use super::error::EngineError;

/// What a block of an AWS resource type says of an object.
#[derive(Clone, Debug, Default)]
pub struct AdoptedResource {
    /// The properties that can be set, as AWS returns them.
    pub properties: Attrs,
    /// Its tags.
    pub tags: Attrs,
    /// Properties that can be set and AWS never returns.
    pub unread: Vec<String>,
}

const BY_IDENTIFIER: &str =
    "write a `resource` block and an `import` block with the identifier of the object";

/// The types of these names.
///
/// # Errors
/// There is no such type, or its objects cannot be found.
pub(super) fn asked(names: &[String], home: Home) -> Result<Vec<&'static TypeSchema>, EngineError> {
    let types = names.iter().map(|name| one(name, home));
    Ok(types.collect::<Result<_, Diagnostic>>()?)
}

fn one(name: &str, home: Home) -> Result<&'static TypeSchema, Diagnostic> {
    let refused = |text: String, help: String| Err(Diagnostic::error(text).help(help));
    if home != Home::Account {
        return refused(
            "`--type` finds objects in an account".to_owned(),
            "use `palisade adopt --account ACCOUNT --type TYPE`".to_owned(),
        );
    }
    let typed = kinds::kinds().iter().map(|kind| kind.schema());
    if let Some(typed) = typed.into_iter().find(|kind| kind.resource_types.contains(&name)) {
        let help = format!("use `--kind {}`", typed.kind);
        return refused(format!("`{name}` has a kind of its own"), help);
    }
    let Some(entry) = resource_types::find(name) else {
        let names = resource_types::entries().iter().map(|entry| entry.name.as_str());
        let help = did_you_mean(name, names)
            .unwrap_or_else(|| "types are named as in AWS CloudFormation".to_owned());
        return refused(format!("there is no resource type `{name}`"), help);
    };
    let Some(ty) = entry.load().filter(|_| entry.handlers.can_be_managed()) else {
        let text = format!("AWS Cloud Control cannot create, read and delete objects of `{name}`");
        return refused(text, "manage them with the API of their service".to_owned());
    };
    if !entry.handlers.has(Handler::List) {
        let text = format!("AWS Cloud Control cannot list objects of `{name}`");
        return refused(text, BY_IDENTIFIER.to_owned());
    }
    let parents = ty.needed_for_lists();
    if !parents.is_empty() {
        let parents: Vec<String> = parents.iter().map(|name| format!("`{name}`")).collect();
        let text = format!("AWS lists objects of `{name}` by {} only", parents.join(", "));
        return refused(text, BY_IDENTIFIER.to_owned());
    }
    Ok(ty)
}

/// What a block says of an object with these attributes.
pub(super) fn resource(ty: &TypeSchema, attrs: &Attrs) -> AdoptedResource {
    let names = ty.shape().names();
    let mut properties: Attrs = attrs
        .iter()
        .filter(|(name, value)| names.contains(name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for path in &ty.read_only {
        match path.0.split_first() {
            Some((PropertyStep::Name(root), [])) => {
                properties.remove(root);
            }
            Some((PropertyStep::Name(root), below)) => {
                if let Some(value) = properties.get_mut(root) {
                    *value = without(std::mem::take(value), below);
                }
            }
            _ => {}
        }
    }
    let tags = attrs.get("tags").and_then(Value::as_map).cloned().unwrap_or_default();
    let is_read_only = |path: &PropertyPath| ty.read_only.iter().any(|other| other.covers(&path.0));
    let unread = ty.write_only.iter();
    let unread = unread.filter(|path| !is_read_only(path) && is_lacking(path, attrs));
    AdoptedResource { properties, tags, unread: unread.map(ToString::to_string).collect() }
}

/// Whether an object has the place of a property, and not the property. In a list it cannot be told of which element.
fn is_lacking(path: &PropertyPath, attrs: &Attrs) -> bool {
    let Some((_, above)) = path.0.split_last() else { return false };
    let mut place = Some(attrs);
    let mut value = None;
    for step in above {
        let PropertyStep::Name(name) = step else { return value.is_some() };
        value = place.and_then(|place| place.get(name));
        place = value.and_then(Value::as_map);
    }
    let Some(PropertyStep::Name(last)) = path.0.last() else { return false };
    place.is_some_and(|place| !place.contains_key(last))
}

/// A value without what is at a path below.
fn without(value: Value, path: &[PropertyStep]) -> Value {
    let Some((step, below)) = path.split_first() else { return value };
    match (value, step) {
        (Value::Map(mut map), PropertyStep::Name(name)) => {
            match below {
                [] => {
                    map.remove(name);
                }
                _ => {
                    if let Some(inside) = map.get_mut(name) {
                        *inside = without(std::mem::take(inside), below);
                    }
                }
            }
            Value::Map(map)
        }
        (Value::Map(map), PropertyStep::Each) => Value::Map(
            map.into_iter().map(|(name, inside)| (name, without(inside, below))).collect(),
        ),
        (Value::List(list), PropertyStep::Each) => {
            Value::list(list.iter().map(|inside| without(inside.clone(), below)).collect())
        }
        (value, _) => value,
    }
}
