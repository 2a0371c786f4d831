//! Paths of properties, as schemas write them: `/properties/Rules/*/Id`.

use std::fmt;

use serde::Deserialize;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PropertyStep {
    /// A property, or the key of a map.
    Name(String),
    /// Each element of a list, or each value of a map.
    Each,
}

/// A path of properties, from the object down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct PropertyPath(pub Vec<PropertyStep>);

impl From<String> for PropertyPath {
    /// A JSON pointer (RFC 6901) with `*` for every element. What stands before the first property's name is left out.
    fn from(text: String) -> Self {
        let steps = text.trim_start_matches('/').split('/').map(|step| match step {
            "*" => PropertyStep::Each,
            name => PropertyStep::Name(name.replace("~1", "/").replace("~0", "~")),
        });
        let mut steps: Vec<PropertyStep> = steps.collect();
        if steps.first() == Some(&PropertyStep::Name("properties".to_owned())) {
            steps.remove(0);
        }
        Self(steps)
    }
}

impl PropertyPath {
    /// The property of the object in which it begins.
    #[must_use]
    pub fn root(&self) -> &str {
        match self.0.first() {
            Some(PropertyStep::Name(name)) => name,
            _ => "",
        }
    }

    /// Whether it is a property of the object itself.
    #[must_use]
    pub fn is_top(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether what is at `path` lies at or below it. An element's number in `path` is [`PropertyStep::Each`].
    #[must_use]
    pub fn covers(&self, path: &[PropertyStep]) -> bool {
        self.0.len() <= path.len()
            && self
                .0
                .iter()
                .zip(path)
                .all(|(own, other)| *own == PropertyStep::Each || own == other)
    }

    /// Whether it leads to something below `path`.
    #[must_use]
    pub fn is_below(&self, path: &[PropertyStep]) -> bool {
        self.0.len() > path.len()
            && self
                .0
                .iter()
                .zip(path)
                .all(|(own, other)| *own == PropertyStep::Each || own == other)
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                PropertyStep::Name(name) if at == 0 => f.write_str(name)?,
                PropertyStep::Name(name) => write!(f, ".{name}")?,
                PropertyStep::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_covers_what_lies_at_and_below_it() {
        let path = PropertyPath::from("/properties/Rules/*/Id".to_owned());
        let rules = [PropertyStep::Name("Rules".into())];
        let id = [
            PropertyStep::Name("Rules".into()),
            PropertyStep::Each,
            PropertyStep::Name("Id".into()),
        ];
        assert_eq!(path.to_string(), "Rules[*].Id");
        assert_eq!((path.root(), path.is_top()), ("Rules", false));
        assert!(path.covers(&id) && !path.covers(&rules));
        assert!(path.is_below(&rules) && !path.is_below(&id));
        let odd = PropertyPath::from("/properties/a~1b".to_owned());
        assert_eq!((odd.root(), odd.is_top()), ("a/b", true));
    }
}
