//! Managed policies and their versions, the customer's and AWS's.

use super::answers::{
    IamAnswer, check_name, check_path, check_tags, invalid, limit, malformed, page, tags_xml,
};
use super::aws_managed;
use super::document::{Use, check, encode, quota_size};
use super::model::{Identity, IdentityKind, ManagedPolicy, PolicyVersion};
use crate::iam::Limits;
use crate::sandbox::clock::Instant;
use crate::sandbox::params::Params;
use crate::sandbox::state::{SandboxState, UPPER};
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

/// Characters of a managed policy, white space not counted.
const SIZE_LIMIT: usize = Limits::AWS.managed_policy_size;
/// Versions that AWS keeps of a managed policy.
const VERSION_LIMIT: usize = 5;

fn missing(arn: &str) -> Refusal {
    Refusal::new(404, "NoSuchEntity", format!("Policy {arn} was not found."))
}

/// The row key of a customer policy's ARN in an account.
pub(crate) fn row_key(account: &str, arn: &str) -> Option<String> {
    let rest =
        arn.strip_prefix("arn:aws:iam::")?.strip_prefix(account)?.strip_prefix(":policy/")?;
    let name = rest.rsplit('/').next()?;
    Some(format!("{account}/{}", name.to_lowercase()))
}

/// The text in force of any managed policy, as an account sees it.
pub(crate) fn text_of<'w>(state: &'w SandboxState, account: &str, arn: &str) -> Option<&'w str> {
    if let Some(managed) = aws_managed::find(arn) {
        return Some(managed.text);
    }
    let policy = state.managed_policies.get(&row_key(account, arn)?)?;
    (policy.arn == arn).then(|| policy.text())
}

/// Refuses an ARN that is no managed policy of AWS's or of the caller's account.
pub(super) fn need_existing(ctx: &mut Ctx<'_>, arn: &str) -> Result<(), Refusal> {
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("ARN {arn} is not valid.")));
    }
    if aws_managed::find(arn).is_some() {
        return Ok(());
    }
    find(ctx, arn).map(|_| ()).map_err(|_| {
        Refusal::new(
            404,
            "NoSuchEntity",
            format!("Policy {arn} does not exist or is not attachable."),
        )
    })
}

fn find(ctx: &mut Ctx<'_>, arn: &str) -> Result<(String, ManagedPolicy), Refusal> {
    let key = row_key(&ctx.caller.account, arn).ok_or_else(|| missing(arn))?;
    match ctx.state.managed_policies.get(&key) {
        Some(policy) if policy.arn == arn && !ctx.consistency.is_delayed("read", arn) => {
            Ok((key, policy.clone()))
        }
        _ => Err(missing(arn)),
    }
}

/// How often a policy is attached, and used as a boundary.
fn uses(state: &SandboxState, account: &str, arn: &str) -> (usize, usize) {
    let mut counts = (0, 0);
    for (_, identity) in state.identities.scan(&format!("{account}/")) {
        counts.0 += usize::from(identity.attached.contains(arn));
        counts.1 += usize::from(identity.boundary.as_deref() == Some(arn));
    }
    counts
}

pub(super) fn xml(policy: &ManagedPolicy, uses: (usize, usize)) -> Xml {
    Xml::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", &policy.default)
        .num("AttachmentCount", uses.0)
        .num("PermissionsBoundaryUsageCount", uses.1)
        .text("IsAttachable", "true")
        .text("CreateDate", policy.created.iso())
        .text("UpdateDate", policy.updated.iso())
}

/// A policy of AWS's own, in the shape of a customer's.
pub(super) fn as_managed(aws: &aws_managed::AwsManaged) -> ManagedPolicy {
    let created = Instant(1_423_000_000_000);
    ManagedPolicy {
        name: aws.name.to_owned(),
        path: aws.path.to_owned(),
        id: format!("ANPA{}", crate::sandbox::state::derive(aws.name, UPPER, 17)),
        arn: aws.arn(),
        description: Some(aws.description.to_owned()),
        created,
        updated: created,
        versions: vec![PolicyVersion { id: "v1".to_owned(), text: aws.text.to_owned(), created }],
        default: "v1".to_owned(),
        next: 2,
        tags: Default::default(),
    }
}

pub(super) fn version_xml(policy: &ManagedPolicy, version: &PolicyVersion, with_text: bool) -> Xml {
    let xml =
        if with_text { Xml::new().text("Document", encode(&version.text)) } else { Xml::new() };
    xml.text("VersionId", &version.id)
        .text("IsDefaultVersion", (version.id == policy.default).to_string())
        .text("CreateDate", version.created.iso())
}

