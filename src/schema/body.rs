//! An evaluated block: values with the places that they came from.

use std::ops::Deref;

use crate::diag::Loc;
use crate::value::{Sorted, Value};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its range in the source.
    pub loc: Loc,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// An evaluated block. Attributes that were not given, or were given as null, are absent.
#[derive(Clone, Debug)]
pub struct Body {
    /// The block's header (type and labels).
    pub loc: Loc,
    /// Attributes by name.
    pub attrs: Sorted<Spanned<Value>>,
    /// Nested blocks in source order, `dynamic` ones expanded in place.
    pub blocks: Vec<NestedBody>,
}

/// A nested block of an evaluated block.
#[derive(Clone, Debug)]
pub struct NestedBody {
    /// Its type.
    pub name: String,
    /// Its labels.
    pub labels: Vec<Spanned<String>>,
    /// What it holds.
    pub body: Body,
}

impl Body {
    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Spanned<Value>> {
        self.attrs.get(name)
    }

    /// Whether anything in it waits for a lookup that nobody has made yet.
    #[must_use]
    pub fn needs_lookup(&self) -> bool {
        self.attrs.iter().any(|(_, attr)| attr.value.needs_lookup())
            || self.blocks.iter().any(|block| block.body.needs_lookup())
    }

    /// Empties the nested blocks of these types; they themselves stay, with their labels and places, and
    /// so do blocks of these types in them. Where one holds several of `parts`, attributes and blocks, their places
    /// stay, too: each is given, and nothing more.
    pub fn empty(&mut self, types: &[&str], parts: &[&str]) {
        let is_listed = |block: &NestedBody| types.contains(&block.name.as_str());
        for block in self.blocks.iter_mut().filter(|block| is_listed(block)) {
            let body = &mut block.body;
            let is_part = |name: &str| parts.contains(&name);
            let given = |(name, value): (&String, &Spanned<Value>)| {
                let is_given = is_part(name) && !value.value.is_null();
                let given = Spanned { value: Value::Bool(true), loc: value.loc.clone() };
                is_given.then(|| (name.clone(), given))
            };
            let given: Vec<_> = body.attrs.iter().filter_map(given).collect();
            let nested = body.blocks.iter().filter(|nested| is_part(&nested.name)).count();
            let stay = given.len() + nested > 1;
            body.attrs = given.into_iter().filter(|_| stay).collect();
            body.blocks.retain(|nested| is_listed(nested) || stay && is_part(&nested.name));
            for nested in body.blocks.iter_mut().filter(|nested| is_part(&nested.name)) {
                nested.body.attrs = Sorted::new();
                nested.body.blocks.clear();
            }
            body.empty(types, parts);
        }
    }

    /// The nested blocks of one type.
    pub fn nested<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a NestedBody> {
        self.blocks.iter().filter(move |b| b.name == name)
    }

    /// Where an attribute's value stands, else the block's header.
    #[must_use]
    pub fn loc_of(&self, name: &str) -> &Loc {
        self.attrs.get(name).map_or(&self.loc, |a| &a.loc)
    }
}
