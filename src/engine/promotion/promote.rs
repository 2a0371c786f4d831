//! Promotions: along an edge, through its gates, or on from where a promotion was interrupted.

mod refusal;

use super::drive::{Drive, Prepared};
use super::gates::{self, GateEvaluation};
use super::preview::{EdgeInputs, EdgeTarget, PreviewResult, PromotionPreview};
use super::report::PromotionReport;
use super::{MoveSettings, caller, lease};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::error::EngineError;
use crate::engine::host::{ConfirmationQuestion, Event as HostEvent, Resumption, Shown};
use crate::engine::plan::{self, FailOn, JudgedFor};
use crate::engine::workspace::Workspace;
use crate::engine::{digest, secret_versions};
use crate::promotion::ReleaseMove;
use crate::promotion::candidate::{self, Candidate, Eligibility};
use crate::promotion::gate::{Evidence, GateOutcome, GateSpec, Purpose, approval};
use crate::promotion::record::{MoveKind, Override, Phase};
use crate::promotion::store::{self, VersionedRecord};
use crate::promotion::variable_prints::{self, VariablePrints};
use crate::provider::Caller;
use crate::state::LeaseHolder;
use refusal::{lift, record_refusal, refuse};

/// What is asked of a promotion.
#[derive(Clone, Debug)]
pub struct PromotionRequest {
    /// The edge.
    pub edge: String,
    /// `--release`.
    pub release: Option<String>,
    /// Evaluate and show only.
    pub dry_run: bool,
    /// Go past closed gates, for this reason.
    pub overriding: Option<String>,
    /// Lift the target's hold first.
    pub release_hold: bool,
    /// `--reason`, for the hold too.
    pub reason: Option<String>,
    /// How it is done.
    pub settings: MoveSettings,
}

/// How a promotion that met no error ended.
#[derive(Clone, Debug)]
pub enum PromotionOutcome {
    /// The target has the release already: there is nothing to move.
    Settled {
        /// The edge.
        edge: String,
        /// What stands there.
        why: String,
    },
    /// A dry run: what would be done, and what stands against it.
    Previewed {
        /// What would be done.
        report: Box<PromotionReport>,
        /// What stands against it.
        refusal: Option<Diagnostics>,
    },
    /// Something stands against it; nothing was moved, and the audit log says so.
    Refused {
        /// What would have been done.
        report: Box<PromotionReport>,
        /// What stands against it.
        refusal: Diagnostics,
    },
    /// The move came to its end; the record says to which.
    Moved(Box<ReleaseMove>),
}

/// Promotes.
///
/// # Errors
/// Another run moves something into the target ([`EngineError::Locked`]), what was approved has changed
/// ([`EngineError::Stale`]), or a step failed: then the move stays where it is, to be taken up again.
pub async fn run(
    workspace: &Workspace,
    request: &PromotionRequest,
) -> Result<PromotionOutcome, EngineError> {
    let settings = &request.settings;
    if request.dry_run {
        let edge = Box::pin(EdgeInputs::read(workspace, settings, &request.edge)).await?;
        return Box::pin(dry(workspace, request, &edge)).await;
    }
    // The edge says which environment is locked, and may depend on what the state knows. So the records are read before
    // the lock, and again under it, where no other run moves anything in between.
    let target = Box::pin(EdgeTarget::read(workspace, settings, &request.edge)).await?;
    let operation = format!("promote {}", request.edge);
    let holder = target.offline.store.holder(workspace, &operation).await;
    let ledger = target.offline.store.ledger.clone();
    ledger.begin(&holder.who).await?;
    let to = target.to.clone();
    let work = async {
        let mut edge = Box::pin(target.locked(workspace)).await?;
        if edge.record(&edge.edge.to).run.is_some() {
            return Box::pin(resume(workspace, request, &edge, &holder)).await;
        }
        if request.release_hold {
            lift(workspace, &mut edge, &holder, request.reason.as_deref()).await?;
        }
        Box::pin(fresh(workspace, request, &edge, &holder)).await
    };
    lease::under(workspace, &ledger, &to, &holder, settings.lock_timeout, work).await
}

/// What would be done, or that nothing would.
async fn preview(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
) -> Result<PreviewResult, EngineError> {
    let (settings, overriding) = (&request.settings, request.overriding.is_some());
    edge.preview(workspace, settings, request.release.as_deref(), overriding).await
}

