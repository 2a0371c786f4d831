//! Stored releases, beside the digests that name them.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};

use super::Findings;
use super::moves::EnvironmentTrace;
use crate::engine::error::EngineError;
use crate::promotion::{Digest, store};
use crate::state::Ledger;

/// How many are read at once.
const CONCURRENCY: usize = 32;

/// Tells releases whose content is not what their digest says, and those that moves have brought and that are gone.
///
/// # Errors
/// The backend cannot be read.
pub(super) async fn check(
    ledger: &Ledger,
    environments: &[EnvironmentTrace],
    findings: &mut Findings,
) -> Result<(), EngineError> {
    let mut all: BTreeSet<(String, Digest)> = BTreeSet::new();
    for (name, digests) in store::list_releases(ledger).await? {
        all.extend(digests.into_iter().map(|digest| (name.clone(), digest)));
    }
    let brought = environments.iter().flat_map(EnvironmentTrace::releases);
    all.extend(brought.map(|(name, digest)| (name.to_owned(), digest.clone())));
    let read = stream::iter(&all)
        .map(|(name, digest)| store::get_release(ledger, name, digest))
        .buffered(CONCURRENCY);
    let read: Vec<_> = read.collect().await;
    for error in read.into_iter().filter_map(Result::err) {
        findings.unreadable(error)?;
    }
    Ok(())
}
