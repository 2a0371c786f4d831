//! Blocks as written: attributes and nested blocks, checked for names and labels, not evaluated.

use std::collections::BTreeMap;

use super::expr::Expr;
use crate::diag::Loc;
use crate::schema::Spanned;

/// What stands between a block's braces.
#[derive(Clone, Debug)]
pub struct RawBody {
    /// The block's header (type and labels), for errors about the block as a whole.
    pub loc: Loc,
    /// Attributes by name; meta-arguments are not among them.
    pub attrs: BTreeMap<String, RawAttr>,
    /// Nested blocks in source order.
    pub blocks: Vec<RawNested>,
}

impl RawBody {
    /// The expression of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Expr> {
        self.attrs.get(name).map(|a| &a.value)
    }

    /// The plainly written nested blocks of one type (`dynamic` ones excluded).
    pub fn nested<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RawBlock> {
        self.blocks.iter().filter_map(move |b| match b {
            RawNested::Block(block) if block.ty == name => Some(block),
            _ => None,
        })
    }
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct RawAttr {
    /// Where its name stands.
    pub name_loc: Loc,
    /// Its value.
    pub value: Expr,
}

/// A block: `TYPE "label" { ... }`.
#[derive(Clone, Debug)]
pub struct RawBlock {
    /// Its type, such as `statement`.
    pub ty: String,
    /// Its labels.
    pub labels: Vec<Spanned<String>>,
    /// Its header (type and labels).
    pub loc: Loc,
    /// What it holds.
    pub body: RawBody,
}

impl RawBlock {
    /// The first label; empty when there is none.
    #[must_use]
    pub fn label(&self) -> &str {
        self.labels.first().map_or("", |l| l.value.as_str())
    }
}

/// A nested block, written once or made by `dynamic`.
#[derive(Clone, Debug)]
pub enum RawNested {
    /// Written as it is.
    Block(RawBlock),
    /// Made for each element of a collection.
    Dynamic(Dynamic),
}

/// `dynamic "TYPE" { for_each, iterator, labels, content {} }`.
#[derive(Clone, Debug)]
pub struct Dynamic {
    /// The type of the blocks that it makes.
    pub ty: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// The collection.
    pub for_each: Expr,
    /// The name under which `content` sees the element (`.key`, `.value`); by default the type.
    pub iterator: Spanned<String>,
    /// A list of strings: the labels of each block.
    pub labels: Option<Expr>,
    /// What each block holds.
    pub content: RawBody,
}