async fn dry(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
) -> Result<PromotionOutcome, EngineError> {
    let to = edge.record(&edge.edge.to);
    if let Some(run) = &to.run {
        let (run, resumption) = (Box::new(run.clone()), Resumption::NextPromotion);
        workspace.host.event(HostEvent::MoveInterrupted { run, resumption });
    }
    let EvaluatedPreview { preview, evidence, report, .. } =
        match Box::pin(evaluated(workspace, request, edge)).await? {
            Evaluated::Settled(why) => return Ok(settled(edge, why)),
            Evaluated::Moves(evaluated) => *evaluated,
        };
    let refusal = refuse(edge, &preview.candidate, &to, &evidence, request).err();
    Ok(PromotionOutcome::Previewed {
        report: Box::new(report),
        refusal: refusal.map(Diagnostics::from),
    })
}

/// What a promotion would do, with what the gates say of it.
enum Evaluated {
    /// Nothing, and why.
    Settled(String),
    /// This.
    Moves(Box<EvaluatedPreview>),
}

/// A preview, whose gates have been evaluated for one caller.
struct EvaluatedPreview {
    preview: Box<PromotionPreview>,
    author: Caller,
    evidence: Vec<Evidence>,
    report: PromotionReport,
}

/// Makes the preview and evaluates its gates. A dry run and a promotion differ in what follows alone.
async fn evaluated(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
) -> Result<Evaluated, EngineError> {
    let preview = match Box::pin(preview(workspace, request, edge)).await? {
        PreviewResult::Settled(why) => return Ok(Evaluated::Settled(why)),
        PreviewResult::Moves(preview) => preview,
    };
    plan::warn(workspace, &preview.inputs, &preview.plan);
    let author = caller(preview.inputs.provider.as_ref()).await?;
    let evidence = evaluate(workspace, edge, &preview, &author, &edge.edge.gates).await?;
    let overriding = request.overriding.as_deref();
    let report = edge.report(&preview, &evidence, overriding, request.dry_run);
    Ok(Evaluated::Moves(Box::new(EvaluatedPreview { preview, author, evidence, report })))
}

fn settled(edge: &EdgeInputs, why: String) -> PromotionOutcome {
    PromotionOutcome::Settled { edge: edge.edge.name.clone(), why }
}

async fn fresh(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
    holder: &LeaseHolder,
) -> Result<PromotionOutcome, EngineError> {
    let to = edge.record(&edge.edge.to);
    let EvaluatedPreview { preview, author, mut evidence, report } =
        match Box::pin(evaluated(workspace, request, edge)).await? {
            Evaluated::Settled(why) => return Ok(settled(edge, why)),
            Evaluated::Moves(evaluated) => *evaluated,
        };
    workspace.host.show(Shown::Promotion(&report))?;
    let mut overridden = match refuse(edge, &preview.candidate, &to, &evidence, request) {
        Ok(overridden) => overridden,
        Err(why) => {
            record_refusal(edge, &preview, &evidence, &author, holder).await?;
            let report = Box::new(report);
            return Ok(PromotionOutcome::Refused { report, refusal: why.into() });
        }
    };
    plan::require_isolation(&preview.plan, FailOn::Violation, JudgedFor::Applying)?;
    plan::require_read(&preview.plan)?;
    let question = ConfirmationQuestion::Promote {
        release: &preview.candidate.release,
        digest: &preview.candidate.digest,
        to: &edge.edge.to,
    };
    workspace.host.confirm(question).await?;
    still_open(workspace, edge, &preview, &author, &mut overridden, &mut evidence).await?;
    let PromotionPreview { candidate, request: plan_request, inputs, plan, .. } = *preview;
    let ledger = &edge.offline.store.ledger;
    still_stands(edge, &candidate).await?;
    secret_versions::require_same(workspace, &inputs, &plan).await?;
    let mut versioned = store::read(ledger, &edge.edge.to).await?;
    let Candidate { release, digest, previous, basis, .. } = candidate;
    let (id, kind, at) = (holder.run.as_str(), MoveKind::Promotion, workspace.now());
    versioned.record.begin(ReleaseMove {
        edge: Some(edge.edge.name.clone()),
        basis: Some(basis),
        previous,
        plan: plan.digest.clone(),
        configuration: inputs.digest.clone(),
        variables: Some(VariablePrints::of(&inputs.configuration)),
        overridden,
        gates: evidence,
        ..ReleaseMove::new(kind, id, &edge.edge.to, release, digest, author.clone(), at)
    });
    store::write(ledger, &mut versioned).await?;
    let prepared = Some(Prepared { request: plan_request, inputs, plan });
    drive_to_end(workspace, request, edge, versioned, author, prepared).await
}

