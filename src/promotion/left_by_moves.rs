//! Whether what an environment remembers is what its moves have left there, for the check of the audit log.
//!
//! Which release is current and whether there is a hold follow from the finished moves and from the holds that were
//! lifted. Verifications do not: `palisade verify` looks again, and leaves a record only where the verdict changes.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{End, EnvironmentRecord, MoveKind, ReleaseMove};

/// What is known of an environment's past.
pub struct LeftByMoves<'a> {
    /// Its finished moves, by their numbers.
    pub moves: BTreeMap<u64, &'a ReleaseMove>,
    /// Numbers of moves that are there and cannot be read.
    pub damaged: &'a BTreeSet<u64>,
    /// Ids of the moves whose holds were lifted.
    pub lifted: &'a BTreeSet<String>,
}

impl LeftByMoves<'_> {
    /// What an environment's record says otherwise. It was read `before` the moves, and once more `after` them: others
    /// may have moved something meanwhile, and nothing of that is a contradiction. Each is told as what the record does.
    #[must_use]
    pub fn contradictions(
        &self,
        before: &EnvironmentRecord,
        after: &EnvironmentRecord,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let newest = self.moves.keys().chain(self.damaged).max().copied().unwrap_or(0);
        let settling = after.run.as_ref().map(|run| run.number);
        if newest > after.moves && settling != Some(newest) {
            told.push(format!(
                "counts {}, and move {newest} is there: it was removed, or an earlier version of it brought back",
                moves(after.moves)
            ));
        }
        let counted = |number: &&u64| **number <= before.moves;
        let there = self.moves.keys().chain(self.damaged).filter(counted).count();
        if (there as u64) < before.moves {
            told.push(format!("counts {}, and {there} are there", moves(before.moves)));
        }
        // What a move has left that cannot be read is not known.
        if self.damaged.is_empty() && told.is_empty() {
            told.extend(self.currents(before));
            told.extend(self.hold(before));
        }
        told
    }

    /// The moves that were over when the record was written, the newest first.
    fn counted(&self, record: &EnvironmentRecord) -> impl Iterator<Item = &ReleaseMove> {
        self.moves.range(..=record.moves).rev().map(|(_, run)| *run)
    }

    fn currents(&self, record: &EnvironmentRecord) -> Vec<String> {
        let mut told = Vec::new();
        // Gone through once, however many releases there are.
        let (mut newest, mut by_id) = (BTreeMap::new(), BTreeMap::new());
        for run in self.counted(record) {
            newest.entry(run.release.as_str()).or_insert(run);
            by_id.entry(run.id.as_str()).or_insert(run);
        }
        let moved = newest.keys().copied();
        let names: BTreeSet<&str> =
            moved.chain(record.releases.keys().map(String::as_str)).collect();
        for name in names {
            let under_way = record.run.as_ref().filter(|run| run.release == name);
            let last = newest.get(name).copied();
            let Some(current) = record.current(name) else {
                if let Some(last) = last {
                    told.push(format!(
                        "has no current release of `{name}`, and move {} has brought {}",
                        last.number,
                        last.in_force().short()
                    ));
                }
                continue;
            };
            let brought = last.into_iter().chain(under_way).flat_map(|run| {
                // One that goes back was there before.
                let on_its_way = run.end.is_none().then_some(&run.digest);
                on_its_way.into_iter().chain([run.in_force()])
            });
            if !brought.into_iter().any(|digest| *digest == current.digest) {
                let last = match last {
                    Some(last) => {
                        format!("move {} has brought {}", last.number, last.in_force().short())
                    }
                    None => "no move has brought one".to_owned(),
                };
                told.push(format!(
                    "has {} as the current release of `{name}`, and {last}",
                    current.digest.short()
                ));
                continue;
            }
            // A release that arrived again keeps the move that brought it first.
            let under_way = under_way.filter(|run| run.id == current.run);
            let bringer = by_id.get(current.run.as_str()).copied().or(under_way);
            let fits = |run: &ReleaseMove| {
                run.author.arn == current.by
                    && [&run.digest, run.in_force()].contains(&&current.digest)
            };
            if !bringer.is_some_and(fits) {
                told.push(format!(
                    "says that {} has brought the current release of `{name}` in run `{}`, and no move says so",
                    current.by, current.run
                ));
            }
        }
        told
    }

    fn hold(&self, record: &EnvironmentRecord) -> Option<String> {
        let last = self.counted(record).find(|run| sets_hold(run));
        match (&record.hold, last) {
            (None, Some(last)) if !self.lifted.contains(&last.id) => Some(format!(
                "has no hold, move {} has left one, and no record says that it was lifted",
                last.number
            )),
            (Some(hold), last) => {
                let set = last.into_iter().chain(&record.run).any(|run| run.id == hold.run);
                (!set).then(|| format!("has a hold of run `{}`, which has left none", hold.run))
            }
            (None, _) => None,
        }
    }
}

fn moves(count: u64) -> String {
    if count == 1 { "1 move".to_owned() } else { format!("{count} moves") }
}

/// Whether nothing moves in after a move until somebody lifts its hold.
fn sets_hold(run: &ReleaseMove) -> bool {
    match run.end {
        Some(End::Verified) => run.kind == MoveKind::Rollback,
        Some(End::Unverified) => run.kind != MoveKind::Entry,
        Some(End::Returned) => true,
        None => false,
    }
}
