//! Who may do what, by Palisade's own judge: trust policies when a role is assumed, reaching into
//! another account's buckets, and every call when that is asked for.

mod needs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use super::caller::{Caller, Who};
use super::clock::Instant;
use super::iam::document::render_trust;
use super::iam::model::{Identity, IdentityKind, identity_key};
use super::iam::policy_text;
use super::organizations::model::{RCP, SCP};
use super::s3;
use super::state::{SandboxState, Tags};
use super::wire::{Call, Refusal, Service};
use crate::iam::{
    ChainLevel, Document, Membership, Policies, Policy, Principal, Request, RequestContext, Use,
    evaluate,
};
use needs::Need;

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

/// A policy that cannot be read decides nothing in favour of anybody.
struct Unreadable;

fn compile(name: &str, text: &str, role: Use) -> Result<Arc<Policy>, Unreadable> {
    let value: Value = serde_json::from_str(text).map_err(|_| Unreadable)?;
    let (document, _) = Document::from_json(&value, role).map_err(|_| Unreadable)?;
    Ok(Arc::new(Policy::new(name, &document)))
}

/// All identity policies of a role, user or group.
fn identity_policies(
    state: &SandboxState,
    identity: &Identity,
    out: &mut Vec<Arc<Policy>>,
) -> Result<(), Unreadable> {
    for (name, text) in &identity.inline {
        out.push(compile(name, text, Use::Identity)?);
    }
    for arn in &identity.attached {
        let text = policy_text(state, &identity.account, arn).ok_or(Unreadable)?;
        out.push(compile(arn, text, Use::Managed)?);
    }
    for group in &identity.groups {
        let key = identity_key(&identity.account, IdentityKind::Group, group);
        if let Some(group) = state.identities.get(&key) {
            identity_policies(state, group, out)?;
        }
    }
    Ok(())
}

/// The caller's own row: a role session's role, if it is still the same one.
fn own_identity<'w>(state: &'w SandboxState, caller: &Caller) -> Option<&'w Identity> {
    match &caller.who {
        Who::User { name, id, .. } => state
            .identities
            .get(&identity_key(&caller.account, IdentityKind::User, name))
            .filter(|user| user.id == *id),
        Who::Session(session) => state
            .identities
            .get(&identity_key(&caller.account, IdentityKind::Role, &session.role))
            .filter(|role| role.id == session.role_id),
        Who::Anonymous => None,
    }
}

/// What limits and empowers the caller, whatever it asks for.
fn caller_side(state: &SandboxState, caller: &Caller) -> Result<Policies, Unreadable> {
    let mut policies = Policies::default();
    let Some(identity) = own_identity(state, caller) else { return Ok(policies) };
    identity_policies(state, identity, &mut policies.identity)?;
    if let Some(arn) = &identity.boundary {
        let text = policy_text(state, &identity.account, arn).ok_or(Unreadable)?;
        policies.boundary = Some(compile(arn, text, Use::Boundary)?);
    }
    if let Who::Session(session) = &caller.who {
        for text in &session.policies {
            policies.session.push(compile("session policy", text, Use::Session)?);
        }
    }
    if identity.linked_to.is_none() {
        policies.service_control = chain(state, &caller.account, SCP)?;
    }
    Ok(policies)
}

/// The SCPs or RCPs above an account, root first; none for the management account.
fn chain(state: &SandboxState, account: &str, kind: &str) -> Result<Vec<ChainLevel>, Unreadable> {
    let Some(org) = state.org() else { return Ok(Vec::new()) };
    let member = state.accounts.get(account).is_some_and(|a| !a.parent.is_empty());
    if !member || account == org.management || !org.policy_types.contains(kind) {
        return Ok(Vec::new());
    }
    let role = if kind == SCP { Use::Scp } else { Use::Rcp };
    let levels = state.chain(account).into_iter().map(|target| {
        let policies = state
            .attached(&target, kind)
            .iter()
            .filter(|policy| policy.id != "p-RCPFullAWSAccess") // implied by the judge
            .map(|policy| compile(&policy.name, &policy.content, role.clone()))
            .collect::<Result<_, _>>()?;
        Ok(ChainLevel { target, policies })
    });
    levels.collect()
}

fn membership(state: &SandboxState, account: &str) -> Option<Membership> {
    let org = state.org()?;
    let member = state.accounts.get(account).is_some_and(|a| !a.parent.is_empty());
    member.then(|| Membership { id: org.id.clone(), management_account: account == org.management })
}