fn checked_text(params: &Params) -> Result<&str, Refusal> {
    let text = params.need("PolicyDocument")?;
    check(text, Use::Identity).map_err(malformed)?;
    if quota_size(text) > SIZE_LIMIT {
        return Err(limit(format!("Cannot exceed quota for PolicySize: {SIZE_LIMIT}")));
    }
    Ok(text)
}

pub(super) fn create(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let name = params.need("PolicyName")?;
    check_name("PolicyName", name, 128)?;
    let path = params.get("Path").unwrap_or("/");
    check_path(path)?;
    let tags = params.pairs("Tags");
    check_tags(&tags)?;
    let text = checked_text(params)?;
    let account = ctx.caller.account.clone();
    let key = format!("{account}/{}", name.to_lowercase());
    if ctx.state.managed_policies.contains(&key) {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("A policy called {name} already exists. Duplicate names are not allowed."),
        ));
    }
    if ctx.state.managed_policies.scan(&format!("{account}/")).count() >= 5000 {
        return Err(limit("Cannot exceed quota for PoliciesPerAccount: 5000"));
    }
    let id = format!("ANPA{}", ctx.state.mint("policy", &key, UPPER, 17));
    let policy = ManagedPolicy {
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        arn: format!("arn:aws:iam::{account}:policy{path}{name}"),
        description: params.get("Description").map(str::to_owned),
        created: ctx.now,
        updated: ctx.now,
        versions: vec![PolicyVersion {
            id: "v1".to_owned(),
            text: text.to_owned(),
            created: ctx.now,
        }],
        default: "v1".to_owned(),
        next: 2,
        tags: tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    };
    ctx.consistency.created(&policy.arn, &["read"]);
    let mut answer = xml(&policy, (0, 0)).opt("Description", policy.description.as_ref());
    if !policy.tags.is_empty() {
        answer = answer.list("Tags", tags_xml(&policy.tags));
    }
    ctx.state.managed_policies.insert(key, policy);
    Ok(Xml::new().node("Policy", answer))
}

/// Any policy that the caller may read, AWS's included.
fn readable(ctx: &mut Ctx<'_>, params: &Params) -> Result<ManagedPolicy, Refusal> {
    let arn = params.need("PolicyArn")?;
    match aws_managed::find(arn) {
        Some(aws) => Ok(as_managed(aws)),
        None => find(ctx, arn).map(|(_, policy)| policy),
    }
}

pub(super) fn get(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let policy = readable(ctx, params)?;
    let uses = uses(ctx.state, &ctx.caller.account, &policy.arn);
    let mut answer = xml(&policy, uses).opt("Description", policy.description.as_ref());
    if !policy.tags.is_empty() {
        answer = answer.list("Tags", tags_xml(&policy.tags));
    }
    Ok(Xml::new().node("Policy", answer))
}

pub(super) fn list(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let scope = params.get("Scope").unwrap_or("All");
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let attached_only = params.flag("OnlyAttached") == Some(true);
    let account = &ctx.caller.account;
    let mut all = Vec::new();
    if scope != "AWS" {
        all.extend(ctx.state.managed_policies.scan(&format!("{account}/")).map(|(_, p)| p.clone()));
    }
    if scope != "Local" {
        all.extend(aws_managed::ALL.iter().map(as_managed));
    }
    let mut counted: std::collections::BTreeMap<&str, (usize, usize)> = Default::default();
    for (_, identity) in ctx.state.identities.scan(&format!("{account}/")) {
        for arn in &identity.attached {
            counted.entry(arn).or_default().0 += 1;
        }
        if let Some(arn) = &identity.boundary {
            counted.entry(arn).or_default().1 += 1;
        }
    }
    let items = all.into_iter().filter(|p| p.path.starts_with(prefix)).filter_map(|policy| {
        let uses = counted.get(policy.arn.as_str()).copied().unwrap_or_default();
        (!attached_only || uses.0 > 0).then(|| (policy.arn.clone(), xml(&policy, uses)))
    });
    let mut items: Vec<_> = items.collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let (items, tail) = page(params, items)?;
    Ok(Xml::new().list("Policies", items).join(&tail))
}

