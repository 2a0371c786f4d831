//! How values convert to type constraints: Terraform's rules.
//!
//! Numbers and truth values become strings and back, tuples become lists, lists become sets,
//! objects become maps, extra attributes of objects are dropped, `optional` ones filled in.
//! Unknown values pass any constraint (they are checked once known), null passes too, and what
//! is sensitive stays sensitive. An error says where in the value it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::types::counted;
pub use super::types::{Field, Type};
use super::{AttrPath, AttrStep, Attrs, Number, Unknown, Value};

/// How deep values may nest; deeper ones are refused, so that no recursion over a value can
/// overflow the stack.
pub const MAX_DEPTH: usize = 200;

/// Why a value does not fit a type, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    /// The place inside the value.
    pub path: AttrPath,
    /// What is wrong there: lower case, no full stop.
    pub message: String,
    /// Advice, where there is some.
    pub help: Option<String>,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.0.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "`{}`: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for ConvertError {}

/// Converts `value` to `ty`.
///
/// # Errors
/// The first place (in order) that does not fit.
pub fn convert(value: Value, ty: &Type) -> Result<Value, ConvertError> {
    let mut walk = Walk { path: AttrPath::default(), hidden: false };
    walk.convert(value, ty)
}

/// The narrowest type of a value, as Terraform infers it: lists as tuples, maps as objects.
///
/// Null, unknown values without text and blocks are [`Type::Any`]: they agree with every type.
#[must_use]
pub fn type_of(value: &Value) -> Type {
    match value {
        Value::Null | Value::Block(_) | Value::Secret(_) => Type::Any,
        Value::Unknown(unknown) if unknown.parts.is_empty() => Type::Any,
        Value::Unknown(_) | Value::String(_) => Type::String,
        Value::Bool(_) => Type::Bool,
        Value::Number(_) => Type::Number,
        Value::List(list) => Type::Tuple(list.iter().map(type_of).collect()),
        Value::Set(set) => Type::set(unify(set.iter().map(type_of)).unwrap_or(Type::Any)),
        Value::Map(map) => Type::Object(
            map.iter()
                .map(|(name, value)| {
                    (name.clone(), Field { ty: type_of(value), optional: false, default: None })
                })
                .collect(),
        ),
        Value::Sensitive(inner) => type_of(inner),
    }
}

/// The one type that all of `types` convert to; `None` where there is none, as for a number and a list.
#[must_use]
pub fn unify(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    // A number and a bool are both texts where one of the others is.
    let mut types: Vec<Type> = types.into_iter().collect();
    types.sort_by_key(|ty| *ty != Type::String);
    types.into_iter().try_fold(Type::Any, unify_two)
}

fn unify_two(a: Type, b: Type) -> Option<Type> {
    Some(match (a, b) {
        (Type::Any, other) | (other, Type::Any) => other,
        (a, b) if a == b => a,
        (Type::String, Type::Number | Type::Bool) | (Type::Number | Type::Bool, Type::String) => {
            Type::String
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            let types: Option<Vec<_>> =
                a.into_iter().zip(b).map(|(a, b)| unify_two(a, b)).collect();
            Type::Tuple(types?)
        }
        (Type::Tuple(a), Type::Tuple(b)) => Type::list(unify(a.into_iter().chain(b))?),
        (Type::Tuple(a), Type::List(b)) | (Type::List(b), Type::Tuple(a)) => {
            Type::list(unify(a.into_iter().chain([*b]))?)
        }
        (Type::List(a), Type::List(b)) => Type::list(unify_two(*a, *b)?),
        (Type::Set(a), Type::Set(b)) => Type::set(unify_two(*a, *b)?),
        (Type::List(a), Type::Set(b)) | (Type::Set(b), Type::List(a)) => {
            // What both have in common must exist; the list's own type is the one that counts.
            let common = unify_two((*a).clone(), *b)?;
            Type::list(if *a == Type::Any { common } else { *a })
        }
        (Type::Tuple(a), Type::Set(b)) | (Type::Set(b), Type::Tuple(a)) => {
            if a.into_iter().any(|element| unify_two(element, (*b).clone()).is_none()) {
                return None;
            }
            Type::Set(b)
        }
        (Type::Map(a), Type::Map(b)) => Type::map(unify_two(*a, *b)?),
        (Type::Object(a), Type::Map(b)) | (Type::Map(b), Type::Object(a)) => {
            Type::map(unify(a.into_values().map(|f| f.ty).chain([*b]))?)
        }
        (Type::Object(a), Type::Object(mut b)) => {
            if a.len() == b.len() && a.keys().all(|name| b.contains_key(name)) {
                let mut fields = BTreeMap::new();
                for (name, field) in a {
                    let other = b.remove(&name)?;
                    let ty = unify_two(field.ty, other.ty)?;
                    fields.insert(name, Field { ty, optional: false, default: None });
                }
                Type::Object(fields)
            } else {
                Type::map(unify(a.into_values().chain(b.into_values()).map(|f| f.ty))?)
            }
        }
        _ => return None,
    })
}

