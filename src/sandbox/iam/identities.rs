//! Roles, users and groups: create, read, list, update, delete.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{
    IamAnswer, check_name, check_path, check_tags, invalid, limit, no_such, page, tags_xml,
};
use super::document::{bind_trust, encode, quota_size, render_trust};
use super::inline;
use super::model::{AccessKey, Identity, IdentityKind, Trust, identity_key};
use crate::iam::Limits;
use crate::sandbox::clock::Instant;
use crate::sandbox::params::Params;
use crate::sandbox::state::{SandboxState, Tags, UPPER, derive};
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

/// The most characters of a trust policy; the adjustable default.
const TRUST_LIMIT: usize = Limits::AWS.trust_policy_size;

/// A role that the emulation makes itself.
pub(crate) struct NewRole<'a> {
    pub(crate) account: &'a str,
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    pub(crate) trust: Trust,
    pub(crate) description: Option<&'a str>,
    pub(crate) attached: &'a [&'a str],
    pub(crate) linked_to: Option<&'a str>,
}

/// Puts a role in place without asking.
pub(crate) fn put_role(state: &mut SandboxState, now: Instant, role: NewRole<'_>) -> Identity {
    let identity = new_identity(state, now, role.account, IdentityKind::Role, role.name, role.path);
    let identity = Identity {
        trust: Some(role.trust),
        description: role.description.map(str::to_owned),
        max_session: Some(3600),
        attached: role.attached.iter().map(|arn| (*arn).to_owned()).collect(),
        linked_to: role.linked_to.map(str::to_owned),
        ..identity
    };
    state
        .identities
        .insert(identity_key(role.account, IdentityKind::Role, role.name), identity.clone());
    identity
}

pub(crate) fn new_identity(
    state: &mut SandboxState,
    now: Instant,
    account: &str,
    kind: IdentityKind,
    name: &str,
    path: &str,
) -> Identity {
    let id = format!(
        "{}{}",
        kind.id_prefix(),
        state.mint(kind.lower(), &format!("{account}/{}", name.to_lowercase()), UPPER, 17)
    );
    Identity {
        account: account.to_owned(),
        kind,
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        arn: format!("arn:aws:iam::{account}:{}{path}{name}", kind.lower()),
        created: now,
        trust: None,
        description: None,
        max_session: None,
        boundary: None,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        tags: Tags::new(),
        groups: BTreeSet::new(),
        linked_to: None,
    }
}

/// The row's key and name of the identity that a request names.
pub(super) fn find(
    ctx: &mut Ctx<'_>,
    kind: IdentityKind,
    params: &Params,
) -> Result<(String, Identity), Refusal> {
    let name = match params.get(kind.name_member()) {
        None if kind == IdentityKind::User => match &ctx.caller.who {
            crate::sandbox::caller::Who::User { name, .. } => name.clone(),
            _ => {
                return Err(invalid(
                    "Must specify userName when calling with non-User credentials",
                ));
            }
        },
        _ => params.need(kind.name_member())?.to_owned(),
    };
    let key = identity_key(&ctx.caller.account, kind, &name);
    match ctx.state.identities.get(&key) {
        Some(identity) if !ctx.consistency.is_delayed("read", &identity.arn) => {
            Ok((key, identity.clone()))
        }
        _ => Err(no_such(kind.lower(), &name)),
    }
}

/// Like [`find`], and refuses what only AWS may change.
pub(super) fn find_own(
    ctx: &mut Ctx<'_>,
    kind: IdentityKind,
    params: &Params,
) -> Result<(String, Identity), Refusal> {
    let (key, identity) = find(ctx, kind, params)?;
    if identity.linked_to.is_some() {
        return Err(Refusal::new(
            400,
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                identity.name
            ),
        ));
    }
    Ok((key, identity))
}

