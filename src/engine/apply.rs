//! Applies: makes a plan or takes a saved one, shows it, asks, and carries it out. What an interrupted
//! run has left is recovered before the plan is made.

use std::time::Duration;

use crate::address::ResourceAddr;
use crate::apply::ApplySummary;
use crate::diag::Diagnostic;
use crate::plan::Mode;
use crate::plan::model::{Plan, Selection};
use crate::promotion::ReleaseMove;

use super::carry_out::{ApplyApproval, carry_out};
use super::error::EngineError;
use super::host::{ConfirmationQuestion, Event, Shown};
use super::plan::{self, FailOn, FailedLookups, JudgedFor, PlanRequest};
use super::promotion::entry;
use super::recover;
use super::refresh::PlanInputs;
use super::saved_plan::{self, Saved};
use super::workspace::{Variables, Workspace};
use super::{compare_secrets, outputs};

/// What is asked of an apply.
#[derive(Clone, Debug)]
pub struct ApplyRequest {
    /// How the plan is made. `Mode::Destroy` makes this a destroy.
    pub plan: PlanRequest,
    /// What it may do.
    pub approval: ApplyApproval,
}

/// How an apply that did not fail ended.
#[derive(Debug)]
pub struct ApplyOutcome {
    /// The plan.
    pub plan: Plan,
    /// What was carried out; absent where there was nothing to do.
    pub summary: Option<ApplySummary>,
    /// The releases that arrived in their first environments, with how each stands there. After one that
    /// did not end well no other is recorded.
    pub entered: Vec<ReleaseMove>,
}

/// Makes a plan, shows it, asks, and carries it out.
///
/// # Errors
/// Everything that keeps the plan from being made, shown, confirmed or carried out.
pub async fn run(
    workspace: &Workspace,
    request: &ApplyRequest,
) -> Result<ApplyOutcome, EngineError> {
    let (mut question, approval) = (request.plan.clone(), &request.approval);
    question.for_apply = true;
    let loading = recover::load_recovered(workspace, &question, approval.lock_timeout);
    let mut inputs = Box::pin(loading).await?;
    question.options.secrets =
        compare_secrets::by_source(workspace, &mut inputs, &question).await?;
    let plan = plan::make(workspace, &inputs, &question)?;
    workspace.host.show(Shown::Plan(&plan))?;
    plan::warn(workspace, &inputs, &plan);
    plan::require_isolation(&plan, approval.fail_on, JudgedFor::Applying)?;
    plan::require_read(&plan)?;
    if plan.has_changes() {
        workspace
            .host
            .confirm(match question.options.mode {
                Mode::Destroy => ConfirmationQuestion::Destroy,
                Mode::Normal | Mode::RefreshOnly => ConfirmationQuestion::Apply,
            })
            .await?;
    }
    conclude(workspace, &inputs, &question, plan, approval).await
}

/// Computes a saved plan again and carries it out, if nothing has moved since it was made.
///
/// # Errors
/// [`EngineError::Stale`] when something has; and those of [`run`].
pub async fn run_saved(
    workspace: &Workspace,
    saved: &Saved,
    variables: &Variables,
    approval: &ApplyApproval,
) -> Result<ApplyOutcome, EngineError> {
    let mut question = saved.request(variables, approval.parallelism)?;
    let loading = recover::load_recovered(workspace, &question, approval.lock_timeout);
    let mut inputs = Box::pin(loading).await?;
    saved.check_sensitive(&inputs.configuration)?;
    // A source that the plan could not ask is no part of its basis: it is verified as it is applied.
    inputs.secret_versions.retain(|reference, _| saved.plan.secret_sources.contains_key(reference));
    let now = compare_secrets::by_source(workspace, &mut inputs, &question).await?;
    if saved.compares() {
        question.options.secrets.prints.clone_from(&now.prints);
    }
    let plan = plan::make(workspace, &inputs, &question)?;
    saved_plan::require_same(&saved.plan, &plan, &inputs.digest)?;
    let left_out = compare_secrets::left_out(&inputs, &plan, &now);
    workspace.host.diagnostics(&left_out.into_iter().collect());
    plan::require_isolation(&plan, approval.fail_on, JudgedFor::ApplyingSaved)?;
    plan::require_read(&plan)?;
    if !plan.has_changes() {
        workspace.host.event(Event::NothingToApply);
    }
    conclude(workspace, &inputs, &question, plan, approval).await
}

/// Takes one object over, with the changes that its block asks for.
///
/// # Errors
/// It is managed already; and those of [`run`].
pub async fn import(
    workspace: &Workspace,
    address: &ResourceAddr,
    id: &str,
    variables: &Variables,
    lock_timeout: Duration,
) -> Result<ApplySummary, EngineError> {
    let mut request = PlanRequest::everything(variables);
    request.for_apply = true;
    request.imports.push((address.clone(), id.to_owned()));
    request.options.selection.targets.push(address.to_string());
    request.failed_lookups = FailedLookups::RefusedWhereNeeded;
    let approval = ApplyApproval {
        fail_on: FailOn::Violation,
        reason: None,
        lock_timeout,
        parallelism: request.parallelism,
    };
    let loading = recover::load_recovered(workspace, &request, lock_timeout);
    let inputs = Box::pin(loading).await?;
    // What its block asks for beside the import is another command's work.
    let is_it =
        |known: &ResourceAddr| *known == *address || known.to_string() == address.to_string();
    if inputs.snapshot.resources().keys().any(is_it) {
        return Err(Diagnostic::error(format!("`{address}` is managed already"))
            .help("`palisade plan` shows what its block would change")
            .into());
    }
    let plan = plan::make(workspace, &inputs, &request)?;
    workspace.host.show(Shown::Plan(&plan))?;
    plan::warn(workspace, &inputs, &plan);
    plan::require_read(&plan)?;
    workspace.host.confirm(ConfirmationQuestion::Import).await?;
    carry_out(workspace, &inputs, &request, &plan, &approval).await
}

/// Carries the plan out where it has changes, and records the releases that arrive by it.
async fn conclude(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
    plan: Plan,
    approval: &ApplyApproval,
) -> Result<ApplyOutcome, EngineError> {
    let summary = if plan.has_changes() {
        Some(carry_out(workspace, inputs, request, &plan, approval).await?)
    } else {
        record_outputs(workspace, inputs, &plan).await?;
        None
    };
    let entered = if request.options.mode == Mode::Normal {
        entry::record(workspace, inputs, request, &plan.digest, approval.lock_timeout).await?
    } else {
        Vec::new()
    };
    Ok(ApplyOutcome { plan, summary, entered })
}

/// A plan without changes still records outputs, which may have changed by themselves.
async fn record_outputs(
    workspace: &Workspace,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Result<(), EngineError> {
    let known = plan.outputs.values().all(|o| !o.unknown);
    if known && plan.selection == Selection::default() {
        let ledger = &inputs.store.ledger;
        if inputs.snapshot.lineage.is_empty() && !plan.outputs.is_empty() {
            let by = inputs.store.holder(workspace, "apply").await.who;
            workspace.interruptible(ledger.begin(&by)).await??;
        }
        workspace.interruptible(outputs::write(ledger, &plan.outputs)).await??;
    }
    Ok(())
}
