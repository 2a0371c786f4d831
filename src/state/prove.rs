//! Whether a server of state does what everything here stands on: conditional writes, versions, one history.
//!
//! Asked before the first write of a process, with writes that lose nothing: each carries the bytes that stand
//! there already, under a condition that does not hold. A server that keeps its word writes none of them; one
//! that does not has written what was there. (LocalStack 3.8 and moto 5.0 answer 200 to a wrong `If-Match`: two
//! applies both said that they were through, and the state of one was lost.)

use std::sync::PoisonError;

use crate::diag::Diagnostic;

use super::error::{SAFE_SERVERS, StateError, StateFailure};
use super::layout;
use super::ledger::Ledger;
use super::store::{Ambiguity, ObjectVersion, Put, StoreFailure, WriteCondition};

/// A tag that no object has.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

impl Ledger {
    /// Proves that conditions are honoured. A store without `palisade.json` holds nothing that could be lost, and
    /// is asked again once it has one.
    ///
    /// # Errors
    /// The server wrote what it must not have written; the store cannot be used.
    pub(super) async fn require_conditions(&self) -> Result<(), StateError> {
        if !self.is_unproved() {
            return Ok(());
        }
        let Some(root) = self.store().get(layout::ROOT).await? else { return Ok(()) };
        self.prove_conditions_on(layout::ROOT, &root.bytes).await
    }

    /// The same with another object that stands there, by its own bytes.
    ///
    /// # Errors
    /// Those of [`Self::require_conditions`].
    pub(super) async fn prove_conditions_on(
        &self,
        key: &str,
        bytes: &[u8],
    ) -> Result<(), StateError> {
        if !self.is_unproved() {
            return Ok(());
        }
        for (condition, name) in [
            (WriteCondition::Absent, "If-None-Match"),
            (WriteCondition::Etag(NO_TAG.to_owned()), "If-Match"),
        ] {
            match self.store().put_if(key, bytes, &condition).await {
                Ok(Put::Lost) => {}
                Ok(Put::Written(_)) => return Err(self.ignores(key, name, &condition)),
                Ok(Put::Ambiguous(why)) => return Err(self.unproved(name, &why)),
                // A policy that keeps this caller from writing it at all writes nothing either.
                Err(error) if error.failure == StoreFailure::Denied => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.trust();
        Ok(())
    }

    /// Proves by writing `palisade.json` over itself that what was there before is kept. For `init`: it leaves
    /// a version behind. Says whether there was anything to prove it on.
    ///
    /// # Errors
    /// The version before is gone, or another write came in between.
    pub async fn prove_versions(&self) -> Result<bool, StateError> {
        self.require_versions().await?;
        self.require_conditions().await?;
        if !self.is_external() {
            return Ok(true);
        }
        let Some(root) = self.store().get(layout::ROOT).await? else { return Ok(false) };
        let condition = WriteCondition::Etag(root.etag.clone());
        match self.store().put_if(layout::ROOT, &root.bytes, &condition).await? {
            Put::Written(_) => {}
            Put::Lost => return Err(StateError::conflict("the state's root")),
            Put::Ambiguous(why) => return Err(self.unproved("If-Match", &why)),
        }
        let versions = self.store().newest_versions(layout::ROOT, 2).await?;
        // Where versioning is suspended, every write is the version `null`, which the next one overwrites (S3
        // User Guide, "Adding objects to versioning-suspended buckets"); older versions are kept all the same.
        let overwrites = versions.first().is_some_and(|version| version.id == "null");
        let earlier = versions.get(1).filter(|version| !overwrites && !version.deleted);
        let kept = match (earlier, &root.version) {
            (Some(earlier), Some(version)) if earlier.id == *version => {
                self.store().get_version(layout::ROOT, version).await?
            }
            _ => None,
        };
        if kept.is_some_and(|object| object.bytes == root.bytes) {
            return Ok(true);
        }
        Err(self.refused(
            "says that it keeps versions and does not",
            "`palisade.json` was written over itself, and the version before it cannot be read any more.".into(),
        ))
    }

    /// Looks at the history of a lock that was just taken: right before it stands what it was swapped for. A
    /// server that lets two conditional writes through at once shows here, before anything is done under
    /// either.
    ///
    /// # Errors
    /// Another write stands in between.
    pub(super) async fn require_one_history(
        &self,
        key: &str,
        written: Option<&str>,
        before: Option<&str>,
    ) -> Result<(), StateError> {
        let (true, Some(written)) = (self.is_external(), written) else { return Ok(()) };
        let versions = self.store().newest_versions(key, 8).await?;
        let mut older = versions.iter().skip_while(|version| version.id != written).skip(1);
        let found = versions.iter().any(|version| version.id == written);
        // What a lock that was deleted left: its marker. Servers list markers apart from versions.
        let deleted_at = versions.iter().filter(|v| v.deleted).map(|v| v.at).max();
        let was_deleted = |v: &ObjectVersion| v.deleted || deleted_at.is_some_and(|at| at >= v.at);
        let sound = match (older.next(), before) {
            (Some(earlier), Some(before)) => earlier.deleted || earlier.id == before,
            (Some(earlier), None) => was_deleted(earlier),
            (None, None) => found,
            (None, Some(_)) => false,
        };
        if sound {
            return Ok(());
        }
        Err(self.refused(
            "let two conditional writes through at once",
            format!(
                "Between what `{key}` was swapped for and what was written stands another version."
            ),
        ))
    }

    fn ignores(&self, key: &str, header: &str, condition: &WriteCondition) -> StateError {
        let what = match condition {
            WriteCondition::Absent => "although the object exists",
            WriteCondition::Etag(_) => "under a tag that no object has",
        };
        self.refused(
            &format!("ignores `{header}`"),
            format!(
                "It carried out a write of `{key}` {what}. (The same bytes stood there before, so nothing was lost.)"
            ),
        )
    }

    fn unproved(&self, header: &str, ambiguity: &Ambiguity) -> StateError {
        const AGAIN: &str = "run again once the backend answers; nothing was written";
        StateError::new(
            StateFailure::Unavailable,
            Diagnostic::error(format!(
                "it is not known whether state backend `{}` honours `{header}`",
                self.store().location()
            ))
            .detail(ambiguity.why.clone())
            .help(match &ambiguity.advice {
                Some(first) => format!("{first}; then {AGAIN}"),
                None => AGAIN.to_owned(),
            }),
        )
    }

    fn refused(&self, what: &str, detail: String) -> StateError {
        StateError::new(
            StateFailure::Unsafe,
            Diagnostic::error(format!("state backend `{}` {what}", self.store().location()))
                .detail(format!(
                    "{detail} Two runs at once would overwrite each other's state, so nothing more is written."
                ))
                .help(SAFE_SERVERS),
        )
    }

    fn is_external(&self) -> bool {
        self.unproved.is_some()
    }

    fn is_unproved(&self) -> bool {
        let unproved = self.unproved.as_ref();
        unproved.is_some_and(|unproved| *unproved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn trust(&self) {
        if let Some(unproved) = &self.unproved {
            *unproved.lock().unwrap_or_else(PoisonError::into_inner) = false;
        }
    }
}
