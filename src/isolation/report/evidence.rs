//! The evidence of a path: its steps with the statements that grant them, a request that the judge allows,
//! and what the judge says of that request on either side of the plan.

use std::collections::BTreeSet;

use super::super::crossing::{Asked, PathStep, StepSource, StepTarget, asked};
use super::super::section::{Grant, Hop, Replayed, StepLimits, Witness};
use crate::access::{AccessModel, NamedPolicy, PART, ResourceType};
use crate::iam::symbolic::Opening;
use crate::iam::{Decision, Effect, Request};

/// One step of a path: who does what to what, and which statements grant it.
pub(in crate::isolation) fn hop(
    source: &StepSource,
    opening: &Opening,
    model: &AccessModel,
) -> Hop {
    Hop {
        action: opening.witness.action.clone(),
        granted_by: granted_by(opening, model),
        principal: source.name().to_owned(),
        resource: opening.witness.resource.clone(),
    }
}

/// The statements that grant an opening, guardrails apart: those limit and grant nothing.
pub(in crate::isolation) fn granted_by(opening: &Opening, model: &AccessModel) -> Vec<Grant> {
    let granted: BTreeSet<(String, String)> = opening
        .decision
        .matched
        .iter()
        .filter(|m| m.effect == Effect::Allow)
        .filter_map(|m| {
            let (label, part) = m.policy.split_once(PART)?;
            let organizational = model.guardrail(label).is_some() || label == "FullAWSAccess";
            (!organizational).then(|| (label.to_owned(), format!("{part}[{}]", m.statement)))
        })
        .collect();
    granted
        .into_iter()
        .map(|(address, statement)| Grant {
            location: model.location(&address).cloned(),
            address,
            statement,
        })
        .collect()
}

/// One statement of a policy, by its number from zero.
pub(in crate::isolation) fn grant(
    model: &AccessModel,
    policy: &NamedPolicy,
    at: usize,
) -> Option<Grant> {
    let (label, part) = policy.policy.name().split_once(PART)?;
    let statement = policy.document.statements.get(at)?.label(at);
    Some(Grant {
        location: model.location(label).cloned(),
        address: label.to_owned(),
        statement: format!("{part}[{}]", statement.trim_matches(['[', ']'])),
    })
}

/// What could hold a step: the boundary of who takes it, and the levels whose guardrails bear on it.
pub(super) fn limits(model: &AccessModel, asked: &Asked) -> StepLimits {
    let policies = asked.policies();
    let names = |levels: &[crate::iam::ChainLevel]| -> Vec<String> {
        levels
            .iter()
            .map(|level| {
                let account = model.account_by_id.get(&level.target);
                account.map_or_else(|| level.target.clone(), ToString::to_string)
            })
            .collect()
    };
    let boundary = policies.boundary.as_ref();
    StepLimits {
        boundary: boundary.and_then(|b| b.name().split(PART).next().map(str::to_owned)),
        resource_control_policies: names(&policies.resource_control),
        service_control_policies: names(&policies.service_control),
    }
}

/// Authorizations beside the step's own, of which nothing is known: objects under a KMS key take a right
/// to that key as well (S3 User Guide, "Using server-side encryption with AWS KMS keys"). Every secret is encrypted, and other
/// accounts can use it only if its key is customer managed (Secrets Manager User Guide, "Access AWS Secrets Manager secrets
/// from a different account").
pub(super) fn also_needs(
    model: &AccessModel,
    step: &PathStep,
    opening: Option<&Opening>,
) -> Vec<String> {
    let (StepTarget::Resource(arn), Some(opening)) = (&step.target, opening) else {
        return Vec::new();
    };
    let key = model.resources.get(arn).and_then(|resource| resource.key.as_ref());
    let Some(kind) = ResourceType::of_arn(arn) else { return Vec::new() };
    let asked = opening.witness.action.to_ascii_lowercase();
    let is_among = |actions: &[&str]| {
        let named = |action: &&str| asked == action.to_ascii_lowercase();
        actions.iter().any(|action| named(action) || named(&format!("{action}Version").as_str()))
    };
    let Some((reading, writing)) = kind.key_actions else { return Vec::new() };
    let action = match (is_among(kind.reads), is_among(kind.writes)) {
        (true, _) => reading,
        (_, true) => writing,
        _ => return Vec::new(),
    };
    let needs = match (key, kind.own_key) {
        (Some(key), _) => Some(format!("{action} on {key}, which is not looked at")),
        (None, Some(own)) => Some(format!(
            "{action} on the KMS key that encrypts it, which is not looked at (other accounts cannot use {own})"
        )),
        (None, None) => None,
    };
    needs.into_iter().collect()
}

/// What of a step is not there on a side where it cannot be asked.
pub(super) fn missing(model: &AccessModel, step: &PathStep) -> String {
    match (&step.target, &step.source) {
        (StepTarget::Role(arn), _) if !model.principals.contains_key(arn) => arn.clone(),
        (StepTarget::Resource(arn), _) if model.resource_policy(arn).is_none() => {
            format!("policy of {arn}")
        }
        (_, source) => source.name().to_owned(),
    }
}

/// What the judge says of one request, of a step on this ARN.
pub(super) fn judged(decision: &Decision, step: &str) -> Replayed {
    let denied_by = decision
        .matched
        .iter()
        .filter(|m| m.effect == Effect::Deny)
        .map(|m| match m.policy.split_once(PART) {
            Some((label, part)) => format!("{label} {part}[{}]", m.statement),
            None => format!("{}[{}]", m.policy, m.statement),
        })
        .collect();
    Replayed::Judged {
        decided_by: decision.decided_by,
        decision: decision.decision,
        denied_by,
        step: step.to_owned(),
    }
}

/// What the judge says of a path's steps on one side: of the first that is not allowed, otherwise of the
/// last.
pub(super) fn replay(model: &AccessModel, steps: &[(&PathStep, &Request)]) -> Option<Replayed> {
    let mut last = None;
    for (step, request) in steps {
        let Some(asked) = asked(model, step) else {
            return Some(Replayed::absent(step.target.arn(), missing(model, step)));
        };
        let decision = asked.judge(request);
        last = Some(judged(&decision, step.target.arn()));
        if !decision.is_allowed() {
            break;
        }
    }
    last
}

/// The request that an opening was found by.
pub(in crate::isolation) fn witness(opening: &Opening) -> Witness {
    let Request { principal, action, resource, context, .. } = opening.witness.clone();
    Witness { action, context, principal, resource }
}
