//! What stands against a promotion: gates that are closed, a hold, and how a person passes either.

use super::super::gates::{all_open, closed_lines};
use super::super::preview::{EdgeInputs, PromotionPreview};
use super::PromotionRequest;
use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::host::Event as HostEvent;
use crate::engine::workspace::Workspace;
use crate::promotion::audited::{HOLD_LIFTED, HoldDetails, RefusalDetails};
use crate::promotion::candidate::Candidate;
use crate::promotion::gate::Evidence;
use crate::promotion::record::{Hold, Override};
use crate::promotion::{EnvironmentRecord, store};
use crate::provider::Caller;
use crate::state::{AuditDetails, AuditEvent, LeaseHolder};

/// What stands against the promotion: gates, the release not being verified, a hold. An override
/// goes past all but the hold, and is returned to be recorded.
pub(super) fn refuse(
    edge: &EdgeInputs,
    candidate: &Candidate,
    to: &EnvironmentRecord,
    evidence: &[Evidence],
    request: &PromotionRequest,
) -> Result<Option<Override>, Diagnostic> {
    if let Some(hold) = &to.hold
        && !(request.release_hold && request.dry_run)
    {
        return Err(held_back(hold, &edge.edge.to, &edge.edge.name));
    }
    let mut against: Vec<String> = evidence
        .iter()
        .filter(|e| !all_open(std::slice::from_ref(e)))
        .map(|e| e.gate.clone())
        .collect();
    if candidate.basis.verified_since.is_none() {
        against.insert(0, "verified".to_owned());
    }
    match &request.overriding {
        Some(reason) => {
            Ok((!against.is_empty()).then(|| Override { reason: reason.clone(), against }))
        }
        None if against.is_empty() => Ok(None),
        None => {
            let number = against.len();
            let summary = if number == 1 {
                format!("the gate {} of `{}` is closed", against.join(""), edge.edge.name)
            } else {
                format!("{number} gates of `{}` are closed: {}", edge.edge.name, against.join(", "))
            };
            let first = against.first();
            let gate = edge.edge.gates.iter().find(|g| Some(&g.label()) == first);
            Err(Diagnostic::error(summary)
                .at(gate.map_or(&edge.edge.loc, |g| &g.loc).clone())
                .detail(closed_lines(evidence))
                .help("nothing was moved; `--override --reason \"...\"` goes past closed gates, and the reason stays in every report"))
        }
    }
}

fn held_back(hold: &Hold, environment: &str, edge: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "nothing moves into `{environment}`: it is held since {:.0}",
        hold.since
    ))
    .detail(format!("{} ({})", hold.why, hold.by))
    .help(format!("once that is mended, `palisade promote {edge} --release-hold`"))
}

/// Lifts the hold of the target.
pub(super) async fn lift(
    workspace: &Workspace,
    edge: &mut EdgeInputs,
    holder: &LeaseHolder,
    reason: Option<&str>,
) -> Result<(), EngineError> {
    let ledger = edge.offline.store.ledger.clone();
    let mut versioned = store::read(&ledger, &edge.edge.to).await?;
    let Some(hold) = versioned.record.hold.take() else { return Ok(()) };
    let event = AuditEvent {
        at: workspace.now(),
        who: holder.who.clone(),
        run: holder.run.clone(),
        action: HOLD_LIFTED.to_owned(),
        plan: None,
        reason: reason.map(str::to_owned),
        scopes: Vec::new(),
        details: AuditDetails::of(&HoldDetails { environment: &edge.edge.to, hold: &hold })?,
    };
    ledger.audit(None, event).await?;
    store::write(&ledger, &mut versioned).await?;
    workspace.host.event(HostEvent::HoldLifted { environment: edge.edge.to.clone() });
    edge.offline.records.insert(edge.edge.to.clone(), versioned);
    Ok(())
}

/// Writes down that gates were closed, with what they found.
pub(super) async fn record_refusal(
    edge: &EdgeInputs,
    preview: &PromotionPreview,
    evidence: &[Evidence],
    author: &Caller,
    holder: &LeaseHolder,
) -> Result<(), EngineError> {
    let event = AuditEvent {
        at: evidence.iter().map(|e| e.at).max().unwrap_or_default(),
        who: author.arn.clone(),
        run: holder.run.clone(),
        action: "promotion_refused".to_owned(),
        plan: Some(preview.plan.digest.clone()),
        reason: None,
        scopes: Vec::new(),
        details: AuditDetails::of(&RefusalDetails {
            edge: &edge.edge.name,
            environment: &edge.edge.to,
            release: &preview.candidate.release,
            digest: &preview.candidate.digest,
            gates: evidence,
        })?,
    };
    edge.offline.store.ledger.audit(None, event).await?;
    Ok(())
}
