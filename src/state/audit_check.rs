//! Checking the audit log against everything that remembers it: the states as they are and as they were, the
//! bucket's versions, and a head that was kept elsewhere.
//!
//! States are read before the log: what a state has seen was appended before, so a log that others append to
//! meanwhile raises no alarm. A state that cannot be read is a finding of its own, and the rest is checked.
//! What the check cannot see is said as plainly: whoever may rewrite every object of the bucket and all
//! their versions leaves nothing here that contradicts, and the log names who wrote a state, not what it holds.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::ResourceAddr;

use super::audit::{AuditCheck, Record};
use super::error::StateError;
use super::layout::{self, ScopeKey};
use super::ledger::Ledger;
use super::model::Resources;
use super::scopes::{AuditHead, ScopeState};

/// How many versions of each scope's state are compared, the newest first.
const VERSIONS: usize = 200;

/// A head of the log that was kept outside of the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Number of the record.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

impl Anchor {
    /// From the line that an apply prints (`audit head: 12 sha256:...`), from a plan's comment, which ends with it, or
    /// from the JSON of `audit verify`, of a plan or of the last line of `apply --json`. Of several lines the last one counts.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let of_json = |text: &str| {
            let json = serde_json::from_str::<Json>(text).ok()?;
            let head = json.get("head").or_else(|| json.get("audit_head")).unwrap_or(&json);
            Some(serde_json::from_value(head.clone()).ok())
        };
        if let Some(head) = of_json(text) {
            return head;
        }
        text.lines().rev().find_map(|line| {
            const HASH: &str = "sha256:";
            if let Some(head) = of_json(line) {
                return head;
            }
            let (before, hash) = line.split_at_checked(line.rfind(HASH)?)?;
            let number = before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?;
            let digits = hash.get(HASH.len()..)?;
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            let hash = hash.get(..HASH.len() + end).filter(|_| end > 0)?;
            Some(Self { number: number.parse().ok()?, hash: hash.to_owned() })
        })
    }
}

/// What the states say, newest version first.
#[derive(Default)]
struct Remembered {
    /// Heads, and where they were seen.
    heads: BTreeMap<AuditHead, String>,
    /// Runs whose writes are among the versions of a scope.
    writers: BTreeMap<String, BTreeSet<String>>,
    /// Runs that are at work, or were interrupted and not recovered.
    unfinished: BTreeSet<String>,
    /// Writes that changed what a state holds: scope, serial, run.
    changes: Vec<(String, u64, String)>,
    /// Scopes of which not all versions were read.
    partial: BTreeSet<String>,
    problems: Vec<String>,
}

