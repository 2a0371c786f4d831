//! Grants on keys.
//!
//! A key is looked for in the caller's own account and Region; a key of another account is not served.
//!
//! Source: KMS API Reference, `CreateGrant`, `ListGrants`, `RetireGrant`, `RevokeGrant`, `GrantConstraints`; KMS Developer Guide,
//! "Creating grants", "Retiring and revoking grants".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::caller::Who;
use super::cloudcontrol::objects;
use super::iam::document::{Named, resolve};
use super::state::{Opaque, derive};
use super::wire::{Ctx, Refusal, Service};

/// A grant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Grant {
    /// As `ListGrants` tells it.
    entry: Value,
    /// The unique id of the grantee, which is told in its place once it is gone.
    bound: Option<String>,
    token: String,
}

/// Whether an operation of KMS is about grants.
pub(crate) fn serves(operation: &str) -> bool {
    matches!(operation, "CreateGrant" | "ListGrants" | "RetireGrant" | "RevokeGrant")
}

/// Operations that a grant on a symmetric key may permit, those that take an encryption context first.
const SYMMETRIC: [&str; 11] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "DescribeKey",
    "RetireGrant",
];

/// Operations that a grant on another key may permit.
const OTHERS: [&str; 14] = [
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "Encapsulate",
    "Encrypt",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "VerifyMac",
    "CreateGrant",
    "DescribeKey",
];

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, body: &Value) -> Result<Value, Refusal> {
    match operation {
        "CreateGrant" => create(ctx, body),
        "ListGrants" => list(ctx, body),
        "RevokeGrant" => {
            let (arn, _) = key(ctx, body)?;
            remove(ctx, &arn, text(body, "GrantId").unwrap_or_default())
        }
        "RetireGrant" => retire(ctx, body),
        _ => Err(Refusal::not_emulated(Service::Kms, operation)),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

fn text<'b>(body: &'b Value, member: &str) -> Option<&'b str> {
    body.get(member).and_then(Value::as_str)
}

