//! Approvals: one person's consent for one plan and one release, kept in the backend.

use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::host::{ConfirmationQuestion, Shown};
use crate::engine::plan;
use crate::engine::workspace::Workspace;
use crate::promotion::Digest;
use crate::promotion::audited::{ApprovalDetails, action_of};
use crate::promotion::gate::GateSpec;
use crate::promotion::gate::approval::{self, Approval, Consent, CountsWith, RoleSource, Subject};
use crate::promotion::variable_prints::VariablePrints;
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
        if !edge.edge.gates.iter().any(GateSpec::takes_approvals) {
            let text = format!("no gate of `{}` asks for approvals", request.edge);
            let warning = Diagnostic::warning(text).at(edge.edge.loc.clone());
            workspace.host.diagnostics(&warning.into());
        }
        let inputs = &preview.inputs;
        let source = RoleSource {
            provider: inputs.provider.as_ref(),
            targets: &inputs.targets,
            live: &inputs.live,
        };
        let CountsWith { others, unread } = approval::counts_with(&by, source).await;
        if let Some(why) = unread {
            let warning = Diagnostic::warning("your approval will not count")
                .detail(format!("nobody knows who gave it: {why}"))
                .help("let Palisade read the role, or approve as somebody whose role it reads");
            workspace.host.diagnostics(&warning.into());
        } else if !others.is_empty() {
            let warning = Diagnostic::warning(format!(
                "your approval counts as one with those whom trust policies let become your role: {}",
                others.join(", ")
            ))
            .detail("the session's name does not tell who of them gives it")
            .help("it does not count where one of them promotes, and not beside an approval of theirs");
            workspace.host.diagnostics(&warning.into());
        }
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
    let variables = VariablePrints::of(&preview.inputs.configuration);
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
