//! A table of rows that remembers which of them changed, so that a commit writes only those.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Rows by key. Parts of a composite key are joined by `/`, or by NUL where a part may hold a slash.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<String, T>,
    dirty: BTreeSet<String>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), dirty: BTreeSet::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.rows.get(key)
    }

    /// The row for changing; it is written with the next commit.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        let row = self.rows.get_mut(key)?;
        if !self.dirty.contains(key) {
            self.dirty.insert(key.to_owned());
        }
        Some(row)
    }

    /// The row for changing when `write` is set, else for looking through code that both share.
    pub(crate) fn reach(&mut self, key: &str, write: bool) -> Option<&mut T> {
        if write { self.get_mut(key) } else { self.rows.get_mut(key) }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn insert(&mut self, key: impl Into<String>, row: T) {
        let key = key.into();
        self.dirty.insert(key.clone());
        self.rows.insert(key, row);
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<T> {
        let row = self.rows.remove(key)?;
        self.dirty.insert(key.to_owned());
        Some(row)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), row))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    /// All rows whose key starts with `prefix`, in order.
    pub(crate) fn scan<'t>(
        &'t self,
        prefix: &str,
    ) -> impl Iterator<Item = (&'t str, &'t T)> + use<'t, T> {
        let prefix = prefix.to_owned();
        self.rows
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(key, row)| (key.as_str(), row))
    }

    /// The first row at or after `key`.
    pub(crate) fn at_or_after(&self, key: &str) -> Option<(&str, &T)> {
        self.rows
            .range::<str, _>((Bound::Included(key), Bound::Unbounded))
            .next()
            .map(|(key, row)| (key.as_str(), row))
    }
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The changes since the last drain: the row, or nothing where it was removed.
    pub(crate) fn drain(&mut self, name: &str, out: &mut Vec<(String, String, Value)>) {
        for key in std::mem::take(&mut self.dirty) {
            let value = self
                .rows
                .get(&key)
                .and_then(|row| serde_json::to_value(row).ok())
                .unwrap_or(Value::Null);
            out.push((name.to_owned(), key, value));
        }
    }

    /// Every row, for a compacted store.
    pub(crate) fn dump(&self, name: &str, out: &mut Vec<(String, String, Value)>) {
        for (key, row) in &self.rows {
            if let Ok(value) = serde_json::to_value(row) {
                out.push((name.to_owned(), key.clone(), value));
            }
        }
    }

    /// Takes over a change that was read from the store.
    pub(crate) fn load(&mut self, key: String, value: Value) -> Result<(), serde_json::Error> {
        if value.is_null() {
            self.rows.remove(&key);
        } else {
            self.rows.insert(key, serde_json::from_value(value)?);
        }
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.dirty.clear();
    }
}