/// The ARN of the key that a request names by id or ARN, and its properties.
fn key(ctx: &Ctx<'_>, body: &Value) -> Result<(String, Value), Refusal> {
    let named = text(body, "KeyId").ok_or_else(|| {
        invalid("1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
    })?;
    let id = named.rsplit_once(":key/").map_or(named, |(_, id)| id);
    let own = objects(ctx, "AWS::KMS::Key").into_iter().find(|(own, _)| *own == id);
    let arn = own.and_then(|(_, key)| Some((text(key, "Arn")?.to_owned(), key.clone())));
    arn.filter(|(arn, _)| named == id || named == arn).ok_or_else(|| {
        Refusal::new(400, "NotFoundException", format!("Key '{named}' does not exist"))
    })
}

fn row(arn: &str, id: &str) -> String {
    format!("{arn}\0{id}")
}

/// The grants on keys whose ARN begins so.
fn grants(ctx: &Ctx<'_>, prefix: &str) -> Vec<Grant> {
    let rows = ctx.state.grants.iter().filter(|(key, _)| key.starts_with(prefix));
    rows.filter_map(|(_, row)| serde_json::from_value(row.0.clone()).ok()).collect()
}

fn create(ctx: &mut Ctx<'_>, body: &Value) -> Result<Value, Refusal> {
    let (arn, key) = key(ctx, body)?;
    if key.get("Enabled") == Some(&Value::Bool(false)) {
        return Err(Refusal::new(400, "DisabledException", format!("{arn} is disabled.")));
    }
    let is_symmetric = text(&key, "KeySpec").unwrap_or("SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT";
    let operations = body.get("Operations").and_then(Value::as_array).cloned().unwrap_or_default();
    if operations.is_empty() {
        return Err(invalid("Operations must not be empty"));
    }
    let possible: &[&str] = if is_symmetric { &SYMMETRIC } else { &OTHERS };
    for operation in &operations {
        let name = operation.as_str().unwrap_or_default();
        if !possible.contains(&name) && name != "RetireGrant" {
            return Err(invalid(format!("{name} is no operation of a grant on this key")));
        }
    }
    let bound = match (text(body, "GranteePrincipal"), text(body, "GranteeServicePrincipal")) {
        (Some(grantee), None) => principal(ctx, grantee)?,
        (None, Some(_)) if body.pointer("/Constraints/SourceArn").is_some() => None,
        (None, Some(_)) => {
            return Err(invalid("a grant to a service needs the constraint SourceArn"));
        }
        _ => return Err(invalid("either GranteePrincipal or GranteeServicePrincipal is needed")),
    };
    if let Some(retiring) = text(body, "RetiringPrincipal") {
        principal(ctx, retiring)?;
    }
    constraints(body, is_symmetric)?;
    let members = [
        "Constraints",
        "GranteePrincipal",
        "GranteeServicePrincipal",
        "Name",
        "Operations",
        "RetiringPrincipal",
        "RetiringServicePrincipal",
    ];
    let asked =
        members.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())));
    let mut entry: serde_json::Map<String, Value> = asked.collect();
    entry.insert("KeyId".to_owned(), arn.clone().into());
    let issuer = format!("arn:aws:iam::{}:root", ctx.caller.account);
    entry.insert("IssuingAccount".to_owned(), issuer.into());
    // With a name, the same request makes the same grant again.
    let same = |grant: &&Grant| {
        let told = grant.entry.as_object();
        told.is_some_and(|told| {
            entry.contains_key("Name")
                && entry.iter().all(|(name, value)| told.get(name) == Some(value))
        })
    };
    let known = grants(ctx, &row(&arn, "")).into_iter().find(|grant| same(&grant));
    if let Some(known) = known {
        return Ok(json!({ "GrantId": known.entry.get("GrantId"), "GrantToken": known.token }));
    }
    let number = ctx.state.next("grant");
    let id = derive(&format!("grant/{arn}/{number}"), b"0123456789abcdef", 64);
    let token =
        derive(&format!("token/{arn}/{number}"), b"0123456789abcdefghijklmnopqrstuvwxyz", 96);
    entry.insert("GrantId".to_owned(), id.clone().into());
    let grant = Grant { entry: Value::Object(entry), bound, token: token.clone() };
    let kept = serde_json::to_value(grant).unwrap_or_default();
    ctx.state.grants.insert(row(&arn, &id), Opaque(kept));
    Ok(json!({ "GrantId": id, "GrantToken": token }))
}

/// The unique id of a role or user; somebody who is not there is refused.
fn principal(ctx: &Ctx<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let refused = || {
        let message = format!("ARN does not refer to a valid principal: {name}");
        Refusal::new(400, "InvalidArnException", message)
    };
    match resolve(ctx.state, name) {
        Named::Bound(id) => Ok(Some(id)),
        Named::Fine if name != "*" => Ok(None),
        Named::Fine | Named::Missing => Err(refused()),
    }
}

/// Refuses constraints that KMS does not take.
fn constraints(body: &Value, is_symmetric: bool) -> Result<(), Refusal> {
    for member in ["EncryptionContextEquals", "EncryptionContextSubset"] {
        let pairs = body.pointer(&format!("/Constraints/{member}")).and_then(Value::as_object);
        let Some(pairs) = pairs else { continue };
        if !is_symmetric {
            return Err(invalid("only symmetric encryption keys take an encryption context"));
        }
        let fits = |value: &Value| value.as_str().is_some_and(|value| value.len() <= 384);
        if pairs.len() > 8 || !pairs.values().all(fits) {
            return Err(invalid(format!("{member} holds more than it may")));
        }
    }
    Ok(())
}

