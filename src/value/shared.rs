//! Lists and sets that are cheap to copy.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A collection that is read and changed like the `T` that it is. A copy shares its content until one of
/// the two is changed, so that a reference to a long list costs the same as one to a short list.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedCollection<T>(Arc<T>);

impl<T: Clone> SharedCollection<T> {
    /// The collection itself; copied only where somebody else holds it, too.
    #[must_use]
    pub fn into_inner(self) -> T {
        Arc::unwrap_or_clone(self.0)
    }
}

impl<T> Deref for SharedCollection<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for SharedCollection<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedCollection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> From<T> for SharedCollection<T> {
    fn from(collection: T) -> Self {
        Self(Arc::new(collection))
    }
}

impl<A, T: FromIterator<A>> FromIterator<A> for SharedCollection<T> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<T>())
    }
}

impl<T: IntoIterator + Clone> IntoIterator for SharedCollection<T> {
    type Item = T::Item;
    type IntoIter = T::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.into_inner().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a SharedCollection<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&**self).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_shared_until_it_is_changed() {
        let first: SharedCollection<Vec<i64>> = [1, 2].into_iter().collect();
        let mut second = first.clone();
        assert!(std::ptr::eq(first.as_ptr(), second.as_ptr()));
        second.push(3);
        assert_eq!((first.len(), second.len()), (2, 3));
    }
}
