//! The write-ahead log of an apply: intent before a mutation, result after it.
//!
//! One object holds the results since the last one and the intents of what starts next, so that a
//! batch costs one write. Journal objects are written once (`If-None-Match: *`), never changed, and
//! removed once their results are in the state. An intent without a result is **in doubt**: the
//! call may or may not have been carried out, and recovery looks.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;

use super::OperationKind;
use super::error::{StateError, StateFailure};
use super::json::{encode, refuse_newer};
use super::layout::{self, ScopeKey};
use super::ledger::Ledger;
use super::model::{ObjectMeta, ResourceState, Resources};
use super::scopes::FORMAT;
use super::store::{Cas, WriteCondition, Written};
use crate::value::Plain;

/// One operation that is about to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number in the plan.
    pub operation: u32,
    /// What it does.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// Its natural key, where it is known: what recovery looks it up by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Attach and detach: the target's id; move: the new parent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What to record should the object be found: everything but what AWS computes.
    pub resource: ResourceState,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationOutcome {
    /// The object exists and is as recorded here.
    Recorded(ResourceState),
    /// The object is gone, or left in AWS and forgotten.
    Gone,
    /// The object has another address now.
    Renamed {
        /// Its new address.
        to: ResourceAddr,
        /// As recorded there.
        resource: ResourceState,
    },
    /// It surely was not carried out; the state stays as it is.
    Failed(String),
}

/// A finished operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Its number in the plan.
    pub operation: u32,
    /// The object.
    pub address: ResourceAddr,
    /// How it ended.
    pub outcome: OperationOutcome,
}

/// One journal object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Format of the layout.
    pub format: u32,
    /// Random.
    pub write_id: String,
    /// The run.
    pub run: String,
    /// Identity of the state that it belongs to.
    #[serde(default)]
    pub lineage: String,
    /// The scope.
    pub scope: String,
    /// From 1, without gaps.
    pub sequence: u64,
    /// Epoch of the lease that it was written under.
    pub epoch: u64,
    /// Who runs.
    pub by: String,
    /// Digest of the plan that is applied.
    pub plan: String,
    /// Store time before which the lease was taken; CreateAccount requests are looked for from here on.
    pub since: Timestamp,
    /// Results since the last object.
    pub finished: Vec<Finished>,
    /// What may start once this is written.
    pub intents: Vec<Intent>,
}

/// Everything that one run left in one scope, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct RunJournal {
    /// The scope.
    pub scope: String,
    /// The run.
    pub run: String,
    /// Its objects.
    pub entries: Vec<JournalEntry>,
}

impl JournalEntry {
    fn key(&self) -> String {
        layout::journal(&self.scope, &self.run, self.sequence)
    }

    /// What no state of its scope could hold is in no journal of it.
    fn verify(&self) -> Result<(), String> {
        let fits = |address: &ResourceAddr, resource: Option<&ResourceState>| {
            let home = address.account().map(|account| layout::account_scope(account.as_str()));
            if home.is_some_and(|home| home != self.scope) {
                return Err(format!("names `{address}`, which is not in scope `{}`", self.scope));
            }
            match resource {
                Some(resource) if resource.kind != address.kind => {
                    Err(format!("records `{address}` with kind `{}`", resource.kind))
                }
                Some(resource) if resource.depends_on.contains(address) => {
                    Err(format!("records that `{address}` depends on itself"))
                }
                _ => Ok(()),
            }
        };
        for intent in &self.intents {
            fits(&intent.address, Some(&intent.resource))?;
        }
        for finished in &self.finished {
            match &finished.outcome {
                OperationOutcome::Recorded(resource) => fits(&finished.address, Some(resource))?,
                OperationOutcome::Renamed { to, resource } => {
                    fits(&finished.address, None)?;
                    fits(to, Some(resource))?;
                }
                OperationOutcome::Gone => fits(&finished.address, None)?,
                // It changes nothing, and is told where the object was to leave from.
                OperationOutcome::Failed(_) => {}
            }
        }
        Ok(())
    }
}

impl RunJournal {
    /// Intents without a result, each once, the latest of an operation (a retry writes it anew).
    #[must_use]
    pub fn in_doubt(&self) -> Vec<Intent> {
        let mut open: BTreeMap<u32, Intent> = BTreeMap::new();
        for entry in &self.entries {
            for finished in &entry.finished {
                open.remove(&finished.operation);
            }
            for intent in &entry.intents {
                open.insert(intent.operation, intent.clone());
            }
        }
        open.into_values().collect()
    }

    /// Applies the results to a scope's objects, in order. Idempotent.
    pub fn replay(&self, resources: &mut Resources) {
        for finished in self.entries.iter().flat_map(|e| &e.finished) {
            finished.fold(resources);
        }
    }

    /// Its last sequence number.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.sequence)
    }
}

