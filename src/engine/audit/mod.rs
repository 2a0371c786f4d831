//! Checks the audit log against the states, and against what promotions and approvals have left.
//!
//! Others may append meanwhile. What is written before its record (moves, approvals) is read before the log, and what is
//! written after it is compared with no more than the log held by then.

mod approvals;
mod moves;
mod releases;

use std::collections::BTreeSet;

use crate::state::audit::AuditCheck;
use crate::state::audit_check::Anchor;
use crate::state::{Ledger, StateError, StateFailure, layout};

use super::error::EngineError;
use approvals::Approvals;
use moves::MoveRecords;

/// What the check has found so far; a finding that many parts meet is told once.
#[derive(Default)]
struct Findings {
    problems: Vec<String>,
    /// The same, to look one up among many.
    known: BTreeSet<String>,
    not_seen: Vec<String>,
}

impl Findings {
    fn problem(&mut self, told: String) {
        if self.known.insert(told.clone()) {
            self.problems.push(told);
        }
    }

    /// What is damaged or gone is a finding of its own, and the rest is checked.
    ///
    /// # Errors
    /// The backend could not be read: of what stands there, nothing is known.
    fn unreadable(&mut self, error: StateError) -> Result<(), StateError> {
        match error.failure {
            StateFailure::Invalid | StateFailure::Refused => {
                self.problem(error.diagnostic.summary);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Checks everything.
///
/// # Errors
/// The backend cannot be read. (What is damaged in it is a finding.)
pub(super) async fn verify(
    ledger: &Ledger,
    anchor: Option<&Anchor>,
) -> Result<AuditCheck, EngineError> {
    let mut findings = Findings::default();
    let environments = moves::read(ledger, &mut findings).await?;
    let approvals = Approvals::read(ledger, &mut findings).await?;
    let (mut found, records) = ledger.check_audit(anchor).await?;
    let of_moves = MoveRecords::new(&records);
    for environment in &environments {
        environment.check(&of_moves, &mut findings)?;
    }
    moves::missing(ledger, &environments, &of_moves, &mut findings).await?;
    approvals.check(ledger, &records, &mut findings).await?;
    releases::check(ledger, &environments, &mut findings).await?;
    for environment in &environments {
        let prefix = layout::moves(&environment.name);
        findings.problems.extend(ledger.rewritten(&prefix, "moves").await?);
    }
    for (prefix, what) in [(layout::RELEASES, "releases"), (layout::APPROVALS, "approvals")] {
        findings.problems.extend(ledger.rewritten(prefix, what).await?);
    }
    if !environments.is_empty() {
        findings.not_seen.extend(moves::UNCOMPARED.map(str::to_owned));
    }
    findings.not_seen.push(
        "outputs, locks, journals and the key of fingerprints: the log says nothing of them"
            .to_owned(),
    );
    found.problems.extend(findings.problems);
    found.not_seen.extend(findings.not_seen);
    Ok(found)
}
