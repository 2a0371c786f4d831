//! Properties in the one form in which they are compared: types as the schema says, nothing that is null, JSON in texts as
//! what it says, and lists without an order sorted.

use crate::resource_types::{PropertyShape, PropertyType};
use crate::value::{Attrs, Number, Value};

/// The canonical form of a value at a place. What does not fit its place stays as it is, for the check to find.
#[must_use]
pub fn canonical(value: &Value, shape: Option<&PropertyShape<'_>>) -> Value {
    let types = shape.map(PropertyShape::types).unwrap_or_default();
    let only =
        |wanted: &[PropertyType]| !types.is_empty() && types.iter().all(|ty| wanted.contains(ty));
    match value {
        Value::Sensitive(inner) => canonical(inner, shape).sensitive(),
        Value::Map(map) => {
            let given = map.iter().filter(|(_, value)| !value.is_null());
            let inside = given.map(|(name, value)| {
                let below = shape.and_then(|shape| shape.property(name));
                (name.clone(), canonical(value, below.as_ref()))
            });
            Value::Map(inside.collect::<Attrs>())
        }
        Value::List(_) | Value::Set(_) => {
            let below = shape.and_then(PropertyShape::element);
            let elements = value.elements().unwrap_or_default();
            let mut elements: Vec<Value> =
                elements.into_iter().map(|element| canonical(element, below.as_ref())).collect();
            if shape.is_some_and(PropertyShape::is_unordered) {
                elements.sort();
                if shape.is_some_and(PropertyShape::is_unique) {
                    elements.dedup();
                }
            }
            Value::list(elements)
        }
        Value::String(text) if only(&[PropertyType::Boolean]) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => value.clone(),
        },
        Value::String(text) if only(&[PropertyType::Integer, PropertyType::Number]) => {
            Number::parse(text).map_or_else(|| value.clone(), Value::Number)
        }
        Value::String(text)
            if types.contains(&PropertyType::Object)
                || shape.is_some_and(PropertyShape::is_json) =>
        {
            parsed(text).unwrap_or_else(|| value.clone())
        }
        Value::Number(number) if only(&[PropertyType::String]) => Value::String(number.to_string()),
        Value::Bool(is) if only(&[PropertyType::String]) => Value::String(is.to_string()),
        other => other.clone(),
    }
}

/// The object or list that a text holds as JSON.
pub(super) fn parsed(text: &str) -> Option<Value> {
    let json: serde_json::Value =
        text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())??;
    Some(Value::from_json(&json))
}

#[cfg(test)]
mod tests {
    use super::super::resource_type;
    use super::*;

    fn canonical_of(kind: &str, property: &str, json: serde_json::Value) -> serde_json::Value {
        let shape = resource_type(kind).unwrap().shape().property(property);
        canonical(&Value::from_json(&json), shape.as_ref()).to_json()
    }

    #[test]
    fn values_take_the_types_of_their_places() {
        let of = canonical_of;
        assert_eq!(of("AWS::Logs::LogGroup", "RetentionInDays", "30".into()), 30);
        assert_eq!(of("AWS::Logs::LogGroup", "LogGroupName", 7.into()), "7");
        assert_eq!(of("AWS::Logs::LogGroup", "DeletionProtectionEnabled", "true".into()), true);
        let policy = serde_json::json!({"Version": "2012-10-17"});
        assert_eq!(of("AWS::KMS::Key", "KeyPolicy", policy.to_string().into()), policy);
        let rules = serde_json::json!([{"Key": "b", "Value": "1"}, {"Key": "a", "Value": null}]);
        assert_eq!(
            of("AWS::KMS::Key", "Tags", rules),
            serde_json::json!([{"Key": "a"}, {"Key": "b", "Value": "1"}])
        );
    }
}
