//! Instance profiles.

use super::answers::{
    IamAnswer, check_name, check_path, check_tags, limit, no_such, page, tags_xml,
};
use super::identities;
use super::model::{IdentityKind, InstanceProfile, identity_key};
use crate::sandbox::params::Params;
use crate::sandbox::state::{SandboxState, UPPER};
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

fn find(ctx: &mut Ctx<'_>, params: &Params) -> Result<(String, InstanceProfile), Refusal> {
    let name = params.need("InstanceProfileName")?;
    let key = format!("{}/{}", ctx.caller.account, name.to_lowercase());
    match ctx.state.instance_profiles.get(&key) {
        Some(profile) => Ok((key, profile.clone())),
        None => Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("Instance Profile {name} cannot be found."),
        )),
    }
}

pub(super) fn xml(state: &SandboxState, account: &str, profile: &InstanceProfile) -> Xml {
    let role = profile
        .role
        .as_ref()
        .and_then(|role| state.identities.get(&identity_key(account, IdentityKind::Role, role)));
    Xml::new()
        .text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", &profile.arn)
        .text("CreateDate", profile.created.iso())
        .list("Roles", role.map(|role| identities::xml(state, role, false)))
        .list("Tags", tags_xml(&profile.tags))
}

pub(super) fn create(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let name = params.need("InstanceProfileName")?;
    check_name("InstanceProfileName", name, 128)?;
    let path = params.get("Path").unwrap_or("/");
    check_path(path)?;
    let tags = params.pairs("Tags");
    check_tags(&tags)?;
    let account = ctx.caller.account.clone();
    let key = format!("{account}/{}", name.to_lowercase());
    if ctx.state.instance_profiles.contains(&key) {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("Instance Profile {name} already exists."),
        ));
    }
    let id = format!("AIPA{}", ctx.state.mint("profile", &key, UPPER, 17));
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        arn: format!("arn:aws:iam::{account}:instance-profile{path}{name}"),
        created: ctx.now,
        role: None,
        tags: tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    };
    let answer = Xml::new().node("InstanceProfile", xml(ctx.state, &account, &profile));
    ctx.state.instance_profiles.insert(key, profile);
    Ok(answer)
}

pub(super) fn get(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, profile) = find(ctx, params)?;
    Ok(Xml::new().node("InstanceProfile", xml(ctx.state, &ctx.caller.account, &profile)))
}

fn listed(ctx: &mut Ctx<'_>, params: &Params, of_role: Option<&str>) -> IamAnswer {
    let (state, account) = (&*ctx.state, &ctx.caller.account);
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let profiles = state.instance_profiles.scan(&format!("{account}/")).filter(|(_, p)| {
        p.path.starts_with(prefix)
            && of_role.is_none_or(|role| {
                p.role.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(role))
            })
    });
    let (items, tail) =
        page(params, profiles.map(|(key, p)| (key.to_owned(), xml(state, account, p))))?;
    Ok(Xml::new().list("InstanceProfiles", items).join(&tail))
}

pub(super) fn list(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    listed(ctx, params, None)
}

pub(super) fn list_for_role(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, role) = identities::find(ctx, IdentityKind::Role, params)?;
    listed(ctx, params, Some(&role.name))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, profile) = find(ctx, params)?;
    if profile.role.is_some() {
        return Err(Refusal::new(
            409,
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    ctx.state.instance_profiles.remove(&key);
    Ok(Xml::new())
}

pub(super) fn add_role(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, profile) = find(ctx, params)?;
    let (_, role) = identities::find(ctx, IdentityKind::Role, params)?;
    if profile.role.is_some() {
        return Err(limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    if let Some(profile) = ctx.state.instance_profiles.get_mut(&key) {
        profile.role = Some(role.name);
    }
    Ok(Xml::new())
}

pub(super) fn remove_role(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, profile) = find(ctx, params)?;
    let name = params.need("RoleName")?;
    if !profile.role.is_some_and(|role| role.eq_ignore_ascii_case(name)) {
        return Err(no_such("role", name));
    }
    if let Some(profile) = ctx.state.instance_profiles.get_mut(&key) {
        profile.role = None;
    }
    Ok(Xml::new())
}
