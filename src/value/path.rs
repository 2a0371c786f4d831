//! Paths into values, printed as in plans: `$.inline_policies.deploy`, `$.targets[0]`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Attrs, Value};

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttrStep {
    /// A map's key.
    Key(String),
    /// A list's index.
    Index(usize),
}

/// A path from an object's attributes to a value in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrPath(pub Vec<AttrStep>);

impl AttrPath {
    /// The path of one attribute.
    #[must_use]
    pub fn attr(name: impl Into<String>) -> Self {
        Self(vec![AttrStep::Key(name.into())])
    }

    /// This path and one more key.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(AttrStep::Key(key.into()))
    }

    /// This path and one more step.
    #[must_use]
    pub fn join(&self, step: AttrStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// What is there in attributes.
    #[must_use]
    pub fn value<'a>(&self, attrs: &'a Attrs) -> Option<&'a Value> {
        let (first, below) = self.0.split_first()?;
        let AttrStep::Key(root) = first else { return None };
        below.iter().try_fold(attrs.get(root)?, |value, step| match step {
            AttrStep::Key(key) => value.as_map()?.get(key),
            AttrStep::Index(at) => value.elements()?.get(*at).copied(),
        })
    }

    /// The attribute that the path starts with.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        match self.0.first() {
            Some(AttrStep::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// Whether this path leads to `other` or to something above it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                AttrStep::Index(index) => write!(f, "[{index}]")?,
                AttrStep::Key(key)
                    if !key.is_empty()
                        && key
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) =>
                {
                    write!(f, ".{key}")?;
                }
                AttrStep::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

impl Serialize for AttrPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Paths of all unknown values below `value`.
#[must_use]
pub fn unknown_paths(value: &Value) -> Vec<AttrPath> {
    paths_where(value, &|v| matches!(v, Value::Unknown(_)))
}

/// Paths of all sensitive values below `value`.
#[must_use]
pub fn sensitive_paths(value: &Value) -> Vec<AttrPath> {
    paths_where(value, &|v| matches!(v, Value::Sensitive(_)))
}

fn paths_where(value: &Value, test: &impl Fn(&Value) -> bool) -> Vec<AttrPath> {
    let mut found = Vec::new();
    let mut stack = vec![(AttrPath::default(), value)];
    while let Some((path, value)) = stack.pop() {
        if test(value) {
            found.push(path);
            continue;
        }
        match value {
            Value::List(list) => stack.extend(
                list.iter().enumerate().rev().map(|(i, v)| (path.join(AttrStep::Index(i)), v)),
            ),
            Value::Set(set) => stack.extend(
                set.iter().enumerate().rev().map(|(i, v)| (path.join(AttrStep::Index(i)), v)),
            ),
            Value::Map(map) => stack.extend(map.iter().rev().map(|(k, v)| (path.key(k), v))),
            Value::Sensitive(inner) => stack.push((path, inner)),
            _ => {}
        }
    }
    found
}
