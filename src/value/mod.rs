//! Values of the language: what expressions yield and what attributes hold.
//!
//! Two things make them more than JSON. A value can be **unknown** until apply (the id of an
//! account that does not exist yet), and an unknown string keeps the parts of it that are known,
//! so that a policy stays readable. A value can be **sensitive**, which travels with it through
//! every operation. Neither is ever represented by a special string.

mod attrs;
pub mod convert;
pub mod json_once;
mod number;
pub mod path;
mod plain;
mod shared;
mod sorted;
pub mod types;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::address::ResourceAddr;

pub use attrs::Attrs;
pub use convert::ConvertError;
pub use number::{Decimal, Number};
pub use path::{AttrPath, AttrStep};
pub use plain::{Plain, PlainValue};
pub use shared::SharedCollection;
pub use sorted::Sorted;
pub use types::{Field, Type};

/// An attribute of a managed object whose value AWS assigns: what an unknown waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrRef {
    /// The object.
    pub address: ResourceAddr,
    /// Its attribute, such as `id`.
    pub attr: String,
}

impl fmt::Display for AttrRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.address, self.attr)
    }
}

/// A piece of a partly unknown string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StringPart {
    /// Known text.
    Text(String),
    /// What the attribute will hold after apply.
    Ref(AttrRef),
}

/// A value that is not known until apply.
///
/// `parts` is non-empty for a string of which the pieces are known (`arn:aws:iam::`, the id of
/// `account.new`, `:root`); a single [`StringPart::Ref`] is the attribute itself. With no parts nothing
/// is known but perhaps what it waits for.
/// Shared, because values are many and unknowns are few: it must not make every value large.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown(Arc<Pieces>);

/// What is known of an [`Unknown`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pieces {
    /// The pieces, for strings.
    pub parts: Vec<StringPart>,
    /// What it waits for.
    pub waits_for: BTreeSet<AttrRef>,
    /// Whether it waits for a lookup that nobody has made yet: it is known before the plan is made.
    pub needs_lookup: bool,
}

impl Deref for Unknown {
    type Target = Pieces;

    fn deref(&self) -> &Pieces {
        &self.0
    }
}

impl Unknown {
    /// The unknown attribute itself.
    #[must_use]
    pub fn attr(address: ResourceAddr, attr: impl Into<String>) -> Self {
        let reference = AttrRef { address, attr: attr.into() };
        let parts = vec![StringPart::Ref(reference.clone())];
        Self(Arc::new(Pieces { parts, waits_for: [reference].into(), needs_lookup: false }))
    }

    /// Whether it will be a string: what AWS assigns, or a text of which a piece is known.
    #[must_use]
    pub fn is_string(&self) -> bool {
        !self.parts.is_empty()
    }

    /// What the text begins with, as far as that is known.
    #[must_use]
    pub fn known_start(&self) -> &str {
        match self.parts.first() {
            Some(StringPart::Text(text)) => text,
            Some(StringPart::Ref(_)) | None => "",
        }
    }

    /// What a `data` block will tell once it is looked up.
    #[must_use]
    pub fn of_lookup() -> Self {
        Self(Arc::new(Pieces { needs_lookup: true, ..Pieces::default() }))
    }

    /// A string made of `parts`; neighbouring texts are joined.
    #[must_use]
    pub fn string(parts: impl IntoIterator<Item = StringPart>) -> Self {
        let mut all = Pieces::default();
        for part in parts {
            if let StringPart::Ref(reference) = &part {
                all.waits_for.insert(reference.clone());
            }
            match (all.parts.last_mut(), part) {
                (Some(StringPart::Text(last)), StringPart::Text(text)) => last.push_str(&text),
                (_, StringPart::Text(text)) if text.is_empty() => {}
                (_, part) => all.parts.push(part),
            }
        }
        Self(Arc::new(all))
    }

    /// Something computed from unknowns, of which no piece is known.
    #[must_use]
    pub fn opaque<'a>(from: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Pieces::default();
        for unknown in from {
            all.waits_for.extend(unknown.waits_for.iter().cloned());
            all.needs_lookup |= unknown.needs_lookup;
        }
        Self(Arc::new(all))
    }
}

/// `arn:aws:iam::${account.new.id}:root`, or `(known after apply)`.
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("(known after apply)");
        }
        for part in &self.parts {
            match part {
                StringPart::Text(text) => f.write_str(text)?,
                StringPart::Ref(reference) => write!(f, "${{{reference}}}")?,
            }
        }
        Ok(())
    }
}

/// A reference to a whole block: `account.production`, `iam_policy.boundary`, `environment.dev`.
#[derive(Clone, Debug)]
pub struct BlockRef {
    /// The block instance.
    pub address: ResourceAddr,
    /// What `.attr` on it yields.
    pub attrs: Arc<Attrs>,
}

impl PartialEq for BlockRef {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl Eq for BlockRef {}

impl Hash for BlockRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl PartialOrd for BlockRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BlockRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address.cmp(&other.address)
    }
}

