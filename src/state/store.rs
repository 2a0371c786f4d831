//! The object store under the protocol: what a backend must offer, and compare-and-swap that
//! survives ambiguous answers.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::diag::Diagnostic;
use crate::patience::backoff;

use super::clock::Clock;
use super::error::{StateError, StateFailure};

/// An object as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Opaque tag of this content, for [`WriteCondition::Etag`].
    pub etag: String,
    /// Id of the version, where the store keeps versions.
    pub version: Option<String>,
}

/// An object larger than this is refused unread (bytes): nothing that Palisade stores comes near it.
pub const MAX_BYTES: u64 = 256 << 20;

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its tag, where the store's listings tell tags: the same as [`Object::etag`] of a read.
    pub etag: Option<String>,
}

/// Why an object of that size is refused.
#[must_use]
pub fn too_large() -> String {
    format!("the object is larger than {} MiB, which nothing of palisade's is", MAX_BYTES >> 20)
}

/// What must hold for a write to be carried out. There are no unconditional writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// The object does not exist.
    Absent,
    /// The object is still the one with this tag.
    Etag(String),
}

/// A write that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Tag of what was written.
    pub etag: String,
    /// Its version id.
    pub version: Option<String>,
    /// The store's time of the answer, where it tells.
    pub at: Option<Timestamp>,
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was carried out.
    Written(Written),
    /// The condition did not hold (412), or an earlier attempt of the transport's own has won.
    Lost,
    /// It may have been carried out (no answer), or another write was in progress (409).
    Ambiguous(Ambiguity),
}

/// Why it is not known how a write ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ambiguity {
    /// What happened.
    pub why: String,
    /// What to do next, where that follows from what happened.
    pub advice: Option<String>,
}

impl From<&str> for Ambiguity {
    fn from(why: &str) -> Self {
        Self { why: why.to_owned(), advice: None }
    }
}

impl From<StoreError> for Ambiguity {
    fn from(StoreError { message, advice, .. }: StoreError) -> Self {
        Self { why: message, advice }
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Its id.
    pub id: String,
    /// When it was written, by the store's clock.
    pub at: Option<Timestamp>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it marks a deletion.
    pub deleted: bool,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// Access denied.
    Denied,
    /// The bucket or directory does not exist.
    Missing,
    /// The credentials are expired or invalid, or there are none.
    Credentials,
    /// No answer, or the service is busy; nothing is known about a write.
    Unreachable,
    /// The server does not know what it was asked to do.
    Unsupported,
    /// Anything else.
    Other,
}

/// A failed store operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state backend `{location}`: {message} ({})", self.attempted())]
pub struct StoreError {
    /// What kind.
    pub failure: StoreFailure,
    /// [`StateStore::location`].
    pub location: String,
    /// `read`, `write`, `list`, ...
    pub operation: &'static str,
    /// Which key or prefix; empty where it is about none.
    pub key: String,
    /// What happened.
    pub message: String,
    /// What to do next, where that follows from what happened.
    pub advice: Option<String>,
}

impl StoreError {
    fn attempted(&self) -> String {
        match self.key.as_str() {
            "" => self.operation.to_owned(),
            key => format!("{} `{key}`", self.operation),
        }
    }
}

/// Whether the store keeps old versions of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// It does.
    On,
    /// It does not; the text is how to switch it on.
    Off(String),
}

/// An object store with conditional writes and versions. Speaks plain data; knows no protocol.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// How people name it: `s3://bucket/prefix`, or a directory.
    fn location(&self) -> String;

    /// Reads an object; `None` when there is none.
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// Writes an object in one part, if `condition` holds at that moment, and keeps the previous version.
    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError>;

    /// Keys that start with `prefix` and sort after `after`, in order.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError>;

    /// The same with tags.
    async fn list_tagged(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let keys = self.list(prefix, None).await?;
        Ok(keys.into_iter().map(|key| Listed { key, etag: None }).collect())
    }

    /// Whether listings tell tags. Then an object may be read beside a listing instead of after it: the
    /// tag says whether what was read is what was listed.
    fn lists_tags(&self) -> bool {
        false
    }

    /// All versions of one object, newest first.
    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError>;

    /// The newest so many versions of one object, newest first.
    async fn newest_versions(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, StoreError> {
        let mut all = self.versions(key).await?;
        all.truncate(limit);
        Ok(all)
    }

    /// Versions of every object below a prefix: key, number of versions that are no deletion
    /// markers, whether there is a marker. For the audit log's check.
    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError>;

    /// Reads one version; `None` when there is no such version.
    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError>;

    /// Deletes an object. Only folded journals are ever deleted.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The store's own clock; `None` when it tells no time.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Whether versions are kept.
    async fn versioning(&self) -> Result<Versioning, StoreError>;
}

