//! The protocol over a store: lineage, and reading and writing one scope by compare-and-swap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::diag::Diagnostic;
use crate::redact::Redactions;

use super::clock::{Clock, SystemClock};
use super::error::{StateError, StateFailure, following};
use super::json::{encode, refuse_newer};
use super::layout;
use super::lock::LeaseHolder;
use super::scopes::{FORMAT, ScopeState, Stamp};
use super::store::{
    Cas, Object, StateStore, WriteCondition, Written, cas_while, require_versioning,
};

/// How many old versions are looked through for one that can be gone back to.
const VERSIONS_SEARCHED: usize = 20;

/// A value and the version of the object that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Tag for the next write.
    pub etag: String,
}

/// `palisade.json`: what the backend is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Format of the layout.
    pub format: u32,
    /// Identity of this state; a state of another lineage is foreign.
    pub lineage: String,
    /// Name of the estate that it belongs to; absent where a version that did not write it began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estate: Option<String>,
    /// ARN of the caller that began it.
    pub created_by: String,
    /// When, by the store's clock.
    pub created_at: Timestamp,
}

/// State of one backend.
#[derive(Clone)]
pub struct Ledger {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    is_gone: Arc<dyn Fn(&LeaseHolder) -> bool + Send + Sync>,
    /// Whether nothing that a process had in flight outlives it.
    embedded: bool,
    calendar: Option<Arc<dyn Fn() -> Timestamp + Send + Sync>>,
    /// Leases that this process holds: the id of the lock by scope.
    held: Arc<Mutex<BTreeMap<String, String>>>,
    /// Identity of the state, once it was read or begun.
    lineage: Arc<OnceCell<String>>,
    /// Name of the estate whose configuration is at work; absent where none is.
    estate: Option<Arc<str>>,
    /// Whether it is still to be proved that the store honours conditions; absent for stores of Palisade's own.
    pub(super) unproved: Option<Arc<Mutex<bool>>>,
    /// Filled once the store has said that it keeps versions.
    versioned: Arc<OnceCell<()>>,
    /// Secrets that no record may hold.
    redactions: Redactions,
}

impl Ledger {
    /// Over a store, waiting on the real clock.
    #[must_use]
    pub fn new(store: Arc<dyn StateStore>) -> Self {
        Self::with_clock(store, Arc::new(SystemClock::new()))
    }

