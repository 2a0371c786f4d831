//! Approvals: one person's consent for one plan and one release, kept in the backend.

use futures::future::join_all;

use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::error::EngineError;
use crate::engine::host::{ConfirmationQuestion, Shown};
use crate::engine::plan;
use crate::engine::refresh::PlanInputs;
use crate::engine::workspace::Workspace;
use crate::promotion::Digest;
use crate::promotion::audited::{ApprovalDetails, action_of};
use crate::promotion::gate::GateSpec;
use crate::promotion::gate::approval::{
    self, Approval, Consent, CountsWith, NotCounted, RoleSource, Subject,
};
use crate::promotion::variable_prints::VariablePrints;
use crate::provider::Caller;
use crate::state::{AuditDetails, AuditEvent};

use super::preview::{EdgeInputs, PreviewResult};
use super::{MoveSettings, caller};

/// What is asked.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// The edge.
    pub edge: String,
    /// `--release`.
    pub release: Option<String>,
    /// Take it back.
    pub revoke: bool,
    /// For people.
    pub comment: Option<String>,
    /// How it is done.
    pub settings: MoveSettings,
}

/// What was recorded.
#[derive(Clone, Debug)]
pub struct ApprovalOutcome {
    /// The approval, or its revocation, as it is kept.
    pub kept: Approval,
    /// The release's name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
}

/// Records an approval of what a promotion would do now, or takes it back.
///
/// # Errors
/// Nothing would move, the caller is not known, or the backend cannot be written.
pub async fn run(
    workspace: &Workspace,
    request: &ApprovalRequest,
) -> Result<ApprovalOutcome, EngineError> {
    let settings = &request.settings;
    let edge = EdgeInputs::read(workspace, settings, &request.edge).await?;
    let preview = match edge.preview(workspace, settings, request.release.as_deref(), false).await?
    {
        PreviewResult::Moves(preview) => preview,
        PreviewResult::Settled(why) => {
            return Err(Diagnostic::error("there is nothing to approve").detail(why).into());
        }
    };
    plan::warn(workspace, &preview.inputs, &preview.plan);
    let store = &edge.offline.store;
    let by = caller(preview.inputs.provider.as_ref()).await?;
    let release = &preview.release;
    if !request.revoke {
        let report = edge.report(&preview, &[], None, true);
        workspace.host.show(Shown::Approval(&report))?;
        who_counts(workspace, &edge, &preview.inputs, &by).await?;
        let question = ConfirmationQuestion::Approve {
            by: &by.arn,
            release: &release.name,
            digest: &release.digest,
            to: &edge.edge.to,
        };
        workspace.host.confirm(question).await?;
    }
    let consent = if request.revoke { Consent::Revoke } else { Consent::Approve };
    store.ledger.begin(&by.arn).await?;
    let variables = Some(VariablePrints::of(&preview.inputs.configuration));
    let subject = Subject {
        edge: &request.edge,
        release: &release.name,
        digest: release.digest.as_str(),
        plan: &preview.plan.digest,
        variables: variables.as_ref(),
    };
    let comment = request.comment.clone();
    let kept = approval::write(&store.ledger, &subject, consent, &by, comment).await?;
    let holder = store.holder(workspace, &format!("approve {}", request.edge)).await;
    let event = AuditEvent {
        at: kept.at,
        who: by.arn.clone(),
        run: holder.run,
        action: action_of(consent).to_owned(),
        plan: Some(kept.plan.clone()),
        reason: request.comment.clone(),
        scopes: Vec::new(),
        details: AuditDetails::of(&ApprovalDetails {
            edge: &request.edge,
            release: &release.name,
            digest: release.digest.as_str(),
            user_id: &by.user_id,
        })?,
    };
    store.ledger.audit(None, event).await?;
    Ok(ApprovalOutcome { kept, release: release.name.clone(), digest: release.digest.clone() })
}

/// Says for which gates an approval of this caller would not count, and with whom it counts as one.
///
/// # Errors
/// It would count for none.
async fn who_counts(
    workspace: &Workspace,
    edge: &EdgeInputs,
    inputs: &PlanInputs,
    by: &Caller,
) -> Result<(), EngineError> {
    let name = &edge.edge.name;
    let gates: Vec<&GateSpec> = edge.edge.gates.iter().filter(|g| g.takes_approvals()).collect();
    if gates.is_empty() {
        let text = format!("no gate of `{name}` asks for approvals");
        let warning = Diagnostic::warning(text).at(edge.edge.loc.clone());
        workspace.host.diagnostics(&warning.into());
    }
    let provider = inputs.provider.as_ref();
    let source = RoleSource { provider, targets: &inputs.targets, live: &inputs.live };
    let refusals = gates.iter().map(|gate| gate.refuses_approval(by, source));
    let refusals = workspace.interruptible(join_all(refusals)).await?;
    let is_certain = |refusal: &Option<NotCounted>| refusal.as_ref().is_some_and(|r| !r.is_unread);
    let is_vain = !gates.is_empty() && refusals.iter().all(is_certain);
    let mut told = Diagnostics::new();
    for (gate, refusal) in gates.iter().zip(refusals) {
        let Some(NotCounted { why, is_unread }) = refusal else { continue };
        let text = format!("an approval of `{}` does not count for `{}`", by.arn, gate.label());
        let diagnostic = match is_vain {
            true => Diagnostic::error(text),
            false => Diagnostic::warning(text),
        };
        let help = match is_unread {
            true => "let Palisade read what it could not, or approve as somebody of whom it can",
            false => "approve as somebody whom `principals` names",
        };
        told.push(diagnostic.at(gate.loc.clone()).detail(why).help(help));
    }
    if is_vain {
        return Err(told.into());
    }
    let is_told = !told.is_empty();
    workspace.host.diagnostics(&told);
    let CountsWith { others, unread } = approval::counts_with(by, source).await;
    if unread.is_none() && !is_told && !others.is_empty() {
        let warning = Diagnostic::warning(format!(
            "your approval counts as one with those whom trust policies let become your role: {}",
            others.join(", ")
        ))
        .detail("the session's name does not tell who of them gives it")
        .help("it does not count where one of them promotes, and not beside an approval of theirs");
        workspace.host.diagnostics(&warning.into());
    }
    Ok(())
}
