//! Everything that is known of the walls of one side: what `palisade isolation` prints.

use serde::Serialize;

use super::report::Analysis;
use super::section::{AccessPath, Basis, ExceptionUse, Finding, MatrixRow, Proof, broken};

/// The walls of one side.
#[derive(Clone, Debug, Serialize)]
pub struct Walls {
    /// Which side: `live`, `plan` or `state`.
    pub side: String,
    /// What was read, and what the analysis does not look at.
    pub basis: Option<Basis>,
    /// Environments compared.
    pub environments: Vec<String>,
    /// WallVerdict per ordered pair; `before` and `after` differ only where a plan is looked at.
    pub matrix: Vec<MatrixRow>,
    /// Every path there is, permitted or not.
    pub paths: Vec<AccessPath>,
    /// Paths that break a rule, and protected walls that are none or not decided.
    pub violations: Vec<AccessPath>,
    /// The exceptions of all rules.
    pub exceptions: Vec<ExceptionUse>,
    /// Warnings about the walls.
    pub findings: Vec<Finding>,
    /// Why closed pairs are closed.
    pub proofs: Vec<Proof>,
}

impl Walls {
    /// How many violations are errors.
    #[must_use]
    pub fn broken(&self) -> usize {
        broken(&self.violations)
    }

    /// Gathers what an analysis found about the after side.
    #[must_use]
    pub fn of(analysis: Analysis, side: &str) -> Self {
        let Analysis { section, paths, .. } = analysis;
        Self {
            side: side.to_owned(),
            basis: section.basis,
            environments: section.environments,
            matrix: section.matrix,
            paths,
            violations: section.violations,
            exceptions: section.exceptions,
            findings: section.findings,
            proofs: section.proofs,
        }
    }
}
