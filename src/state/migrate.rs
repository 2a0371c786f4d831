//! Moving a whole state from one backend to another.

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
        let mut copied = 0;
        for key in keys {
            match layout::parse(&key) {
                Some(ScopeKey::Lock(scope)) => {
                    if let Some(lock) = self.read_lock(&scope).await?
                        && !lock.released
                    {
                        return Err(self.locked(&scope, &lock, terms).await);
                    }
                    continue;
                }
                Some(ScopeKey::Journal(..)) => continue,
                _ => {}
            }
            let Some(object) = self.store().get(&key).await? else { continue };
            match to.swap(&key, &object.bytes, &WriteCondition::Absent).await? {
                Cas::Won(_) => copied += 1,
                Cas::Lost(Some(there)) if there.bytes == object.bytes => copied += 1,
                Cas::Lost(_) => {
                    return refuse(
                        format!("`{key}` in `{}` is something else", to.store().location()),
                        "migrate to an empty prefix or directory",
                    );
                }
            }
        }
        Ok(copied)
    }
}
