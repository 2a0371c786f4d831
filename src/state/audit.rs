//! The audit log: who applied, promoted, approved or unlocked what, and how it ended.
//!
//! Records are objects that are written once, numbered without gaps, and each carries the hash of the
//! one before. A change, a gap or a reordering breaks the chain; a dropped tail or a chain rewritten
//! whole shows against the heads that the scopes' states have seen, and against S3's versions.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;
use crate::redact::{Audience, Redactions, is_left_of};

use super::audit_details::AuditDetails;
use super::clock::to_the_second;
use super::error::{StateError, StateFailure, following};
use super::json::encode;
use super::layout;
use super::ledger::Ledger;
use super::lock::LeaseHolder;
use super::scopes::{AuditHead, digest};
use super::snapshot::Snapshot;
use super::store::{Cas, WriteCondition};

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The caller's ARN, by `sts:GetCallerIdentity`.
    pub who: String,
    /// The run.
    pub run: String,
    /// `apply_started`, `apply_finished`, `recovered`, `promoted`, `approved`, `unlocked`, ...
    pub action: String,
    /// Digest of the plan, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The reason that was given, for what needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The scopes that it is about.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// More, by name: operations and outcomes of an apply, the release of a promotion.
    #[serde(default)]
    pub details: AuditDetails,
}

impl LeaseHolder {
    /// A record of something that this run does. Scopes and details are the writer's to add.
    #[must_use]
    pub fn event(&self, at: Timestamp, action: &str) -> AuditEvent {
        AuditEvent {
            at: to_the_second(at),
            who: self.who.clone(),
            run: self.run.clone(),
            action: action.to_owned(),
            plan: None,
            reason: None,
            scopes: Vec::new(),
            details: AuditDetails::default(),
        }
    }
}

impl AuditEvent {
    /// Whether this one, as it was recorded, says what `known` says; what was hidden in it may have been anything.
    #[must_use]
    pub fn tells(&self, known: &Self) -> bool {
        let same = |recorded: &Option<String>, known: &Option<String>| match (recorded, known) {
            (Some(recorded), Some(known)) => is_left_of(recorded, known),
            (recorded, known) => recorded == known,
        };
        self.at == known.at
            && self.who == known.who
            && self.run == known.run
            && self.action == known.action
            && same(&self.plan, &known.plan)
            && same(&self.reason, &known.reason)
            && self.details.tell(&known.details)
    }

    /// Takes secrets out of what people and programs wrote into it.
    fn redact(&mut self, redactions: &Redactions) {
        if let Some(reason) = &mut self.reason {
            *reason = redactions.text(reason, Audience::Record).into_owned();
        }
        self.details.redact(redactions);
    }
}

/// One record of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, without gaps.
    pub number: u64,
    /// Hash of the record before; empty for the first.
    pub previous: String,
    /// Random, so that two records never have equal bytes.
    pub write_id: String,
    /// Identity of the state that it is about, so that a record of another state's log shows as one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lineage: String,
    /// What happened.
    pub event: AuditEvent,
    /// SHA-256 over all of the above.
    pub hash: String,
}

impl Record {
    fn sealed(
        number: u64,
        previous: &str,
        lineage: &str,
        event: AuditEvent,
    ) -> Result<Self, StateError> {
        let mut record = Self {
            number,
            previous: previous.to_owned(),
            write_id: uuid::Uuid::new_v4().to_string(),
            lineage: lineage.to_owned(),
            event,
            hash: String::new(),
        };
        record.hash = record.computed()?;
        Ok(record)
    }

    fn computed(&self) -> Result<String, StateError> {
        Ok(digest(&encode(&Self { hash: String::new(), ..self.clone() })?))
    }

    /// What a state remembers of it.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        AuditHead { number: self.number, hash: self.hash.clone() }
    }
}

/// What `audit verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditCheck {
    /// How many records there are.
    pub records: u64,
    /// Head of the chain.
    pub head: Option<AuditHead>,
    /// What is wrong; empty when nothing is.
    pub problems: Vec<String>,
    /// What this check could not see.
    pub not_seen: Vec<String>,
}

impl Ledger {
    /// Appends a record and returns the chain's new head. `hint` saves listing the whole log.
    ///
    /// # Errors
    /// The store cannot be used, or the last record is damaged.
    pub async fn audit(
        &self,
        hint: Option<&AuditHead>,
        mut event: AuditEvent,
    ) -> Result<AuditHead, StateError> {
        event.redact(self.redactions());
        let lineage = self.lineage().await?;
        let mut last = hint.map_or(0, |h| h.number.saturating_sub(1));
        loop {
            let after = layout::audit(last);
            let keys = self.store().list(layout::AUDIT, Some(&after)).await?;
            let newest = keys.iter().filter_map(|key| layout::audit_number(key)).max();
            // The hint may come from a log that lost its tail: then what is there counts.
            let newest = match (newest, last) {
                (None, 1..) => {
                    last = 0;
                    continue;
                }
                (newest, _) => newest,
            };
            let previous = match newest {
                None => None,
                Some(number) => self.read_json::<Record>(&layout::audit(number)).await?,
            };
            let (next, hash) = match (newest, previous) {
                (Some(number), Some(record)) if record.value.number != number => {
                    let found = format!("holds record {}", record.value.number);
                    return Err(disorder(number, &found));
                }
                (Some(number), None) => {
                    return Err(disorder(number, "is listed and cannot be read"));
                }
                (_, Some(record)) => {
                    let what = "the number of the audit log's last record";
                    (following(record.value.number, what)?, record.value.hash)
                }
                (_, None) => (1, String::new()),
            };
            let record = Record::sealed(next, &hash, &lineage, event.clone())?;
            let key = layout::audit(next);
            match self.swap(&key, &encode(&record)?, &WriteCondition::Absent).await? {
                Cas::Won(_) => return Ok(record.head()),
                // Somebody else appended: stand on theirs.
                Cas::Lost(_) => last = next.saturating_sub(1),
            }
        }
    }

