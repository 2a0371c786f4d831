//! Steps, witnesses and what the judge says of them, as plans tell them.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::super::crossing::{Asked, Step, Target, asked};
use super::source_name;
use crate::access::{AccessModel, PART};
use crate::iam::symbolic::Opening;
use crate::iam::{Decision, Effect, Request};

/// One step of a path for readers: who does what to what, and which statements grant it.
pub(in crate::isolation) fn hop(step: &Step, opening: &Opening, model: &AccessModel) -> Json {
    json!({
        "principal": source_name(&step.source),
        "action": opening.witness.action,
        "resource": opening.witness.resource,
        "granted_by": granted_by(opening, model),
    })
}

/// The statements that grant an opening, guardrails apart: those limit and grant nothing.
pub(in crate::isolation) fn granted_by(opening: &Opening, model: &AccessModel) -> Vec<Json> {
    let granted: BTreeSet<(String, String)> = opening
        .decision
        .matched
        .iter()
        .filter(|m| m.effect == Effect::Allow)
        .filter_map(|m| {
            let (label, part) = m.policy.split_once(PART)?;
            let organizational = label.starts_with("service_control_policy")
                || label.starts_with("resource_control_policy")
                || label.contains(".service_control_policy.")
                || label.contains(".resource_control_policy.")
                || label == "FullAWSAccess";
            (!organizational).then(|| (label.to_owned(), format!("{part}[{}]", m.statement)))
        })
        .collect();
    granted
        .into_iter()
        .map(|(address, statement)| match model.location(&address) {
            Some(at) => json!({"address": address, "statement": statement, "location": at}),
            None => json!({"address": address, "statement": statement}),
        })
        .collect()
}

/// What could hold a step: the boundary of who takes it, and the levels whose guardrails bear on it.
pub(super) fn limits(model: &AccessModel, asked: Option<&Asked>) -> Json {
    let Some(policies) = asked.map(Asked::policies) else { return Json::Null };
    let names = |levels: &[crate::iam::ChainLevel]| -> Vec<String> {
        levels
            .iter()
            .map(|level| {
                let account = model.accounts.values().find(|a| a.id == level.target);
                account.map_or_else(|| level.target.clone(), |a| a.handle.to_string())
            })
            .collect()
    };
    let boundary = policies.boundary.as_ref();
    json!({
        "boundary": boundary.and_then(|b| b.name().split(PART).next().map(str::to_owned)),
        "service_control_policies": names(&policies.service_control),
        "resource_control_policies": names(&policies.resource_control),
    })
}

/// Authorizations beside the step's own, of which nothing is known: objects under a KMS key take a right
/// to that key as well (S3 User Guide, "Using server-side encryption with AWS KMS keys").
pub(super) fn also_needs(
    model: &AccessModel,
    step: &Step,
    opening: Option<&Opening>,
) -> Vec<String> {
    let (Target::Resource(arn), Some(opening)) = (&step.target, opening) else { return Vec::new() };
    let key = model.resources.get(arn).and_then(|resource| resource.key.as_ref());
    let action = match opening.witness.action.to_ascii_lowercase().as_str() {
        "s3:getobject" | "s3:getobjectversion" => "kms:Decrypt",
        "s3:putobject" => "kms:GenerateDataKey",
        _ => return Vec::new(),
    };
    let told = |key: &String| format!("{action} on {key}, which is not looked at");
    key.map(told).into_iter().collect()
}

/// What of a step is not there on a side where it cannot be asked.
pub(super) fn missing(model: &AccessModel, step: &Step) -> String {
    match (&step.target, &step.source) {
        (Target::Role(arn), _) if !model.principals.contains_key(arn) => arn.clone(),
        (Target::Resource(arn), _) if model.resource_policy(arn).is_none() => {
            format!("policy of {arn}")
        }
        (_, source) => source_name(source).to_owned(),
    }
}

/// What the judge says of one request on `resource`.
pub(super) fn judged(decision: &Decision, resource: &str) -> Json {
    let denied: Vec<String> = decision
        .matched
        .iter()
        .filter(|m| m.effect == Effect::Deny)
        .map(|m| match m.policy.split_once(PART) {
            Some((label, part)) => format!("{label} {part}[{}]", m.statement),
            None => format!("{}[{}]", m.policy, m.statement),
        })
        .collect();
    json!({
        "decision": decision.decision, "decided_by": decision.decided_by,
        "denied_by": denied, "step": resource,
    })
}

/// What the judge says of a path's steps on one side: of the first that is not allowed, else of
/// the last.
pub(super) fn replay(model: &AccessModel, steps: &[(&Step, &Request)]) -> Json {
    let mut told = Json::Null;
    for (step, request) in steps {
        let Some(asked) = asked(model, step) else {
            return json!({
                "decision": "absent", "step": step.target.arn(), "missing": missing(model, step),
            });
        };
        let decision = asked.judge(request);
        told = judged(&decision, step.target.arn());
        if !decision.is_allowed() {
            break;
        }
    }
    told
}

pub(in crate::isolation) fn witness(opening: &Opening) -> Json {
    use crate::iam::{ContextValue, Principal};
    let principal = match &opening.witness.principal {
        Principal::Anonymous => json!("*"),
        Principal::Arn(arn) => json!(arn),
        Principal::Service(name) => json!({"service": name}),
        Principal::Federated(name) => json!({"federated": name}),
    };
    let context: serde_json::Map<String, Json> = opening
        .witness
        .context
        .iter()
        .map(|(key, value)| {
            let value = match value {
                ContextValue::One(one) => json!(one),
                ContextValue::Many(many) => json!(many),
            };
            (key.to_owned(), value)
        })
        .collect();
    json!({
        "principal": principal,
        "action": opening.witness.action,
        "resource": opening.witness.resource,
        "context": context,
    })
}
