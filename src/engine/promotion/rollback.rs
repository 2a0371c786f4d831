//! Rollbacks: back to the last verified release, past the forward gates but not past a freeze that does
//! not permit it; or on from where a rollback was interrupted.

use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::host::{ConfirmationQuestion, Event, Resumption, Shown};
use crate::engine::load::{self, OfflineInputs};
use crate::engine::plan::{self, FailOn, JudgedFor};
use crate::engine::refresh;
use crate::engine::workspace::Workspace;
use crate::eval::estate::Estate;
use crate::promotion::edge;
use crate::promotion::gate::{Evidence, GateSpec, Purpose, closed};
use crate::promotion::record::{MoveKind, Phase};
use crate::promotion::store::{self, VersionedRecord};
use crate::promotion::{Digest, EnvironmentRecord, ReleaseMove};
use crate::provider::Caller;
use crate::state::LeaseHolder;

use super::drive::{Drive, Prepared};
use super::gates::{self, GateEvaluation, all_open};
use super::{MoveSettings, caller, lease};

/// What is asked of a rollback.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// The environment.
    pub environment: String,
    /// The release, where several stand there.
    pub release: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// How it is done.
    pub settings: MoveSettings,
}

/// How a rollback ended.
#[derive(Clone, Debug)]
pub struct RollbackOutcome {
    /// The move that came to its end: the rollback, or the promotion that was turned back.
    pub run: ReleaseMove,
    /// The edges that the release would come along again, once the hold is lifted.
    pub edges: Vec<String>,
}

/// Rolls back.
///
/// # Errors
/// There is nothing to go back to, a freeze does not permit it ([`EngineError::RuleBroken`]), another
/// run moves something there ([`EngineError::Locked`]), or a step failed.
pub async fn run(
    workspace: &Workspace,
    request: &RollbackRequest,
) -> Result<RollbackOutcome, EngineError> {
    let offline = load::offline(workspace, &request.settings.variables).await?;
    let estate = offline.estate(workspace)?;
    known(&estate, &request.environment)?;
    let operation = format!("rollback {}", request.environment);
    let holder = offline.store.holder(workspace, &operation).await;
    let ledger = offline.store.ledger.clone();
    let work = async {
        let versioned = store::read(&ledger, &request.environment).await?;
        match &versioned.record.run {
            Some(_) => Box::pin(resume(workspace, request, &offline, versioned, &holder)).await,
            None => {
                Box::pin(fresh(workspace, request, &estate, &offline, versioned, &holder)).await
            }
        }
    };
    let timeout = request.settings.lock_timeout;
    let run =
        lease::under(workspace, &ledger, &request.environment, &holder, timeout, work).await?;
    let edges = edge::edges(&estate)?;
    let into = edges
        .values()
        .filter(|e| e.to == run.environment && e.releases.contains(&run.release))
        .map(|e| e.name.clone())
        .collect();
    Ok(RollbackOutcome { run, edges: into })
}

fn known(estate: &Estate, environment: &str) -> Result<(), EngineError> {
    if estate.environments.contains_key(environment) {
        return Ok(());
    }
    let help = did_you_mean(environment, estate.environments.keys().map(String::as_str));
    Err(Diagnostic::error(format!("there is no environment `{environment}`")).help_opt(help).into())
}

/// The release that goes back.
fn release_of(
    request: &RollbackRequest,
    estate: &Estate,
    record: &EnvironmentRecord,
) -> Result<String, EngineError> {
    let there: Vec<&str> = record
        .releases
        .iter()
        .filter(|(_, s)| s.current.is_some())
        .map(|(n, _)| n.as_str())
        .collect();
    let place = &request.environment;
    let name = match (&request.release, there.as_slice()) {
        (Some(name), _) if there.contains(&name.as_str()) => name.clone(),
        (Some(name), _) => {
            return Err(Diagnostic::error(format!("no release `{name}` stands in `{place}`"))
                .help_opt(did_you_mean(name, there.iter().copied()))
                .into());
        }
        (None, [one]) => (*one).to_owned(),
        (None, []) => {
            return Err(Diagnostic::error(format!("no release stands in `{place}`"))
                .help(
                    "there is nothing to go back from; `palisade releases` shows the current releases",
                )
                .into());
        }
        (None, several) => {
            return Err(Diagnostic::error(format!("several releases stand in `{place}`"))
                .help(format!("name one with `--release`: {}", several.join(", ")))
                .into());
        }
    };
    if estate.releases.get(&name).is_some_and(|r| r.entry == *place) {
        return Err(Diagnostic::error(format!(
            "`{place}` takes release `{name}` from configuration"
        ))
        .help("put the earlier values back there and run `palisade apply`")
        .into());
    }
    Ok(name)
}