pub(super) fn xml(state: &SandboxState, identity: &Identity, whole: bool) -> Xml {
    let kind = identity.kind;
    let mut xml = Xml::new()
        .text("Path", &identity.path)
        .text(kind.name_member(), &identity.name)
        .text(&format!("{}Id", kind.title()), &identity.id)
        .text("Arn", &identity.arn)
        .text("CreateDate", identity.created.iso());
    if let Some(trust) = &identity.trust {
        xml = xml.text("AssumeRolePolicyDocument", encode(&render_trust(state, trust)));
    }
    xml = xml.opt("Description", identity.description.as_ref());
    if let Some(seconds) = identity.max_session {
        xml = xml.num("MaxSessionDuration", seconds);
    }
    if !whole {
        return xml; // lists leave out boundary, tags and last use, as AWS's do
    }
    xml = boundary_xml(xml, identity);
    if !identity.tags.is_empty() {
        xml = xml.list("Tags", tags_xml(&identity.tags));
    }
    if kind == IdentityKind::Role { xml.node("RoleLastUsed", Xml::new()) } else { xml }
}

pub(super) fn boundary_xml(xml: Xml, identity: &Identity) -> Xml {
    match &identity.boundary {
        Some(arn) => xml.node(
            "PermissionsBoundary",
            Xml::new()
                .text("PermissionsBoundaryType", "Policy")
                .text("PermissionsBoundaryArn", arn),
        ),
        None => xml,
    }
}

pub(super) fn create(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let name = params.need(kind.name_member())?;
    let account = ctx.caller.account.clone();
    check_name(kind.name_member(), name, if kind == IdentityKind::Group { 128 } else { 64 })?;
    let path = params.get("Path").unwrap_or("/");
    check_path(path)?;
    let tags = params.pairs("Tags");
    check_tags(&tags)?;
    let key = identity_key(&account, kind, name);
    if kind == IdentityKind::Role && path.starts_with("/aws-service-role/") {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "The path /aws-service-role/ is reserved for service-linked roles",
        ));
    }
    let trust = match kind {
        IdentityKind::Role => {
            let text = params.need("AssumeRolePolicyDocument")?;
            Some(checked_trust(ctx, text)?)
        }
        _ => None,
    };
    let max_session = (kind == IdentityKind::Role).then(|| session_length(params)).transpose()?;
    let boundary = match params.get("PermissionsBoundary") {
        Some(arn) => Some(inline::existing_boundary(ctx, arn)?),
        None => None,
    };
    if ctx.state.identities.contains(&key) {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("{} with name {name} already exists.", kind.title()),
        ));
    }
    let quota = match kind {
        IdentityKind::Role => 5000, // what the default of 1,000 can be raised to
        IdentityKind::User => 5000,
        IdentityKind::Group => 300,
    };
    let count = ctx.state.identities.scan(&format!("{account}/{}/", kind.lower())).count();
    if count >= quota {
        return Err(limit(format!("Cannot exceed quota for {}sPerAccount: {quota}", kind.title())));
    }
    let identity = Identity {
        trust,
        max_session: max_session.flatten().or((kind == IdentityKind::Role).then_some(3600)),
        description: description(params)?,
        boundary,
        tags: tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ..new_identity(ctx.state, ctx.now, &account, kind, name, path)
    };
    ctx.consistency.created(&identity.arn, &["read", "assume", "principal"]);
    let answer = xml(ctx.state, &identity, true);
    ctx.state.identities.insert(key, identity);
    Ok(Xml::new().node(kind.title(), answer))
}

fn checked_trust(ctx: &mut Ctx<'_>, text: &str) -> Result<Trust, Refusal> {
    let trust = bind_trust(ctx.state, text)?;
    for arn in trust.bound.keys() {
        if ctx.consistency.is_delayed("principal", arn) {
            return Err(super::answers::malformed(format!(
                "Invalid principal in policy: \"AWS\":\"{arn}\""
            )));
        }
    }
    if quota_size(text) > TRUST_LIMIT {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}")));
    }
    Ok(trust)
}

fn session_length(params: &Params) -> Result<Option<i64>, Refusal> {
    match params.int("MaxSessionDuration")? {
        Some(n) if !(3600..=43_200).contains(&n) => Err(invalid(format!(
            "1 validation error detected: Value '{n}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200"
        ))),
        other => Ok(other),
    }
}

fn description(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("Description") {
        Some(text) if text.chars().count() > 1000 => Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000",
        )),
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(None),
    }
}

