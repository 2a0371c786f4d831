//! What an open key may be, where something is known of it: the ARN of somebody in an account, an
//! organization that is not ours.

use super::globs::{Glob, TooMany, regions};
use crate::iam::request::ContextValue;
use crate::iam::values::instant;

/// The values that an open key may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Texts.
    Texts(Texts),
    /// Moments from one on.
    Moments(Moments),
    /// These alone; `None` is the key's absence.
    These(Vec<Option<ContextValue>>),
}

/// Texts that start with one of some prefixes and go on, but for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// What they start with; a text below an empty prefix may be any but the empty one.
    pub prefixes: Vec<String>,
    /// Patterns, as of `StringLike`, that none of them matches.
    pub except: Vec<String>,
    /// Whether a request may go without the key.
    pub absent: bool,
}

/// Moments from one on, as dates or as seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// The first of them, written as the key is.
    pub first: String,
    /// Whether a request may go without the key.
    pub absent: bool,
}

impl Moments {
    fn has(&self, text: &str) -> bool {
        let (first, at) = (instant(&self.first), instant(text));
        first.zip(at).is_some_and(|(first, at)| first <= at)
    }
}

impl Texts {
    fn has(&self, text: &str) -> bool {
        self.prefixes.iter().any(|p| text.len() > p.len() && text.starts_with(p.as_str()))
            && !self.except.iter().any(|pattern| Glob::like(pattern).matches(text))
    }

    /// One text for every set of `globs` that can match together.
    fn representatives(&self, globs: &[Glob], cap: usize) -> Result<Vec<String>, TooMany> {
        // A text that patterns lead to lies in one of many exceptions only where all of its kind do.
        const FEW: usize = 16;
        let mut all = globs.to_vec();
        if self.except.len() <= FEW {
            all.extend(self.except.iter().map(|pattern| Glob::like(pattern)));
        }
        let mut found = Vec::new();
        for prefix in &self.prefixes {
            found.extend(regions(&all, prefix, true, cap)?);
        }
        found.retain(|text| self.has(text));
        Ok(found)
    }
}

impl Domain {
    /// Whether a key may be this; `None` is its absence.
    #[must_use]
    pub fn has(&self, value: Option<&ContextValue>) -> bool {
        let texts = |value: Option<&ContextValue>| -> Vec<String> {
            value.map(|v| v.values().to_vec()).unwrap_or_default()
        };
        match (self, value) {
            (Self::These(all), _) => all.iter().any(|one| texts(one.as_ref()) == texts(value)),
            (Self::Texts(texts), None) => texts.absent,
            (Self::Moments(moments), None) => moments.absent,
            (Self::Moments(moments), Some(value)) => {
                value.values().iter().all(|text| moments.has(text))
            }
            (Self::Texts(texts), Some(value)) => value.values().iter().all(|text| texts.has(text)),
        }
    }

    /// One text for every set of `globs` that can match together.
    pub(super) fn representatives(
        &self,
        globs: &[Glob],
        cap: usize,
    ) -> Result<Vec<String>, TooMany> {
        match self {
            Self::Texts(texts) => texts.representatives(globs, cap),
            // Of patterns of dates nothing is known: what they match is not enumerated.
            Self::Moments(_) if !globs.is_empty() => Err(TooMany),
            Self::Moments(moments) => Ok(vec![moments.first.clone()]),
            Self::These(all) => {
                Ok(all.iter().flatten().flat_map(|v| v.values().to_vec()).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_either_form() {
        let from =
            |first: &str| Domain::Moments(Moments { first: first.to_owned(), absent: false });
        for domain in [from("2026-11-23T00:00:00Z"), from("1795392000")] {
            for (text, within) in [
                ("2026-11-23T00:00:00Z", true),
                ("1795391999", false),
                ("2030", true),
                ("x", false),
            ] {
                assert_eq!(domain.has(Some(&text.into())), within, "{text}");
            }
            assert!(!domain.has(None));
            assert!(domain.representatives(&[Glob::like("2026-*")], 100).is_err());
        }
    }

    #[test]
    fn representatives_keep_to_the_domain() {
        let role = |account: &str| format!("arn:aws:iam::{account}:role/");
        let domain = Domain::Texts(Texts {
            prefixes: vec![role("1"), role("2")],
            except: vec![format!("{}ci", role("1"))],
            absent: false,
        });
        let globs = [Glob::like("*ci"), Glob::like("arn:aws:iam::3:*")];
        let found = domain.representatives(&globs, 10_000).expect("small");
        assert!(found.contains(&format!("{}ci", role("2"))), "{found:?}");
        assert!(found.iter().any(|text| text.starts_with(&role("1")) && text.ends_with("ci")));
        assert!(found.iter().all(|text| domain.has(Some(&text.as_str().into()))), "{found:?}");
        assert!(!domain.has(Some(&format!("{}ci", role("1")).into())) && !domain.has(None));
    }
}