fn list(ctx: &Ctx<'_>, body: &Value) -> Result<Value, Refusal> {
    let (arn, _) = key(ctx, body)?;
    let limit = match body.get("Limit").and_then(Value::as_u64) {
        None => 50,
        Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(50),
        Some(_) => return Err(invalid("Limit must be between 1 and 100")),
    };
    let mut told: Vec<Value> = Vec::new();
    let mut is_after = text(body, "Marker").is_none();
    for grant in grants(ctx, &row(&arn, "")) {
        let mut entry = grant.entry.clone();
        if let (Some(bound), Some(named)) = (&grant.bound, text(&grant.entry, "GranteePrincipal"))
            && !matches!(resolve(ctx.state, named), Named::Bound(now) if now == *bound)
            && let Some(entry) = entry.as_object_mut()
        {
            entry.insert("GranteePrincipal".to_owned(), bound.clone().into());
        }
        if !is_after {
            is_after = text(&entry, "GrantId") == text(body, "Marker");
            continue;
        }
        let fits = ["GrantId", "GranteePrincipal", "GranteeServicePrincipal"]
            .iter()
            .all(|name| body.get(*name).is_none_or(|wanted| entry.get(*name) == Some(wanted)));
        if fits {
            told.push(entry);
        }
    }
    if !is_after {
        return Err(Refusal::new(400, "InvalidMarkerException", "the marker is not valid"));
    }
    let truncated = told.len() > limit;
    told.truncate(limit);
    let mut answer = json!({ "Grants": told, "Truncated": truncated });
    let last = told.last().and_then(|last| last.get("GrantId")).cloned();
    if let (true, Some(last), Some(answer)) = (truncated, last, answer.as_object_mut()) {
        answer.insert("NextMarker".to_owned(), last);
    }
    Ok(answer)
}

fn remove(ctx: &mut Ctx<'_>, arn: &str, id: &str) -> Result<Value, Refusal> {
    let missing = || Refusal::new(400, "NotFoundException", format!("Grant ID {id} not found"));
    ctx.state.grants.remove(&row(arn, id)).map(|_| json!({})).ok_or_else(missing)
}

/// Those who may are the retiring principal, and the grantee where the grant permits it; root users do not call here.
fn retire(ctx: &mut Ctx<'_>, body: &Value) -> Result<Value, Refusal> {
    let (arn, id) = match (text(body, "GrantToken"), text(body, "KeyId"), text(body, "GrantId")) {
        (Some(token), None, None) => {
            let own = grants(ctx, "").into_iter().find(|grant| grant.token == token);
            let missing =
                || Refusal::new(400, "InvalidGrantTokenException", "the grant token is not valid");
            let entry = own.ok_or_else(missing)?.entry;
            let part = |name: &str| text(&entry, name).unwrap_or_default().to_owned();
            (part("KeyId"), part("GrantId"))
        }
        (None, Some(arn), Some(id)) if arn.starts_with("arn:") => (arn.to_owned(), id.to_owned()),
        _ => return Err(invalid("a grant token, or a key's ARN with a grant's id, is needed")),
    };
    let grant = grants(ctx, &row(&arn, &id)).into_iter().next();
    let entry = grant.as_ref().map(|grant| &grant.entry);
    let caller = match &ctx.caller.who {
        Who::User { arn, .. } => Some(arn.as_str()),
        Who::Session(session) => Some(session.role_arn.as_str()),
        Who::Anonymous => None,
    };
    let is_named = |member: &str| {
        let named = entry.and_then(|entry| text(entry, member));
        named.is_some() && named == caller
    };
    let permits = || {
        let operations = entry.and_then(|entry| entry.get("Operations")?.as_array());
        operations.is_some_and(|all| all.iter().any(|one| one == "RetireGrant"))
    };
    let may = is_named("RetiringPrincipal") || is_named("GranteePrincipal") && permits();
    if entry.is_some() && !may {
        let message = "User is not authorized to perform: kms:RetireGrant";
        return Err(Refusal::new(400, "AccessDeniedException", message));
    }
    remove(ctx, &arn, &id)
}
