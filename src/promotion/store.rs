//! Releases, environments' records and finished moves in the state's backend.
//!
//! A release and a finished move are written once and never changed. A record is replaced by
//! compare-and-swap alone: who lost the race has read something that is no longer so.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{EnvironmentRecord, FORMAT, ReleaseMove};
use crate::diag::Diagnostic;
use crate::eval::release::{Digest, Release};
use crate::state::json::encode;
use crate::state::scopes::digest;
use crate::state::store::Cas;
use crate::state::{Ledger, StateError, StateFailure, WriteCondition, layout};

/// How many objects are read at once.
const CONCURRENCY: usize = 32;

/// A release as stored: its content, and who brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRelease {
    /// What it is.
    #[serde(flatten)]
    pub release: Release,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// ARN of whoever applied it first.
    pub created_by: String,
}

/// An environment's record and the version that was read; without one nothing is stored yet.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedRecord {
    /// What it says.
    pub record: EnvironmentRecord,
    etag: Option<String>,
}

fn damaged(ledger: &Ledger, key: &str, why: &str) -> StateError {
    StateError::new(
        StateFailure::Invalid,
        Diagnostic::error(format!(
            "`{key}` in state backend `{}` cannot be used: {why}",
            ledger.store().location()
        ))
        .help("it was edited or damaged; bring back an earlier version of the object"),
    )
}

/// Stores a release; it may be there already.
///
/// # Errors
/// The backend cannot be used, or another content stands under the digest.
pub async fn put_release(
    ledger: &Ledger,
    release: &Release,
    at: Timestamp,
    by: &str,
) -> Result<(), StateError> {
    let key = layout::release(&release.name, release.digest.hex());
    let stored =
        StoredRelease { release: release.clone(), created_at: at, created_by: by.to_owned() };
    match ledger.swap(&key, &encode(&stored)?, &WriteCondition::Absent).await? {
        Cas::Won(_) => Ok(()),
        Cas::Lost(_) => get_release(ledger, &release.name, &release.digest).await.map(|_| ()),
    }
}

/// Reads a release and checks its content against its digest.
///
/// # Errors
/// The backend cannot be read, there is no such release, or it was changed.
pub async fn get_release(
    ledger: &Ledger,
    name: &str,
    digest: &Digest,
) -> Result<StoredRelease, StateError> {
    let key = layout::release(name, digest.hex());
    let Some(found) = ledger.read_json::<StoredRelease>(&key).await? else {
        return Err(StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!("there is no release `{name}` with the digest {digest}"))
                .help("`palisade releases` lists what there is"),
        ));
    };
    let stored = found.value;
    if stored.release.name != name || stored.release.digest != *digest || !stored.release.is_sound()
    {
        return Err(damaged(ledger, &key, "its content does not have the digest that names it"));
    }
    Ok(stored)
}

/// Digests of all stored releases, by name.
///
/// # Errors
/// The backend cannot be read.
pub async fn list_releases(ledger: &Ledger) -> Result<BTreeMap<String, Vec<Digest>>, StateError> {
    let mut found: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
    for key in ledger.store().list(layout::RELEASES, None).await? {
        let Some((name, file)) =
            key.strip_prefix(layout::RELEASES).and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let hex = file.strip_suffix(".json").unwrap_or_default();
        if let Ok(digest) = format!("sha256:{hex}").parse() {
            found.entry(name.to_owned()).or_default().push(digest);
        }
    }
    Ok(found)
}

/// Environments that remember anything.
///
/// # Errors
/// The backend cannot be read.
pub async fn list_environments(ledger: &Ledger) -> Result<Vec<String>, StateError> {
    let keys = ledger.store().list(layout::ENVIRONMENTS, None).await?;
    let name = |key: &String| {
        let (name, rest) = key.strip_prefix(layout::ENVIRONMENTS)?.split_once('/')?;
        (rest == "promotion.json" || rest.starts_with("moves/")).then(|| name.to_owned())
    };
    let names: BTreeSet<String> = keys.iter().filter_map(name).collect();
    Ok(names.into_iter().collect())
}

