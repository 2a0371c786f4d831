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
    /// so do blocks of these types in them.
    pub fn empty(&mut self, types: &[&str]) {
        let listed = |block: &NestedBody| types.contains(&block.name.as_str());
        for block in self.blocks.iter_mut().filter(|block| listed(block)) {
            block.body.attrs = Sorted::new();
            block.body.blocks.retain(listed);
            block.body.empty(types);
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
