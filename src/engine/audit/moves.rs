//! Finished moves, and what environments remember of them, beside the records of both.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::engine::error::EngineError;
use crate::engine::promotion::finished_event;
use crate::promotion::Digest;
use crate::promotion::audited::{HOLD_LIFTED, LiftedHold, MoveContent, MoveName};
use crate::promotion::left_by_moves::LeftByMoves;
use crate::promotion::store::{self, StoredMove, VersionedRecord};
use crate::state::audit::Record;
use crate::state::{Ledger, StateError};

/// What of environments is compared with nothing.
pub(super) const UNCOMPARED: [&str; 2] = [
    "what `promotion.json` says of verifications (which releases count as verified, since when, on what evidence) and of a move that is under way; since when, by whom and why there is a hold",
    "by whom and when a release was stored first, where every version of it was replaced",
];

/// What one environment has left: read twice, with its moves in between.
pub(super) struct EnvironmentTrace {
    pub(super) name: String,
    before: Option<VersionedRecord>,
    after: Option<VersionedRecord>,
    moves: BTreeMap<u64, StoredMove>,
    /// Numbers of moves that cannot be read.
    damaged: BTreeSet<u64>,
}

/// Reads what environments have left.
pub(super) async fn read(
    ledger: &Ledger,
    findings: &mut Findings,
) -> Result<Vec<EnvironmentTrace>, EngineError> {
    let mut environments = Vec::new();
    for name in store::list_environments(ledger).await? {
        let before = record(ledger, &name, findings).await?;
        let stored = store::stored_moves(ledger, &name).await?;
        let after = record(ledger, &name, findings).await?;
        let (mut moves, mut damaged) = (BTreeMap::new(), BTreeSet::new());
        for (number, stored) in stored {
            match stored {
                Ok(stored) => {
                    moves.insert(number, stored);
                }
                Err(error) => {
                    findings.unreadable(error)?;
                    damaged.insert(number);
                }
            }
        }
        environments.push(EnvironmentTrace { name, before, after, moves, damaged });
    }
    Ok(environments)
}

async fn record(
    ledger: &Ledger,
    environment: &str,
    findings: &mut Findings,
) -> Result<Option<VersionedRecord>, EngineError> {
    match store::read(ledger, environment).await {
        Ok(versioned) => Ok(Some(versioned)),
        Err(error) => Ok(findings.unreadable(error).map(|()| None)?),
    }
}

impl EnvironmentTrace {
    /// Releases that its moves have brought, each with its name.
    pub(super) fn releases(&self) -> impl Iterator<Item = (&str, &Digest)> {
        self.moves.values().flat_map(|StoredMove { run, .. }| {
            [&run.digest, run.in_force()].map(|digest| (run.release.as_str(), digest))
        })
    }

    /// Compares its moves with their records, and what it remembers with its moves.
    ///
    /// # Errors
    /// A move cannot be written as a record has it.
    pub(super) fn check(
        &self,
        records: &MoveRecords<'_>,
        findings: &mut Findings,
    ) -> Result<(), StateError> {
        let name = &self.name;
        let mut unhashed = 0_usize;
        for (number, stored) in &self.moves {
            let run = &stored.run;
            if run.number != *number || run.environment != *name {
                findings.problem(format!(
                    "move {number} into `{name}` says that it is move {} into `{}`",
                    run.number, run.environment
                ));
            }
            let own = records.of(name, *number).iter().filter(|r| r.event.run == run.id);
            let own: Vec<&Record> = own.copied().collect();
            if own.is_empty() {
                if self.is_being_recorded(&run.id) {
                    findings.not_seen.push(format!(
                        "whether move {number} into `{name}` is what it was: `promotion.json` says that it is being written down, and it has no record yet"
                    ));
                } else {
                    findings.problem(format!("move {number} into `{name}` has no record"));
                }
                continue;
            }
            let mut agreeing = false;
            for record in &own {
                agreeing |= tells(record, stored)?;
            }
            if !agreeing {
                let records: Vec<String> = own.iter().map(|r| r.number.to_string()).collect();
                findings.problem(format!(
                    "move {number} into `{name}` was changed: record {} says otherwise",
                    records.join(", ")
                ));
            }
            let hashed = |r: &&Record| r.event.details.read::<MoveContent<'_>>().is_some();
            unhashed += usize::from(!own.iter().any(hashed));
        }
        if unhashed > 0 {
            findings.not_seen.push(format!(
                "what gates found before and after {unhashed} of the moves into `{name}`, but for how each ended: an earlier version of palisade recorded them without a hash"
            ));
        }
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Ok(()) };
        let moves = self.moves.iter().map(|(number, stored)| (*number, &stored.run)).collect();
        let none = BTreeSet::new();
        let lifted = records.lifted.get(name).unwrap_or(&none);
        let left = LeftByMoves { moves, damaged: &self.damaged, lifted };
        for told in left.contradictions(&before.record, &after.record) {
            findings.problem(format!("`environments/{name}/promotion.json` {told}"));
        }
        Ok(())
    }

    /// Whether a move that has no record is on its way to one.
    fn is_being_recorded(&self, id: &str) -> bool {
        let read = [&self.before, &self.after];
        let runs = read.into_iter().flatten().filter_map(|read| read.record.run.as_ref());
        runs.map(|run| run.id.as_str()).any(|run| run == id)
    }
}

