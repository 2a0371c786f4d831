//! Approvals in the backend: one object each, written once, below the giver's own unique id.
//!
//! `approvals/EDGE/DIGEST/USERID/NUMBER.json`. The bucket policy lets a caller write only below its
//! own `${aws:userid}`, and nobody overwrite; a later one has a higher number.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::diag::Diagnostic;
use crate::promotion::variable_prints::VariablePrints;
use crate::provider::Caller;
use crate::redact::Audience;
use crate::state::json::encode;
use crate::state::store::Cas;
use crate::state::{Ledger, StateError, StateFailure, WriteCondition, layout, to_the_second};

use super::consent::{Approval, Consent};

/// The version of the format that this version writes.
const FORMAT: u32 = 1;
/// How many are read at once.
const CONCURRENCY: usize = 32;
/// How often a number that somebody took first is tried again.
const ATTEMPTS: usize = 5;

/// What an approval is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The edge.
    pub edge: &'a str,
    /// The release's name.
    pub release: &'a str,
    /// The release's digest.
    pub digest: &'a str,
    /// Digest of the plan.
    pub plan: &'a str,
    /// The sensitive variables that it was made with.
    pub variables: Option<&'a VariablePrints>,
}

/// Records what `by` says.
///
/// # Errors
/// The backend cannot be written: with the bucket policy of `init --create-backend`, also because
/// somebody tries to speak for somebody else.
pub async fn write(
    ledger: &Ledger,
    subject: &Subject<'_>,
    consent: Consent,
    by: &Caller,
    comment: Option<String>,
) -> Result<Approval, StateError> {
    let own = layout::approvals_of(subject.edge, subject.digest, &by.user_id);
    let approval = Approval {
        format: FORMAT,
        write_id: uuid::Uuid::new_v4().to_string(),
        consent,
        edge: subject.edge.to_owned(),
        release: subject.release.to_owned(),
        digest: subject.digest.to_owned(),
        plan: subject.plan.to_owned(),
        variables: subject.variables.cloned(),
        by: by.clone(),
        at: to_the_second(ledger.now().await?),
        comment: comment
            .map(|comment| ledger.redactions().text(&comment, Audience::Record).into_owned()),
    };
    let bytes = encode(&approval)?;
    for _ in 0..ATTEMPTS {
        let last = ledger.store().list(&own, None).await?.last().and_then(|key| number(key));
        let key = format!("{own}{:08}.json", last.unwrap_or(0) + 1);
        if let Cas::Won(_) = ledger.swap(&key, &bytes, &WriteCondition::Absent).await? {
            return Ok(approval);
        }
    }
    Err(StateError::conflict("the list of your approvals"))
}

/// The last approval or revocation of each person on this edge for this release, by unique id.
///
/// # Errors
/// The backend cannot be read, or holds something there that is no approval of who it stands under.
pub async fn latest_approvals(
    ledger: &Ledger,
    edge: &str,
    digest: &str,
) -> Result<Vec<Approval>, StateError> {
    let prefix = layout::approvals(edge, digest);
    let mut users = Vec::new();
    for key in ledger.store().list(&prefix, None).await? {
        let user = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/'));
        // The bucket's policy cannot count slashes: whoever writes `FOREIGN/OWN/1.json` writes
        // below the own id, and below another's.
        match user.filter(|(_, number)| is_number(number)) {
            Some((user, _)) => users.push((user.to_owned(), key)),
            None => return Err(strange(&key)),
        }
    }
    let mut last: BTreeMap<String, Approval> = BTreeMap::new();
    let mut read = stream::iter(users)
        .map(|(user, key)| async move {
            let read = ledger.read_json::<Approval>(&key).await?;
            Ok::<_, StateError>((user, key, read))
        })
        .buffered(CONCURRENCY);
    while let Some((user, key, read)) = read.try_next().await? {
        let Some(read) = read else { continue };
        let approval = read.value;
        let true_to_its_key = approval.format <= FORMAT
            // Whole, and not as a key may hold it: an id with one character more would be another person's.
            && approval.by.user_id == user
            && approval.edge == edge
            && approval.digest == digest;
        if !true_to_its_key {
            return Err(strange(&key));
        }
        // By time, then by number: a copy of an approval that was taken back may stand behind the revocation.
        if last.get(&user).is_none_or(|known| approval.at >= known.at) {
            last.insert(user, approval);
        }
    }
    Ok(last.into_values().collect())
}

/// Every approval and revocation that is kept, for the check of the audit log.
///
/// # Errors
/// The backend cannot be read, or holds something there that is no approval.
pub async fn all(ledger: &Ledger) -> Result<Vec<Approval>, StateError> {
    let keys = ledger.store().list(layout::APPROVALS, None).await?;
    let read: Vec<_> = stream::iter(keys)
        .map(|key| async move { ledger.read_json::<Approval>(&key).await })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().map(|read| read.value).collect())
}

/// `00000001.json`, and nothing else.
fn is_number(file: &str) -> bool {
    file.strip_suffix(".json")
        .is_some_and(|n| n.len() == 8 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn number(key: &str) -> Option<u64> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

fn strange(key: &str) -> StateError {
    StateError::new(
        StateFailure::Invalid,
        Diagnostic::error(format!("the approval in `{key}` does not match its key"))
            .detail("Its content names another approver, another release, or a newer format.")
            .help("find out who wrote it (the bucket's versions, CloudTrail) and remove it; the bucket's policy has to permit that first"),
    )
}
