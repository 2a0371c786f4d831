//! Rules: what must stay closed, and the exceptions with their reason and end. Which block of which configuration
//! says so is no concern of the analysis.

use std::collections::BTreeSet;

use super::section::Grade;
use crate::diag::Loc;
use crate::iam::symbolic::globs::{Glob, covers};

/// One `isolation` block.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its label.
    pub name: String,
    /// Ordered pairs of origin and environment that must stay closed.
    pub pairs: BTreeSet<(String, String)>,
    /// Grades of paths that count.
    pub grades: BTreeSet<Grade>,
    /// Whether a violation is an error, or a warning.
    pub error: bool,
    /// Whether an undetermined boundary counts as a violation.
    pub undetermined_counts: bool,
    /// Whether an isolated boundary whose proof rests on something that was not looked at counts as a violation.
    pub assumptions_count: bool,
    /// Its exceptions.
    pub exceptions: Vec<Exception>,
    /// Where it stands.
    pub loc: Loc,
}

/// One `allow` block.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Its label.
    pub name: String,
    /// Origins that it is for; empty for all of the rule's.
    pub from: BTreeSet<String>,
    /// Environments that it is for; empty for all of the rule's.
    pub to: BTreeSet<String>,
    /// Principals that it is for, as patterns; empty for all.
    pub principals: Vec<String>,
    /// Actions that it permits, as patterns; empty for all.
    pub actions: Vec<String>,
    /// Resources that it permits, as patterns; empty for all.
    pub resources: Vec<String>,
    /// Why it exists.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Who has approved it.
    pub approved_by: Option<String>,
    /// Last day on which it counts, `YYYY-MM-DD`.
    pub expires: jiff::civil::Date,
    /// Where it stands.
    pub loc: Loc,
}

/// What a path asks of an exception.
pub struct ExceptionQuestion<'a> {
    /// Origin.
    pub from: &'a str,
    /// Environment.
    pub to: &'a str,
    /// The principal that crosses.
    pub principal: &'a str,
    /// The patterns of what it may do: each alternative bounds all of it by itself.
    pub bounds: &'a [Bound],
}

/// Patterns that bound what an opening permits: what one side's statements grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Action patterns.
    pub actions: Vec<String>,
    /// Resource patterns.
    pub resources: Vec<String>,
}

impl Exception {
    /// Whether the exception covers the path whole; its expiry is judged elsewhere.
    #[must_use]
    pub fn covers(&self, asked: &ExceptionQuestion<'_>) -> bool {
        let names = |set: &BTreeSet<String>, name: &str| set.is_empty() || set.contains(name);
        names(&self.from, asked.from)
            && names(&self.to, asked.to)
            && (self.principals.is_empty()
                || self.principals.iter().any(|p| Glob::like(p).matches(asked.principal)))
            && within(&self.actions, asked.bounds.iter().map(|b| &b.actions), true)
            && within(&self.resources, asked.bounds.iter().map(|b| &b.resources), false)
    }
}

/// Whether some bound lies wholly within the permitted patterns.
fn within<'a>(
    permitted: &[String],
    mut bounds: impl Iterator<Item = &'a Vec<String>>,
    lower: bool,
) -> bool {
    const STATES: usize = 10_000;
    let glob = |text: &String| {
        if lower { Glob::like(&text.to_ascii_lowercase()) } else { Glob::like(text) }
    };
    let outer: Vec<Glob> = permitted.iter().map(glob).collect();
    permitted.is_empty()
        || bounds.any(|bound| {
            !bound.is_empty() && bound.iter().all(|inner| covers(&outer, &glob(inner), STATES))
        })
}
