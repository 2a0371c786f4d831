//! Inline policies, attached policies and boundaries of roles, users and groups.

use super::answers::{IamAnswer, check_name, invalid, limit, malformed, page};
use super::document::{Use, check, encode, quota_size};
use super::identities::{find, find_own};
use super::model::{Identity, IdentityKind};
use super::policies;
use crate::iam::Limits;
use crate::sandbox::params::Params;
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

/// Managed policies that may be attached to one identity; the adjustable default is 10.
const ATTACHED_LIMIT: usize = Limits::AWS.managed_policies_per_role;

pub(super) fn put(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    let name = params.need("PolicyName")?;
    check_name("PolicyName", name, 128)?;
    let text = params.need("PolicyDocument")?;
    check(text, Use::Identity).map_err(malformed)?;
    let others: usize = identity
        .inline
        .iter()
        .filter(|(other, _)| other.as_str() != name)
        .map(|(_, text)| quota_size(text))
        .sum();
    if others + quota_size(text) > kind.inline_limit() {
        return Err(limit(format!(
            "Maximum policy size of {} bytes exceeded for {} {}",
            kind.inline_limit(),
            kind.lower(),
            identity.name
        )));
    }
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.inline.insert(name.to_owned(), text.to_owned());
    }
    Ok(Xml::new())
}

fn no_policy(identity: &Identity, name: &str) -> Refusal {
    Refusal::new(
        404,
        "NoSuchEntity",
        format!("The {} policy with name {name} cannot be found.", identity.kind.lower()),
    )
}

pub(super) fn get(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (_, identity) = find(ctx, kind, params)?;
    let name = params.need("PolicyName")?;
    let text = identity.inline.get(name).ok_or_else(|| no_policy(&identity, name))?;
    Ok(Xml::new()
        .text(kind.name_member(), &identity.name)
        .text("PolicyName", name)
        .text("PolicyDocument", encode(text)))
}

pub(super) fn list(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (_, identity) = find(ctx, kind, params)?;
    let (names, tail) = page(params, identity.inline.keys().map(|name| (name.clone(), name)))?;
    Ok(Xml::new().texts("PolicyNames", names.into_iter().map(String::as_str)).join(&tail))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    let name = params.need("PolicyName")?;
    if !identity.inline.contains_key(name) {
        return Err(no_policy(&identity, name));
    }
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.inline.remove(name);
    }
    Ok(Xml::new())
}

pub(super) fn attach(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    let arn = params.need("PolicyArn")?;
    policies::need_existing(ctx, arn)?;
    if !identity.attached.contains(arn) && identity.attached.len() >= ATTACHED_LIMIT {
        return Err(limit(format!(
            "Cannot exceed quota for PoliciesPer{}: {ATTACHED_LIMIT}",
            kind.title()
        )));
    }
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.attached.insert(arn.to_owned());
    }
    Ok(Xml::new())
}

pub(super) fn detach(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    let arn = params.need("PolicyArn")?;
    if !identity.attached.contains(arn) {
        return Err(Refusal::new(404, "NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.attached.remove(arn);
    }
    Ok(Xml::new())
}

pub(super) fn attached_xml(identity: &Identity) -> Vec<Xml> {
    identity
        .attached
        .iter()
        .map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            Xml::new().text("PolicyName", name).text("PolicyArn", arn)
        })
        .collect()
}

pub(super) fn list_attached(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (_, identity) = find(ctx, kind, params)?;
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let items = identity.attached.iter().zip(attached_xml(&identity)).filter(|(arn, _)| {
        arn.split_once(":policy").is_some_and(|(_, path)| path.starts_with(prefix))
    });
    let (items, tail) = page(params, items.map(|(arn, xml)| (arn.clone(), xml)))?;
    Ok(Xml::new().list("AttachedPolicies", items).join(&tail))
}

/// A boundary must be a managed policy that exists.
pub(super) fn existing_boundary(ctx: &mut Ctx<'_>, arn: &str) -> Result<String, Refusal> {
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("ARN {arn} is not valid.")));
    }
    match policies::need_existing(ctx, arn) {
        Ok(()) => Ok(arn.to_owned()),
        Err(_) => Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("Scope ARN: {arn} does not exist or is not attachable."),
        )),
    }
}

pub(super) fn put_boundary(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, _) = find_own(ctx, kind, params)?;
    let arn = existing_boundary(ctx, params.need("PermissionsBoundary")?)?;
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.boundary = Some(arn);
    }
    Ok(Xml::new())
}

pub(super) fn delete_boundary(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    if identity.boundary.is_none() {
        return Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("{} {} has no permissions boundary.", kind.title(), identity.name),
        ));
    }
    if let Some(identity) = ctx.state.identities.get_mut(&key) {
        identity.boundary = None;
    }
    Ok(Xml::new())
}
