//! Type constraints: what `variable` blocks and schemas ask of values.

use std::collections::BTreeMap;
use std::fmt;

use super::Value;

/// A type constraint, as `variable` blocks write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Whatever is given; inside a collection, one type for all elements.
    Any,
    /// Text.
    String,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// Elements of one type, in order.
    List(Box<Self>),
    /// Different elements of one type.
    Set(Box<Self>),
    /// Values of one type by name.
    Map(Box<Self>),
    /// Attributes with a type each.
    Object(BTreeMap<String, Field>),
    /// A fixed number of elements, each with its type.
    Tuple(Vec<Self>),
}

/// An attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// Whether it may be left out.
    pub optional: bool,
    /// What stands for it when it is left out or null; already converted to `ty`.
    pub default: Option<Value>,
}

impl Type {
    /// `list(self)`.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// `set(self)`.
    #[must_use]
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// `map(self)`.
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// The type with its article, for messages: "a number", "a list of strings".
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::String => "a string".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Bool => "a bool".to_owned(),
            Self::List(element) => format!("a list{}", element.of_plural()),
            Self::Set(element) => format!("a set{}", element.of_plural()),
            Self::Map(element) => format!("a map{}", element.of_plural()),
            Self::Object(_) => "an object".to_owned(),
            Self::Tuple(elements) => format!("a tuple of {}", counted(elements.len(), "element")),
        }
    }

    fn of_plural(&self) -> &'static str {
        match self {
            Self::Any => "",
            Self::String => " of strings",
            Self::Number => " of numbers",
            Self::Bool => " of bools",
            Self::List(_) => " of lists",
            Self::Set(_) => " of sets",
            Self::Map(_) => " of maps",
            Self::Object(_) => " of objects",
            Self::Tuple(_) => " of tuples",
        }
    }

    /// Whether `any` stands anywhere in it.
    pub(super) fn has_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::String | Self::Number | Self::Bool => false,
            Self::List(t) | Self::Set(t) | Self::Map(t) => t.has_any(),
            Self::Object(fields) => fields.values().any(|f| f.ty.has_any()),
            Self::Tuple(types) => types.iter().any(Self::has_any),
        }
    }
}

/// As it is written: `object({ name = string, ports = optional(list(number)) })`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Object(fields) if fields.is_empty() => f.write_str("object({})"),
            Self::Object(fields) => {
                f.write_str("object({ ")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if field.optional {
                        write!(f, "{name} = optional({})", field.ty)?;
                    } else {
                        write!(f, "{name} = {}", field.ty)?;
                    }
                }
                f.write_str(" })")
            }
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{element}")?;
                }
                f.write_str("])")
            }
        }
    }
}

/// `1 element`, `2 elements`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
