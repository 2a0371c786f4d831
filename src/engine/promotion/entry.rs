//! What an apply brought into a release's first environment: stored, recorded as current, verified.

use crate::address::{CONFIG_KIND, ResourceAddr};
use crate::engine::error::EngineError;
use crate::engine::host::Event;
use crate::engine::plan::PlanRequest;
use crate::engine::refresh::PlanInputs;
use crate::engine::workspace::Workspace;
use crate::eval::estate::{Estate, ReleaseDecl};
use crate::eval::release::{DIGEST_KEY, SCHEMA};
use crate::promotion::ReleaseMove;
use crate::promotion::record::MoveKind;
use crate::promotion::store;
use crate::state::model::Resources;

use super::drive::Drive;
use super::{MoveSettings, caller, ended_well, lease};

/// Records the releases that an apply brought into their entry environments. Does nothing where
/// all is recorded, and takes up what an earlier run left half recorded. Ends after a move that did not
/// end well.
///
/// # Errors
/// The backend cannot be written, or another run moves something there.
pub async fn record(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
    plan: &str,
    lock_timeout: std::time::Duration,
) -> Result<Vec<ReleaseMove>, EngineError> {
    let open = |name: &String, declared: &ReleaseDecl| {
        let versioned = inputs.records.get(&declared.entry);
        versioned.is_none_or(|h| {
            h.record.run.is_some()
                || h.record.current(name).is_none_or(|c| c.digest != declared.configured.digest)
        })
    };
    if !inputs.estate.releases.iter().any(|(name, declared)| open(name, declared)) {
        return Ok(Vec::new());
    }
    let resources = inputs.store.ledger.read_all().await?.resources();
    let settings = MoveSettings {
        variables: request.variables.clone(),
        parallelism: request.parallelism,
        lock_timeout,
    };
    let mut entered = Vec::new();
    for (name, declared) in &inputs.estate.releases {
        if !open(name, declared) || !arrived(&inputs.estate, name, declared, &resources) {
            continue;
        }
        let done = enter(workspace, inputs, &settings, name, declared, plan).await?;
        let Some(done) = done else { continue };
        workspace.host.event(Event::Entered(Box::new(done.clone())));
        let well = ended_well(&done);
        entered.push(done);
        if !well {
            break;
        }
    }
    Ok(entered)
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
    workspace: &Workspace,
    inputs: &PlanInputs,
    settings: &MoveSettings,
    name: &str,
    declared: &ReleaseDecl,
    plan: &str,
) -> Result<Option<ReleaseMove>, EngineError> {
    let ledger = &inputs.store.ledger;
    let place = &declared.entry;
    let holder = inputs.store.holder(workspace, "apply").await;
    let author = caller(inputs.provider.as_ref()).await?;
    let work = async {
        let mut versioned = store::read(ledger, place).await?;
        let resumed = versioned.record.run.is_some();
        if !resumed {
            let at = workspace.now();
            store::put_release(ledger, &declared.configured, at, &author.arn).await?;
            let digest = declared.configured.digest.clone();
            let previous = versioned.record.current(name).map(|c| c.digest.clone());
            if previous.as_ref() == Some(&digest) {
                return Ok(None);
            }
            let id = holder.run.as_str();
            let entry = MoveKind::Entry;
            versioned.record.begin(ReleaseMove {
                previous,
                plan: plan.to_owned(),
                configuration: inputs.digest.clone(),
                ..ReleaseMove::new(entry, id, place, name, digest, author.clone(), at)
            });
            versioned.record.applied(at);
            store::write(ledger, &mut versioned).await?;
        }
        let opened = inputs.opened();
        let mut drive = Drive {
            workspace,
            settings,
            opened: &opened,
            versioned,
            caller: author.clone(),
            edge: None,
            prepared: None,
            resumed,
        };
        Box::pin(drive.run()).await.map(Some)
    };
    lease::under(workspace, ledger, place, &holder, settings.lock_timeout, work).await
}
