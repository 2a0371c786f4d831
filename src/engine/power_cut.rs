//! The power goes, on request and in the sandbox alone: a backend that ends the process at the N-th
//! write, so that whatever was interrupted there can be taken up again and looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::state::store::Versioning;
use crate::state::{Listed, Object, ObjectVersion, Put, StateStore, StoreError, WriteCondition};

/// A backend whose process dies: before write `at / 2` when `at` is even, right after it when odd.
pub(super) struct PowerCut {
    store: Arc<dyn StateStore>,
    at: u64,
}

/// Points passed so far. A command may open its backend more than once, and all of its writes count.
static POINTS: AtomicU64 = AtomicU64::new(0);

impl PowerCut {
    pub(super) fn new(store: Arc<dyn StateStore>, at: u64) -> Self {
        Self { store, at }
    }

    /// One point where the power may go.
    fn point(&self) {
        if POINTS.fetch_add(1, Ordering::SeqCst) == self.at {
            std::process::abort();
        }
    }
}

#[async_trait]
impl StateStore for PowerCut {
    fn location(&self) -> String {
        self.store.location()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.store.get(key).await
    }

    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError> {
        self.point();
        let put = self.store.put_if(key, bytes, condition).await;
        self.point();
        put
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        self.store.list(prefix, after).await
    }

    async fn list_tagged(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.store.list_tagged(prefix).await
    }

    fn lists_tags(&self) -> bool {
        self.store.lists_tags()
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        self.store.versions(key).await
    }

    async fn newest_versions(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, StoreError> {
        self.store.newest_versions(key, limit).await
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        self.store.version_counts(prefix).await
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        self.store.get_version(key, version).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.server_time().await
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        self.store.versioning().await
    }
}
