//! States that are read beside the listing which tells what there is: sooner, and never older than it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use palisade::state::store::Versioning;
use palisade::state::{
    Ledger, Listed, Object, ObjectVersion, Put, ScopeState, Stamp, StateStore, StoreError,
    Versioned, WriteCondition,
};

use super::stores::backends;
use crate::support::clock::SkippingClock;

fn stamp(run: &str) -> Stamp {
    Stamp {
        at: Timestamp::UNIX_EPOCH,
        by: "me".into(),
        run: run.into(),
        operation: "apply".into(),
        plan: None,
    }
}

/// A store in which another run writes right before a listing, after the states were read.
struct Busy {
    inner: Arc<dyn StateStore>,
    /// States read so far.
    states: AtomicUsize,
    /// The other run, and the state that it writes over next.
    next: Mutex<Option<(Ledger, Versioned<ScopeState>)>>,
}

#[async_trait]
impl StateStore for Busy {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let object = self.inner.get(key).await;
        if key.ends_with("state.json") {
            self.states.fetch_add(1, Ordering::SeqCst);
        }
        object
    }

    async fn put_if(&self, key: &str, b: &[u8], if_: &WriteCondition) -> Result<Put, StoreError> {
        self.inner.put_if(key, b, if_).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        self.inner.list(prefix, after).await
    }

    async fn list_tagged(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let next = self.next.lock().unwrap().take();
        if let Some((ledger, basis)) = next {
            // Both states that are expected have been asked for by then.
            while self.states.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            ledger.write_scope(Some(&basis), &basis.value, stamp("second")).await.unwrap();
        }
        self.inner.list_tagged(prefix).await
    }

    fn lists_tags(&self) -> bool {
        self.inner.lists_tags()
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        self.inner.versions(key).await
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        self.inner.version_counts(prefix).await
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        self.inner.get_version(key, version).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.server_time().await
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        self.inner.versioning().await
    }
}

#[tokio::test]
async fn a_state_that_is_read_early_is_read_once_and_again_only_if_it_was_written_since() {
    for backend in backends().await {
        let name = backend.name;
        let ledger = backend.ledger();
        let lineage = ledger.begin("me").await.unwrap();
        for scope in ["org", "acct-dev"] {
            let state = ScopeState::new(&lineage, scope, stamp("first"));
            ledger.write_scope(None, &state, stamp("first")).await.unwrap();
        }
        let busy = Arc::new(Busy {
            inner: Arc::clone(&backend.store),
            states: AtomicUsize::new(0),
            next: Mutex::default(),
        });
        let store: Arc<dyn StateStore> = busy.clone();
        let early = Ledger::with_clock(store, Arc::new(SkippingClock::default()));
        let tags = busy.lists_tags();
        assert_eq!(tags, name != "local");
        // One that is expected, one that is not, and one that is expected and not there.
        let expected = ["org".to_owned(), "acct-nowhere".to_owned()];
        let now = early.read_expecting(&expected).await.unwrap();
        assert_eq!(now.scopes, ledger.read_all().await.unwrap().scopes, "{name}");
        assert_eq!(now.scopes.len(), 2, "{name}");
        let reads = busy.states.swap(0, Ordering::SeqCst);
        assert_eq!(reads, if tags { 3 } else { 2 }, "{name}: a state is read twice");
        if !tags {
            continue;
        }
        // Another run folds its journal: what was read before that is not what the listing goes with.
        *busy.next.lock().unwrap() = Some((ledger.clone(), now.scopes["org"].clone()));
        let seen = early.read_expecting(&expected).await.unwrap();
        assert_eq!(seen.scopes["org"].value.stamp.run, "second", "{name}");
        assert_eq!(busy.states.load(Ordering::SeqCst), 4, "{name}");
    }
}