    /// All records, in order; what cannot be read is left out here and told by [`Self::verify_audit`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn audit_records(&self) -> Result<Vec<Record>, StateError> {
        Ok(self.read_records().await?.into_iter().filter_map(|(_, r)| r.ok()).collect())
    }

    async fn read_records(&self) -> Result<Vec<(String, Result<Record, String>)>, StateError> {
        let keys = self.store().list(layout::AUDIT, None).await?;
        stream::iter(keys)
            .map(|key| async move {
                let object = self.store().get(&key).await?;
                let record = object.ok_or_else(|| "it vanished while it was read".to_owned());
                let record = record.and_then(|o| {
                    serde_json::from_slice::<Record>(&o.bytes).map_err(|e| e.to_string())
                });
                Ok((key, record))
            })
            .buffered(64)
            .try_collect()
            .await
    }

    /// Checks the chain: each record's own hash, its number and place, the hash of the one before,
    /// the heads that scopes have seen, and that no object was written twice or deleted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn verify_audit(&self, snapshot: &Snapshot) -> Result<AuditCheck, StateError> {
        let (mut found, records) = self.verify_chain().await?;
        let hashes: BTreeMap<u64, String> =
            records.into_iter().map(|record| (record.number, record.hash)).collect();
        for (scope, state) in &snapshot.scopes {
            let Some(head) = &state.value.audit else { continue };
            match hashes.get(&head.number) {
                None => found.problems.push(format!(
                    "record {} is missing: the state of scope `{scope}` has seen it",
                    head.number
                )),
                Some(hash) if *hash != head.hash => found.problems.push(format!(
                    "record {} is not the one that the state of scope `{scope}` has seen: the chain was rewritten",
                    head.number
                )),
                Some(_) => {}
            }
        }
        Ok(found)
    }

    /// Checks the chain by itself and against the store's versions; returns its readable records too.
    pub(super) async fn verify_chain(&self) -> Result<(AuditCheck, Vec<Record>), StateError> {
        let mut found = AuditCheck::default();
        let mut records = Vec::new();
        let mut previous = String::new();
        let mut expected = 1;
        for (key, record) in self.read_records().await? {
            let record = match record {
                Ok(record) => record,
                Err(reason) => {
                    found.problems.push(format!("`{key}` cannot be read: {reason}"));
                    continue;
                }
            };
            found.records += 1;
            if layout::audit_number(&key) != Some(record.number) {
                found.problems.push(format!("`{key}` holds record {}", record.number));
            }
            if record.computed()? != record.hash {
                found.problems.push(format!("record {} was changed", record.number));
            }
            if record.number != expected {
                found.problems.push(if record.number > expected {
                    format!("records {expected} to {} are missing", record.number - 1)
                } else {
                    format!("record {} is out of order", record.number)
                });
            } else if record.previous != previous {
                found.problems.push(format!(
                    "record {} does not follow the one before it: the chain was rewritten",
                    record.number
                ));
            }
            expected = record.number.saturating_add(1);
            previous.clone_from(&record.hash);
            found.head = Some(record.head());
            records.push(record);
        }
        found.problems.extend(self.rewritten(layout::AUDIT, "records").await?);
        Ok((found, records))
    }

    /// What below a prefix was written more than once or deleted, of what is written once; `what` is told of it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn rewritten(&self, prefix: &str, what: &str) -> Result<Vec<String>, StateError> {
        let counts = self.store().version_counts(prefix).await?.into_iter();
        let rewritten = counts.filter(|(_, count, deleted)| *count != 1 || *deleted);
        let told = rewritten.map(|(key, count, deleted)| {
            let versions =
                if count == 1 { "1 version".to_owned() } else { format!("{count} versions") };
            let deleted = if deleted { " and was deleted" } else { "" };
            format!("`{key}` has {versions}{deleted}: {what} are written once")
        });
        Ok(told.collect())
    }
}

/// Nothing can be appended behind a record that is not what its place says.
fn disorder(place: u64, what: &str) -> StateError {
    StateError::new(
        StateFailure::Invalid,
        Diagnostic::error(format!("`{}` {what}", layout::audit(place)))
            .detail("The audit log was tampered with or damaged, so nothing is appended to it.")
            .help("`palisade audit verify` shows all that is wrong; bring back the record's first version"),
    )
}