/// Reads what an environment remembers.
///
/// # Errors
/// The backend cannot be read, or the record is damaged or newer than this version.
pub async fn read(ledger: &Ledger, environment: &str) -> Result<VersionedRecord, StateError> {
    let key = layout::promotion(environment);
    let Some(found) = ledger.read_json::<EnvironmentRecord>(&key).await? else {
        return Ok(VersionedRecord { record: EnvironmentRecord::new(environment), etag: None });
    };
    let record = found.value;
    if record.format > FORMAT {
        let why = format!("it has format {}, which a newer palisade wrote", record.format);
        return Err(damaged(ledger, &key, &why));
    }
    if record.environment != environment {
        let why = format!("it is the record of `{}`", record.environment);
        return Err(damaged(ledger, &key, &why));
    }
    Ok(VersionedRecord { record, etag: Some(found.etag) })
}

/// Reads the records of several environments.
///
/// # Errors
/// As [`read`].
pub async fn read_all<'e>(
    ledger: &Ledger,
    environments: impl IntoIterator<Item = &'e str>,
) -> Result<BTreeMap<String, VersionedRecord>, StateError> {
    stream::iter(environments)
        .map(|name| async move { Ok((name.to_owned(), read(ledger, name).await?)) })
        .buffered(CONCURRENCY)
        .try_collect()
        .await
}

/// Replaces a record by its next version.
///
/// # Errors
/// [`StateFailure::Conflict`] when somebody else wrote in the meantime.
pub async fn write(ledger: &Ledger, versioned: &mut VersionedRecord) -> Result<(), StateError> {
    versioned.record.format = FORMAT;
    versioned.record.redact(ledger.redactions());
    versioned.record.write_id = uuid::Uuid::new_v4().to_string();
    let key = layout::promotion(&versioned.record.environment);
    let condition = versioned.etag.clone().map_or(WriteCondition::Absent, WriteCondition::Etag);
    match ledger.swap(&key, &encode(&versioned.record)?, &condition).await? {
        Cas::Won(written) => {
            versioned.etag = Some(written.etag);
            Ok(())
        }
        Cas::Lost(_) => Err(StateError::conflict(&format!(
            "the promotion record of `{}`",
            versioned.record.environment
        ))),
    }
}

/// Writes a finished move down; the same move may have been written before a crash. Returns the hash of the object
/// that holds it.
///
/// # Errors
/// The backend cannot be used, or another move stands under the number.
pub async fn put_move(ledger: &Ledger, finished: &ReleaseMove) -> Result<String, StateError> {
    let key = layout::finished_move(&finished.environment, finished.number);
    let mut stored = finished.clone();
    stored.redact(ledger.redactions());
    let bytes = encode(&stored)?;
    match ledger.swap(&key, &bytes, &WriteCondition::Absent).await? {
        Cas::Won(_) => Ok(digest(&bytes)),
        Cas::Lost(there) => {
            // Before the crash it may have said less of who went on with it.
            if let Some(there) = there
                && ledger.decode::<ReleaseMove>(&key, &there)?.id == finished.id
            {
                return Ok(digest(&there.bytes));
            }
            Err(StateError::conflict(&format!("the history of `{}`", finished.environment)))
        }
    }
}

/// A finished move as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMove {
    /// What it says.
    pub run: ReleaseMove,
    /// Hash of the object that holds it.
    pub content: String,
}

/// All finished moves into an environment by the numbers that their keys have, for the check of the audit log: one
/// that cannot be read is told of, and the others are there.
///
/// # Errors
/// The backend cannot be read.
pub async fn stored_moves(
    ledger: &Ledger,
    environment: &str,
) -> Result<BTreeMap<u64, Result<StoredMove, StateError>>, StateError> {
    let prefix = layout::moves(environment);
    let keys = ledger.store().list(&prefix, None).await?;
    let numbered = keys.into_iter().filter_map(|key| {
        let number = key.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok()?;
        (layout::finished_move(environment, number) == key).then_some((number, key))
    });
    let read: Vec<_> = stream::iter(numbered)
        .map(|(number, key)| async move {
            let Some(object) = ledger.store().get(&key).await? else { return Ok(None) };
            let run = ledger.decode(&key, &object);
            let stored = run.map(|run| StoredMove { run, content: digest(&object.bytes) });
            Ok::<_, StateError>(Some((number, stored)))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// All finished moves into an environment, the oldest first.
///
/// # Errors
/// The backend cannot be read, or a move is damaged.
pub async fn moves(ledger: &Ledger, environment: &str) -> Result<Vec<ReleaseMove>, StateError> {
    let keys = ledger.store().list(&layout::moves(environment), None).await?;
    let read: Vec<Option<ReleaseMove>> = stream::iter(keys)
        .map(|key| async move {
            Ok::<_, StateError>(ledger.read_json::<ReleaseMove>(&key).await?.map(|m| m.value))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}