/// `o-.../r-.../ou-.../`, as `aws:PrincipalOrgPaths` and `aws:ResourceOrgPaths` hold it.
fn org_path(state: &SandboxState, account: &str) -> Option<Vec<String>> {
    let org = state.org()?;
    state.accounts.get(account).filter(|a| !a.parent.is_empty())?;
    let mut path = format!("{}/", org.id);
    for target in state.chain(account) {
        if target != account {
            path.push_str(&target);
            path.push('/');
        }
    }
    Some(vec![path])
}

/// The context of every request of a caller.
fn context(state: &SandboxState, caller: &Caller, now: Instant) -> RequestContext {
    let mut context = RequestContext::default();
    context.set("aws:CurrentTime", now.iso());
    context.set("aws:EpochTime", (now.0 / 1000).to_string());
    context.set("aws:SecureTransport", "true");
    context.set("aws:ViaAWSService", "false");
    context.set("aws:SourceIp", "127.0.0.1");
    if let Some(path) = org_path(state, &caller.account) {
        context.set("aws:PrincipalOrgPaths", path);
    }
    let mut tags = own_identity(state, caller).map(|i| i.tags.clone()).unwrap_or_default();
    match &caller.who {
        Who::Session(session) => {
            context.set("aws:userid", caller.user_id());
            context.set("aws:PrincipalArn", session.role_arn.clone());
            context.set("sts:RoleSessionName", session.name.clone());
            if let Some(identity) = &session.source_identity {
                context.set("aws:SourceIdentity", identity.clone());
            }
            if let Some(provider) = &session.federated {
                context.set("aws:FederatedProvider", provider.clone());
            }
            tags.extend(session.tags.clone());
        }
        Who::User { name, id, .. } => {
            context.set("aws:userid", caller.user_id());
            // An account's own root has none.
            if *id != caller.account {
                context.set("aws:username", name.clone());
            }
        }
        Who::Anonymous => {}
    }
    for (key, value) in tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
    }
    context
}

fn principal(caller: &Caller) -> Principal {
    match caller.who {
        Who::Anonymous => Principal::Anonymous,
        _ => Principal::Arn(caller.arn()),
    }
}

fn set_tags(context: &mut RequestContext, tags: &Tags) {
    if tags.is_empty() {
        return;
    }
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value.clone());
    }
    context.set("aws:TagKeys", tags.keys().cloned().collect::<Vec<_>>());
}

/// Whether the trust policy, and the caller's own policies, let it become a role.
pub(crate) fn may_assume(
    state: &SandboxState,
    caller: &Caller,
    assumption: &Assumption<'_>,
    now: Instant,
) -> bool {
    assumption_allowed(state, caller, assumption, now).unwrap_or(false)
}

fn assumption_allowed(
    state: &SandboxState,
    caller: &Caller,
    assumption: &Assumption<'_>,
    now: Instant,
) -> Result<bool, Unreadable> {
    let role = assumption.role;
    let Some(trust) = &role.trust else { return Ok(false) };
    let trust = compile("trust policy", &render_trust(state, trust), Use::Trust)?;
    let (who, mut policies, mut context) = match assumption.web {
        Some((provider, url, claims)) => {
            let mut context = RequestContext::default();
            context.set("aws:CurrentTime", now.iso());
            context.set("aws:SecureTransport", "true");
            context.set("aws:FederatedProvider", provider);
            for (claim, value) in claims.as_object().into_iter().flatten() {
                if let Some(text) = value.as_str() {
                    context.set(&format!("{url}:{claim}"), text);
                }
            }
            (Principal::Federated(provider.to_owned()), Policies::default(), context)
        }
        None => (principal(caller), caller_side(state, caller)?, context(state, caller, now)),
    };
    policies.resource = Some(trust);
    policies.resource_control = chain(state, &role.account, RCP)?;
    context.set("sts:RoleSessionName", assumption.session_name);
    if let Some(id) = assumption.external_id {
        context.set("sts:ExternalId", id);
    }
    if let Some(identity) = assumption.source_identity {
        context.set("sts:SourceIdentity", identity);
    }
    if !assumption.transitive.is_empty() {
        context.set("sts:TransitiveTagKeys", assumption.transitive.to_vec());
    }
    set_tags(&mut context, assumption.tags);
    for (key, value) in &role.tags {
        context.set(&format!("aws:ResourceTag/{key}"), value.clone());
        context.set(&format!("iam:ResourceTag/{key}"), value.clone());
    }
    if let Some(path) = org_path(state, &role.account) {
        context.set("aws:ResourceOrgPaths", path);
    }
    let mut actions = vec![format!("sts:{}", assumption.operation)];
    if !assumption.tags.is_empty() {
        actions.push("sts:TagSession".to_owned());
    }
    if assumption.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity".to_owned());
    }
    Ok(actions.iter().all(|action| {
        let request = Request {
            principal_organization: membership(state, &caller.account),
            resource_account: Some(role.account.clone()),
            resource_organization: membership(state, &role.account),
            context: context.clone(),
            ..Request::new(who.clone(), action, &role.arn)
        };
        evaluate(&request, &policies).is_allowed()
    }))
}