    /// Over a store, waiting on `clock`.
    #[must_use]
    pub fn with_clock(store: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            is_gone: Arc::new(|_| false),
            embedded: false,
            calendar: None,
            held: Arc::default(),
            lineage: Arc::default(),
            estate: None,
            unproved: None,
            versioned: Arc::default(),
            redactions: Redactions::default(),
        }
    }

    /// For the estate of that name: the state of another one is refused.
    #[must_use]
    pub fn of_estate(mut self, name: Option<&str>) -> Self {
        self.estate = name.map(Arc::from);
        self
    }

    /// With this machine's own calendar time, beside which a server's clock that has jumped shows.
    #[must_use]
    pub fn with_calendar(self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { calendar: Some(Arc::new(now)), ..self }
    }

    /// Over a server that is not Palisade's own: it has to prove what it promises before the first write.
    #[must_use]
    pub fn with_proof(self) -> Self {
        Self { unproved: Some(Arc::new(Mutex::new(true))), ..self }
    }

    pub(super) fn calendar(&self) -> Option<Timestamp> {
        self.calendar.as_ref().map(|now| now())
    }

    /// The leases that this process holds: scope and id of the lock.
    pub(super) fn held(&self) -> Vec<(String, String)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|(scope, id)| (scope.clone(), id.clone())).collect()
    }

    pub(super) fn holds(&self, scope: &str, id: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(scope.to_owned(), id.to_owned());
    }

    pub(super) fn holds_no_more(&self, scope: &str, id: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(scope).is_some_and(|of| of == id) {
            held.remove(scope);
        }
    }

    /// With the secrets that its run knows, and comes to know.
    #[must_use]
    pub fn hiding(self, redactions: Redactions) -> Self {
        Self { redactions, ..self }
    }

    /// The secrets that the run knows by now; what is recorded from then on holds none of them.
    #[must_use]
    pub fn redactions(&self) -> &Redactions {
        &self.redactions
    }

    /// With a witness that tells of a lock's holder whether its process has surely ended. Where that is
    /// proved, its leases end; where `embedded` says that nothing it had in flight outlives it (AWS is in
    /// the process itself), they are taken over at once.
    #[must_use]
    pub fn with_witness(
        self,
        is_gone: impl Fn(&LeaseHolder) -> bool + Send + Sync + 'static,
        embedded: bool,
    ) -> Self {
        Self { is_gone: Arc::new(is_gone), embedded, ..self }
    }

    /// Whether the process of a lock's holder has surely ended.
    #[must_use]
    pub fn is_gone(&self, holder: &LeaseHolder) -> bool {
        (self.is_gone)(holder)
    }

    /// Whether the lease of a holder need not be waited for.
    pub(super) fn left_nothing(&self, holder: &LeaseHolder) -> bool {
        self.embedded && self.is_gone(holder)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn StateStore {
        self.store.as_ref()
    }

    /// The clock that waiting is done on.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The clock, to be shared.
    #[must_use]
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Reads `palisade.json`.
    ///
    /// # Errors
    /// The store cannot be read, the object is malformed or of a newer format, or the state is another estate's.
    pub async fn read_root(&self) -> Result<Option<Versioned<Root>>, StateError> {
        let root = self.read_any_root().await?;
        if let (Some(root), Some(own)) = (&root, &self.estate)
            && let Some(other) = root.value.estate.as_deref().filter(|other| *other != &**own)
        {
            let error = Diagnostic::error(format!(
                "the state in `{}` belongs to the estate `{other}`, and this configuration is of `{own}`",
                self.store.location()
            ))
            .detail("A plan would delete what the other estate has made")
            .help("give this estate a `backend` of its own; to rename the estate, run `palisade init --rename-estate`");
            return Err(StateError::new(StateFailure::Invalid, error));
        }
        Ok(root)
    }

    /// The same, whatever estate it is of.
    async fn read_any_root(&self) -> Result<Option<Versioned<Root>>, StateError> {
        let Some(object) = self.store.get(layout::ROOT).await? else { return Ok(None) };
        refuse_newer(&format!("state in `{}`", self.store.location()), &object)?;
        let root: Root = self.decode(layout::ROOT, &object)?;
        Ok(Some(Versioned { value: root, etag: object.etag }))
    }

    /// Gives the state to the estate whose configuration is at work. Returns the name that it had, where that was
    /// another one.
    ///
    /// # Errors
    /// The store cannot be used, or the root was written at the same time.
    pub async fn rename_estate(&self) -> Result<Option<String>, StateError> {
        let Some(root) = self.read_any_root().await? else { return Ok(None) };
        if root.value.estate.as_deref() == self.estate.as_deref() {
            return Ok(None);
        }
        let was = root.value.estate.clone();
        match self.sign(root).await? {
            Cas::Won(_) => Ok(was),
            Cas::Lost(_) => Err(StateError::conflict("the state's root")),
        }
    }

    /// Writes this estate's name into the root.
    async fn sign(&self, root: Versioned<Root>) -> Result<Cas, StateError> {
        let signed = Root { estate: self.estate.as_deref().map(str::to_owned), ..root.value };
        self.swap(layout::ROOT, &encode(&signed)?, &WriteCondition::Etag(root.etag)).await
    }

    /// The lineage; begins one in a store that holds nothing yet. For the write path only: it also
    /// refuses a store without versions.
    ///
    /// # Errors
    /// The store cannot be used, or keeps no versions.
    pub async fn begin(&self, by: &str) -> Result<String, StateError> {
        self.require_versions().await?;
        if let Some(root) = self.read_root().await? {
            // Known from here on to what is recorded; that it was known before is no error.
            let _ = self.lineage.set(root.value.lineage.clone());
            let lineage = root.value.lineage.clone();
            if root.value.estate.is_none() && self.estate.is_some() {
                // Whoever else writes it at the same time writes it whole.
                self.sign(root).await?;
            }
            return Ok(lineage);
        }
        let snapshot = self.read_all().await?;
        let lineage = if snapshot.lineage.is_empty() {
            uuid::Uuid::new_v4().to_string()
        } else {
            snapshot.lineage
        };
        let root = Root {
            format: FORMAT,
            lineage: lineage.clone(),
            estate: self.estate.as_deref().map(str::to_owned),
            created_by: by.to_owned(),
            created_at: self.now().await?,
        };
        match self.swap(layout::ROOT, &encode(&root)?, &WriteCondition::Absent).await? {
            Cas::Won(_) => {
                // Now there is something to prove it on, before anything that could be lost is written.
                self.require_conditions().await?;
                Ok(lineage)
            }
            Cas::Lost(_) => match self.read_root().await? {
                Some(root) => Ok(root.value.lineage),
                None => Err(StateError::conflict("the state's root")),
            },
        }
    }

    /// The lineage, asked once; empty where no state was begun.
    pub(super) async fn lineage(&self) -> Result<String, StateError> {
        if let Some(known) = self.lineage.get() {
            return Ok(known.clone());
        }
        let Some(root) = self.read_root().await? else { return Ok(String::new()) };
        Ok(self.lineage.get_or_init(|| async { root.value.lineage }).await.clone())
    }

    /// The store's time.
    ///
    /// # Errors
    /// The store cannot be reached or tells no time.
    pub async fn now(&self) -> Result<Timestamp, StateError> {
        self.store.server_time().await?.ok_or_else(|| {
            StateError::new(
                StateFailure::Unsafe,
                Diagnostic::error(format!(
                    "state backend `{}` tells no time (`Date` header)",
                    self.store.location()
                ))
                .detail("Leases are measured by the server's clock, never by the local one."),
            )
        })
    }

    /// Reads one scope.
    ///
    /// # Errors
    /// The store cannot be read, or the state is damaged; the message names the version to go back to.
    pub async fn read_scope(
        &self,
        scope: &str,
    ) -> Result<Option<Versioned<ScopeState>>, StateError> {
        match self.store.get(&layout::state(scope)).await? {
            Some(object) => self.open_scope(scope, object).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn open_scope(
        &self,
        scope: &str,
        object: Object,
    ) -> Result<Versioned<ScopeState>, StateError> {
        match ScopeState::open(scope, &object.bytes) {
            Ok(value) => Ok(Versioned { value, etag: object.etag }),
            Err(reason) => Err(self.damaged(scope, &reason).await),
        }
    }

    pub(super) fn removed(&self, scope: &str, last: &(String, ScopeState)) -> StateError {
        StateError::new(
            StateFailure::Invalid,
            Diagnostic::error(format!(
                "state of scope `{scope}` in `{}` was removed",
                self.store.location()
            ))
            .help(format!(
                "{}\nif it is to be forgotten, remove `{}` too",
                rollback_help(scope, last),
                layout::lock(scope)
            )),
        )
    }

    async fn damaged(&self, scope: &str, reason: &str) -> StateError {
        let help = match self.last_good(scope).await {
            Some(last) => rollback_help(scope, &last),
            None => format!(
                "no readable version was found; `palisade state history {scope}` lists them"
            ),
        };
        StateError::new(
            StateFailure::Invalid,
            Diagnostic::error(format!(
                "state of scope `{scope}` in `{}` cannot be used: {reason}",
                self.store.location()
            ))
            .help(help),
        )
    }

    /// The newest version of a scope that can be read.
    pub(crate) async fn last_good(&self, scope: &str) -> Option<(String, ScopeState)> {
        let key = layout::state(scope);
        let versions = self.store.versions(&key).await.ok()?;
        for version in versions.into_iter().filter(|v| !v.deleted).take(VERSIONS_SEARCHED) {
            let Ok(Some(object)) = self.store.get_version(&key, &version.id).await else {
                continue;
            };
            if let Ok(state) = ScopeState::open(scope, &object.bytes)
                && !state.is_at_its_end()
            {
                return Some((version.id, state));
            }
        }
        None
    }

    /// Writes a scope over the version that it was read from (`basis`), as the next serial.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when somebody else wrote in the meantime or holds a newer epoch.
    pub async fn write_scope(
        &self,
        basis: Option<&Versioned<ScopeState>>,
        next: &ScopeState,
        stamp: Stamp,
    ) -> Result<Versioned<ScopeState>, StateError> {
        let (serial, condition) = match basis {
            None => (1, WriteCondition::Absent),
            Some(basis) => {
                if basis.value.epoch > next.epoch {
                    return Err(StateError::conflict(&format!("state of scope `{}`", next.scope)));
                }
                let what = format!("the serial of scope `{}`", next.scope);
                (following(basis.value.serial, &what)?, WriteCondition::Etag(basis.etag.clone()))
            }
        };
        self.write_as(serial, condition, next, stamp).await
    }

    /// Writes a scope as this serial.
    pub(super) async fn write_as(
        &self,
        serial: u64,
        condition: WriteCondition,
        next: &ScopeState,
        stamp: Stamp,
    ) -> Result<Versioned<ScopeState>, StateError> {
        let mut value = next.clone();
        value.format = FORMAT;
        value.serial = serial;
        value.stamp = stamp;
        value.write_id = uuid::Uuid::new_v4().to_string();
        let bytes = value.seal()?;
        // What cannot be read back must not be written.
        let value = ScopeState::open(&value.scope, &bytes).map_err(|reason| {
            StateError::new(
                StateFailure::Invalid,
                Diagnostic::error(format!(
                    "state of scope `{}` would not be valid: {reason}",
                    value.scope
                ))
                .help(format!(
                    "nothing was written: what it was made from was forged or damaged; `palisade state history {}` lists what there was",
                    value.scope
                )),
            )
        })?;
        match self.swap(&layout::state(&value.scope), &bytes, &condition).await? {
            Cas::Won(Written { etag, .. }) => Ok(Versioned { value, etag }),
            Cas::Lost(_) => Err(StateError::conflict(&format!("state of scope `{}`", value.scope))),
        }
    }

    /// Refuses a text that names no scope: it would become part of a key.
    ///
    /// # Errors
    /// It names none.
    pub(super) fn require_scope(scope: &str) -> Result<(), StateError> {
        if layout::is_scope(scope) {
            return Ok(());
        }
        Err(StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!("`{scope}` is no scope"))
                .help("as in `org` or `acct-production`"),
        ))
    }

    /// Refuses a store that keeps no versions; asks it once.
    ///
    /// # Errors
    /// It keeps none, or cannot be asked.
    pub async fn require_versions(&self) -> Result<(), StateError> {
        self.versioned.get_or_try_init(|| require_versioning(self.store())).await.copied()
    }

    /// Compare-and-swap of any object below the prefix; see [`cas`]. Every write comes through here, so
    /// that nothing is ever written where nothing could be gone back to.
    ///
    /// # Errors
    /// The store cannot be used, or keeps no versions.
    pub async fn swap(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Cas, StateError> {
        self.swap_while(key, bytes, condition, &|| true).await
    }

    /// As [`Self::swap`], for what may be written only while something holds: no attempt is made after
    /// `may` has said no.
    ///
    /// # Errors
    /// Those of [`Self::swap`].
    pub async fn swap_while(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
        may: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Cas, StateError> {
        self.require_versions().await?;
        self.require_conditions().await?;
        cas_while(self.store(), self.clock(), key, bytes, condition, may).await
    }
}

/// How to go back to a version of a scope's state.
fn rollback_help(scope: &str, (version, state): &(String, ScopeState)) -> String {
    format!(
        "go back to serial {} of {} by {}: `palisade state rollback {scope} --to {}` (version `{version}`)",
        state.serial, state.stamp.at, state.stamp.by, state.serial
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::local::LocalStore;

    fn stamp() -> Stamp {
        Stamp {
            at: Timestamp::UNIX_EPOCH,
            by: "arn:aws:iam::111111111111:user/a".into(),
            run: "r".into(),
            operation: "apply".into(),
            plan: None,
        }
    }

    fn ledger(dir: &tempfile::TempDir) -> Ledger {
        let store = Arc::new(LocalStore::new(dir.path().join("state")));
        Ledger::new(store)
    }

    #[tokio::test]
    async fn a_scope_is_written_over_what_was_read_and_never_over_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(&dir);
        let lineage = ledger.begin("me").await.unwrap();
        assert_eq!(ledger.begin("me").await.unwrap(), lineage);
        let state = ScopeState::new(&lineage, "org", stamp());
        let first = ledger.write_scope(None, &state, stamp()).await.unwrap();
        let second = ledger.write_scope(Some(&first), &first.value, stamp()).await.unwrap();
        assert_eq!(second.value.serial, 2);
        for stale in [None, Some(&first)] {
            let error = ledger.write_scope(stale, &state, stamp()).await.unwrap_err();
            assert_eq!(error.failure, StateFailure::Conflict);
        }
        let snapshot = ledger.read_all().await.unwrap();
        assert_eq!(snapshot.lineage, lineage);
        assert_eq!(snapshot.scopes["org"], second);
    }

    #[tokio::test]
    async fn reading_an_empty_backend_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = ledger(&dir).read_all().await.unwrap();
        assert!(snapshot.scopes.is_empty() && snapshot.lineage.is_empty());
        assert!(!dir.path().join("state").exists());
    }

    #[tokio::test]
    async fn a_damaged_state_names_the_version_to_go_back_to() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(&dir);
        let lineage = ledger.begin("me").await.unwrap();
        let state = ScopeState::new(&lineage, "org", stamp());
        let first = ledger.write_scope(None, &state, stamp()).await.unwrap();
        ledger.write_scope(Some(&first), &first.value, stamp()).await.unwrap();
        let path = dir.path().join("state/scopes/org/state.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        let error = ledger.read_all().await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid);
        assert!(error.diagnostic.summary.contains("truncated"), "{error}");
        let help = error.diagnostic.help.unwrap();
        assert!(help.contains("state rollback org --to 2"), "{help}");
    }

    #[tokio::test]
    async fn a_foreign_state_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(&dir);
        ledger.begin("me").await.unwrap();
        let state = ScopeState::new("another", "org", stamp());
        ledger.write_scope(None, &state, stamp()).await.unwrap();
        let error = ledger.read_all().await.unwrap_err();
        assert!(error.diagnostic.summary.contains("foreign"), "{error}");
    }
}
