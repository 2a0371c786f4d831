//! What `apply` brought into a release's first environment: stored, recorded as current, verified.

use crate::address::{CONFIG_KIND, ResourceAddr};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::edit;
use crate::engine::pipeline::{Request, World};
use crate::eval::estate::{Estate, ReleaseDecl};
use crate::eval::release::{DIGEST_KEY, SCHEMA};
use crate::promotion::Move;
use crate::promotion::record::MoveKind;
use crate::promotion::store;
use crate::state::model::Resources;

use super::drive::{self, Drive};
use super::{Settings, caller, lease};

/// Records the releases that an apply brought into their entry environments. Does nothing where
/// all is recorded, and takes up what an earlier run left half recorded.
///
/// # Errors
/// The backend cannot be written, or somebody else moves something there.
pub async fn record(
    cx: &Context,
    world: &World,
    request: &Request,
    plan: &str,
    lock_timeout: std::time::Duration,
) -> Result<(), Exit> {
    let open = |name: &String, declared: &ReleaseDecl| {
        let held = world.records.get(&declared.entry);
        held.is_none_or(|h| {
            h.record.run.is_some()
                || h.record.current(name).is_none_or(|c| c.digest != declared.configured.digest)
        })
    };
    if !world.estate.releases.iter().any(|(name, declared)| open(name, declared)) {
        return Ok(());
    }
    let resources = world.store.ledger.read_all().await?.resources();
    let settings = Settings {
        vars: request.vars.clone(),
        auto_approve: true,
        json: false,
        parallelism: request.parallelism,
        lock_timeout,
    };
    for (name, declared) in &world.estate.releases {
        if open(name, declared) && arrived(&world.estate, name, declared, &resources) {
            enter(cx, world, &settings, name, declared, plan).await?;
        }
    }
    Ok(())
}

/// Whether the release's digest is applied in every account of its entry environment.
fn arrived(estate: &Estate, name: &str, declared: &ReleaseDecl, resources: &Resources) -> bool {
    let Some(environment) = estate.environments.get(&declared.entry) else { return false };
    let key = format!("{name}/{DIGEST_KEY}");
    let applied = |handle: &crate::ids::Handle| {
        let address = ResourceAddr::config(&declared.entry, SCHEMA, &key, handle.clone());
        let recorded = resources.get(&address).filter(|r| r.kind == CONFIG_KIND);
        recorded.and_then(|r| r.attrs.get("value")?.as_str())
            == Some(declared.configured.digest.as_str())
    };
    !environment.accounts.is_empty() && environment.accounts.iter().all(applied)
}

async fn enter(
    cx: &Context,
    world: &World,
    settings: &Settings,
    name: &str,
    declared: &ReleaseDecl,
    plan: &str,
) -> Result<(), Exit> {
    let ledger = &world.store.ledger;
    let place = &declared.entry;
    let holder = edit::holder(&world.store, "apply").await;
    let author = caller(world.provider.as_ref()).await?;
    let work = async {
        let mut held = store::read(ledger, place).await?;
        let resumed = held.record.run.is_some();
        if !resumed {
            let at = cx.clock.now();
            store::put_release(ledger, &declared.configured, at, &author.arn).await?;
            let digest = declared.configured.digest.clone();
            let previous = held.record.current(name).map(|c| c.digest.clone());
            if previous.as_ref() == Some(&digest) {
                return Ok(None);
            }
            let id = holder.run.as_str();
            let entry = MoveKind::Entry;
            held.record.begin(Move {
                previous,
                plan: plan.to_owned(),
                configuration: world.digest.clone(),
                ..Move::new(entry, id, place, name, digest, author.clone(), at)
            });
            held.record.applied(at);
            store::write(ledger, &mut held).await?;
        }
        let mut drive = Drive {
            cx,
            settings,
            ledger,
            held,
            caller: author.clone(),
            edge: None,
            prepared: None,
            resumed,
        };
        drive.run().await.map(Some)
    };
    let done = lease::under(cx, ledger, place, &holder, settings.lock_timeout, work).await?;
    match done {
        Some(done) => drive::verdict(cx, &done),
        None => Ok(()),
    }
}