/// A policy that the caller may change.
fn own(ctx: &mut Ctx<'_>, params: &Params) -> Result<(String, ManagedPolicy), Refusal> {
    let arn = params.need("PolicyArn")?;
    if aws_managed::find(arn).is_some() {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            format!("Policy {arn} is owned by AWS and cannot be changed"),
        ));
    }
    find(ctx, arn)
}

pub(super) fn delete(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, policy) = own(ctx, params)?;
    let conflict = |message: &str| Err(Refusal::new(409, "DeleteConflict", message));
    let uses = uses(ctx.state, &ctx.caller.account, &policy.arn);
    if uses.0 > 0 {
        return conflict("Cannot delete a policy attached to entities.");
    }
    if uses.1 > 0 {
        return conflict("Cannot delete a policy used as a permissions boundary.");
    }
    if policy.versions.len() > 1 {
        return conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        );
    }
    ctx.state.managed_policies.remove(&key);
    Ok(Xml::new())
}

pub(super) fn create_version(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, policy) = own(ctx, params)?;
    let text = checked_text(params)?;
    if policy.versions.len() >= VERSION_LIMIT {
        return Err(limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    let now = ctx.now;
    let version =
        PolicyVersion { id: format!("v{}", policy.next), text: text.to_owned(), created: now };
    let set_default = params.flag("SetAsDefault") == Some(true);
    if let Some(policy) = ctx.state.managed_policies.get_mut(&key) {
        policy.next += 1;
        policy.updated = now;
        policy.versions.push(version.clone());
        if set_default {
            policy.default = version.id.clone();
        }
        return Ok(Xml::new().node("PolicyVersion", version_xml(policy, &version, false)));
    }
    Err(missing(&policy.arn))
}

fn version_of<'p>(policy: &'p ManagedPolicy, id: &str) -> Result<&'p PolicyVersion, Refusal> {
    policy.version(id).ok_or_else(|| {
        Refusal::new(
            404,
            "NoSuchEntity",
            format!("Policy {} version {id} does not exist or is not attachable.", policy.arn),
        )
    })
}

pub(super) fn get_version(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let policy = readable(ctx, params)?;
    let version = version_of(&policy, params.need("VersionId")?)?;
    Ok(Xml::new().node("PolicyVersion", version_xml(&policy, version, true)))
}

pub(super) fn list_versions(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let policy = readable(ctx, params)?;
    let (items, tail) = page(
        params,
        policy.versions.iter().rev().map(|v| {
            (format!("{:012}", i64::MAX - v.created.0) + &v.id, version_xml(&policy, v, false))
        }),
    )?;
    Ok(Xml::new().list("Versions", items).join(&tail))
}

pub(super) fn delete_version(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, policy) = own(ctx, params)?;
    let id = params.need("VersionId")?;
    version_of(&policy, id)?;
    if policy.default == id {
        return Err(Refusal::new(
            409,
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
        ));
    }
    if let Some(policy) = ctx.state.managed_policies.get_mut(&key) {
        policy.versions.retain(|version| version.id != id);
    }
    Ok(Xml::new())
}

pub(super) fn set_default(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, policy) = own(ctx, params)?;
    let id = params.need("VersionId")?;
    version_of(&policy, id)?;
    let now = ctx.now;
    if let Some(policy) = ctx.state.managed_policies.get_mut(&key) {
        policy.default = id.to_owned();
        policy.updated = now;
    }
    Ok(Xml::new())
}

pub(super) fn entities(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let policy = readable(ctx, params)?;
    let boundary = params.get("PolicyUsageFilter") == Some("PermissionsBoundary");
    let uses_it = |identity: &Identity| {
        if boundary {
            identity.boundary.as_deref() == Some(policy.arn.as_str())
        } else {
            identity.attached.contains(&policy.arn)
        }
    };
    let all: Vec<(String, &Identity)> = ctx
        .state
        .identities
        .scan(&format!("{}/", ctx.caller.account))
        .filter(|(_, identity)| uses_it(identity))
        .map(|(key, identity)| (key.to_owned(), identity))
        .collect();
    let (found, tail) = page(params, all)?;
    let mut answer = Xml::new();
    for kind in [IdentityKind::Group, IdentityKind::User, IdentityKind::Role] {
        let members = found.iter().filter(|i| i.kind == kind).map(|i| {
            Xml::new().text(kind.name_member(), &i.name).text(&format!("{}Id", kind.title()), &i.id)
        });
        answer = answer.list(&format!("Policy{}s", kind.title()), members);
    }
    Ok(answer.join(&tail))
}
