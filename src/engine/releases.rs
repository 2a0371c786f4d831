//! Which releases a plan is made with: what the environments' records say.

use std::collections::BTreeMap;

use crate::config::Configuration;
use crate::diag::Diagnostic;
use crate::plan::model::Selection;
use crate::promotion::store::{self, VersionedRecord};
use crate::state::{Ledger, StateError};

use super::known_values::ReleasesInForce;
use super::plan::ReleaseOverride;

/// The records of all environments; none are read where no release is declared.
///
/// # Errors
/// The backend cannot be read, or a record is damaged.
pub async fn records(
    ledger: &Ledger,
    configuration: &Configuration,
) -> Result<BTreeMap<String, VersionedRecord>, StateError> {
    let root = configuration.root();
    if !root.declarations.keys().any(|(ty, _)| ty == "release") {
        return Ok(BTreeMap::new());
    }
    store::read_all(ledger, root.environments.keys().map(String::as_str)).await
}

/// The releases that stand in the environments, with `instead` in place of one of them.
///
/// # Errors
/// The backend cannot be read, or a release is gone or damaged.
pub async fn in_force(
    ledger: &Ledger,
    records: &BTreeMap<String, VersionedRecord>,
    instead: Option<&ReleaseOverride>,
) -> Result<ReleasesInForce, StateError> {
    let mut all = ReleasesInForce::new();
    for (environment, held) in records {
        let there = all.entry(environment.clone()).or_default();
        for name in held.record.names() {
            let Some(digest) = held.record.in_force(name) else { continue };
            let stored = store::get_release(ledger, name, digest).await?;
            there.insert(name.to_owned(), stored.release);
        }
    }
    if let Some(ReleaseOverride { environment, release }) = instead {
        let there = all.entry(environment.clone()).or_default();
        there.insert(release.name.clone(), release.clone());
    }
    Ok(all)
}

/// The releases that stand somewhere by an override: every plan of such a place says so.
#[must_use]
pub fn overridden(
    records: &BTreeMap<String, VersionedRecord>,
    selection: &Selection,
) -> Vec<Diagnostic> {
    let selected =
        |name: &String| selection.environments.is_empty() || selection.environments.contains(name);
    let mut found = Vec::new();
    for (environment, held) in records.iter().filter(|(name, _)| selected(name)) {
        for (release, standing) in &held.record.releases {
            let Some(current) = &standing.current else { continue };
            let Some(overridden) = &current.overridden else { continue };
            let digest = current.digest.short();
            found.push(
                Diagnostic::warning(format!(
                    "release {release} {digest} stands in `{environment}` by an override"
                ))
                .detail(format!(
                    "past {}: {} ({}, {})",
                    overridden.against.join(", "),
                    overridden.reason,
                    current.by,
                    current.since
                )),
            );
        }
    }
    found
}
