//! `palisade releases`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine;
use crate::promotion::{doubt, store};
use crate::render;
use crate::render::promotion::{Place, ReleaseView};

/// Flags of `releases`.
#[derive(Debug, Args)]
#[command(
    after_help = "Lists every release that was ever applied, the newest first, with the environments where it stands and\n\
                        whether it is verified there.\n\nExample:\n  palisade releases shop"
)]
pub struct ReleasesArgs {
    /// Only releases of this name
    name: Option<String>,
    /// Only releases that stand in some environment
    #[arg(long)]
    standing: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists releases.
///
/// # Errors
/// The backend cannot be read, or a release is damaged.
pub async fn run(args: &ReleasesArgs, cx: &Context) -> Result<(), Exit> {
    let opened = engine::store(cx).await?;
    let mut all = cx.interrupt.or(views(&opened.ledger, args.name.as_deref())).await??;
    if args.standing {
        all.retain(|view| !view.stands_in.is_empty());
    }
    let mut out = cx.stdout();
    if args.json {
        render::json::write(&all, &mut out)?;
    } else if all.is_empty() {
        cx.say("There are no releases yet: `palisade apply` brings the first into its entry environment.");
    } else {
        render::promotion::releases(&all, cx.style(), &mut out)?;
    }
    Ok(out.flush()?)
}

async fn views(
    ledger: &crate::state::Ledger,
    name: Option<&str>,
) -> Result<Vec<ReleaseView>, crate::state::StateError> {
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
            for (environment, held) in &records {
                let Some(standing) = held.record.standing(&release) else { continue };
                let Some(current) = standing.current.as_ref().filter(|c| c.digest == digest) else {
                    continue;
                };
                stands_in.push(Place {
                    environment: environment.clone(),
                    since: current.since,
                    verified_since: standing.verified.as_ref().map(|v| v.since),
                    revoked_at: standing.revoked.get(&digest).map(|r| r.at),
                    overridden: current.overridden.clone(),
                    doubts: doubt::doubts(
                        |name| records.get(name).map(|h| &h.record),
                        environment,
                        &release,
                    ),
                });
            }
            stands_in.sort_by_key(|place| place.since);
            all.push(ReleaseView {
                release: release.clone(),
                digest,
                values: stored.release.values,
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
