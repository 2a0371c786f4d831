//! A state backend in memory, on the same power switch as AWS.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use palisade::state::store::Versioning;
use palisade::state::{
    Object, ObjectVersion, Put, StateStore, StoreError, StoreFailure, WriteCondition, Written,
};

use super::fake::Power;

/// Whether the next write of a key is refused.
pub(crate) type Refusing = Box<dyn FnMut(&str) -> bool + Send>;

/// Objects and all their versions.
#[derive(Default)]
pub(crate) struct MemoryStore {
    objects: Mutex<BTreeMap<String, Vec<Vec<u8>>>>,
    pub power: Arc<Power>,
    pub gone: AtomicBool,
    /// No answer comes to writes of keys that end so.
    pub mute: Mutex<Option<&'static str>>,
    /// Writes of keys for which it holds are refused.
    pub refuses: Mutex<Option<Refusing>>,
    /// How far the server's clock is ahead of the machine's.
    ahead: Mutex<Duration>,
}

impl MemoryStore {
    /// Moves the server's clock forward.
    pub(crate) fn ahead(&self, by: Duration) {
        *self.ahead.lock().unwrap() += by;
    }

    fn now(&self) -> Timestamp {
        Timestamp::now().checked_add(*self.ahead.lock().unwrap()).unwrap()
    }

    pub(crate) fn new(power: Arc<Power>) -> Self {
        Self { power, ..Self::default() }
    }

    /// The text of every version of every object.
    pub(crate) fn everything(&self) -> String {
        let objects = self.objects.lock().unwrap();
        let all = objects.iter().flat_map(|(key, versions)| {
            versions.iter().map(move |v| format!("{key} {}\n", String::from_utf8_lossy(v)))
        });
        all.collect()
    }

    fn check(&self, operation: &'static str, key: &str) -> Result<(), StoreError> {
        if !self.gone.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(StoreError {
            failure: StoreFailure::Missing,
            location: self.location(),
            operation,
            key: key.to_owned(),
            message: "the specified bucket does not exist (NoSuchBucket)".into(),
            advice: None,
        })
    }
}

fn tag(versions: &[Vec<u8>]) -> String {
    format!("\"{}\"", versions.len())
}

#[async_trait]
impl StateStore for MemoryStore {
    fn location(&self) -> String {
        "memory".into()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.check("read", key)?;
        let objects = self.objects.lock().unwrap();
        Ok(objects.get(key).filter(|v| v.last().is_some_and(|b| !b.is_empty())).map(|versions| {
            Object {
                bytes: versions.last().cloned().unwrap(),
                etag: tag(versions),
                version: Some(versions.len().to_string()),
            }
        }))
    }

    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError> {
        let number = self.power.before(format!("PutObject {key}")).await;
        self.check("write", key)?;
        if self.refuses.lock().unwrap().as_mut().is_some_and(|refuses| refuses(key)) {
            return Err(StoreError {
                failure: StoreFailure::Denied,
                location: self.location(),
                operation: "write",
                key: key.to_owned(),
                message: "access denied".into(),
                advice: None,
            });
        }
        if self.mute.lock().unwrap().is_some_and(|end| key.ends_with(end)) {
            return Ok(Put::Ambiguous("no answer".into()));
        }
        let put = {
            let mut objects = self.objects.lock().unwrap();
            let versions = objects.entry(key.to_owned()).or_default();
            let absent = versions.last().is_none_or(Vec::is_empty);
            let holds = match condition {
                WriteCondition::Absent => absent,
                WriteCondition::Etag(etag) => !absent && *etag == tag(versions),
            };
            if holds {
                versions.push(bytes.to_vec());
                let version = Some(versions.len().to_string());
                Put::Written(Written { etag: tag(versions), version, at: Some(self.now()) })
            } else {
                Put::Lost
            }
        };
        self.power.after(number).await;
        Ok(put)
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        self.check("list", prefix)?;
        let objects = self.objects.lock().unwrap();
        let live = objects.iter().filter(|(_, v)| v.last().is_some_and(|b| !b.is_empty()));
        Ok(live
            .map(|(k, _)| k.clone())
            .filter(|k| k.starts_with(prefix) && after.is_none_or(|a| k.as_str() > a))
            .collect())
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        let objects = self.objects.lock().unwrap();
        let versions = objects.get(key).map(Vec::as_slice).unwrap_or_default();
        let all = versions.iter().enumerate().rev().map(|(at, bytes)| ObjectVersion {
            id: (at + 1).to_string(),
            at: None,
            size: bytes.len() as u64,
            deleted: bytes.is_empty(),
        });
        Ok(all.collect())
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        let keys = self.list(prefix, None).await?;
        let objects = self.objects.lock().unwrap();
        Ok(keys.into_iter().map(|k| (k.clone(), objects[&k].len(), false)).collect())
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        let objects = self.objects.lock().unwrap();
        let at: usize = version.parse().unwrap();
        Ok(objects.get(key).and_then(|v| v.get(at - 1)).map(|bytes| Object {
            bytes: bytes.clone(),
            etag: format!("\"{at}\""),
            version: Some(version.to_owned()),
        }))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let number = self.power.before(format!("DeleteObject {key}")).await;
        self.check("delete", key)?;
        if let Some(versions) = self.objects.lock().unwrap().get_mut(key) {
            versions.push(Vec::new());
        }
        self.power.after(number).await;
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.check("read", "")?;
        Ok(Some(self.now()))
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        Ok(Versioning::On)
    }
}
