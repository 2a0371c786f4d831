//! What `palisade audit verify` says.

use std::io::{self, Write};

use serde_json::json;

use crate::diag::{Diagnostic, Diagnostics};
use crate::state::audit::AuditCheck;

use super::style::{Style, count, safe};

/// Writes the result for tools.
///
/// # Errors
/// Those of the writer.
pub fn json(verification: &AuditCheck, out: &mut dyn Write) -> io::Result<()> {
    let report = json!({
        "records": verification.records,
        "head": verification.head,
        "valid": verification.problems.is_empty(),
        "problems": verification.problems,
        "not_seen": verification.not_seen,
    });
    super::json::write(&report, out)
}

/// Writes that the chain holds, where it does, and what could not be seen.
///
/// # Errors
/// Those of the writer.
pub fn text(verification: &AuditCheck, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if verification.problems.is_empty() {
        let records = usize::try_from(verification.records).unwrap_or(usize::MAX);
        writeln!(out, "the chain holds: {}", count(records, "record", "records"))?;
    }
    for not_seen in &verification.not_seen {
        writeln!(out, "{}", style.fold(&format!("not seen: {}", safe(not_seen)), 0))?;
    }
    Ok(())
}

/// What is wrong with the log; empty where nothing is.
#[must_use]
pub fn problems(verification: &AuditCheck) -> Diagnostics {
    let mut problems: Diagnostics =
        verification.problems.iter().map(|problem| Diagnostic::error(problem.clone())).collect();
    if !problems.is_empty() {
        problems.push(Diagnostic::error("the audit log is not what was written").help(
            "keep the bucket as it is: S3's object versions hold what was overwritten or deleted",
        ));
    }
    problems
}
