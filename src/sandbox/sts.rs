//! Security tokens: who am I, and becoming a role.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::authorize::{self, Assumption};
use super::caller::{Session, Who, seal};
use super::iam::document::{Use, check};
use super::iam::model::{Identity, IdentityKind, identity_key};
use super::params::Params;
use super::state::Tags;
use super::wire::{Ctx, Refusal, Service};
use super::xml::Xml;

type StsAnswer = Result<Xml, Refusal>;

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, params: &Params) -> StsAnswer {
    match operation {
        "GetCallerIdentity" => Ok(Xml::new()
            .text("Arn", ctx.caller.arn())
            .text("UserId", ctx.caller.user_id())
            .text("Account", &ctx.caller.account)),
        "AssumeRole" => assume_role(ctx, params),
        "AssumeRoleWithWebIdentity" => assume_with_web_identity(ctx, params),
        "GetSessionToken" | "GetFederationToken" | "GetAccessKeyInfo" => {
            Err(Refusal::not_emulated(Service::Sts, operation))
        }
        _ => Err(Refusal::not_emulated(Service::Sts, operation)),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

fn denied(ctx: &Ctx<'_>, operation: &str, role: &str) -> Refusal {
    let caller = ctx.caller.arn();
    let message = match ctx.caller.who {
        Who::Anonymous => format!("Not authorized to perform sts:{operation}"),
        _ => format!(
            "User: {caller} is not authorized to perform: sts:{operation} on resource: {role}"
        ),
    };
    Refusal::new(403, "AccessDenied", message)
}

/// The role that an ARN names, if it may be looked at by now.
fn role(ctx: &mut Ctx<'_>, arn: &str) -> Result<Option<Identity>, Refusal> {
    let (account, path) = arn
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(":role/"))
        .ok_or_else(|| invalid(format!("{arn} is invalid")))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let found = ctx.state.identities.get(&identity_key(account, IdentityKind::Role, name));
    let active = ctx.state.accounts.get(account).is_some_and(|a| a.state == "ACTIVE");
    let found = found.filter(|role| role.arn == arn && active).cloned();
    Ok(found.filter(|_| !ctx.consistency.is_delayed("assume", arn)))
}

fn session_name(params: &Params) -> Result<String, Refusal> {
    let name = params.need("RoleSessionName")?;
    let fits = (2..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if fits {
        return Ok(name.to_owned());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]* with length between 2 and 64"
    )))
}