/// Converts the elements of a collection to their common type, so that `["a", 1]` becomes
/// `["a", "1"]`. Blocks stay what they are.
///
/// # Errors
/// When the elements have no common type.
pub fn unify_elements(elements: Vec<Value>) -> Result<Vec<Value>, ConvertError> {
    let mut walk = Walk { path: AttrPath::default(), hidden: false };
    walk.unify_list(elements)
}

/// The text of a string, number or bool, as templates write it; `None` for everything else.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

struct Walk {
    path: AttrPath,
    /// Below a sensitive mark: messages must not show the value.
    hidden: bool,
}

impl Walk {
    fn error<T>(&self, message: impl Into<String>) -> Result<T, ConvertError> {
        Err(ConvertError { path: self.path.clone(), message: message.into(), help: None })
    }

    fn at<T>(&mut self, step: AttrStep, f: impl FnOnce(&mut Self) -> T) -> T {
        self.path.0.push(step);
        let result = f(self);
        // An error has copied the path already.
        self.path.0.pop();
        result
    }

    fn convert(&mut self, value: Value, ty: &Type) -> Result<Value, ConvertError> {
        if self.path.0.len() > MAX_DEPTH {
            return self.error(format!("the value nests deeper than {MAX_DEPTH} levels"));
        }
        match (value, ty) {
            (Value::Sensitive(inner), ty) => {
                let hidden = std::mem::replace(&mut self.hidden, true);
                let result = self.convert(*inner, ty);
                self.hidden = hidden;
                result.map(Value::sensitive)
            }
            // An unknown string may be a number or none: of that no piece is known.
            (Value::Unknown(unknown), ty)
                if !unknown.parts.is_empty() && !matches!(ty, Type::Any | Type::String) =>
            {
                Ok(Value::Unknown(Unknown::opaque([&unknown])))
            }
            (value @ (Value::Null | Value::Unknown(_)), _) | (value, Type::Any) => Ok(value),
            (Value::Block(block), Type::Object(_) | Type::Map(_)) => {
                self.convert(Value::Map((*block.attrs).clone()), ty)
            }
            (value, Type::String) => self.to_string(value),
            (value, Type::Number) => self.to_number(value),
            (value, Type::Bool) => self.to_bool(value),
            (Value::List(list), Type::List(element)) => {
                Ok(Value::list(self.elements(list.into_inner(), element)?))
            }
            (Value::Set(set), Type::List(element)) => {
                Ok(Value::list(self.elements(set.into_iter().collect(), element)?))
            }
            (Value::List(list), Type::Set(element)) => self.set_of(list.into_inner(), element),
            (Value::Set(set), Type::Set(element)) => {
                self.set_of(set.into_iter().collect(), element)
            }
            (Value::Map(map), Type::Map(element)) => self.map_of(map, element),
            (Value::Map(map), Type::Object(fields)) => self.object_of(map, fields),
            (Value::List(list), Type::Tuple(types)) => self.tuple_of(list.into_inner(), types),
            (Value::Set(set), Type::Tuple(types)) => {
                self.tuple_of(set.into_iter().collect(), types)
            }
            (value, ty) => self.mismatch(&value, ty),
        }
    }

