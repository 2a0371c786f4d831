//! Checks the audit log against the states, and against what promotions and approvals have left.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::promotion::ReleaseMove;
use crate::promotion::audited::{APPROVED, ApprovalDetails, MoveName, REVOKED, action_of};
use crate::promotion::gate::approval::{self, Approval};
use crate::promotion::store;
use crate::state::Ledger;
use crate::state::audit::{AuditCheck, Record};
use crate::state::audit_check::Anchor;

use super::error::EngineError;

/// An approval is written right before its record: for so long none is missed.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// Checks everything.
///
/// # Errors
/// The backend cannot be read. (What is damaged in it is a finding.)
pub(super) async fn verify(
    ledger: &Ledger,
    anchor: Option<&Anchor>,
) -> Result<AuditCheck, EngineError> {
    // Moves and approvals come before their records, so they are read before the log.
    let now = ledger.now().await?;
    let mut problems = Vec::new();
    let mut finished: BTreeMap<(String, u64), ReleaseMove> = BTreeMap::new();
    let mut under_way = Vec::new();
    for environment in store::list_environments(ledger).await? {
        match store::read(ledger, &environment).await {
            Ok(versioned) => under_way.extend(versioned.record.run.map(|run| run.id)),
            Err(error) => problems.push(error.diagnostic.summary.clone()),
        }
        match store::moves(ledger, &environment).await {
            Ok(moves) => {
                let moves = moves.into_iter().map(|m| ((environment.clone(), m.number), m));
                finished.extend(moves);
            }
            Err(error) => problems.push(error.diagnostic.summary.clone()),
        }
    }
    let approvals = match approval::all(ledger).await {
        Ok(approvals) => approvals,
        Err(error) => {
            problems.push(error.diagnostic.summary.clone());
            Vec::new()
        }
    };
    let (mut found, records) = ledger.check_audit(anchor).await?;
    for ((environment, number), run) in &finished {
        let told = records
            .iter()
            .any(|r| moved(r) == Some((environment.as_str(), *number)) && r.event.run == run.id);
        if !told && !under_way.contains(&run.id) {
            problems.push(format!("move {number} into `{environment}` has no record"));
        }
    }
    for record in &records {
        let Some((environment, number)) = moved(record) else { continue };
        let key = (environment.to_owned(), number);
        if finished.get(&key).is_some_and(|run| run.id == record.event.run) {
            continue;
        }
        // It may have ended since the moves were read.
        match store::moves(ledger, environment).await {
            Ok(now) if now.iter().any(|m| m.number == number && m.id == record.event.run) => {}
            Ok(_) => problems.push(format!(
                "record {} names move {number} into `{environment}`, which is not there",
                record.number
            )),
            // Whether it is there is not known; that the moves cannot be read is the finding.
            Err(error) if problems.contains(&error.diagnostic.summary) => {}
            Err(error) => problems.push(error.diagnostic.summary.clone()),
        }
    }
    for given in &approvals {
        // One that is not of the past yet was dated by hand: no grace is due to it.
        let age = now.duration_since(given.at);
        if (age > GRACE || age < -GRACE) && !records.iter().any(|r| records_approval(r, given)) {
            problems.push(format!(
                "an approval of `{}` by {} at {:.0} has no record",
                given.edge, given.by.arn, given.at
            ));
        }
    }
    let is_gone = |known: &[Approval], record: &&Record| {
        names_approval(record) && !known.iter().any(|given| records_approval(record, given))
    };
    if records.iter().any(|record| is_gone(&approvals, &record)) {
        // They may have been given since the approvals were read.
        match approval::all(ledger).await {
            Ok(now) => {
                for record in records.iter().filter(|record| is_gone(&now, record)) {
                    let what = match record.event.action.as_str() {
                        REVOKED => "that an approval was taken back",
                        _ => "an approval",
                    };
                    problems.push(format!(
                        "record {} names {what} by {}, which is not there",
                        record.number, record.event.who
                    ));
                }
            }
            // Whether they are there is not known; that they cannot be read is the finding.
            Err(error) if problems.contains(&error.diagnostic.summary) => {}
            Err(error) => problems.push(error.diagnostic.summary.clone()),
        }
    }
    found.problems.extend(problems);
    Ok(found)
}

/// The move that a record is about.
fn moved(record: &Record) -> Option<(&str, u64)> {
    let of: MoveName<'_> = record.event.details.read()?;
    Some((of.environment, of.number))
}

/// Whether a record is about an approval, or one that was taken back.
fn names_approval(record: &Record) -> bool {
    [APPROVED, REVOKED].contains(&record.event.action.as_str())
        && record.event.details.read::<ApprovalDetails<'_>>().is_some()
}

/// Whether a record is that of an approval: of the same word, about the same plan, by the same caller, at the same time.
fn records_approval(record: &Record, given: &Approval) -> bool {
    let is_it = |details: ApprovalDetails<'_>| {
        details.edge == given.edge
            && details.digest == given.digest.as_str()
            && details.user_id == given.by.user_id
    };
    let event = &record.event;
    event.action == action_of(given.consent)
        && event.at == given.at
        && event.who == given.by.arn
        && event.plan.as_ref() == Some(&given.plan)
        && event.details.read().is_some_and(is_it)
}
