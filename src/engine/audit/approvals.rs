//! Approvals, and those that were taken back, beside their records.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Findings;
use crate::engine::error::EngineError;
use crate::promotion::audited::{APPROVED, ApprovalDetails, REVOKED, action_of};
use crate::promotion::gate::approval::{self, Approval};
use crate::state::Ledger;
use crate::state::audit::Record;

/// An approval is written right before its record: for so long none is missed.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// The approvals that were there before the log was read.
pub(super) struct Approvals {
    all: Vec<Approval>,
    now: Timestamp,
}

impl Approvals {
    pub(super) async fn read(
        ledger: &Ledger,
        findings: &mut Findings,
    ) -> Result<Self, EngineError> {
        let now = ledger.now().await?;
        let all = match approval::all(ledger).await {
            Ok(all) => all,
            Err(error) => findings.unreadable(error).map(|()| Vec::new())?,
        };
        Ok(Self { all, now })
    }

    /// Tells approvals without a record, copies of approvals, and records of approvals that are gone.
    ///
    /// # Errors
    /// The backend cannot be read.
    pub(super) async fn check(
        &self,
        ledger: &Ledger,
        records: &[Record],
        findings: &mut Findings,
    ) -> Result<(), EngineError> {
        let mut by_time: BTreeMap<Timestamp, Vec<&Record>> = BTreeMap::new();
        for record in records.iter().filter(|record| names_approval(record)) {
            by_time.entry(record.event.at).or_default().push(record);
        }
        let mut written: BTreeMap<&str, usize> = BTreeMap::new();
        for given in &self.all {
            let what = described(given);
            let count = written.entry(&given.write_id).or_default();
            *count += 1;
            // What was said last counts: a copy of it stands behind what was said since.
            if *count == 2 {
                findings.problem(format!("{what} is there more than once: it was copied"));
            }
            let then = by_time.get(&given.at).map_or(&[][..], Vec::as_slice);
            if then.iter().any(|record| records_approval(record, given)) {
                continue;
            }
            // One that is not of the past yet was dated by hand: no grace is due to it.
            let age = self.now.duration_since(given.at);
            if age > GRACE || age < -GRACE {
                findings.problem(format!("{what} has no record"));
            } else {
                findings.not_seen.push(format!(
                    "whether {what} was invented: it has no record yet, which is written within a minute"
                ));
            }
        }
        let gone: Vec<&Record> = by_time.into_values().flatten().collect();
        let gone = without(gone, &self.all);
        if gone.is_empty() {
            return Ok(());
        }
        // They may have been given since the approvals were read.
        match approval::all(ledger).await {
            Ok(now) => {
                for record in without(gone, &now) {
                    let what = match record.event.action.as_str() {
                        REVOKED => "that an approval was taken back",
                        _ => "an approval",
                    };
                    findings.problem(format!(
                        "record {} names {what} by {}, which is not there",
                        record.number, record.event.who
                    ));
                }
            }
            // Whether they are there is not known; that they cannot be read is the finding.
            Err(error) => findings.unreadable(error)?,
        }
        Ok(())
    }
}

/// Those of the records of which no approval is there.
fn without<'r>(mut records: Vec<&'r Record>, there: &[Approval]) -> Vec<&'r Record> {
    let mut by_time: BTreeMap<Timestamp, Vec<&Approval>> = BTreeMap::new();
    for given in there {
        by_time.entry(given.at).or_default().push(given);
    }
    records.retain(|record| {
        let then = by_time.get(&record.event.at).map_or(&[][..], Vec::as_slice);
        !then.iter().any(|given| records_approval(record, given))
    });
    records.sort_by_key(|record| record.number);
    records
}

fn described(given: &Approval) -> String {
    format!("an approval of `{}` by {} at {:.0}", given.edge, given.by.arn, given.at)
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