/// A value of the language.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(String),
    /// A list or tuple.
    List(SharedCollection<Vec<Value>>),
    /// A set.
    Set(SharedCollection<BTreeSet<Value>>),
    /// A map or object; iterates in key order.
    Map(Attrs),
    /// A whole block.
    Block(BlockRef),
    /// Absent. Behind all values, as in Terraform's sets.
    #[default]
    Null,
    /// Not known until apply.
    Unknown(Unknown),
    /// A reference to a secret, `secret("env:API_TOKEN")`: resolved only at apply, only where a
    /// config value takes it whole; nothing can be computed from it.
    Secret(String),
    /// Must not be shown; the inner value is not itself `Sensitive`.
    Sensitive(Box<Value>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// A list or tuple.
    #[must_use]
    pub fn list(elements: Vec<Self>) -> Self {
        Self::List(elements.into())
    }

    /// A set.
    #[must_use]
    pub fn set(elements: BTreeSet<Self>) -> Self {
        Self::Set(elements.into())
    }

    /// A whole number.
    #[must_use]
    pub fn int(int: i64) -> Self {
        Self::Number(Number::Int(int))
    }

    /// Marks as sensitive, once.
    #[must_use]
    pub fn sensitive(self) -> Self {
        match self {
            Self::Sensitive(_) => self,
            other => Self::Sensitive(Box::new(other)),
        }
    }

    /// The value below a sensitivity mark at the top.
    #[must_use]
    pub fn reveal(&self) -> &Self {
        match self {
            Self::Sensitive(inner) => inner,
            other => other,
        }
    }

    /// Whether the value or anything in it is sensitive.
    #[must_use]
    pub fn has_sensitive(&self) -> bool {
        self.any(&|v| matches!(v, Self::Sensitive(_)))
    }

    /// Whether the value or anything in it names a secret, which is read only when it is applied.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        self.any(&|v| matches!(v, Self::Secret(_)))
    }

    /// Whether the value or anything in it is unknown.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        self.any(&|v| matches!(v, Self::Unknown(_)))
    }

    /// Whether it holds anything that a lookup will tell which nobody has made yet.
    #[must_use]
    pub fn needs_lookup(&self) -> bool {
        self.any(&|v| matches!(v, Self::Unknown(unknown) if unknown.needs_lookup))
    }

    /// Whether the value itself (below a sensitivity mark) is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.reveal(), Self::Unknown(_))
    }

    /// Whether it is null (below a sensitivity mark).
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.reveal(), Self::Null)
    }

    /// The text of a known string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self.reveal() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A known truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.reveal() {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// A known whole number.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.reveal() {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Attrs> {
        match self.reveal() {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The elements of a list or set, in order.
    #[must_use]
    pub fn elements(&self) -> Option<Vec<&Self>> {
        match self.reveal() {
            Self::List(list) => Some(list.iter().collect()),
            Self::Set(set) => Some(set.iter().collect()),
            _ => None,
        }
    }

    /// Every unknown in the value.
    #[must_use]
    pub fn unknowns(&self) -> Vec<&Unknown> {
        let mut found = Vec::new();
        self.visit(&mut |v| {
            if let Self::Unknown(unknown) = v {
                found.push(unknown);
            }
        });
        found
    }

    /// How the language names the type: "string", "list", ...
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Map(_) => "object",
            Self::Block(_) => "block",
            Self::Unknown(_) => "value known after apply",
            Self::Secret(_) => "secret reference",
            Self::Sensitive(inner) => inner.type_name(),
        }
    }

    /// Calls `f` on this value and on every value below it, parents first. Does not descend into blocks.
    pub fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Self)) {
        let mut stack = vec![self];
        while let Some(value) = stack.pop() {
            f(value);
            match value {
                Self::List(list) => stack.extend(list.iter().rev()),
                Self::Set(set) => stack.extend(set.iter().rev()),
                Self::Map(map) => stack.extend(map.values().rev()),
                Self::Sensitive(inner) => stack.push(inner),
                _ => {}
            }
        }
    }

    fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        let mut found = false;
        self.visit(&mut |v| found |= test(v));
        found
    }

    /// From JSON. What no number of the language can hold ([`Number::from_json`]) becomes null.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => Number::from_json(n).map_or(Self::Null, Self::Number),
            serde_json::Value::String(s) => Self::String(s.clone()),
            serde_json::Value::Array(a) => Self::List(a.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(o) => {
                Self::Map(o.iter().map(|(k, v)| (k.clone(), Self::from_json(v))).collect())
            }
        }
    }

    /// To JSON, marks dropped and unknowns as null. Where they were is what [`path`] functions tell;
    /// callers that show or store the result must have dealt with sensitive values before.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null | Self::Unknown(_) => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Number(number) => serde_json::Value::Number(number.to_json()),
            Self::String(s) => s.clone().into(),
            Self::List(list) => list.iter().map(Self::to_json).collect(),
            Self::Set(set) => set.iter().map(Self::to_json).collect(),
            Self::Map(map) => serde_json::Value::Object(
                map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
            ),
            Self::Block(block) => block.address.to_string().into(),
            Self::Secret(reference) => serde_json::json!({ "secret": reference }),
            Self::Sensitive(inner) => inner.to_json(),
        }
    }
}

/// The text in Unicode's normal form C, in which every string of the language is, as in Terraform;
/// `None` when it is in it already.
#[must_use]
pub fn normal_form(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let normalizer = icu_normalizer::ComposingNormalizerBorrowed::new_nfc();
    match normalizer.normalize(text) {
        std::borrow::Cow::Borrowed(_) => None,
        std::borrow::Cow::Owned(normal) => Some(normal),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::int(int)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self::List(iter.into_iter().map(Into::into).collect())
    }
}