pub(super) fn get(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (_, identity) = find(ctx, kind, params)?;
    let answer = Xml::new().node(kind.title(), xml(ctx.state, &identity, true));
    if kind != IdentityKind::Group {
        return Ok(answer);
    }
    let own = identity.name.to_lowercase();
    let members: Vec<(String, Xml)> = ctx
        .state
        .identities
        .scan(&format!("{}/user/", ctx.caller.account))
        .filter(|(_, user)| user.groups.contains(&own))
        .map(|(key, user)| (key.to_owned(), xml(ctx.state, user, false)))
        .collect();
    let (users, tail) = page(params, members)?;
    Ok(answer.list("Users", users).join(&tail))
}

pub(super) fn list(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let all: Vec<&Identity> = ctx
        .state
        .identities
        .scan(&format!("{}/{}/", ctx.caller.account, kind.lower()))
        .map(|(_, identity)| identity)
        .filter(|identity| identity.path.starts_with(prefix))
        .collect();
    let state = &*ctx.state;
    let (found, tail) = page(params, all.into_iter().map(|i| (i.name.to_lowercase(), i)))?;
    let items = found.into_iter().map(|i| xml(state, i, false));
    Ok(Xml::new().list(&format!("{}s", kind.title()), items).join(&tail))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, kind: IdentityKind, params: &Params) -> IamAnswer {
    let (key, identity) = find_own(ctx, kind, params)?;
    let conflict = |message: &str| Err(Refusal::new(409, "DeleteConflict", message));
    if !identity.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    if !identity.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    let own = identity.name.to_lowercase();
    let account = ctx.caller.account.clone();
    match kind {
        IdentityKind::Role => {
            let used =
                ctx.state.instance_profiles.scan(&format!("{account}/")).any(|(_, profile)| {
                    profile.role.as_ref().is_some_and(|role| role.to_lowercase() == own)
                });
            if used {
                return conflict(
                    "Cannot delete entity, must remove roles from instance profile first.",
                );
            }
        }
        IdentityKind::User => {
            let has_key = ctx
                .state
                .access_keys
                .values()
                .any(|k| k.account == account && k.user.to_lowercase() == own);
            if has_key {
                return conflict("Cannot delete entity, must delete access keys first.");
            }
            if !identity.groups.is_empty() {
                return conflict("Cannot delete entity, must remove users from group first.");
            }
        }
        IdentityKind::Group => {
            let members = ctx
                .state
                .identities
                .scan(&format!("{account}/user/"))
                .any(|(_, user)| user.groups.contains(&own));
            if members {
                return conflict("Cannot delete entity, must remove users from group first.");
            }
        }
    }
    ctx.state.identities.remove(&key);
    Ok(Xml::new())
}

pub(super) fn update_trust(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, _) = find_own(ctx, IdentityKind::Role, params)?;
    let text = params.need("PolicyDocument")?;
    let trust = checked_trust(ctx, text)?;
    if let Some(role) = ctx.state.identities.get_mut(&key) {
        role.trust = Some(trust);
    }
    Ok(Xml::new())
}

pub(super) fn update_role(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, _) = find_own(ctx, IdentityKind::Role, params)?;
    let (description, length) = (description(params)?, session_length(params)?);
    if let Some(role) = ctx.state.identities.get_mut(&key) {
        if let Some(description) = description {
            role.description = Some(description);
        }
        if let Some(length) = length {
            role.max_session = Some(length);
        }
    }
    Ok(Xml::new())
}

pub(super) fn create_service_linked(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let service = params.need("AWSServiceName")?;
    let short = service
        .strip_suffix(".amazonaws.com")
        .filter(|s| {
            !s.is_empty()
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        })
        .ok_or_else(|| {
            Refusal::new(
                400,
                "InvalidInput",
                format!("{service} is not a valid AWS service principal"),
            )
        })?;
    let title: String = short
        .split(['-', '.'])
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
        })
        .collect();
    let name = match params.get("CustomSuffix") {
        Some(suffix) => format!("AWSServiceRoleFor{title}_{suffix}"),
        None => format!("AWSServiceRoleFor{title}"),
    };
    let account = ctx.caller.account.clone();
    if ctx.state.identities.contains(&identity_key(&account, IdentityKind::Role, &name)) {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            ),
        ));
    }
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let role = put_role(
        ctx.state,
        ctx.now,
        NewRole {
            account: &account,
            name: &name,
            path: &format!("/aws-service-role/{service}/"),
            trust: Trust { text, bound: BTreeMap::new() },
            description: params.get("Description"),
            attached: &[],
            linked_to: Some(service),
        },
    );
    Ok(Xml::new().node("Role", xml(ctx.state, &role, true)))
}