/// What the log says of moves, found by what each is about: there may be many of both.
pub(super) struct MoveRecords<'r> {
    of: BTreeMap<&'r str, BTreeMap<u64, Vec<&'r Record>>>,
    /// The runs whose holds were lifted, by environment.
    lifted: BTreeMap<String, BTreeSet<String>>,
}

impl<'r> MoveRecords<'r> {
    pub(super) fn new(records: &'r [Record]) -> Self {
        let mut of: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        let mut lifted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for record in records {
            if let Some((environment, number)) = moved(record) {
                of.entry(environment).or_default().entry(number).or_default().push(record);
            }
            if record.event.action == HOLD_LIFTED
                && let Some(LiftedHold { environment, hold }) = record.event.details.read()
            {
                lifted.entry(environment).or_default().insert(hold.run);
            }
        }
        Self { of, lifted }
    }

    fn of(&self, environment: &str, number: u64) -> &[&'r Record] {
        let of_move = self.of.get(environment).and_then(|moves| moves.get(&number));
        of_move.map_or(&[], Vec::as_slice)
    }
}

/// Tells records of moves that are not there.
pub(super) async fn missing(
    ledger: &Ledger,
    environments: &[EnvironmentTrace],
    records: &MoveRecords<'_>,
    findings: &mut Findings,
) -> Result<(), EngineError> {
    let traces: BTreeMap<&str, &EnvironmentTrace> =
        environments.iter().map(|trace| (trace.name.as_str(), trace)).collect();
    for (environment, of_environment) in &records.of {
        let trace = traces.get(environment);
        let mut unmatched: Vec<(u64, &Record)> = Vec::new();
        for (number, of_move) in of_environment {
            if trace.is_some_and(|trace| trace.damaged.contains(number)) {
                continue;
            }
            let stored = trace.and_then(|trace| trace.moves.get(number));
            let others = of_move
                .iter()
                .filter(|record| stored.is_none_or(|stored| stored.run.id != record.event.run));
            unmatched.extend(others.map(|record| (*number, *record)));
        }
        if unmatched.is_empty() {
            continue;
        }
        // They may have ended since the moves were read.
        let mut now = store::stored_moves(ledger, environment).await?;
        let mut damaged = BTreeSet::new();
        for (number, record) in unmatched {
            match now.get(&number) {
                Some(Ok(stored)) if stored.run.id == record.event.run => continue,
                Some(Err(_)) => {
                    damaged.insert(number);
                    continue;
                }
                Some(Ok(_)) | None => {}
            }
            findings.problem(format!(
                "record {} names move {number} into `{environment}`, which is not there",
                record.number
            ));
        }
        for number in damaged {
            if let Some(Err(error)) = now.remove(&number) {
                findings.unreadable(error)?;
            }
        }
    }
    Ok(())
}

/// Whether a record says of a move what the move says: by the hash of all of it, or where an earlier version wrote the
/// record, by what it holds of the move.
fn tells(record: &Record, stored: &StoredMove) -> Result<bool, StateError> {
    match record.event.details.read::<MoveContent<'_>>() {
        Some(recorded) => Ok(recorded.content == stored.content),
        None => Ok(record.event.tells(&finished_event(&stored.run, None)?)),
    }
}

/// The move that a record is about.
fn moved(record: &Record) -> Option<(&str, u64)> {
    let of: MoveName<'_> = record.event.details.read()?;
    Some((of.environment, of.number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each move is compared with its own records: of a thousand records none is looked at for two moves.
    #[test]
    fn no_record_is_compared_with_two_moves() {
        let record = |number: u64| -> Record {
            serde_json::from_value(json!({
                "number": number, "previous": "", "write_id": "w", "hash": "h",
                "event": {
                    "at": "2026-11-29T00:00:00Z", "who": "me", "run": format!("r{number}"),
                    "action": "promotion_finished", "scopes": [],
                    "details": {"environment": format!("e{}", number % 4), "move": number / 4},
                },
            }))
            .expect("a record")
        };
        let records: Vec<Record> = (0..1_000).map(record).collect();
        let log = MoveRecords::new(&records);
        let moves = (0..1_000_u64).map(|number| (format!("e{}", number % 4), number / 4));
        let compared: usize = moves.map(|(name, number)| log.of(&name, number).len()).sum();
        assert_eq!(compared, records.len());
    }
}
