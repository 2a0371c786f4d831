//! Everything that state says at one moment, read together and without a lock.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::address::{ResourceAddr, ShortNames};
use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure};
use super::layout::{self, ScopeKey};
use super::ledger::{Ledger, Versioned};
use super::model::{ResourceState, Resources};
use super::scopes::{AuditHead, ScopeState};
use super::store::Object;

/// How many objects are read at once.
const CONCURRENCY: usize = 64;

/// Where a run left a journal behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterruptedJournal {
    /// The scope.
    pub scope: String,
    /// The run.
    pub run: String,
    /// Sequence numbers of its journal objects.
    pub sequences: Vec<u64>,
}

/// Everything that state says, at one moment. Reading it writes nothing and locks nothing.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Identity of the state; empty before the first apply.
    pub lineage: String,
    /// Scopes by name, tombstones of moved accounts included.
    pub scopes: BTreeMap<String, Versioned<ScopeState>>,
    /// Journals that a run left behind: it crashed, or is running.
    pub interrupted: Vec<InterruptedJournal>,
}

impl Snapshot {
    /// Settles how addresses print: as plans call them, the environment is left out where it tells no two objects
    /// apart.
    fn settle_names(&mut self) {
        let all: Vec<ResourceAddr> =
            self.scopes.values().flat_map(|scope| scope.value.resources.keys().cloned()).collect();
        let names = ShortNames::among(&all);
        for scope in self.scopes.values_mut() {
            let resources = std::mem::take(&mut scope.value.resources);
            let renamed = resources.into_iter().map(|(address, mut resource)| {
                resource.depends_on =
                    resource.depends_on.iter().map(|of| names.settled(of)).collect();
                (names.settled(&address), resource)
            });
            scope.value.resources = renamed.collect();
        }
    }

    /// The objects of all scopes.
    #[must_use]
    pub fn resources(&self) -> Resources {
        self.scopes
            .values()
            .flat_map(|scope| &scope.value.resources)
            .map(|(address, resource)| (address.clone(), resource.clone()))
            .collect()
    }

    /// The same in place, so that they may share memory with what is equal to them.
    pub fn resources_mut(&mut self) -> impl Iterator<Item = (&ResourceAddr, &mut ResourceState)> {
        self.scopes.values_mut().flat_map(|scope| &mut scope.value.resources)
    }

    /// Serial and tag of every scope, for the basis of a plan.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<String, (u64, String)> {
        self.scopes
            .iter()
            .map(|(name, scope)| (name.clone(), (scope.value.serial, scope.etag.clone())))
            .collect()
    }

    /// The newest head of the audit log that any scope has seen.
    #[must_use]
    pub fn audit_head(&self) -> Option<&AuditHead> {
        self.scopes.values().filter_map(|s| s.value.audit.as_ref()).max()
    }
}

impl Ledger {
    /// Reads everything: lineage, all scopes (concurrently), and which journals lie about.
    ///
    /// # Errors
    /// The store cannot be read, or a scope's state is damaged, foreign or newer than this version.
    pub async fn read_all(&self) -> Result<Snapshot, StateError> {
        self.read_expecting(&[]).await
    }

    /// As [`Self::read_all`], sooner where `expected` names the scopes right: their states are read
    /// beside the listing that tells which there are, instead of after it.
    ///
    /// What the listing does not bear out counts for nothing. A state that was read early is taken only
    /// if it has the tag that the listing shows, for no state may be older than the journals listed with
    /// it: a run that ends in between folds its journal into the state and deletes it, and one would see
    /// neither. Every other state is read after the listing.
    ///
    /// # Errors
    /// Those of [`Self::read_all`].
    pub async fn read_expecting(&self, expected: &[String]) -> Result<Snapshot, StateError> {
        let expected = if self.store().lists_tags() { expected } else { &[] };
        let early = stream::iter(expected).map(|scope| async move {
            let key = layout::state(scope);
            let object = self.store().get(&key).await.ok().flatten()?;
            Some((key, object))
        });
        let early = async { Ok(early.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await) };
        let (root, listed, early) = futures::try_join!(
            self.read_root(),
            async { self.store().list_tagged(layout::SCOPES).await.map_err(StateError::from) },
            early,
        )?;
        let early: BTreeMap<String, Object> = early.into_iter().flatten().collect();
        let mut early: BTreeMap<String, Object> = listed
            .iter()
            .filter_map(|l| Some((l.key.clone(), early.get(&l.key)?, l.etag.as_deref()?)))
            .filter(|(_, object, tag)| object.etag == *tag)
            .map(|(key, object, _)| (key, object.clone()))
            .collect();
        let mut names = Vec::new();
        let mut locked = Vec::new();
        let mut interrupted: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
        for key in listed.iter().map(|listed| &listed.key) {
            match layout::parse(key) {
                Some(ScopeKey::State(scope)) => {
                    let early = early.remove(key);
                    names.push((scope, early));
                }
                Some(ScopeKey::Journal(scope, run, sequence)) => {
                    interrupted.entry((scope, run)).or_default().push(sequence);
                }
                Some(ScopeKey::Lock(scope)) if layout::holds_state(&scope) => locked.push(scope),
                Some(ScopeKey::Lock(_)) | None => {}
            }
        }
        // Nothing deletes a state: one that was there and is not was taken away.
        locked.retain(|scope| !names.iter().any(|(name, _)| name == scope));
        let removed: Vec<Option<StateError>> = stream::iter(locked)
            .map(|scope| async move {
                let last = self.last_good(&scope).await?;
                Some(self.removed(&scope, &last))
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        if let Some(error) = removed.into_iter().flatten().next() {
            return Err(error);
        }
        let read: Vec<Option<(String, Versioned<ScopeState>)>> = stream::iter(names)
            .map(|(scope, early)| async move {
                let state = match early {
                    Some(object) => Some(self.open_scope(&scope, object).await?),
                    None => self.read_scope(&scope).await?,
                };
                Ok::<_, StateError>(state.map(|s| (scope, s)))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let scopes: BTreeMap<_, _> = read.into_iter().flatten().collect();
        let lineage = self.common_lineage(root.map(|r| r.value.lineage), &scopes)?;
        let interrupted = interrupted
            .into_iter()
            .map(|((scope, run), sequences)| InterruptedJournal { scope, run, sequences })
            // What a state already contains was only not cleaned up yet.
            .filter_map(|mut d| {
                let folded = scopes.get(&d.scope).and_then(|s| s.value.folded.as_ref());
                if let Some(folded) = folded.filter(|f| f.run == d.run) {
                    d.sequences.retain(|s| *s > folded.sequence);
                }
                (!d.sequences.is_empty()).then_some(d)
            })
            .collect();
        let mut snapshot = Snapshot { lineage, scopes, interrupted };
        snapshot.settle_names();
        Ok(snapshot)
    }

    fn common_lineage(
        &self,
        root: Option<String>,
        scopes: &BTreeMap<String, Versioned<ScopeState>>,
    ) -> Result<String, StateError> {
        let mut lineage = root;
        for (name, scope) in scopes {
            let found = &scope.value.lineage;
            match &lineage {
                None => lineage = Some(found.clone()),
                Some(known) if known == found => {}
                Some(known) => {
                    return Err(StateError::new(
                        StateFailure::Invalid,
                        Diagnostic::error(format!(
                            "state of scope `{name}` in `{}` is foreign: it has lineage `{found}`, and this backend has `{known}`",
                            self.store().location()
                        ))
                        .help("it was copied from another estate's state; `palisade state history` lists the versions to go back to"),
                    ));
                }
            }
        }
        Ok(lineage.unwrap_or_default())
    }
}