    fn mismatch<T>(&self, value: &Value, ty: &Type) -> Result<T, ConvertError> {
        if let Value::Block(block) = value {
            return Err(ConvertError {
                path: self.path.clone(),
                message: format!(
                    "{} is required, and `{}` is a whole block",
                    ty.described(),
                    block.address
                ),
                help: Some(format!("name one of its attributes, such as `{}.id`", block.address)),
            });
        }
        let found = match value {
            Value::String(text) if !self.hidden && text.chars().count() <= 40 => {
                format!("the string {}", serde_json::Value::from(text.as_str()))
            }
            Value::Map(_) | Value::Null => {
                format!("an {}", value.type_name()).replace("an null", "null")
            }
            other => format!("a {}", other.type_name()),
        };
        self.error(format!("{} is required, not {found}", ty.described()))
    }

    fn to_string(&self, value: Value) -> Result<Value, ConvertError> {
        Ok(Value::String(match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(b) => b.to_string(),
            other => return self.mismatch(&other, &Type::String),
        }))
    }

    fn to_number(&self, value: Value) -> Result<Value, ConvertError> {
        match value {
            Value::Number(_) => Ok(value),
            Value::String(ref text) => match Number::parse(text) {
                Some(number) => Ok(Value::Number(number)),
                None => self.mismatch(&value, &Type::Number),
            },
            other => self.mismatch(&other, &Type::Number),
        }
    }

    fn to_bool(&self, value: Value) -> Result<Value, ConvertError> {
        match value {
            Value::Bool(_) => Ok(value),
            Value::String(ref text) => match text.as_str() {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                other => {
                    let lower = other.to_ascii_lowercase();
                    let mut result = self.mismatch(&value, &Type::Bool);
                    if matches!(lower.as_str(), "true" | "false")
                        && let Err(error) = &mut result
                    {
                        error.help = Some(format!("write it in lower case: `{lower}`"));
                    }
                    result
                }
            },
            other => self.mismatch(&other, &Type::Bool),
        }
    }

    fn elements(&mut self, list: Vec<Value>, ty: &Type) -> Result<Vec<Value>, ConvertError> {
        let mut converted = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            converted.push(self.at(AttrStep::Index(index), |w| w.convert(value, ty))?);
        }
        if ty.has_any() { self.unify_list(converted) } else { Ok(converted) }
    }

    fn unify_list(&mut self, list: Vec<Value>) -> Result<Vec<Value>, ConvertError> {
        let Some(common) = unify(list.iter().map(type_of)) else {
            return self.error("all elements must have one type");
        };
        if common == Type::Any || list.iter().all(|v| type_of(v) == common) {
            return Ok(list);
        }
        list.into_iter()
            .enumerate()
            .map(|(index, value)| match value {
                value @ Value::Block(_) => Ok(value),
                value => self.at(AttrStep::Index(index), |w| w.convert(value, &common)),
            })
            .collect()
    }

    fn set_of(&mut self, list: Vec<Value>, ty: &Type) -> Result<Value, ConvertError> {
        let list = self.elements(list, ty)?;
        // A mark cannot stay on one element, since elements are told apart by what they are.
        let sensitive = list.iter().any(Value::has_sensitive);
        let set: BTreeSet<Value> = if sensitive {
            list.into_iter().map(unmark_deep).collect()
        } else {
            list.into_iter().collect()
        };
        Ok(if sensitive { Value::set(set).sensitive() } else { Value::set(set) })
    }

    fn map_of(&mut self, map: Attrs, ty: &Type) -> Result<Value, ConvertError> {
        let mut converted = Attrs::new();
        for (key, value) in map {
            let value = self.at(AttrStep::Key(key.clone()), |w| w.convert(value, ty))?;
            converted.insert(key, value);
        }
        if !ty.has_any() {
            return Ok(Value::Map(converted));
        }
        let Some(common) = unify(converted.values().map(type_of)) else {
            return self.error("all values of a map must have one type");
        };
        if common == Type::Any {
            return Ok(Value::Map(converted));
        }
        let mut unified = Attrs::new();
        for (key, value) in converted {
            let value = match value {
                value @ Value::Block(_) => value,
                value => self.at(AttrStep::Key(key.clone()), |w| w.convert(value, &common))?,
            };
            unified.insert(key, value);
        }
        Ok(Value::Map(unified))
    }

    fn object_of(
        &mut self,
        mut map: Attrs,
        fields: &BTreeMap<String, Field>,
    ) -> Result<Value, ConvertError> {
        let missing: Vec<&str> = fields
            .iter()
            .filter(|(name, field)| !field.optional && !map.contains_key(name))
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            let noun = if names.len() == 1 { "attribute" } else { "attributes" };
            let verb = if names.len() == 1 { "is" } else { "are" };
            let extra: Vec<&str> =
                map.keys().map(String::as_str).filter(|k| !fields.contains_key(*k)).collect();
            let help = missing.first().and_then(|name| {
                let near = extra.iter().find(|e| strsim::jaro_winkler(name, e) > 0.8)?;
                Some(format!("the value has `{near}`; did you mean `{name}`?"))
            });
            return Err(ConvertError {
                path: self.path.clone(),
                message: format!("{noun} {} {verb} required", names.join(", ")),
                help,
            });
        }
        let mut object = Attrs::new();
        for (name, field) in fields {
            let given = map.remove(name).filter(|v| !(field.default.is_some() && v.is_null()));
            let value = match (given, &field.default) {
                (Some(value), _) => {
                    self.at(AttrStep::Key(name.clone()), |w| w.convert(value, &field.ty))?
                }
                (None, Some(default)) => default.clone(),
                (None, None) => Value::Null,
            };
            object.insert(name.clone(), value);
        }
        Ok(Value::Map(object))
    }

    fn tuple_of(&mut self, list: Vec<Value>, types: &[Type]) -> Result<Value, ConvertError> {
        if list.len() != types.len() {
            return self.error(format!(
                "a tuple of {} is required, not of {}",
                counted(types.len(), "element"),
                list.len()
            ));
        }
        let mut converted = Vec::with_capacity(list.len());
        for (index, (value, ty)) in list.into_iter().zip(types).enumerate() {
            converted.push(self.at(AttrStep::Index(index), |w| w.convert(value, ty))?);
        }
        Ok(Value::list(converted))
    }
}

