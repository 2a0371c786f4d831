//! Which releases a plan is made with: what the environments' records say.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::config::Configuration;
use crate::diag::Diagnostic;
use crate::plan::model::Selection;
use crate::promotion::Digest;
use crate::promotion::store::{self, VersionedRecord};
use crate::state::{Ledger, StateError};

use super::error::EngineError;
use super::known_values::ReleasesInForce;
use super::plan_request::ReleaseOverride;

/// How many releases are read at once.
const CONCURRENCY: usize = 16;

/// The records of all environments, and the releases that stand in these, with `instead` in place of one of them.
///
/// # Errors
/// The backend cannot be read, or a record is damaged, or a release is gone or damaged.
pub async fn read(
    ledger: &Ledger,
    configuration: &Configuration,
    instead: Option<&ReleaseOverride>,
) -> Result<(BTreeMap<String, VersionedRecord>, ReleasesInForce), EngineError> {
    let records = records(ledger, configuration).await?;
    let releases = in_force(ledger, &records, instead).await?;
    Ok((records, releases))
}

/// The records of all environments; none are read where no release is declared.
async fn records(
    ledger: &Ledger,
    configuration: &Configuration,
) -> Result<BTreeMap<String, VersionedRecord>, EngineError> {
    let root = configuration.root();
    if !root.declarations.keys().any(|(ty, _)| ty == "release") {
        return Ok(BTreeMap::new());
    }
    Ok(store::read_all(ledger, root.environments.keys().map(String::as_str)).await?)
}

/// The releases that stand in the environments, with `instead` in place of one of them.
async fn in_force(
    ledger: &Ledger,
    records: &BTreeMap<String, VersionedRecord>,
    instead: Option<&ReleaseOverride>,
) -> Result<ReleasesInForce, EngineError> {
    let mut all: ReleasesInForce =
        records.keys().map(|environment| (environment.clone(), BTreeMap::new())).collect();
    // One release stands in several environments once it has moved.
    let mut wanted: BTreeMap<(&str, &Digest), Vec<&String>> = BTreeMap::new();
    for (environment, versioned) in records {
        for name in versioned.record.names() {
            let Some(digest) = versioned.record.in_force(name) else { continue };
            wanted.entry((name, digest)).or_default().push(environment);
        }
    }
    let reads: Vec<_> = wanted
        .into_iter()
        .map(|((name, digest), environments)| async move {
            Ok::<_, StateError>((store::get_release(ledger, name, digest).await?, environments))
        })
        .collect();
    let read: Vec<_> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
    for (stored, environments) in read {
        for environment in environments {
            let there = all.entry(environment.clone()).or_default();
            there.insert(stored.release.name.clone(), stored.release.clone());
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
pub(super) fn overridden(
    records: &BTreeMap<String, VersionedRecord>,
    selection: &Selection,
) -> Vec<Diagnostic> {
    let selected =
        |name: &String| selection.environments.is_empty() || selection.environments.contains(name);
    let mut found = Vec::new();
    for (environment, versioned) in records.iter().filter(|(name, _)| selected(name)) {
        for (release, recorded) in &versioned.record.releases {
            let Some(current) = &recorded.current else { continue };
            let Some(overridden) = &current.overridden else { continue };
            let digest = current.digest.short();
            found.push(
                Diagnostic::warning(format!(
                    "release {release} {digest} stands in `{environment}` by an override"
                ))
                .detail(format!(
                    "past {}: {} ({}, {:.0})",
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