/// The actions that a call takes.
pub(crate) fn actions(state: &SandboxState, caller: &Caller, call: &Call) -> Vec<String> {
    needs::of(state, caller, call).into_iter().map(|need| need.action).collect()
}

/// Authorises one call: always where it reaches into another account, every one when `enforce` is set.
pub(crate) fn call(
    state: &SandboxState,
    caller: &Caller,
    call: &Call,
    enforce: bool,
    now: Instant,
) -> Result<(), Refusal> {
    if call.service == Service::Sts {
        return Ok(()); // judged where roles are assumed; asking who one is needs no permission
    }
    let bucket = match call.service {
        // a bucket that is to be created cannot be somebody else's: creation refuses that itself
        Service::S3 if call.operation != "CreateBucket" => {
            s3::target(call).and_then(|target| state.buckets.get(&target.bucket))
        }
        _ => None,
    };
    let foreign = bucket.is_some_and(|bucket| bucket.account != caller.account);
    if caller.account.is_empty() && bucket.is_none() && call.service != Service::S3 {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    if !enforce && !foreign {
        return Ok(());
    }
    let denied = |need: &Need, by: &str| {
        let message = match call.service {
            Service::S3 => "Access Denied".to_owned(),
            _ => format!(
                "User: {} is not authorized to perform: {} on resource: {}{by}",
                caller.arn(),
                need.action,
                need.resource
            ),
        };
        Refusal::new(403, "AccessDenied", message)
    };
    let unreadable = |_| Refusal::new(403, "AccessDenied", "a policy that applies cannot be read");
    let mut policies = caller_side(state, caller).map_err(unreadable)?;
    let owner = bucket.map_or(caller.account.as_str(), |bucket| bucket.account.as_str());
    policies.resource_control = chain(state, owner, RCP).map_err(unreadable)?;
    if let Some(bucket) = bucket {
        if let Some(text) = bucket.config.get("policy") {
            let role = Use::Resource("s3".to_owned());
            policies.resource = Some(compile("bucket policy", text, role).map_err(unreadable)?);
        }
        policies.restrict_public_buckets = s3::restricts_public(state, bucket);
    }
    let base = context(state, caller, now);
    for need in needs::of(state, caller, call) {
        let mut context = base.clone();
        context.set("aws:RequestedRegion", call.region.clone());
        if let Some(path) = org_path(state, owner) {
            context.set("aws:ResourceOrgPaths", path);
        }
        if let Some(bucket) = bucket.filter(|bucket| bucket.tags_count()) {
            for (key, value) in bucket.tags() {
                context.set(&format!("aws:ResourceTag/{key}"), value.clone());
                context.set(&format!("s3:BucketTag/{key}"), value);
            }
        }
        for (key, values) in &need.context {
            match values.as_slice() {
                [one] if key != "aws:TagKeys" => context.set(key, one.clone()),
                many => context.set(key, many.to_vec()),
            }
        }
        let request = Request {
            principal_organization: membership(state, &caller.account),
            resource_account: Some(owner.to_owned()),
            resource_organization: membership(state, owner),
            context,
            ..Request::new(principal(caller), &need.action, &need.resource)
        };
        let decision = evaluate(&request, &policies);
        if !decision.is_allowed() {
            let by = match decision.decision {
                crate::iam::PolicyDecision::ExplicitDeny => " with an explicit deny",
                _ => "",
            };
            return Err(denied(&need, by));
        }
    }
    Ok(())
}
