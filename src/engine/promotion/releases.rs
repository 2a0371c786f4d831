//! Every release that was ever applied, and where each stands.

use crate::engine::error::EngineError;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::promotion::{revoked_verification, store};
use crate::state::{Ledger, StateError};

use super::report::{ReleasePlace, ReleaseSummary};

/// Lists releases, the newest first: all, or those of one name.
///
/// # Errors
/// The backend cannot be read, or a record is damaged.
pub async fn run(
    workspace: &Workspace,
    name: Option<&str>,
) -> Result<Vec<ReleaseSummary>, EngineError> {
    let store = open::configured(workspace).await?;
    Ok(workspace.interruptible(summaries(&store.ledger, name)).await??)
}

async fn summaries(ledger: &Ledger, name: Option<&str>) -> Result<Vec<ReleaseSummary>, StateError> {
    let environments = store::list_environments(ledger).await?;
    let records = store::read_all(ledger, environments.iter().map(String::as_str)).await?;
    let mut all = Vec::new();
    for (release, digests) in store::list_releases(ledger).await? {
        if name.is_some_and(|n| n != release) {
            continue;
        }
        for digest in digests {
            let stored = store::get_release(ledger, &release, &digest).await?;
            let mut stands_in = Vec::new();
            for (environment, versioned) in &records {
                let Some(recorded) = versioned.record.recorded(&release) else { continue };
                let Some(current) = recorded.current.as_ref().filter(|c| c.digest == digest) else {
                    continue;
                };
                stands_in.push(ReleasePlace {
                    environment: environment.clone(),
                    since: current.since,
                    verified_since: recorded.verified.as_ref().map(|v| v.since),
                    revoked_at: recorded.revoked.get(&digest).map(|r| r.at),
                    overridden: current.overridden.clone(),
                    revoked_verifications: revoked_verification::revoked_verifications(
                        |name| records.get(name).map(|h| &h.record),
                        environment,
                        &release,
                    ),
                });
            }
            stands_in.sort_by_key(|place| place.since);
            all.push(ReleaseSummary {
                release: release.clone(),
                digest,
                values: stored.release.values.clone(),
                created_at: stored.created_at,
                created_by: stored.created_by,
                stands_in,
            });
        }
    }
    all.sort_by(|a, b| {
        let order = b.created_at.cmp(&a.created_at);
        order.then_with(|| (&a.release, &a.digest).cmp(&(&b.release, &b.digest)))
    });
    Ok(all)
}