impl Finished {
    /// Applies this result to a scope's objects.
    pub fn fold(&self, resources: &mut Resources) {
        match &self.outcome {
            OperationOutcome::Recorded(resource) => {
                resources.insert(self.address.clone(), resource.clone());
            }
            OperationOutcome::Gone => {
                resources.remove(&self.address);
            }
            OperationOutcome::Renamed { to, resource } => {
                resources.remove(&self.address);
                resources.insert(to.clone(), resource.clone());
            }
            OperationOutcome::Failed(_) => {}
        }
    }
}

/// Writes one run's journal in one scope.
#[derive(Clone, Debug)]
pub struct JournalWriter {
    template: JournalEntry,
}

impl JournalWriter {
    /// For a run under a lease of `epoch`.
    #[must_use]
    pub fn new(
        lineage: &str,
        scope: &str,
        run: &str,
        epoch: u64,
        by: &str,
        plan: &str,
        since: Timestamp,
    ) -> Self {
        let template = JournalEntry {
            format: FORMAT,
            write_id: String::new(),
            run: run.to_owned(),
            lineage: lineage.to_owned(),
            scope: scope.to_owned(),
            sequence: 0,
            epoch,
            by: by.to_owned(),
            plan: plan.to_owned(),
            since,
            finished: Vec::new(),
            intents: Vec::new(),
        };
        Self { template }
    }

    /// Last sequence number written.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.template.sequence
    }

    /// Writes one object. When it returns, what it holds is durable.
    ///
    /// # Errors
    /// The store cannot be used, or the journal has another writer.
    pub async fn write(
        &mut self,
        ledger: &Ledger,
        finished: Vec<Finished>,
        intents: Vec<Intent>,
    ) -> Result<Written, StateError> {
        self.write_while(ledger, finished, intents, &|| true).await
    }

    /// As [`Self::write`], while the lease holds that the journal stands on. Its objects are new ones each
    /// time, so no condition on what is there would keep a late write out of a journal that a successor
    /// has folded and removed.
    ///
    /// # Errors
    /// Those of [`Self::write`], and that `may` said no.
    pub async fn write_while(
        &mut self,
        ledger: &Ledger,
        finished: Vec<Finished>,
        intents: Vec<Intent>,
        may: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Written, StateError> {
        let entry = JournalEntry {
            write_id: uuid::Uuid::new_v4().to_string(),
            sequence: self.template.sequence + 1,
            finished,
            intents,
            ..self.template.clone()
        };
        let key = layout::journal(&entry.scope, &entry.run, entry.sequence);
        match ledger.swap_while(&key, &encode(&entry)?, &WriteCondition::Absent, may).await? {
            Cas::Won(written) => {
                self.template.sequence = entry.sequence;
                Ok(written)
            }
            Cas::Lost(_) => Err(StateError::conflict(&format!("journal `{key}`"))),
        }
    }
}

impl Ledger {
    /// Reads the journals that lie in some scopes, oldest run first; cut-off, malformed or missing
    /// objects are refused, since a lost intent could become an orphan, and so are those of another
    /// state, whose objects are not this one's.
    ///
    /// # Errors
    /// The store cannot be read, or a journal is damaged or foreign.
    pub async fn read_journals(
        &self,
        scopes: &BTreeSet<String>,
    ) -> Result<Vec<RunJournal>, StateError> {
        let lists: Vec<_> = scopes
            .iter()
            .map(|scope| async move {
                self.store().list(&layout::journals(scope), None).await.map_err(StateError::from)
            })
            .collect();
        let keys: Vec<Vec<String>> = stream::iter(lists).buffered(32).try_collect().await?;
        // What is not named as a journal is none (a folder that somebody made in the S3 console).
        let keys = keys.into_iter().flatten().filter_map(|key| match layout::parse(&key)? {
            ScopeKey::Journal(scope, run, sequence) => Some((key, (scope, run, sequence))),
            _ => None,
        });
        let entries: Vec<Option<JournalEntry>> = stream::iter(keys)
            .map(|(key, name)| async move {
                let Some(object) = self.store().get(&key).await? else { return Ok(None) };
                refuse_newer(&format!("journal `{key}`"), &object)?;
                let found: JournalEntry = self.decode(&key, &object)?;
                if name != (found.scope.clone(), found.run.clone(), found.sequence) {
                    let why = format!(
                        "is not what its name says: it was written for scope `{}`, run `{}`",
                        found.scope, found.run
                    );
                    return Err(refused(&key, why));
                }
                found.verify().map_err(|why| refused(&key, why))?;
                Ok(Some(found))
            })
            .buffered(32)
            .try_collect()
            .await?;
        let entries: Vec<JournalEntry> = entries.into_iter().flatten().collect();
        if !entries.is_empty() {
            let root = self.read_root().await?;
            let lineage = root.map(|r| r.value.lineage).unwrap_or_default();
            // (Journals had no lineage in the layout's first days.)
            let foreign = |e: &&JournalEntry| {
                !e.lineage.is_empty() && !lineage.is_empty() && e.lineage != lineage
            };
            if let Some(entry) = entries.iter().find(foreign) {
                return Err(refused(
                    &entry.key(),
                    format!(
                        "is foreign: it has lineage `{}`, and this backend has `{lineage}`",
                        entry.lineage
                    ),
                ));
            }
        }
        let mut runs: BTreeMap<(String, String), Vec<JournalEntry>> = BTreeMap::new();
        for entry in entries {
            runs.entry((entry.scope.clone(), entry.run.clone())).or_default().push(entry);
        }
        let mut runs: Vec<RunJournal> = runs
            .into_iter()
            .map(|((scope, run), mut entries)| {
                entries.sort_by_key(|e| e.sequence);
                RunJournal { scope, run, entries }
            })
            .collect();
        for run in &runs {
            // Results come into the state oldest first, so that what is left is a whole tail.
            let pairs = run.entries.iter().zip(run.entries.iter().skip(1));
            if let Some((before, _)) = pairs
                .into_iter()
                .find(|(before, after)| before.sequence.checked_add(1) != Some(after.sequence))
            {
                return Err(refused(
                    &before.key(),
                    "is not followed by the next one: a part is gone".into(),
                ));
            }
        }
        runs.sort_by_key(|r| (r.entries.first().map(|e| (e.epoch, e.since)), r.run.clone()));
        Ok(runs)
    }

