//! What stands somewhere on the strength of a verification that was taken back since.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::record::EnvironmentRecord;

/// Why the verification that a release was promoted on counts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedVerification {
    /// Where it was verified.
    pub environment: String,
    /// When that was taken back; `None` when it never was verified there (an override).
    pub revoked_at: Option<Timestamp>,
}

/// Doubts about the release that stands in an environment: every environment on its way whose
/// verification of it was taken back, the nearest first.
#[must_use]
pub fn revoked_verifications<'r>(
    records: impl Fn(&str) -> Option<&'r EnvironmentRecord>,
    environment: &str,
    release: &str,
) -> Vec<RevokedVerification> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([environment.to_owned()]);
    let Some(arrival) = records(environment).and_then(|r| r.current(release)) else { return found };
    let digest = &arrival.digest;
    let mut basis = arrival.basis.clone();
    while let Some(on) = basis.take().filter(|on| seen.insert(on.environment.clone())) {
        let record = records(&on.environment);
        let revoked = record
            .and_then(|r| r.recorded(release))
            .and_then(|s| s.revoked.get(digest))
            .map(|r| r.at);
        if revoked.is_some() || on.verified_since.is_none() {
            found.push(RevokedVerification {
                environment: on.environment.clone(),
                revoked_at: revoked,
            });
        }
        // The way goes on as long as the same release still stands there.
        basis = record
            .and_then(|r| r.current(release))
            .filter(|c| c.digest == *digest)
            .and_then(|c| c.basis.clone());
    }
    found
}

/// Environments where the release that stands in `environment` was promoted to on its strength.
#[must_use]
pub fn built_on(
    records: &BTreeMap<String, EnvironmentRecord>,
    environment: &str,
    release: &str,
) -> Vec<String> {
    let Some(digest) = records.get(environment).and_then(|r| r.current(release)).map(|c| &c.digest)
    else {
        return Vec::new();
    };
    let mut found: Vec<String> = vec![environment.to_owned()];
    loop {
        let next = records.iter().find(|(name, record)| {
            !found.contains(name)
                && record.current(release).is_some_and(|c| {
                    c.digest == *digest
                        && c.basis.as_ref().is_some_and(|b| found.contains(&b.environment))
                })
        });
        match next {
            Some((name, _)) => found.push(name.clone()),
            None => break,
        }
    }
    found.remove(0);
    found
}