async fn fresh(
    workspace: &Workspace,
    request: &RollbackRequest,
    estate: &Estate,
    offline: &OfflineInputs,
    mut versioned: VersionedRecord,
    holder: &LeaseHolder,
) -> Result<ReleaseMove, EngineError> {
    let name = release_of(request, estate, &versioned.record)?;
    let Some(current) = versioned.record.current(&name).map(|c| c.digest.clone()) else {
        return Err(EngineError::failed(format!(
            "no release `{name}` stands in `{}`",
            request.environment
        )));
    };
    let Some(back) = versioned.record.rollback_target(&name, &current).map(|v| v.digest.clone())
    else {
        return Err(nothing_before(&request.environment, &name, &current));
    };
    let ledger = &offline.store.ledger;
    let release = store::get_release(ledger, &name, &back).await?.release;
    let plan_request = gates::request(&request.settings, &request.environment, Some(&release));
    let inputs = refresh::refresh_opened(workspace, &plan_request, offline.opened()).await?;
    let plan = plan::make(workspace, &inputs, &plan_request)?;
    plan::warn(workspace, &inputs, &plan);
    let author = caller(inputs.provider.as_ref()).await?;
    let freezes = freezes(&inputs.estate, &request.environment, &name)?;
    let evaluation = GateEvaluation {
        inputs: &inputs,
        plan: &plan,
        purpose: Purpose::Rollback,
        edge: &request.environment,
        from: None,
        to: &request.environment,
        release: &release,
        replaces: Some(&current),
        stands_since: None,
        author: &author,
        approvals: &[],
        previous: &[],
    };
    let evidence = workspace.interruptible(evaluation.evaluate(workspace, &freezes)).await?;
    workspace.host.event(Event::RollingBack {
        environment: request.environment.clone(),
        release: name.clone(),
        from: current.clone(),
        to: back.clone(),
    });
    workspace.host.show(Shown::Plan(&plan))?;
    permitted(&request.environment, &evidence)?;
    plan::require_isolation(&plan, FailOn::Violation, JudgedFor::Applying)?;
    plan::require_read(&plan)?;
    let question = ConfirmationQuestion::BringBack {
        release: &name,
        digest: &back,
        environment: &request.environment,
    };
    workspace.host.confirm(question).await?;
    let (id, at) = (holder.run.as_str(), workspace.now());
    versioned.record.begin(ReleaseMove {
        previous: Some(current),
        plan: plan.digest.clone(),
        configuration: inputs.digest.clone(),
        reason: request.reason.clone(),
        gates: evidence,
        ..ReleaseMove::new(
            MoveKind::Rollback,
            id,
            &request.environment,
            name,
            back,
            author.clone(),
            at,
        )
    });
    store::write(ledger, &mut versioned).await?;
    let prepared = Prepared { request: plan_request, inputs, plan };
    drive(workspace, request, offline, versioned, author, Some(prepared)).await
}

async fn drive(
    workspace: &Workspace,
    request: &RollbackRequest,
    offline: &OfflineInputs,
    versioned: VersionedRecord,
    caller: Caller,
    prepared: Option<Prepared>,
) -> Result<ReleaseMove, EngineError> {
    let resumed = prepared.is_none();
    let (settings, opened) = (&request.settings, offline.opened());
    let mut drive = Drive {
        workspace,
        settings,
        opened: &opened,
        versioned,
        caller,
        edge: None,
        prepared,
        resumed,
    };
    Box::pin(drive.run()).await
}

/// Takes an interrupted rollback to its end, and turns an interrupted promotion back.
async fn resume(
    workspace: &Workspace,
    request: &RollbackRequest,
    offline: &OfflineInputs,
    mut versioned: VersionedRecord,
    holder: &LeaseHolder,
) -> Result<ReleaseMove, EngineError> {
    let Some(run) = versioned.record.run.clone() else {
        return Err(EngineError::failed("the move that was under way has ended in the meantime"));
    };
    let what = format!("release {} {}", run.release, run.digest.short());
    let (interrupted, resumption) = (Box::new(run.clone()), Resumption::Rollback);
    workspace.host.event(Event::MoveInterrupted { run: interrupted, resumption });
    if request.release.as_ref().is_some_and(|name| *name != run.release) {
        return Err(EngineError::RuleBroken(
            Diagnostic::error(format!("{what} has to come to its end first"))
                .help(format!("`palisade rollback {}` without `--release`", run.environment))
                .into(),
        ));
    }
    let author = run.author.clone();
    let turning =
        run.kind == MoveKind::Promotion && matches!(run.phase, Phase::Applying | Phase::Verifying);
    if turning {
        let back =
            versioned.record.rollback_target(&run.release, &run.digest).map(|v| v.digest.clone());
        let Some(back) = back.or_else(|| run.previous.clone()) else {
            return Err(nothing_before(&run.environment, &run.release, &run.digest));
        };
        let question = ConfirmationQuestion::BringBack {
            release: &run.release,
            digest: &back,
            environment: &run.environment,
        };
        workspace.host.confirm(question).await?;
        let why = match &request.reason {
            Some(reason) => format!("rolled back by {}: {reason}", holder.who),
            None => format!("rolled back by {}", holder.who),
        };
        versioned.record.turn_back(workspace.now(), back, why, run.verification.clone());
    }
    if let Some(run) = &mut versioned.record.run {
        run.resumed_by.push(holder.who.clone());
    }
    store::write(&offline.store.ledger, &mut versioned).await?;
    drive(workspace, request, offline, versioned, author, None).await
}

fn nothing_before(environment: &str, release: &str, current: &Digest) -> EngineError {
    Diagnostic::error(format!("there is nothing to go back to in `{environment}`"))
        .detail(format!("No release {release} other than {} was verified there.", current.short()))
        .help("promote another release into it, past its gates where that has to be (`--override`)")
        .into()
}

/// The freezes on all edges along which the release gets there.
fn freezes(
    estate: &Estate,
    environment: &str,
    release: &str,
) -> Result<Vec<GateSpec>, EngineError> {
    let edges = edge::edges(estate)?;
    let into = edges.into_values().filter(|e| e.to == environment && e.releases.contains(release));
    Ok(into.flat_map(|e| e.gates).filter(GateSpec::binds_rollbacks).collect())
}

fn permitted(environment: &str, evidence: &[Evidence]) -> Result<(), EngineError> {
    if all_open(evidence) {
        return Ok(());
    }
    Err(EngineError::RuleBroken(
        Diagnostic::error(format!("`{environment}` is frozen, rollbacks included"))
            .detail(closed(evidence))
            .help("give the freeze `permits = [\"rollback\"]` if going back is to be possible at any time")
            .into(),
    ))
}
