//! Moving a whole state from one backend to another.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure};
use super::layout::{self, ScopeKey};
use super::ledger::Ledger;
use super::lock::Terms;
use super::store::{Cas, WriteCondition};

impl Ledger {
    /// Copies every object to `to`, which must hold no state yet; `palisade.json` last, so that a
    /// copy that was interrupted is no state and can be started again. The source stays as it is.
    /// Returns how many objects were copied. By `terms` it says until when a lock of the source holds.
    ///
    /// # Errors
    /// The source is locked or has an unfinished run; the destination holds another state; a store
    /// cannot be used.
    pub async fn migrate(&self, to: &Self, terms: Terms) -> Result<usize, StateError> {
        let refuse = |summary: String, help: &str| {
            Err(StateError::new(
                StateFailure::Refused,
                Diagnostic::error(summary).help(help.to_owned()),
            ))
        };
        to.require_versions().await?;
        if to.read_root().await?.is_some() {
            return refuse(
                format!("`{}` holds a state already", to.store().location()),
                "migrate to an empty prefix or directory",
            );
        }
        let snapshot = self.read_all().await?;
        if let Some(interrupted) = snapshot.interrupted.first() {
            return refuse(
                format!(
                    "scope `{}` has an unfinished run `{}`",
                    interrupted.scope, interrupted.run
                ),
                "run `palisade apply` first: it finishes what was begun",
            );
        }
        let mut keys = self.store().list("", None).await?;
        keys.sort_by_key(|key| key == layout::ROOT);
        self.require_unlocked(&keys, terms).await?;
        let (mut copied, mut tags) = (0, BTreeMap::new());
        for key in keys.iter().filter(|key| is_kept(key)) {
            if key == layout::ROOT && self.moved_since(&tags).await? {
                return refuse(
                    format!("`{}` was changed while it was copied", self.store().location()),
                    "run it again when nobody applies there; what was copied so far is no state",
                );
            }
            if key == layout::ROOT {
                let keys: Vec<String> = self.store().list("", None).await?;
                self.require_unlocked(&keys, terms).await?;
            }
            let Some(object) = self.store().get(key).await? else { continue };
            tags.insert(key.clone(), object.etag.clone());
            match to.swap(key, &object.bytes, &WriteCondition::Absent).await? {
                Cas::Won(_) => copied += 1,
                Cas::Lost(Some(there)) if there.bytes == object.bytes => copied += 1,
                Cas::Lost(_) => {
                    return refuse(
                        format!("`{key}` in `{}` is something else", to.store().location()),
                        "migrate to an empty prefix or directory",
                    );
                }
            }
            // As soon as there is something to prove it on, and before anything could be lost by it.
            to.prove_conditions_on(key, &object.bytes).await?;
        }
        Ok(copied)
    }

    /// Whether something was written or removed among what is copied since it was read.
    async fn moved_since(&self, tags: &BTreeMap<String, String>) -> Result<bool, StateError> {
        let listed = self.store().list_tagged("").await?;
        let kept = |key: &String| is_kept(key) && key != layout::ROOT;
        if listed.iter().filter(|one| kept(&one.key)).count() != tags.len() {
            return Ok(true);
        }
        for one in listed.into_iter().filter(|one| kept(&one.key)) {
            let now = match one.etag {
                Some(etag) => Some(etag),
                None => self.store().get(&one.key).await?.map(|object| object.etag),
            };
            if now.as_ref() != tags.get(&one.key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn require_unlocked(&self, keys: &[String], terms: Terms) -> Result<(), StateError> {
        for key in keys {
            let Some(ScopeKey::Lock(scope)) = layout::parse(key) else { continue };
            if let Some(lock) = self.read_lock(&scope).await?
                && !lock.released
            {
                return Err(self.locked(&scope, &lock, terms).await);
            }
        }
        Ok(())
    }
}

/// Whether an object goes along: locks are of the place where they lie, and journals are done with.
fn is_kept(key: &str) -> bool {
    !matches!(layout::parse(key), Some(ScopeKey::Lock(_) | ScopeKey::Journal(..)))
}
