//! Carries a plan out: hands it to the executor with all that a step may need, records the outputs, and judges
//! how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::address::ResourceAddr;
use crate::apply::{self, Apply, ApplyLimits, ApplySummary, Recheck};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Output;
use crate::plan::Mode;
use crate::plan::model::{Plan, PlannedOutput};
use crate::state::model::Resources;

use super::applied_values::{AppliedValues, Resolver};
use super::error::EngineError;
use super::host::{Activity, Event};
use super::known_values::KnownValues;
use super::leaving::end_leases_when_left;
use super::member_credentials;
use super::plan::{FailOn, PlanRequest};
use super::recheck::WallsRecheck;
use super::recover::forward;
use super::refresh::PlanInputs;
use super::workspace::Workspace;
use super::{outputs, secrets};

/// What goes with an approval.
#[derive(Clone, Debug)]
pub struct ApplyApproval {
    /// What makes a plan fail.
    pub fail_on: FailOn,
    /// Why a broken rule is accepted.
    pub reason: Option<String>,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
    /// How many operations run at once in one account.
    pub parallelism: usize,
}

/// Carries the plan out to its end, and records the outputs.
///
/// # Errors
/// Something failed, another run was faster, or the host asked to stop.
pub async fn carry_out(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
    plan: &Plan,
    approval: &ApplyApproval,
) -> Result<ApplySummary, EngineError> {
    if let Some(refusal) =
        member_credentials::writing(inputs.caller.as_ref(), &inputs.targets, plan)
    {
        return Err(refusal.into());
    }
    let resources = inputs.snapshot.resources();
    let lineage = lineage(workspace, inputs).await?;
    let known = applied_values(inputs, plan, &resources, &lineage);
    let resolver = Resolver::new(inputs, &known, plan.planned.clone());
    let walls = WallsRecheck { workspace, inputs, request, approved: plan };
    let summary = walk(workspace, inputs, plan, approval, &resolver, &walls).await?;
    let diagnostics: Diagnostics = summary.warnings.iter().cloned().collect();
    // What keeps the outputs from being recorded is told last: first, what was carried out, and where a state
    // lies that the backend did not take.
    let mut recorded = Ok(());
    if summary.failed.is_empty() && summary.unsaved.is_empty() && !summary.interrupted {
        let everything_goes = request.options.mode == Mode::Destroy && plan.outputs.is_empty();
        let now = match everything_goes {
            true => Ok(BTreeMap::new()),
            false => {
                resolver.look_up_for_outputs().await;
                outputs_now(inputs, plan, &resolver)
            }
        };
        match now {
            Ok(now) => recorded = outputs::write(&inputs.store.ledger, &now).await,
            Err(more) => recorded = Err(EngineError::Failed(more)),
        }
    }
    workspace.host.diagnostics(&diagnostics);
    workspace.host.event(Event::Applied(Box::new(summary.clone())));
    let summary = judge(workspace, inputs, summary)?;
    recorded?;
    Ok(summary)
}

/// The lineage of the state, which a first apply begins: every object that it makes bears it in a tag.
async fn lineage(workspace: &Workspace, inputs: &PlanInputs) -> Result<String, EngineError> {
    if !inputs.snapshot.lineage.is_empty() {
        return Ok(inputs.snapshot.lineage.clone());
    }
    let by = inputs.store.holder(workspace, "apply").await.who;
    Ok(inputs.store.ledger.begin(&by).await?)
}

/// Where the values come from that the plan did not know.
fn applied_values<'a>(
    inputs: &'a PlanInputs,
    plan: &Plan,
    resources: &'a Resources,
    lineage: &'a str,
) -> AppliedValues<'a> {
    let known = KnownValues {
        resources,
        lineage,
        live: Some(&inputs.live),
        management: inputs.targets.management.id.clone(),
        releases: &inputs.releases,
        lookups: Arc::clone(&inputs.lookups),
        adopted: inputs.adopted.clone(),
        renewed: plan.made_anew(),
    };
    AppliedValues::over(known, inputs.account_addresses())
}

async fn walk(
    workspace: &Workspace,
    inputs: &PlanInputs,
    plan: &Plan,
    approval: &ApplyApproval,
    resolver: &Resolver<'_>,
    recheck: &dyn Recheck,
) -> Result<ApplySummary, EngineError> {
    let store = &inputs.store;
    secrets::require(workspace, inputs, plan).await?;
    let (events, received) = mpsc::unbounded_channel();
    // Boxed: the futures of use cases nest, and an executor's thread may have a small stack.
    let work = Box::pin(apply::apply(Apply {
        plan,
        ledger: store.ledger.clone(),
        provider: Arc::clone(&inputs.provider),
        desired: resolver,
        secrets: secrets::sources(workspace, &store.connection, &inputs.estate.provider),
        targets: inputs.targets.clone(),
        accounts: inputs.account_addresses(),
        holder: store.holder(workspace, "apply").await,
        terms: workspace.terms,
        lock_timeout: approval.lock_timeout,
        limits: ApplyLimits { per_account: approval.parallelism, ..ApplyLimits::default() },
        recheck: Some(recheck),
        reason: approval.reason.clone().filter(|_| approval.fail_on == FailOn::None),
        errored_dir: workspace.errored_dir.clone(),
        events,
        cancel: workspace.host.cancel().clone(),
    }));
    let _ending = end_leases_when_left(workspace, &store.ledger);
    let busy = workspace.begin(Activity::Applying);
    let (summary, ()) = tokio::join!(work, forward(workspace, received));
    drop(busy);
    Ok(summary?)
}