impl Ledger {
    /// Checks the log, and returns it beside what was found.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn check_audit(
        &self,
        anchor: Option<&Anchor>,
    ) -> Result<(AuditCheck, Vec<Record>), StateError> {
        let lineage = self.read_root().await?.map(|root| root.value.lineage).unwrap_or_default();
        let remembered = self.remembered().await?;
        let (mut found, records) = self.verify_chain().await?;
        found.problems.extend(remembered.problems.iter().cloned());
        let hashes: BTreeMap<u64, &str> =
            records.iter().map(|r| (r.number, r.hash.as_str())).collect();
        for record in records.iter().filter(|r| !r.lineage.is_empty() && r.lineage != lineage) {
            found.problems.push(format!(
                "record {} belongs to another state: it has lineage `{}`",
                record.number, record.lineage
            ));
        }
        for (head, place) in &remembered.heads {
            found.problems.extend(compare(&hashes, head.number, &head.hash, place));
        }
        if let Some(anchor) = anchor {
            found.problems.extend(compare(&hashes, anchor.number, &anchor.hash, "the anchor"));
        } else {
            found.not_seen.push(
                "a log that was rewritten together with every version of every state; a head that is kept elsewhere shows it (`--anchor FILE`, every apply prints one)".to_owned(),
            );
        }
        let newest = records.last().map_or(0, |record| record.number);
        let known = anchor.map_or(0, |anchor| anchor.number);
        let seen = remembered.heads.keys().map(|head| head.number).max().unwrap_or(0).max(known);
        if newest >= seen {
            found.not_seen.push(format!(
                "whether there was a record after {newest}: no state and no anchor has seen a later one"
            ));
        }
        for scope in &remembered.partial {
            found.not_seen.push(format!(
                "all versions of the state of scope `{scope}`: some are not kept here, or are older than the newest {VERSIONS}"
            ));
        }
        if !remembered.writers.is_empty() {
            found.not_seen.push(
                "what a state holds: the log names the runs that wrote it, and a state that was written in the name of such a run shows in a plan alone".to_owned(),
            );
        }
        found.problems.extend(missing_applies(&records, &remembered));
        found.problems.extend(unnamed_writes(&records, &remembered));
        Ok((found, records))
    }

    async fn remembered(&self) -> Result<Remembered, StateError> {
        let mut all = Remembered::default();
        let mut scopes = BTreeSet::new();
        for key in self.store().list(layout::SCOPES, None).await? {
            match layout::parse(&key) {
                Some(ScopeKey::State(scope)) => {
                    scopes.insert(scope);
                }
                Some(ScopeKey::Journal(_, run, _)) => {
                    all.unfinished.insert(run);
                }
                Some(ScopeKey::Lock(scope)) => {
                    if layout::holds_state(&scope) {
                        scopes.insert(scope.clone());
                    }
                    // A lock that cannot be read says nothing of the log.
                    if let Ok(Some(lock)) = self.read_lock(&scope).await
                        && !lock.released
                    {
                        all.unfinished.insert(lock.holder.run);
                    }
                }
                None => {}
            }
        }
        for scope in scopes {
            self.remember(&scope, &mut all).await?;
        }
        Ok(all)
    }

    async fn remember(&self, scope: &str, all: &mut Remembered) -> Result<(), StateError> {
        let key = layout::state(scope);
        let versions = self.store().versions(&key).await?;
        if versions.first().is_none_or(|newest| newest.deleted) {
            if versions.iter().any(|version| !version.deleted) {
                all.problems.push(format!("the state of scope `{scope}` was removed"));
            } else {
                // A lock that was taken and nothing applied under it.
                return Ok(());
            }
        }
        let kept: Vec<_> = versions.into_iter().filter(|version| !version.deleted).collect();
        if kept.len() > VERSIONS {
            all.partial.insert(scope.to_owned());
        }
        let states: Vec<Result<ScopeState, String>> = stream::iter(kept.into_iter().take(VERSIONS))
            .map(|version| {
                let key = key.clone();
                async move {
                    let object = self.store().get_version(&key, &version.id).await?;
                    let object = object.ok_or_else(|| "the version is gone".to_owned());
                    Ok::<_, StateError>(object.and_then(|o| ScopeState::open(scope, &o.bytes)))
                }
            })
            .buffered(16)
            .try_collect()
            .await?;
        if let Some(Err(why)) = states.first() {
            all.problems.push(format!("the state of scope `{scope}` cannot be read: {why}"));
        }
        // One whose counters are at their end was forged; a rollback goes back behind it.
        let readable = states.iter().filter_map(|s| s.as_ref().ok());
        let readable: Vec<&ScopeState> = readable.filter(|s| !s.is_at_its_end()).collect();
        // A state that was moved here, or whose old versions expired, has not its whole history.
        let whole = readable.last().is_none_or(|oldest| oldest.serial == 1)
            && readable.iter().zip(readable.iter().skip(1)).all(|(l, e)| l.serial <= e.serial + 1);
        if !whole {
            all.partial.insert(scope.to_owned());
        }
        for (later, earlier) in readable.iter().zip(readable.iter().skip(1)) {
            if later.serial == earlier.serial && later.write_id != earlier.write_id {
                all.problems.push(format!(
                    "serial {} of scope `{scope}` was written twice, by runs `{}` and `{}`",
                    later.serial, earlier.stamp.run, later.stamp.run
                ));
            } else if later.serial < earlier.serial {
                all.problems.push(format!(
                    "the state of scope `{scope}` went back from serial {} to {}",
                    earlier.serial, later.serial
                ));
            }
        }
        for (at, state) in readable.iter().enumerate() {
            // Of the oldest that is kept, what it has changed is known where it is the first one.
            let before = readable.get(at + 1);
            let has_changed = match before {
                Some(before) => state.holds() != before.holds(),
                None => state.serial == 1 && state.holds() != (&Resources::new(), &None, &None),
            };
            if has_changed {
                all.changes.push((scope.to_owned(), state.serial, state.stamp.run.clone()));
            }
        }
        for state in readable {
            if let Some(head) = &state.audit {
                let place = format!("serial {} of scope `{scope}`", state.serial);
                all.heads.entry(head.clone()).or_insert(place);
            }
            all.writers.entry(scope.to_owned()).or_default().insert(state.stamp.run.clone());
        }
        Ok(())
    }
}

fn compare(hashes: &BTreeMap<u64, &str>, number: u64, hash: &str, place: &str) -> Option<String> {
    match hashes.get(&number) {
        None => Some(format!("record {number} is missing: {place} has seen it")),
        Some(found) if *found != hash => Some(format!(
            "record {number} is not the one that {place} has seen: the chain was rewritten"
        )),
        Some(_) => None,
    }
}

/// What is read of [`super::audit_details::RecoveryDetails`].
#[derive(Deserialize)]
struct SettledRuns<'a> {
    #[serde(borrow)]
    runs: Vec<&'a str>,
}

/// What is read of [`super::audit_details::FinishDetails`]: no more, so that a newer version may say more.
#[derive(Deserialize)]
struct OperationEnds<'a> {
    #[serde(borrow)]
    operations: Vec<ReadEnd<'a>>,
}

#[derive(Deserialize)]
struct ReadEnd<'a> {
    address: &'a str,
    outcome: &'a str,
}

impl ReadEnd<'_> {
    /// The scope whose state an operation that was done has changed.
    fn changed(&self) -> Option<String> {
        let address: Option<ResourceAddr> = self.address.parse().ok();
        address.filter(|_| self.outcome == "done").map(|address| layout::scope_of(&address))
    }
}

