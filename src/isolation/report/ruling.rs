//! What the rules say of a path: which rule forbids it, which exception permits it.

use std::collections::BTreeSet;

use super::super::paths::{Origin, Path};
use super::super::rules::{Bound, ExceptionQuestion, Rule};
use super::super::section::{AccessPath, Grade, Isolation, MatrixRow, RuleSeverity, Ruling};
use super::Writer;
use super::bounds::bounds;
use crate::iam::symbolic::Opening;

/// What the rules say about a path.
pub(super) struct Judged {
    pub(super) rule: Option<String>,
    pub(super) exception: Option<String>,
    /// The exception that covered it until it ended.
    pub(super) expired: Option<String>,
    pub(super) severity: RuleSeverity,
}

impl Writer<'_, '_> {
    /// The rule that a path falls under, the exception that covers it, and how grave it is.
    pub(super) fn judge(
        &self,
        path: &Path,
        principal: &str,
        openings: &[Opening],
        used: &mut BTreeSet<(String, String)>,
    ) -> Judged {
        let (model, _) = &self.comparison.after;
        let bounds = openings
            .iter()
            .map(|opening| bounds(model, &path.last, std::slice::from_ref(opening)))
            .collect::<Vec<_>>();
        self.judge_bounds((&path.from, &path.to), Grade::Request, principal, &bounds, used)
    }

    /// The same for any path: each of `bounds` bounds one of its openings.
    pub(super) fn judge_bounds(
        &self,
        (from, to): (&Origin, &str),
        grade: Grade,
        principal: &str,
        bounds: &[Vec<Bound>],
        used: &mut BTreeSet<(String, String)>,
    ) -> Judged {
        let pair = (from.name().to_owned(), to.to_owned());
        let mut rules = self.rules.iter();
        let Some(rule) = rules.find(|r| r.pairs.contains(&pair) && r.grades.contains(&grade))
        else {
            return Judged {
                rule: None,
                exception: None,
                expired: None,
                severity: RuleSeverity::Info,
            };
        };
        let name = Some(format!("isolation.{}", rule.name));
        let covering = |bounds: &Vec<Bound>, expired: bool| {
            let asked = ExceptionQuestion { from: from.name(), to, principal, bounds };
            let mut exceptions = rule.exceptions.iter();
            exceptions.find(|e| e.covers(&asked) && (expired || e.expires >= self.today))
        };
        let all = |expired: bool| -> Option<Vec<&super::super::rules::Exception>> {
            bounds.iter().map(|b| covering(b, expired)).collect()
        };
        if let Some([first, ..]) = all(false).as_deref() {
            for exception in all(false).iter().flatten() {
                used.insert((rule.name.clone(), exception.name.clone()));
            }
            let exception = Some(first.name.clone());
            return Judged { rule: name, exception, expired: None, severity: RuleSeverity::Info };
        }
        let ended = all(true).unwrap_or_default();
        let expired = ended.iter().find(|e| e.expires < self.today).map(|e| e.name.clone());
        let severity = severity(rule);
        Judged { rule: name, exception: None, expired, severity }
    }
}

/// What the rules say of the walls that are open.
pub(super) fn rule_on(section: &mut Isolation, paths: &[AccessPath]) {
    let is_across = |path: &AccessPath, row: &MatrixRow| {
        path.from.environment == row.from && path.to.environment == row.to
    };
    for row in &mut section.matrix {
        if row.after.is_shut() {
            continue;
        }
        let mut across = paths.iter().filter(|path| is_across(path, row)).peekable();
        row.ruling = if section.violations.iter().any(|path| is_across(path, row)) {
            Some(Ruling::Forbidden)
        } else if across.peek().is_some() && across.all(|path| path.exception.is_some()) {
            Some(Ruling::Permitted)
        } else {
            None
        };
    }
}

/// How grave a violation of a rule is.
pub(super) fn severity(rule: &Rule) -> RuleSeverity {
    if rule.error { RuleSeverity::Error } else { RuleSeverity::Warning }
}
