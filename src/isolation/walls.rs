//! Everything that is known of the walls of one side: what `palisade isolation` prints.

use jiff::civil::Date;
use serde::Serialize;

use super::report::Analysis;
use super::rules::{Exception, Rule};
use super::section::{AccessPath, Basis, Finding, MatrixRow, Proof, broken};

/// The walls of one side.
#[derive(Clone, Debug, Serialize)]
pub struct Walls {
    /// Which side: `live`, `plan` or `state`.
    pub side: String,
    /// What was read, and what the analysis does not look at.
    pub basis: Option<Basis>,
    /// Environments compared.
    pub environments: Vec<String>,
    /// Verdict per ordered pair; `before` and `after` differ only where a plan is looked at.
    pub matrix: Vec<MatrixRow>,
    /// Every path there is, permitted or not.
    pub paths: Vec<AccessPath>,
    /// Paths that break a rule, and protected walls that are none or not decided.
    pub violations: Vec<AccessPath>,
    /// The exceptions of all rules.
    pub exceptions: Vec<Permit>,
    /// Warnings about the walls.
    pub findings: Vec<Finding>,
    /// Why closed pairs are closed.
    pub proofs: Vec<Proof>,
}

/// An exception of a rule, and what it permits at present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permit {
    /// The rule's address.
    pub rule: String,
    /// The exception's label.
    pub name: String,
    /// Why it exists.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub expires: String,
    /// Days from today to that day; negative once it has passed.
    pub days_left: i32,
    /// How it stands.
    pub status: PermitStatus,
    /// Ids of the paths that it covers.
    pub covers: Vec<String>,
    /// Where it is declared.
    pub location: String,
}

/// How an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PermitStatus {
    /// It covers a path and counts.
    InForce,
    /// It counts and covers nothing.
    Unused,
    /// Its last day has passed.
    Expired,
}

impl Walls {
    /// How many violations are errors.
    #[must_use]
    pub fn broken(&self) -> usize {
        broken(&self.violations)
    }
}

impl Walls {
    /// Gathers what an analysis found about the after side. `today` (`YYYY-MM-DD`) decides which exceptions
    /// have expired.
    #[must_use]
    pub fn of(analysis: Analysis, rules: &[Rule], side: &str, today: &str) -> Self {
        let Analysis { section, paths, .. } = analysis;
        let today = today.parse().unwrap_or(Date::MAX);
        let exceptions = rules
            .iter()
            .flat_map(|rule| rule.exceptions.iter().map(move |exception| (rule, exception)))
            .map(|(rule, exception)| permit(rule, exception, &paths, today))
            .collect();
        Self {
            side: side.to_owned(),
            basis: section.basis,
            environments: section.environments,
            matrix: section.matrix,
            paths,
            violations: section.violations,
            exceptions,
            findings: section.findings,
            proofs: section.proofs,
        }
    }
}

fn permit(rule: &Rule, exception: &Exception, paths: &[AccessPath], today: Date) -> Permit {
    let address = format!("isolation.{}", rule.name);
    let is_covered = |path: &&AccessPath| {
        path.rule.as_ref() == Some(&address) && path.exception.as_ref() == Some(&exception.name)
    };
    let covers: Vec<String> = paths.iter().filter(is_covered).map(|path| path.id.clone()).collect();
    let status = match (exception.expires < today, covers.is_empty()) {
        (true, _) => PermitStatus::Expired,
        (_, true) => PermitStatus::Unused,
        _ => PermitStatus::InForce,
    };
    Permit {
        rule: address,
        name: exception.name.clone(),
        reason: exception.reason.clone(),
        expires: exception.expires.to_string(),
        days_left: (exception.expires - today).get_days(),
        status,
        covers,
        location: exception.loc.to_string(),
    }
}