fn duration(ctx: &Ctx<'_>, params: &Params, role: &Identity) -> Result<i64, Refusal> {
    let seconds = params.int("DurationSeconds")?.unwrap_or(3600);
    if !(900..=43_200).contains(&seconds) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200"
        )));
    }
    if matches!(ctx.caller.who, Who::Session(_)) && seconds > 3600 {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if seconds > role.max_session.unwrap_or(3600) {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(seconds)
}

fn session_policies(ctx: &Ctx<'_>, params: &Params, account: &str) -> Result<Vec<String>, Refusal> {
    let malformed = |why: String| Refusal::new(400, "MalformedPolicyDocument", why);
    let mut policies = Vec::new();
    if let Some(text) = params.get("Policy") {
        check(text, Use::Identity).map_err(malformed)?;
        if text.len() > 2048 {
            return Err(Refusal::new(
                400,
                "PackedPolicyTooLarge",
                "The session policy is larger than 2048 characters",
            ));
        }
        policies.push(text.to_owned());
    }
    for n in 1..=10 {
        let Some(arn) = params.get(&format!("PolicyArns.member.{n}.arn")) else { break };
        let text = super::iam::policy_text(ctx.state, account, arn).ok_or_else(|| {
            malformed(format!("The policy {arn} does not exist or is not attachable."))
        })?;
        policies.push(text.to_owned());
    }
    Ok(policies)
}

fn assume_role(ctx: &mut Ctx<'_>, params: &Params) -> StsAnswer {
    let arn = params.need("RoleArn")?.to_owned();
    let name = session_name(params)?;
    let Some(role) = role(ctx, &arn)? else { return Err(denied(ctx, "AssumeRole", &arn)) };
    let mut tags: Tags =
        params.pairs("Tags").into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let transitive: Vec<String> = params
        .list("TransitiveTagKeys")
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let assumption = Assumption {
        role: &role,
        operation: "AssumeRole",
        session_name: &name,
        external_id: params.get("ExternalId"),
        source_identity: params.get("SourceIdentity"),
        tags: &tags,
        transitive: &transitive,
        web: None,
    };
    if !authorize::may_assume(ctx.state, ctx.caller, &assumption, ctx.now) {
        return Err(denied(ctx, "AssumeRole", &arn));
    }
    let seconds = duration(ctx, params, &role)?;
    let policies = session_policies(ctx, params, &role.account)?;
    let mut handed_on = transitive;
    if let Who::Session(from) = &ctx.caller.who {
        for key in &from.transitive {
            if let Some(value) = from.tags.get(key) {
                tags.insert(key.clone(), value.clone());
                handed_on.push(key.clone());
            }
        }
    }
    let session = Session {
        account: role.account.clone(),
        role: role.name.clone(),
        role_arn: role.arn.clone(),
        role_id: role.id.clone(),
        name,
        expires: ctx.now.plus(seconds),
        tags,
        transitive: handed_on,
        policies,
        federated: None,
        source_identity: params.get("SourceIdentity").map(str::to_owned),
        nonce: ctx.nonce(),
    };
    Ok(credentials(ctx, &session))
}

fn credentials(ctx: &Ctx<'_>, session: &Session) -> Xml {
    let (key, secret, token) = seal(ctx.state, session);
    Xml::new()
        .node(
            "Credentials",
            Xml::new()
                .text("AccessKeyId", key)
                .text("SecretAccessKey", secret)
                .text("SessionToken", token)
                .text("Expiration", session.expires.iso()),
        )
        .node(
            "AssumedRoleUser",
            Xml::new()
                .text("AssumedRoleId", format!("{}:{}", session.role_id, session.name))
                .text("Arn", session.arn()),
        )
        .text("PackedPolicySize", if session.policies.is_empty() { "0" } else { "6" })
        .opt("SourceIdentity", session.source_identity.as_ref())
}

/// The claims of a token. Its signature is not checked: the emulation knows no identity provider's keys.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

fn assume_with_web_identity(ctx: &mut Ctx<'_>, params: &Params) -> StsAnswer {
    let arn = params.need("RoleArn")?.to_owned();
    let name = session_name(params)?;
    let bad = |why: &str| Refusal::new(400, "InvalidIdentityToken", why.to_owned());
    let claims = claims(params.need("WebIdentityToken")?)
        .ok_or_else(|| bad("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"))?;
    if claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp * 1000 <= ctx.now.0) {
        return Err(Refusal::new(
            400,
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration date/time",
        ));
    }
    let Some(role) = role(ctx, &arn)? else {
        return Err(denied(ctx, "AssumeRoleWithWebIdentity", &arn));
    };
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let url = issuer.strip_prefix("https://").unwrap_or(issuer);
    let provider =
        ctx.state.oidc_providers.get(&format!("{}/{url}", role.account)).ok_or_else(|| {
            bad("No OpenIDConnect provider found in your account for the issuer of the token")
        })?;
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.iter().any(|aud| provider.clients.iter().any(|client| client == aud)) {
        return Err(bad("Incorrect token audience"));
    }
    let tags = Tags::new();
    let assumption = Assumption {
        role: &role,
        operation: "AssumeRoleWithWebIdentity",
        session_name: &name,
        external_id: None,
        source_identity: None,
        tags: &tags,
        transitive: &[],
        web: Some((&provider.arn, url, &claims)),
    };
    if !authorize::may_assume(ctx.state, ctx.caller, &assumption, ctx.now) {
        return Err(denied(ctx, "AssumeRoleWithWebIdentity", &arn));
    }
    let seconds = duration(ctx, params, &role)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    let session = Session {
        account: role.account.clone(),
        role: role.name.clone(),
        role_arn: role.arn.clone(),
        role_id: role.id.clone(),
        name,
        expires: ctx.now.plus(seconds),
        tags,
        transitive: Vec::new(),
        policies: session_policies(ctx, params, &role.account)?,
        federated: Some(provider.arn.clone()),
        source_identity: None,
        nonce: ctx.nonce(),
    };
    let provider = provider.arn.clone();
    Ok(credentials(ctx, &session)
        .text("SubjectFromWebIdentityToken", subject)
        .text("Provider", provider)
        .opt("Audience", audiences.first()))
}