/// Takes every sensitivity mark off a value: for callers that put one on the whole.
#[must_use]
pub fn unmark_deep(value: Value) -> Value {
    match value {
        Value::Sensitive(inner) => unmark_deep(*inner),
        Value::List(list) => Value::List(list.into_iter().map(unmark_deep).collect()),
        Value::Set(set) => Value::Set(set.into_iter().map(unmark_deep).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, unmark_deep(v))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        Value::from_json(&serde_json::from_str(text).unwrap())
    }

    fn object(fields: &[(&str, Type, Option<Option<&str>>)]) -> Type {
        Type::Object(
            fields
                .iter()
                .map(|(name, ty, optional)| {
                    let default = optional.flatten().map(|d| convert(json(d), ty).unwrap());
                    let field = Field { ty: ty.clone(), optional: optional.is_some(), default };
                    ((*name).to_owned(), field)
                })
                .collect(),
        )
    }

    #[test]
    fn converts_as_terraform_does() {
        use Type::{Any, Bool, Number, String};
        let cases = [
            (r#""5""#, Number, "5"),
            (r#""5.50""#, Number, "5.5"),
            (r#""1e3""#, Number, "1000"),
            ("5", String, r#""5""#),
            ("0.5", String, r#""0.5""#),
            ("true", String, r#""true""#),
            (r#""true""#, Bool, "true"),
            (r#""0""#, Bool, "false"),
            ("null", Number, "null"),
            (r#"["a", 1, true]"#, Type::list(Any), r#"["a", "1", "true"]"#),
            (r#"["1", 2]"#, Type::list(Number), "[1, 2]"),
            (r#"["b", "a", "b"]"#, Type::set(String), r#"["a", "b"]"#),
            ("[1, null]", Type::list(Any), "[1, null]"),
            (r#"{"a": 1, "b": "x"}"#, Type::map(Any), r#"{"a": "1", "b": "x"}"#),
            (r#"[{"a": 1}, {"b": "x"}]"#, Type::list(Any), r#"[{"a": "1"}, {"b": "x"}]"#),
            (r#"[{"a": 1}, {"a": "x"}]"#, Type::list(Any), r#"[{"a": "1"}, {"a": "x"}]"#),
            (r#"[["a"], [1, 2]]"#, Type::list(Any), r#"[["a"], ["1", "2"]]"#),
            (r#"["1", "x"]"#, Type::Tuple(vec![Number, String]), r#"[1, "x"]"#),
        ];
        for (given, ty, expected) in cases {
            let got = convert(json(given), &ty).unwrap();
            let want = json(expected);
            assert_eq!(got.to_json(), want.to_json(), "{given} to {ty}");
        }
    }

    #[test]
    fn objects_fill_defaults_and_drop_extras() {
        let inner = object(&[("days", Type::Number, Some(Some("30")))]);
        let ty = object(&[
            ("name", Type::String, None),
            ("note", Type::String, Some(None)),
            ("keep", inner, Some(Some("{}"))),
        ]);
        let got = convert(json(r#"{"name": 1, "extra": true, "keep": null}"#), &ty).unwrap();
        assert_eq!(
            got.to_json(),
            json(r#"{"name": "1", "note": null, "keep": {"days": 30}}"#).to_json()
        );
        assert_eq!(
            ty.to_string(),
            "object({ keep = optional(object({ days = optional(number) })), name = string, note = optional(string) })"
        );
    }

    #[test]
    fn errors_name_the_place() {
        let ports = object(&[("ports", Type::list(Type::Number), None)]);
        let cases = [
            (
                r#"{"ports": [1, 2, "x"]}"#,
                ports.clone(),
                r#"`$.ports[2]`: a number is required, not the string "x""#,
            ),
            (r#"{"port": [1]}"#, ports.clone(), "attribute `ports` is required"),
            ("[1]", ports, "an object is required, not a list"),
            ("1", Type::Bool, "a bool is required, not a number"),
            (r#"{"a": 1}"#, Type::list(Type::Any), "a list is required, not an object"),
            ("[1, [2]]", Type::list(Type::Any), "all elements must have one type"),
            ("[1, true]", Type::list(Type::Any), "all elements must have one type"),
            ("[1]", Type::Tuple(vec![]), "a tuple of 0 elements is required, not of 1"),
            (
                r#""x""#,
                Type::set(Type::String),
                r#"a set of strings is required, not the string "x""#,
            ),
        ];
        for (given, ty, expected) in cases {
            assert_eq!(convert(json(given), &ty).unwrap_err().to_string(), expected, "{given}");
        }
        let hint = convert("True".into(), &Type::Bool).unwrap_err().help;
        assert_eq!(hint.as_deref(), Some("write it in lower case: `true`"));
    }

    #[test]
    fn marks_and_unknowns_travel() {
        let secret = Value::from("5").sensitive();
        assert_eq!(convert(secret.clone(), &Type::Number).unwrap(), Value::int(5).sensitive());
        let set = convert(Value::list(vec![secret, "6".into()]), &Type::set(Type::Number)).unwrap();
        assert_eq!(set, Value::set([Value::int(5), Value::int(6)].into()).sensitive());
        let unknown = Value::Unknown(Unknown::default());
        assert_eq!(convert(unknown.clone(), &Type::list(Type::Bool)).unwrap(), unknown);
        let error = convert(Value::from("hunter2").sensitive(), &Type::Number).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = Value::int(1);
        let mut ty = Type::Number;
        for _ in 0..MAX_DEPTH + 2 {
            value = Value::list(vec![value]);
            ty = Type::list(ty);
        }
        assert!(convert(value, &ty).unwrap_err().message.contains("nests deeper"));
    }

    #[test]
    fn numbers_are_read_strictly() {
        for bad in ["", " 1", "1 ", "0x10", "inf", "NaN", "1_000", "e5", "--1"] {
            assert_eq!(Number::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Number::parse("-0.5e1"), Some(Number::Int(-5)));
        assert_eq!(Number::parse("9223372036854775807"), Some(Number::Int(i64::MAX)));
    }
}