/// Walks the move that `versioned` records to its end: from its beginning where it is `prepared`, else from where its
/// run was interrupted.
async fn drive_to_end(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
    versioned: VersionedRecord,
    caller: Caller,
    prepared: Option<Prepared>,
) -> Result<PromotionOutcome, EngineError> {
    let mut drive = Drive {
        workspace,
        settings: &request.settings,
        opened: &edge.offline.opened(),
        versioned,
        caller,
        edge: Some(edge.edge.clone()),
        resumed: prepared.is_none(),
        prepared,
    };
    Ok(PromotionOutcome::Moved(Box::new(Box::pin(drive.run()).await?)))
}

/// While gates were asked and people thought it over an approval may have been taken back or have expired, and a freeze
/// have begun. What is found now is what the move's record holds. An override is for the gates that were closed when it
/// was given: it goes past no other one, and one that has opened was not overridden.
async fn still_open(
    workspace: &Workspace,
    edge: &EdgeInputs,
    preview: &PromotionPreview,
    author: &Caller,
    overridden: &mut Option<Override>,
    evidence: &mut [Evidence],
) -> Result<(), EngineError> {
    let gates: Vec<GateSpec> =
        edge.edge.gates.iter().filter(|gate| gate.is_judged_again()).cloned().collect();
    if gates.is_empty() {
        return Ok(());
    }
    let again = evaluate(workspace, edge, preview, author, &gates).await?;
    let is_overridden =
        |gate: &String| overridden.as_ref().is_some_and(|o| o.against.contains(gate));
    let closed = again
        .iter()
        .filter(|found| found.outcome != GateOutcome::Passed && !is_overridden(&found.gate));
    let closed: Vec<Evidence> = closed.cloned().collect();
    if !closed.is_empty() {
        let names: Vec<String> = closed.iter().map(|found| format!("`{}`", found.gate)).collect();
        let help = match overridden {
            Some(_) => {
                "the override was for the gates that were closed when it was given: promote again, and see whether it is to go past this one too"
            }
            None => "promote again once it is open: the gates are asked anew",
        };
        return Err(EngineError::Stale(
            Diagnostic::error(format!("the gate {} has closed in the meantime", names.join(", ")))
                .detail(format!("{}; nothing was moved", gates::closed_lines(&closed)))
                .help(help)
                .into(),
        ));
    }
    let opened = |gate: &String| {
        again.iter().any(|found| found.gate == *gate && found.outcome == GateOutcome::Passed)
    };
    if let Some(given) = overridden {
        given.against.retain(|gate| !opened(gate));
    }
    if overridden.as_ref().is_some_and(|given| given.against.is_empty()) {
        *overridden = None;
    }
    for found in again {
        if let Some(known) = evidence.iter_mut().find(|known| known.gate == found.gate) {
            *known = found;
        }
    }
    Ok(())
}

/// Gates and people take their time, and where the edge begins no lock is held meanwhile: what the
/// gates were evaluated on has to hold when the move begins, too.
async fn still_stands(edge: &EdgeInputs, candidate: &Candidate) -> Result<(), EngineError> {
    let (ledger, from) = (&edge.offline.store.ledger, &edge.edge.from);
    let then = Eligibility {
        verified_since: candidate.basis.verified_since,
        stands_since: candidate.stands_since,
    };
    let now = candidate::eligibility(
        &store::read(ledger, from).await?.record,
        &candidate.release,
        &candidate.digest,
    );
    if now == then {
        return Ok(());
    }
    let what = format!("release {} {}", candidate.release, candidate.digest.short());
    let (summary, help) = if then.verified_since.is_some() && now.verified_since.is_none() {
        (
            format!("{what} is not verified in `{from}` any more"),
            format!("see what it fails there (`palisade verify {from}`), then promote again"),
        )
    } else {
        (
            format!("{what} does not stand in `{from}` as it did when the gates were asked"),
            format!("promote again: the gates are asked anew (`palisade status {from}`)"),
        )
    };
    Err(EngineError::Stale(
        Diagnostic::error(summary)
            .detail("It changed while the gates were asked; nothing was moved.")
            .help(help)
            .into(),
    ))
}

