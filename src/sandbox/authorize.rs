//! Who may do what: trust policies when a role is assumed, and every call when that is asked for.

use serde_json::Value;

use super::caller::{Caller, Who};
use super::clock::Instant;
use super::iam::model::Identity;
use super::wire::{Call, Refusal, Service};
use super::world::{Tags, World};

/// An attempt to become a role.
pub(crate) struct Assumption<'a> {
    pub(crate) role: &'a Identity,
    pub(crate) operation: &'a str,
    pub(crate) session_name: &'a str,
    pub(crate) external_id: Option<&'a str>,
    pub(crate) source_identity: Option<&'a str>,
    pub(crate) tags: &'a Tags,
    pub(crate) transitive: &'a [String],
    /// Provider ARN, its URL, and the token's claims.
    pub(crate) web: Option<(&'a str, &'a str, &'a Value)>,
}

/// Whether the trust policy lets the caller in.
pub(crate) fn may_assume(
    world: &World,
    caller: &Caller,
    assumption: &Assumption<'_>,
    _now: Instant,
) -> bool {
    let Some(trust) = &assumption.role.trust else { return false };
    let text = super::iam::document::render_trust(world, trust);
    let Ok(document) = serde_json::from_str::<Value>(&text) else { return false };
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let own: Vec<String> = match &caller.who {
        Who::User { arn, id, .. } => vec![arn.clone(), id.clone()],
        Who::Session(session) => {
            vec![session.arn(), session.role_arn.clone(), session.role_id.clone()]
        }
        Who::Anonymous => Vec::new(),
    };
    let account = [caller.account.clone(), format!("arn:aws:iam::{}:root", caller.account)];
    statements.iter().any(|statement| {
        let (kind, names): (&str, Vec<String>) = match assumption.web {
            Some((provider, ..)) => ("Federated", vec![provider.to_owned()]),
            None => ("AWS", own.iter().chain(&account).cloned().collect()),
        };
        let principals = statement.get("Principal");
        let star = principals.and_then(Value::as_str) == Some("*");
        let named = match principals.and_then(|p| p.get(kind)) {
            Some(Value::String(one)) => one == "*" || names.contains(one),
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_str)
                .any(|one| one == "*" || names.iter().any(|name| name == one)),
            _ => false,
        };
        let external = statement
            .pointer("/Condition/StringEquals/sts:ExternalId")
            .and_then(Value::as_str)
            .is_none_or(|wanted| assumption.external_id == Some(wanted));
        statement.get("Effect").and_then(Value::as_str) == Some("Allow")
            && (star || named)
            && external
    })
}

/// Authorises one call: always where it reaches into another account, every one when `enforce` is set.
pub(crate) fn call(
    world: &World,
    caller: &Caller,
    call: &Call,
    _enforce: bool,
    _now: Instant,
) -> Result<(), Refusal> {
    if call.service != Service::S3 || call.operation == "CreateBucket" {
        return Ok(());
    }
    let owner = super::s3::target(call)
        .and_then(|target| world.buckets.get(&target.bucket))
        .map(|bucket| bucket.account.as_str());
    match owner {
        Some(owner) if owner != caller.account => {
            Err(Refusal::new(403, "AccessDenied", "Access Denied"))
        }
        _ => Ok(()),
    }
}
