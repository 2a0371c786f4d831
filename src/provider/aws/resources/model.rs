//! Attributes as Cloud Control takes and tells them: a JSON model of the type's properties.

use serde_json::{Map, Value as Json};

use crate::provider::aws::errors;
use crate::provider::aws::session::Session;
use crate::provider::{LiveObject, ProviderError};
use crate::resource_types::{PropertyPath, PropertyShape, PropertyType, TypeSchema};
use crate::schema::resource::{REGION, canonical, settable_tags, tags_json, with_region};
use crate::value::{Attrs, Value};

use super::request::SERVICE;

/// The model of a type's objects.
#[derive(Clone, Copy)]
pub(super) struct Model(pub(super) &'static TypeSchema);

impl Model {
    /// The property that holds the tags of a block.
    pub(super) fn tags(self) -> Option<PropertyPath> {
        settable_tags(self.0)
    }

    /// What is asked for: what is AWS's to set is left out.
    pub(super) fn to_json(self, attrs: &Attrs) -> Json {
        let shape = self.0.shape();
        let names = shape.names();
        let is_read_only =
            |name: &str| self.0.read_only.iter().any(|path| path.is_top() && path.root() == name);
        let given = attrs.iter().filter(|(name, value)| {
            names.contains(name.as_str()) && !is_read_only(name) && !value.is_null()
        });
        let mut model: Map<String, Json> = given
            .map(|(name, value)| (name.clone(), encoded(value, shape.property(name).as_ref())))
            .collect();
        if let (Some(path), Some(tags)) = (self.tags(), attrs.get("tags").and_then(Value::as_map))
            && !tags.is_empty()
        {
            model.insert(path.root().to_owned(), tags_json(self.0, tags));
        }
        Json::Object(model)
    }

    /// An object from its model.
    ///
    /// # Errors
    /// What was told is no model.
    pub(super) fn object(
        self,
        session: &Session,
        region: &str,
        id: &str,
        properties: &str,
    ) -> Result<LiveObject, ProviderError> {
        let garbled = || {
            errors::refuse(
                SERVICE,
                "GetResource",
                &session.account,
                format!("what was told of `{id}` is no JSON object"),
            )
        };
        let json: Json = serde_json::from_str(properties).map_err(|_| garbled())?;
        let Value::Map(mut attrs) = canonical(&Value::from_json(&json), Some(&self.0.shape()))
        else {
            return Err(garbled());
        };
        if let Some(path) = self.tags()
            && let Some(told) = attrs.remove(path.root())
        {
            attrs.insert("tags".to_owned(), tags_of(&told));
        }
        attrs.insert("id".to_owned(), id.into());
        attrs.insert(REGION.to_owned(), region.into());
        Ok(LiveObject::new(&self.0.name, with_region(id, region), attrs))
    }
}

/// Tags, but those that AWS itself puts there.
fn tags_of(told: &Value) -> Value {
    let mut tags = Attrs::new();
    let mut add = |key: &str, value: &Value| {
        if !key.starts_with("aws:") {
            tags.insert(key.to_owned(), value.clone());
        }
    };
    match told {
        Value::Map(map) => map.iter().for_each(|(key, value)| add(key, value)),
        other => {
            for tag in other.elements().unwrap_or_default().into_iter().filter_map(Value::as_map) {
                if let Some(key) = tag.get("Key").and_then(Value::as_str) {
                    add(key, tag.get("Value").unwrap_or(&Value::from("")));
                }
            }
        }
    }
    Value::Map(tags)
}

/// A canonical value as its place takes it: JSON in a text where no object can stand.
pub(super) fn encoded(value: &Value, shape: Option<&PropertyShape<'_>>) -> Json {
    let types = shape.map(PropertyShape::types).unwrap_or_default();
    match value.reveal() {
        document @ (Value::Map(_) | Value::List(_))
            if types.contains(&PropertyType::String) && types.len() == 1 =>
        {
            Json::String(document.to_json().to_string())
        }
        Value::Map(map) => {
            let inside = map.iter().filter(|(_, value)| !value.is_null());
            let inside = inside.map(|(name, value)| {
                (
                    name.clone(),
                    encoded(value, shape.and_then(|shape| shape.property(name)).as_ref()),
                )
            });
            Json::Object(inside.collect())
        }
        Value::List(list) => {
            let element = shape.and_then(PropertyShape::element);
            Json::Array(list.iter().map(|value| encoded(value, element.as_ref())).collect())
        }
        other => other.to_json(),
    }
}