pub(super) fn delete_service_linked(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, role) = find(ctx, IdentityKind::Role, params)?;
    if role.linked_to.is_none() {
        return Err(Refusal::new(400, "InvalidInput", "The role is not a service-linked role."));
    }
    ctx.state.identities.remove(&key);
    Ok(Xml::new().text("DeletionTaskId", format!("task{}{}", role.path, role.id)))
}

pub(super) fn add_to_group(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, group) = find(ctx, IdentityKind::Group, params)?;
    let (key, user) = find(ctx, IdentityKind::User, params)?;
    if user.groups.len() >= 10 && !user.groups.contains(&group.name.to_lowercase()) {
        return Err(limit("Cannot exceed quota for GroupsPerUser: 10"));
    }
    if let Some(user) = ctx.state.identities.get_mut(&key) {
        user.groups.insert(group.name.to_lowercase());
    }
    Ok(Xml::new())
}

pub(super) fn remove_from_group(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, group) = find(ctx, IdentityKind::Group, params)?;
    let (key, _) = find(ctx, IdentityKind::User, params)?;
    if let Some(user) = ctx.state.identities.get_mut(&key) {
        user.groups.remove(&group.name.to_lowercase());
    }
    Ok(Xml::new())
}

pub(super) fn groups_of(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, user) = find(ctx, IdentityKind::User, params)?;
    let state = &*ctx.state;
    let groups: Vec<(String, Xml)> = user
        .groups
        .iter()
        .filter_map(|name| {
            let group =
                state.identities.get(&identity_key(&user.account, IdentityKind::Group, name))?;
            Some((name.clone(), xml(state, group, false)))
        })
        .collect();
    let (items, tail) = page(params, groups)?;
    Ok(Xml::new().list("Groups", items).join(&tail))
}

pub(super) fn create_access_key(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, user) = find(ctx, IdentityKind::User, params)?;
    let own = |k: &AccessKey| k.account == user.account && k.user == user.name;
    if ctx.state.access_keys.values().filter(|k| own(k)).count() >= 2 {
        return Err(limit("Cannot exceed quota for AccessKeysPerUser: 2"));
    }
    let natural = format!("{}/{}", user.account, user.name.to_lowercase());
    let id = format!("AKIA{}", ctx.state.mint("access-key", &natural, UPPER, 16));
    let secret = derive(&format!("{}/{id}", ctx.state.meta("secret")), UPPER, 40);
    ctx.state.access_keys.insert(
        id.clone(),
        AccessKey {
            account: user.account.clone(),
            user: user.name.clone(),
            secret: secret.clone(),
            created: ctx.now,
        },
    );
    Ok(Xml::new().node(
        "AccessKey",
        Xml::new()
            .text("UserName", &user.name)
            .text("AccessKeyId", id)
            .text("Status", "Active")
            .text("SecretAccessKey", secret)
            .text("CreateDate", ctx.now.iso()),
    ))
}

pub(super) fn list_access_keys(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, user) = find(ctx, IdentityKind::User, params)?;
    let keys: Vec<(String, Xml)> = ctx
        .state
        .access_keys
        .iter()
        .filter(|(_, k)| k.account == user.account && k.user == user.name)
        .map(|(id, key)| {
            let xml = Xml::new()
                .text("UserName", &user.name)
                .text("AccessKeyId", id)
                .text("Status", "Active")
                .text("CreateDate", key.created.iso());
            (id.to_owned(), xml)
        })
        .collect();
    let (items, tail) = page(params, keys)?;
    Ok(Xml::new().list("AccessKeyMetadata", items).join(&tail))
}

pub(super) fn delete_access_key(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let id = params.need("AccessKeyId")?;
    match ctx.state.access_keys.get(id) {
        Some(key) if key.account == ctx.caller.account => {
            ctx.state.access_keys.remove(id);
            Ok(Xml::new())
        }
        _ => Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("The Access Key with id {id} cannot be found."),
        )),
    }
}