/// Writes of states by runs that no record of the scope names. Every run appends a record before it writes a state,
/// but for a successor's first write, which shuts out whom it has taken over and changes nothing.
fn unnamed_writes(records: &[Record], remembered: &Remembered) -> Vec<String> {
    let named: BTreeSet<(&str, &str)> = records
        .iter()
        .flat_map(|r| r.event.scopes.iter().map(|scope| (scope.as_str(), r.event.run.as_str())))
        .collect();
    let unnamed = |(scope, _, run): &&(String, u64, String)| !named.contains(&(scope, run));
    let told = remembered.changes.iter().filter(unnamed).map(|(scope, serial, run)| {
        format!("serial {serial} of scope `{scope}` was written by run `{run}`, which no record of it names")
    });
    told.collect()
}

/// Applies that say that they have changed something in a scope of which no state holds anything of theirs.
fn missing_applies(records: &[Record], remembered: &Remembered) -> Vec<String> {
    let mut recovered = BTreeSet::new();
    let mut edited: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records {
        if record.event.action == "recovered" {
            let settled = record.event.details.read::<SettledRuns<'_>>();
            recovered.extend(settled.into_iter().flat_map(|settled| settled.runs));
        }
        // A state that was pushed back or edited by hand carries that edit's run.
        if record.event.action.starts_with("state_") {
            edited.extend(record.event.scopes.iter().map(|scope| (scope.as_str(), record.number)));
        }
    }
    let mut problems = Vec::new();
    for record in records.iter().filter(|r| r.event.action.ends_with("_finished")) {
        let event = &record.event;
        if recovered.contains(event.run.as_str()) || remembered.unfinished.contains(&event.run) {
            continue;
        }
        let ends = event.details.read::<OperationEnds<'_>>();
        let ends = ends.iter().flat_map(|ends| &ends.operations);
        let changed: BTreeSet<String> = ends.filter_map(ReadEnd::changed).collect();
        for scope in changed.iter().filter(|scope| event.scopes.contains(scope)) {
            let excused = remembered.partial.contains(scope)
                || edited.get(scope.as_str()).is_some_and(|number| *number > record.number);
            let is_there = || remembered.writers.get(scope).is_some_and(|r| r.contains(&event.run));
            if !excused && !is_there() {
                problems.push(format!(
                    "record {} says that run `{}` changed something in `{scope}`, and no version of its state holds it",
                    record.number, event.run
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_apply_that_one_of_its_scopes_has_lost_is_missed() {
        let record: Record = serde_json::from_value(json!({
            "number": 2, "previous": "", "write_id": "w", "hash": "h",
            "event": {
                "at": "2026-11-29T00:00:00Z", "who": "me", "run": "r1", "action": "apply_finished",
                "scopes": ["acct-dev", "acct-prod", "org"],
                "details": {"interrupted": false, "operations": [
                    {"id": 0, "op": "create", "address": "iam_role.a@dev", "outcome": "done"},
                    {"id": 1, "op": "create", "address": "iam_role.a@prod", "outcome": "done"},
                    {"id": 2, "op": "create", "address": "account.new", "outcome": "failed"},
                ]},
            },
        }))
        .expect("a record");
        let writer = |scope: &str| (scope.to_owned(), BTreeSet::from(["r1".to_owned()]));
        let mut remembered = Remembered {
            writers: BTreeMap::from([writer("acct-dev"), writer("acct-prod")]),
            ..Remembered::default()
        };
        let missing = |r: &Remembered| missing_applies(std::slice::from_ref(&record), r);
        assert_eq!(missing(&remembered), Vec::<String>::new());
        remembered.writers.remove("acct-prod");
        let told = missing(&remembered);
        assert!(told.len() == 1 && told[0].contains("something in `acct-prod`"), "{told:?}");
        remembered.partial.insert("acct-prod".to_owned());
        assert_eq!(missing(&remembered), Vec::<String>::new(), "not all of it was read");
    }

    #[test]
    fn an_anchor_is_read_from_what_palisade_prints() {
        let anchor = Some(Anchor { number: 12, hash: "sha256:ab".into() });
        for text in [
            "audit head: 12 sha256:ab\n",
            "audit head: 11 sha256:aa\naudit head: 12 sha256:ab",
            "text\n\n<sub>digest <code>sha256:cd</code><br>audit head: <code>12 sha256:ab</code></sub>\n",
            r#"{"number": 12, "hash": "sha256:ab"}"#,
            r#"{"digest": "sha256:cd", "audit_head": {"number": 12, "hash": "sha256:ab"}}"#,
            r#"{"records": 12, "head": {"number": 12, "hash": "sha256:ab"}}"#,
            "{\"digest\":\"sha256:cd\"}\n{\"audit_head\":{\"number\":12,\"hash\":\"sha256:ab\"}}\n",
        ] {
            assert_eq!(Anchor::read(text), anchor, "{text}");
        }
        for text in ["", "12", "audit head: x sha256:ab", "12 sha256:", "digest sha256:ab", "{}"] {
            assert_eq!(Anchor::read(text), None, "{text}");
        }
    }
}