    /// Removes a run's journal from a scope up to a sequence number, oldest first: what is left after
    /// a crash in between is still a whole tail.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn remove_journal(
        &self,
        scope: &str,
        run: &str,
        sequences: impl IntoIterator<Item = u64>,
    ) -> Result<(), StateError> {
        for sequence in sequences {
            self.store().delete(&layout::journal(scope, run, sequence)).await?;
        }
        Ok(())
    }
}

fn refused(key: &str, why: String) -> StateError {
    StateError::new(
        StateFailure::Invalid,
        crate::diag::Diagnostic::error(format!("journal `{key}` {why}")).help(
            "find out who put it there or took it away (the bucket's versions tell), and undo that",
        ),
    )
}

/// A record of an object from its attributes, for intents and results.
#[must_use]
pub fn record(
    kind: &str,
    key: &str,
    attrs: Plain,
    depends_on: BTreeSet<ResourceAddr>,
    environments: BTreeSet<String>,
    meta: ObjectMeta,
) -> ResourceState {
    ResourceState {
        kind: kind.to_owned(),
        key: key.to_owned(),
        attrs,
        depends_on,
        environments,
        meta,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(n: u64) -> ResourceState {
        record(
            "iam_role",
            &n.to_string(),
            Plain::default(),
            [].into(),
            [].into(),
            ObjectMeta::default(),
        )
    }

    fn entry(sequence: u64, finished: Vec<Finished>, intents: Vec<u32>) -> JournalEntry {
        JournalEntry {
            sequence,
            finished,
            intents: intents
                .into_iter()
                .map(|operation| Intent {
                    operation,
                    op: OperationKind::Create,
                    address: format!("iam_role.r{operation}@dev").parse().unwrap(),
                    key: None,
                    target: None,
                    resource: resource(0),
                })
                .collect(),
            ..JournalWriter::new("l", "acct-dev", "r", 1, "me", "p", Timestamp::UNIX_EPOCH).template
        }
    }

    proptest! {
        /// However the log is cut, an operation that was announced and not finished is in doubt,
        /// one that was finished is folded, and replaying twice is replaying once.
        #[test]
        fn every_cut_of_a_journal_is_understood(ends in proptest::collection::vec(any::<bool>(), 1..40), cut in 0_usize..41) {
            let mut entries = vec![entry(1, vec![], (1..=ends.len() as u32).collect())];
            for (at, ok) in ends.iter().enumerate() {
                let operation = at as u32 + 1;
                let outcome = if *ok { OperationOutcome::Recorded(resource(9)) } else { OperationOutcome::Failed("no".into()) };
                let address = format!("iam_role.r{operation}@dev").parse().unwrap();
                entries.push(entry(at as u64 + 2, vec![Finished { operation, address, outcome }], vec![]));
            }
            entries.truncate(cut);
            let finished = entries.len().saturating_sub(1);
            let journal = RunJournal { scope: "acct-dev".into(), run: "r".into(), entries };
            let in_doubt: Vec<u32> = journal.in_doubt().iter().map(|i| i.operation).collect();
            let expected: Vec<u32> = if cut == 0 { vec![] } else { (finished as u32 + 1..=ends.len() as u32).collect() };
            prop_assert_eq!(in_doubt, expected);
            let mut resources = Resources::new();
            journal.replay(&mut resources);
            prop_assert_eq!(resources.len(), ends[..finished].iter().filter(|e| **e).count());
            let once = resources.clone();
            journal.replay(&mut resources);
            prop_assert_eq!(once, resources);
        }
    }
}