/// How a compare-and-swap ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cas {
    /// The object is ours.
    Won(Written),
    /// Somebody else's object stands there (or none, when one was expected).
    Lost(Option<Object>),
}

/// How often a write without a clear answer is tried before giving up.
const ATTEMPTS: u32 = 8;
/// How many versions are searched for a write of our own that was superseded at once.
const VERSIONS_SEARCHED: usize = 10;

/// Writes `bytes` if `condition` holds, and finds out what happened when the answer was lost. An attempt is made only
/// right after `may` has said yes.
///
/// `bytes` must hold a random write id: after an ambiguous answer the object is read back, and equal
/// bytes mean that the write was ours. (Terraform and OpenTofu report a lock held by themselves there.)
///
/// # Errors
/// The store cannot be used, nobody can tell whether the write was carried out, or `may` said no.
pub async fn cas_while(
    store: &dyn StateStore,
    clock: &dyn Clock,
    key: &str,
    bytes: &[u8],
    condition: &WriteCondition,
    may: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Cas, StateError> {
    let mut reason = Ambiguity::default();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            clock.sleep(backoff(attempt, Duration::from_millis(100), Duration::from_secs(5))).await;
        }
        if !may() {
            let why = "The lease that this write stands on was not confirmed in time.";
            let reason = if reason.why.is_empty() { why.into() } else { reason };
            return Err(unknown(store, key, &reason));
        }
        let ambiguous = match store.put_if(key, bytes, condition).await {
            Ok(Put::Written(written)) => return Ok(Cas::Won(written)),
            Ok(Put::Lost) => None,
            Ok(Put::Ambiguous(why)) => Some(why),
            Err(error) if error.failure == StoreFailure::Unreachable => Some(error.into()),
            // On a repeated attempt the first may have been carried out all the same.
            Err(error) if attempt == 0 => return Err(error.into()),
            Err(error) => return Err(unknown(store, key, &said(error))),
        };
        let now = match store.get(key).await {
            Ok(now) => now,
            Err(error) if error.failure == StoreFailure::Unreachable => {
                reason = error.into();
                continue;
            }
            Err(error) => return Err(unknown(store, key, &said(error))),
        };
        if let Some(object) = &now
            && object.bytes == bytes
        {
            return Ok(Cas::Won(Written {
                etag: object.etag.clone(),
                version: object.version.clone(),
                at: None,
            }));
        }
        let holds = match (condition, &now) {
            (WriteCondition::Absent, None) => true,
            (WriteCondition::Etag(etag), Some(object)) => *etag == object.etag,
            _ => false,
        };
        match ambiguous {
            Some(why) if holds => {
                reason = why;
                continue;
            }
            None if attempt == 0 => return Ok(Cas::Lost(now)),
            _ => {}
        }
        return match superseded(store, key, bytes).await? {
            Some(written) => Ok(Cas::Won(written)),
            None => Ok(Cas::Lost(now)),
        };
    }
    Err(unknown(store, key, &reason))
}

/// Our own write, when it was carried out and somebody wrote over it before we could look.
async fn superseded(
    store: &dyn StateStore,
    key: &str,
    bytes: &[u8],
) -> Result<Option<Written>, StateError> {
    for version in store.versions(key).await?.into_iter().take(VERSIONS_SEARCHED) {
        if version.deleted || version.size != bytes.len() as u64 {
            continue;
        }
        if let Some(object) = store.get_version(key, &version.id).await?
            && object.bytes == bytes
        {
            return Ok(Some(Written {
                etag: object.etag,
                version: Some(version.id),
                at: version.at,
            }));
        }
    }
    Ok(None)
}

/// All that a failure says.
fn said(error: StoreError) -> Ambiguity {
    Ambiguity { why: error.to_string(), advice: error.advice }
}

fn unknown(store: &dyn StateStore, key: &str, ambiguity: &Ambiguity) -> StateError {
    const AGAIN: &str = "run again once the backend answers: the next run finds out and goes on";
    StateError::new(
        StateFailure::Unavailable,
        Diagnostic::error(format!(
            "it is not known whether `{key}` was written to state backend `{}`",
            store.location()
        ))
        .detail(ambiguity.why.clone())
        .help(match &ambiguity.advice {
            Some(first) => format!("{first}; then {AGAIN}"),
            None => AGAIN.to_owned(),
        }),
    )
}

/// Refuses a store that keeps no versions: there would be nothing to go back to.
///
/// # Errors
/// Versioning is off, or cannot be asked for.
pub async fn require_versioning(store: &dyn StateStore) -> Result<(), StateError> {
    match store.versioning().await? {
        Versioning::On => Ok(()),
        Versioning::Off(fix) => Err(StateError::new(
            StateFailure::Unsafe,
            Diagnostic::error(format!(
                "state backend `{}` does not keep versions",
                store.location()
            ))
            .detail("A lost or damaged state could not be brought back, so nothing is written.")
            .help(fix),
        )),
    }
}
