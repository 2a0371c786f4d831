//! Policy variables in patterns: filled in with the value that the request fixes, and with a few
//! values to try where it leaves the key open.

use std::collections::{BTreeMap, BTreeSet};

/// Most patterns that one text may become.
const PATTERNS: usize = 64;

/// A run of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// Text of the policy, in which `*` and `?` are wildcards.
    Pattern(String),
    /// Text that stands for itself: a variable's value, or `${*}`, `${?}`, `${$}`.
    Literal(String),
}

/// What a key may be on the sides of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariableValues {
    /// Values that it has, or that are tried.
    pub texts: BTreeSet<String>,
    /// Whether it may have others too.
    pub open: bool,
}

/// The keys that variables name, in lower case, with their values.
#[derive(Clone, Debug, Default)]
pub struct PolicyVariables(pub BTreeMap<String, VariableValues>);

/// A text with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// One pattern for every combination of values.
    pub patterns: Vec<Vec<Piece>>,
    /// Whether other values could make other patterns.
    pub open: bool,
}

/// The inner text of `${...}` and what stands before and after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, tail) = text.split_once("${")?;
    let (inner, after) = tail.split_once('}')?;
    Some((before, inner, after))
}

fn key(inner: &str) -> (String, Option<String>) {
    match inner.split_once(',') {
        Some((key, default)) => {
            let text = default.trim();
            let text = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text);
            (key.trim().to_ascii_lowercase(), Some(text.to_owned()))
        }
        None => (inner.trim().to_ascii_lowercase(), None),
    }
}

/// The keys that a text's variables name, in lower case.
#[must_use]
pub fn keys(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((_, inner, after)) = next(rest) {
        if !matches!(inner, "*" | "?" | "$") {
            found.insert(key(inner).0);
        }
        rest = after;
    }
    found
}

impl PolicyVariables {
    /// Fills a text in. A variable without value and default matches nothing, and neither does its
    /// text. Since version 2008-10-17 takes `${...}` for itself, the text as it stands counts too.
    #[must_use]
    pub fn fill(&self, text: &str) -> Filled {
        let plain = vec![Piece::Pattern(text.to_owned())];
        if !text.contains("${") {
            return Filled { patterns: vec![plain], open: false };
        }
        let mut filled = Filled { patterns: vec![Vec::new()], open: false };
        let mut rest = text;
        while let Some((before, inner, after)) = next(rest) {
            rest = after;
            let choices: Vec<String> = match inner {
                "*" | "?" | "$" => vec![inner.to_owned()],
                _ => {
                    let (key, default) = key(inner);
                    let values = self.0.get(&key);
                    filled.open |= values.is_some_and(|v| v.open);
                    let known = values.iter().flat_map(|v| v.texts.iter().cloned());
                    known.chain(default).collect()
                }
            };
            if filled.patterns.len().saturating_mul(choices.len()) > PATTERNS {
                return Filled { patterns: vec![plain], open: true };
            }
            let mut longer = Vec::new();
            for pattern in &filled.patterns {
                for choice in &choices {
                    let mut pattern = pattern.clone();
                    pattern.push(Piece::Pattern(before.to_owned()));
                    pattern.push(Piece::Literal(choice.clone()));
                    longer.push(pattern);
                }
            }
            filled.patterns = longer;
        }
        for pattern in &mut filled.patterns {
            pattern.push(Piece::Pattern(rest.to_owned()));
        }
        filled.patterns.push(plain);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literal_and_defaults_count() {
        let mut variables = PolicyVariables::default();
        let team = VariableValues { texts: ["a*".to_owned()].into(), open: true };
        variables.0.insert("aws:principaltag/team".to_owned(), team);
        let filled = variables.fill("b/${aws:PrincipalTag/Team}/${*}/${aws:username, 'nobody'}/*");
        assert!(filled.open);
        assert_eq!(filled.patterns.len(), 2, "{filled:?}");
        assert!(filled.patterns[0].contains(&Piece::Literal("a*".to_owned())));
        assert!(filled.patterns[0].contains(&Piece::Literal("nobody".to_owned())));
        assert_eq!(
            keys("${aws:username, 'x'}${*}${S3:Prefix}"),
            ["aws:username".to_owned(), "s3:prefix".to_owned()].into()
        );
        assert_eq!(variables.fill("${aws:userid}").patterns.len(), 1);
    }
}