/// The outputs as they are after the plan. Those that the plan knew stand, unless they come from what it has changed:
/// what AWS assigns may be another thing by now.
fn outputs_now(
    inputs: &PlanInputs,
    plan: &Plan,
    resolver: &Resolver<'_>,
) -> Result<BTreeMap<String, PlannedOutput>, Diagnostics> {
    let changed: BTreeSet<&ResourceAddr> = plan.operations.iter().map(|o| &o.address).collect();
    let stands = |(name, output): (&String, &PlannedOutput)| {
        let declared = inputs.estate.outputs.get(name);
        // One that needs what could not be looked up stays what it was.
        let is_aside =
            !inputs.estate.missing.is_empty() && declared.is_none_or(|o| o.value.needs_lookup());
        let is_same = |o: &Output| o.depends_on.iter().all(|a| !changed.contains(a));
        is_aside || !output.unknown && declared.is_some_and(is_same)
    };
    if plan.outputs.iter().all(stands) {
        return Ok(plan.outputs.clone());
    }
    resolver.evaluator().known_moved();
    let all = resolver.evaluator().outputs()?;
    let mut now: BTreeMap<String, PlannedOutput> =
        all.into_iter().map(|(name, output)| (name, PlannedOutput::of(&output))).collect();
    if !inputs.estate.missing.is_empty() {
        let aside = plan.outputs.iter().filter(|output| stands(*output));
        now.extend(aside.map(|(name, output)| (name.clone(), output.clone())));
    }
    Ok(now)
}

/// Whether the plan was carried out to its end, and what is wrong where it was not.
fn judge(
    workspace: &Workspace,
    inputs: &PlanInputs,
    summary: ApplySummary,
) -> Result<ApplySummary, EngineError> {
    let mut diagnostics = Diagnostics::new();
    for failed in &summary.failed {
        let mut why = failed.why.clone();
        why.summary = format!("{} {}: {}", failed.op.under_way(), failed.address, why.summary);
        let instance = inputs.estate.instances.get(&failed.address);
        why.loc = why.loc.or_else(|| instance.map(|i| i.loc.clone()));
        if summary.is_overtaken(failed) {
            // What it says itself is advice for a run that nobody has taken over.
            let more = "`palisade plan` shows what the run that took over has found of it";
            why.help = Some(more.to_owned());
        } else if failed.uncertain {
            let more = "it may have been carried out all the same: the next apply looks and goes on from there";
            why.help = Some(match why.help {
                Some(help) => format!("{help}\n{more}"),
                None => more.to_owned(),
            });
        }
        diagnostics.push(why);
    }
    diagnostics.extend(summary.postconditions.iter().cloned());
    for (scope, error) in &summary.unsaved {
        let mut why = (*error.diagnostic).clone();
        why.summary = format!("the state of `{scope}` could not be written: {}", why.summary);
        diagnostics.push(why);
    }
    diagnostics.extend(unrecorded(&summary));
    for (path, command) in &summary.saved_to {
        diagnostics.push(
            Diagnostic::error(format!("it is saved in `{}`", path.display()))
                .help(format!("`{command}` writes it back")),
        );
    }
    let own = summary.failed.iter().any(|failed| !summary.is_overtaken(failed));
    let overtaken = !summary.taken_over.is_empty() && !summary.is_success();
    if overtaken && diagnostics.is_empty() {
        diagnostics.push(Diagnostic::error("another run has taken over before this one was done"));
    }
    if summary.has_conflict() || overtaken && !own && summary.postconditions.is_empty() {
        return Err(EngineError::Stale(diagnostics));
    }
    if summary.interrupted {
        workspace.host.diagnostics(&diagnostics);
        return Err(EngineError::Interrupted);
    }
    if diagnostics.is_empty() && summary.is_success() {
        return Ok(summary);
    }
    if diagnostics.is_empty() {
        diagnostics.push(Diagnostic::error("the plan was not carried out to its end"));
    }
    let refused =
        summary.failed.iter().any(|failed| !failed.outage) || !summary.postconditions.is_empty();
    Err(if refused { EngineError::Refused(diagnostics) } else { EngineError::Failed(diagnostics) })
}

/// Names what was done and is in no state and no journal: the lock was lost before it could be written.
fn unrecorded(summary: &ApplySummary) -> Option<Diagnostic> {
    if summary.unrecorded.is_empty() || !summary.saved_to.is_empty() {
        return None;
    }
    let lines = summary.unrecorded.iter().map(|(scope, address)| format!("{address} (`{scope}`)"));
    Some(
        Diagnostic::error("changes were carried out and could not be recorded any more")
            .detail(lines.collect::<Vec<_>>().join("\n"))
            .help("they were announced: the run that took over, or the next one, looks them up (`palisade plan` shows what it finds)"),
    )
}
