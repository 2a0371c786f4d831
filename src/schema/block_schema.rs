//! What a block may hold: attributes with their types, and blocks inside it.

/// The type of an attribute in HCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A length of time: `"90s"`, `"1h"`, `"24h"`, `"7d"`, or a number of seconds.
    Duration,
    /// A list whose order matters.
    List(&'static Ty),
    /// A list whose order does not matter and whose elements are distinct.
    Set(&'static Ty),
    /// A map with elements of one type.
    Map(&'static Ty),
    /// An IAM or organization policy document: JSON text or an object; compared by meaning.
    Policy,
    /// A block of one of these kinds, by reference; an id, ARN or name as text where `text` is true.
    Ref {
        /// The kinds that fit; `account`, `environment`, `iam_policy`, ...
        kinds: &'static [&'static str],
        /// Whether plain text is accepted too.
        text: bool,
    },
    /// Switches by name, or `true` or `false` for all of them. One that is left out is off.
    Flags(&'static [&'static str]),
    /// Anything.
    Any,
    /// Not evaluated: a type constraint, an address, a traversal that its own pass reads.
    Raw,
}

/// An attribute of a block.
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    /// Its name in HCL and in plans.
    pub name: &'static str,
    /// Its type.
    pub ty: Ty,
    /// Whether it must be given.
    pub required: bool,
    /// Whether AWS can only set it by replacing the object.
    pub replace: bool,
    /// Whether its value is never shown.
    pub sensitive: bool,
    /// Whether an empty list says something else than no list.
    pub says_empty: bool,
    /// One sentence for the docs and for errors.
    pub doc: &'static str,
}

impl Attr {
    /// An optional attribute.
    #[must_use]
    pub const fn optional(name: &'static str, ty: Ty, doc: &'static str) -> Self {
        Self { name, ty, required: false, replace: false, sensitive: false, says_empty: false, doc }
    }

    /// A required attribute.
    #[must_use]
    pub const fn required(name: &'static str, ty: Ty, doc: &'static str) -> Self {
        Self { required: true, ..Self::optional(name, ty, doc) }
    }

    /// Changing it replaces the object.
    #[must_use]
    pub const fn forces_replacement(self) -> Self {
        Self { replace: true, ..self }
    }

    /// An empty list says something else than no list.
    #[must_use]
    pub const fn says_empty(self) -> Self {
        Self { says_empty: true, ..self }
    }

    /// Its value is never shown.
    #[must_use]
    pub const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
}

/// A block inside a block.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// Its type, such as `statement`.
    pub name: &'static str,
    /// What its labels are; empty for none (`&["name"]` for `statement "deploy" {}`). A label whose
    /// description ends in `?` may be left out.
    pub labels: &'static [&'static str],
    /// How many there must be at least.
    pub min: usize,
    /// How many there may be at most; 0 for any number.
    pub max: usize,
    /// What it holds.
    pub block: &'static BlockSchema,
    /// One sentence for the docs and for errors.
    pub doc: &'static str,
}

/// What a block may hold.
#[derive(Clone, Copy, Debug)]
pub struct BlockSchema {
    /// Its attributes.
    pub attrs: &'static [Attr],
    /// Its nested blocks.
    pub blocks: &'static [Nested],
}

impl BlockSchema {
    /// The attribute of that name.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&'static Attr> {
        self.attrs.iter().find(|a| a.name == name)
    }

    /// The nested block of that name.
    #[must_use]
    pub fn nested(&self, name: &str) -> Option<&'static Nested> {
        self.blocks.iter().find(|b| b.name == name)
    }
}