/// Goes on with an interrupted promotion.
async fn resume(
    workspace: &Workspace,
    request: &PromotionRequest,
    edge: &EdgeInputs,
    holder: &LeaseHolder,
) -> Result<PromotionOutcome, EngineError> {
    let ledger = &edge.offline.store.ledger;
    let mut versioned = store::read(ledger, &edge.edge.to).await?;
    let Some(run) = &mut versioned.record.run else {
        return Err(EngineError::failed("the move that was under way has ended in the meantime"));
    };
    let what = format!("release {} {}", run.release, run.digest.short());
    if run.edge.as_deref() != Some(edge.edge.name.as_str()) {
        let command = match (&run.kind, &run.edge) {
            (MoveKind::Promotion, Some(name)) => format!("palisade promote {name}"),
            (MoveKind::Entry, _) => "palisade apply".to_owned(),
            _ => format!("palisade rollback {}", run.environment),
        };
        return Err(EngineError::RuleBroken(
            Diagnostic::error(format!("another move into `{}` was interrupted", run.environment))
                .detail(format!("{what} was {} when it stopped.", run.phase.under_way()))
                .help(format!("`{command}` takes it to its end first"))
                .into(),
        ));
    }
    let now = digest::configuration(&edge.offline.configuration);
    if now != run.configuration && run.phase == Phase::Applying {
        return Err(EngineError::Stale(
            Diagnostic::error(format!("the promotion of {what} was interrupted, and the configuration has changed since"))
                .detail("What its gates and approvals were about is not what would be applied now.")
                .help(format!(
                    "go on from the configuration and variables that it began with, or bring back what stood there before: `palisade rollback {}`",
                    run.environment
                ))
                .into(),
        ));
    }
    if run.phase == Phase::Applying
        && let Some(why) = other_variables(run, &edge.offline.configuration)
    {
        return Err(EngineError::Stale(
            Diagnostic::error(format!("the promotion of {what} was interrupted, and {why}"))
                .detail("What its gates and approvals were about may not be what would be applied now.")
                .help(format!(
                    "go on with the values that it began with, or bring back what stood there before: `palisade rollback {}`",
                    run.environment
                ))
                .into(),
        ));
    }
    let (interrupted, resumption) = (Box::new(run.clone()), Resumption::Now);
    workspace.host.event(HostEvent::MoveInterrupted { run: interrupted, resumption });
    workspace.host.confirm(ConfirmationQuestion::Resume).await?;
    run.resumed_by.push(holder.who.clone());
    let author = run.author.clone();
    store::write(ledger, &mut versioned).await?;
    drive_to_end(workspace, request, edge, versioned, author, None).await
}

/// What keeps a move from being resumed with the sensitive variables that are supplied now.
fn other_variables(run: &ReleaseMove, configuration: &Configuration) -> Option<String> {
    let named = |names: Vec<String>| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    match &run.variables {
        Some(prints) => {
            let changed = prints.changed(configuration);
            (!changed.is_empty())
                .then(|| format!("the sensitive variable {} has another value", named(changed)))
        }
        None => {
            let given = variable_prints::sensitive(configuration);
            (!given.is_empty()).then(|| {
                format!(
                    "an earlier version of Palisade began it, which kept nothing of the sensitive variable {}",
                    named(given)
                )
            })
        }
    }
}

/// Evaluates gates of the edge, over the approvals that there are now.
async fn evaluate(
    workspace: &Workspace,
    inputs: &EdgeInputs,
    preview: &PromotionPreview,
    author: &Caller,
    gates: &[GateSpec],
) -> Result<Vec<Evidence>, EngineError> {
    let edge = &inputs.edge;
    let ledger = &inputs.offline.store.ledger;
    let digest = preview.candidate.digest.as_str();
    let approvals = approval::latest_approvals(ledger, &edge.name, digest).await?;
    let to = inputs.record(&edge.to);
    let last = store::moves(ledger, &edge.to).await?;
    let previous = last
        .iter()
        .rev()
        .find(|m| m.edge.as_deref() == Some(&edge.name) && m.release == preview.candidate.release)
        .map(|m| m.gates.as_slice());
    let evaluation = GateEvaluation {
        inputs: &preview.inputs,
        plan: &preview.plan,
        purpose: Purpose::Promote,
        edge: &edge.name,
        from: Some(&edge.from),
        to: &edge.to,
        release: &preview.release,
        replaces: to.current(&preview.candidate.release).map(|a| &a.digest),
        stands_since: preview.candidate.stands_since,
        author,
        approvals: &approvals,
        previous: previous.unwrap_or_default(),
    };
    workspace.interruptible(evaluation.evaluate(workspace, gates)).await
}
