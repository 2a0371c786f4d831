//! Maps of values that are cheap to copy.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::{Sorted, Value};

/// Attributes by name; also every map or object of the language. Read and changed like the
/// [`Sorted`] map that it is.
///
/// A copy shares its content until one of the two is changed, so that an object's attributes can
/// stand in the reading, in both sides of a plan and in the plan itself, and be held once.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attrs(Arc<Sorted<Value>>);

impl Attrs {
    /// No attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether both are one and the same in memory; if not, they may still be equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies in memory: the same for those that are one ([`Attrs::is_same`]), as long as one of
    /// them is there.
    #[must_use]
    pub fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl Attrs {
    /// Takes over the memory of what is equal in `other`: the whole, or else every map in it that stands
    /// under the same name. Nothing that can be seen changes.
    pub fn share(&mut self, other: &Self) {
        if self.is_same(other) {
            return;
        }
        if self == other {
            self.clone_from(other);
            return;
        }
        let Some(own) = Arc::get_mut(&mut self.0) else { return };
        for (name, value) in own.iter_mut() {
            if let (Value::Map(own), Some(Value::Map(theirs))) = (value, other.get(name)) {
                own.share(theirs);
            }
        }
    }
}

impl Deref for Attrs {
    type Target = Sorted<Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Attrs {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Attrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<BTreeMap<String, Value>> for Attrs {
    fn from(map: BTreeMap<String, Value>) -> Self {
        Self(Arc::new(map.into()))
    }
}

impl<const N: usize> From<[(String, Value); N]> for Attrs {
    fn from(entries: [(String, Value); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl FromIterator<(String, Value)> for Attrs {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }
}

impl Extend<(String, Value)> for Attrs {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, entries: I) {
        Arc::make_mut(&mut self.0).extend(entries);
    }
}

impl IntoIterator for Attrs {
    type Item = (String, Value);
    type IntoIter = <Sorted<Value> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a Attrs {
    type Item = (&'a String, &'a Value);
    type IntoIter = <&'a Sorted<Value> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Attrs {
    type Item = (&'a String, &'a mut Value);
    type IntoIter = <&'a mut Sorted<Value> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        Arc::make_mut(&mut self.0).iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_shared_until_it_is_changed() {
        let first = Attrs::from([("a".to_owned(), Value::int(1))]);
        let mut second = first.clone();
        assert!(first.is_same(&second));
        second.insert("b".to_owned(), Value::Null);
        assert!(!first.is_same(&second));
        assert_eq!((first.len(), second.len()), (1, 2));
    }
}
