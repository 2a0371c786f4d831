//! Policies of the organization: types, texts, attachments.

use serde_json::{Value, json};

use super::model::{AWS_POLICIES, OrgPolicy, Organization, RCP, SCP};
use super::{OrganizationsAnswer, constraint, invalid, need, page, root, tags_member, text};
use crate::iam::Limits;
use crate::sandbox::iam::document::{Use, check};
use crate::sandbox::state::{LOWER, SandboxState};
use crate::sandbox::wire::{Ctx, Refusal};

/// The types that configure services: name, the one member at the top of a content where it is known, and its largest
/// size in characters.
/// Sources: the syntax page of each type in the Organizations User Guide; "Quotas and service limits".
const MANAGEMENT_TYPES: [(&str, Option<&str>, usize); 12] = [
    ("TAG_POLICY", Some("tags"), 10_000),
    ("BACKUP_POLICY", Some("plans"), 10_000),
    ("AISERVICES_OPT_OUT_POLICY", Some("services"), 2_500),
    ("CHATBOT_POLICY", Some("chatbot"), 10_000),
    ("DECLARATIVE_POLICY_EC2", Some("ec2_attributes"), 10_000),
    ("SECURITYHUB_POLICY", Some("securityhub"), 10_000),
    ("INSPECTOR_POLICY", Some("inspector"), 10_000),
    ("UPGRADE_ROLLOUT_POLICY", Some("upgrade_rollout"), 5_120),
    ("BEDROCK_POLICY", Some("bedrock"), 10_000),
    ("S3_POLICY", Some("s3_attributes"), 10_000),
    ("GUARDDUTY_POLICY", None, 10_000),
    ("NETWORK_SECURITY_DIRECTOR_POLICY", Some("network_security_director"), 10_000),
];

pub(super) fn management_type(
    name: &str,
) -> Option<&'static (&'static str, Option<&'static str>, usize)> {
    MANAGEMENT_TYPES.iter().find(|(known, ..)| *known == name)
}

/// Characters of a policy, white space included. Source: "Quotas and service limits", as of May 2026.
fn size_limit(kind: &str) -> usize {
    match kind {
        SCP => Limits::AWS.scp_size,
        RCP => Limits::AWS.rcp_size,
        _ => management_type(kind).map_or(10_000, |(_, _, size)| *size),
    }
}

/// Policies of one type on one target, AWS's own included.
fn attachment_limit(kind: &str) -> usize {
    match kind {
        SCP => Limits::AWS.scp_per_target,
        RCP => Limits::AWS.rcp_per_target,
        _ => 10,
    }
}

fn type_member<'b>(body: &'b Value, member: &str) -> Result<&'b str, Refusal> {
    let kind = need(body, member)?;
    if [SCP, RCP].contains(&kind) || management_type(kind).is_some() {
        return Ok(kind);
    }
    Err(invalid("INVALID_ENUM_POLICY_TYPE", "You specified an invalid policy type string."))
}

fn targets(state: &SandboxState, org: &Organization) -> Vec<String> {
    let mut all = vec![org.root.clone()];
    all.extend(state.units.iter().map(|(id, _)| id.to_owned()));
    all.extend(state.accounts.values().filter(|a| !a.parent.is_empty()).map(|a| a.id.clone()));
    all
}

fn check_root(org: &Organization, body: &Value) -> Result<(), Refusal> {
    if need(body, "RootId")? == org.root {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "RootNotFoundException",
        "We can't find a root with the RootId that you specified.",
    ))
}

pub(super) fn enable_type(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    check_root(org, body)?;
    let kind = type_member(body, "PolicyType")?;
    if org.policy_types.contains(kind) {
        return Err(Refusal::new(
            400,
            "PolicyTypeAlreadyEnabledException",
            "The specified policy type is already enabled in the specified root.",
        ));
    }
    let mut org = org.clone();
    org.policy_types.insert(kind.to_owned());
    ctx.state.organization.insert("org", org.clone());
    for target in targets(ctx.state, &org) {
        super::attach_defaults(ctx.state, &target);
    }
    ctx.consistency.created(kind, &["policy-type", "list-policy-type"]);
    Ok(json!({ "Root": root(&org) }))
}

pub(super) fn disable_type(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    check_root(org, body)?;
    let kind = type_member(body, "PolicyType")?;
    need_enabled(org, kind)?;
    let mut org = org.clone();
    org.policy_types.remove(kind);
    ctx.state.organization.insert("org", org.clone());
    let of_kind: Vec<String> = ctx
        .state
        .attachments
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| {
            key.rsplit('/')
                .next()
                .and_then(|id| ctx.state.org_policy(id))
                .is_some_and(|p| p.kind == kind)
        })
        .collect();
    for key in of_kind {
        ctx.state.attachments.remove(&key);
    }
    Ok(json!({ "Root": root(&org) }))
}

fn need_enabled(org: &Organization, kind: &str) -> Result<(), Refusal> {
    if org.policy_types.contains(kind) {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "PolicyTypeNotEnabledException",
        "The specified policy type isn't currently enabled in this root. You can't attach policies of the specified type to entities in a root until you enable that type in the root.",
    ))
}

fn arn(org: &Organization, policy: &OrgPolicy) -> String {
    let kind = policy.kind.to_lowercase();
    if is_aws(&policy.id) {
        return format!("arn:aws:organizations::aws:policy/{kind}/{}", policy.id);
    }
    format!("arn:aws:organizations::{}:policy/{}/{kind}/{}", org.management, org.id, policy.id)
}

fn is_aws(id: &str) -> bool {
    AWS_POLICIES.iter().any(|(aws, ..)| *aws == id)
}

fn summary(org: &Organization, policy: &OrgPolicy) -> Value {
    json!({
        "Id": policy.id,
        "Arn": arn(org, policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.kind,
        "AwsManaged": is_aws(&policy.id),
    })
}

fn whole(org: &Organization, policy: &OrgPolicy) -> Value {
    json!({ "Policy": { "PolicySummary": summary(org, policy), "Content": policy.content } })
}

fn find(ctx: &Ctx<'_>, body: &Value) -> Result<OrgPolicy, Refusal> {
    let id = need(body, "PolicyId")?;
    if !id.starts_with("p-") {
        return Err(invalid(
            "INVALID_PATTERN",
            "You provided a value that doesn't match the required pattern.",
        ));
    }
    ctx.state.org_policy(id).ok_or_else(|| {
        Refusal::new(
            400,
            "PolicyNotFoundException",
            "We can't find a policy with the PolicyId that you specified.",
        )
    })
}

fn find_own(ctx: &Ctx<'_>, body: &Value) -> Result<OrgPolicy, Refusal> {
    let policy = find(ctx, body)?;
    if is_aws(&policy.id) {
        return Err(Refusal::new(
            400,
            "AccessDeniedException",
            "You can't change or delete a policy that AWS manages.",
        ));
    }
    Ok(policy)
}

fn check_content(kind: &str, content: &str) -> Result<(), Refusal> {
    if content.chars().count() > size_limit(kind) {
        return Err(constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED",
            "You attempted to create a policy that is larger than the maximum size.",
        ));
    }
    let is_valid = match kind {
        SCP => check(content, Use::Scp).is_ok(),
        RCP => check(content, Use::Rcp).is_ok(),
        _ => is_management_policy(kind, content),
    };
    if is_valid {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "MalformedPolicyDocumentException",
        "The provided policy document doesn't meet the requirements of the specified policy type.",
    ))
}

/// An object with the one member of its type at the top.
fn is_management_policy(kind: &str, content: &str) -> bool {
    let content: Option<serde_json::Map<String, Value>> = serde_json::from_str(content).ok();
    let top = management_type(kind).and_then(|(_, top, _)| *top);
    content.is_some_and(|content| {
        !content.is_empty() && top.is_none_or(|top| content.len() == 1 && content.contains_key(top))
    })
}

fn check_name(ctx: &Ctx<'_>, kind: &str, name: &str, own: Option<&str>) -> Result<(), Refusal> {
    if name.chars().count() > 128 {
        return Err(invalid(
            "MAX_LENGTH_EXCEEDED",
            "You provided a string parameter that is longer than allowed.",
        ));
    }
    let taken = ctx
        .state
        .org_policies
        .values()
        .any(|p| p.kind == kind && p.name == name && Some(p.id.as_str()) != own)
        || AWS_POLICIES.iter().any(|(_, aws, _, k, _)| *k == kind && *aws == name);
    if taken {
        return Err(Refusal::new(
            400,
            "DuplicatePolicyException",
            "A policy with the same name already exists.",
        ));
    }
    Ok(())
}

pub(super) fn create(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let kind = type_member(body, "Type")?;
    let name = need(body, "Name")?;
    check_name(ctx, kind, name, None)?;
    let content = need(body, "Content")?;
    check_content(kind, content)?;
    let tags = tags_member(body)?;
    if ctx.state.org_policies.values().filter(|p| p.kind == kind).count() >= 10_000 {
        return Err(constraint(
            "POLICY_NUMBER_LIMIT_EXCEEDED",
            "You attempted to exceed the number of policies that you can have in an organization.",
        ));
    }
    let id = format!("p-{}", ctx.state.mint("org-policy", &format!("{kind}/{name}"), LOWER, 8));
    let policy = OrgPolicy {
        id: id.clone(),
        name: name.to_owned(),
        description: text(body, "Description").unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        content: content.to_owned(),
        tags,
    };
    let answer = whole(org, &policy);
    ctx.state.org_policies.insert(id, policy);
    Ok(answer)
}

pub(super) fn update(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let mut policy = find_own(ctx, body)?;
    if let Some(name) = text(body, "Name") {
        check_name(ctx, &policy.kind, name, Some(&policy.id))?;
        name.clone_into(&mut policy.name);
    }
    if let Some(description) = text(body, "Description") {
        description.clone_into(&mut policy.description);
    }
    if let Some(content) = text(body, "Content") {
        check_content(&policy.kind, content)?;
        content.clone_into(&mut policy.content);
    }
    let answer = whole(org, &policy);
    ctx.state.org_policies.insert(policy.id.clone(), policy);
    Ok(answer)
}

fn targets_of(state: &SandboxState, policy: &str) -> Vec<String> {
    let suffix = format!("/{policy}");
    state
        .attachments
        .iter()
        .filter_map(|(key, _)| key.strip_suffix(&suffix))
        .map(str::to_owned)
        .collect()
}

pub(super) fn delete(ctx: &mut Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    let policy = find_own(ctx, body)?;
    if !targets_of(ctx.state, &policy.id).is_empty() {
        return Err(Refusal::new(
            400,
            "PolicyInUseException",
            "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.",
        ));
    }
    ctx.state.org_policies.remove(&policy.id);
    Ok(json!({}))
}

pub(super) fn describe(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    Ok(whole(org, &find(ctx, body)?))
}

pub(super) fn list(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let kind = type_member(body, "Filter")?;
    let aws = AWS_POLICIES.iter().filter_map(|(id, ..)| ctx.state.org_policy(id));
    let own = ctx.state.org_policies.values().cloned();
    let found = aws.chain(own).filter(|policy| policy.kind == kind);
    page(body, "Policies", found.map(|p| (p.id.clone(), summary(org, &p))))
}

fn target<'b>(ctx: &Ctx<'_>, org: &Organization, body: &'b Value) -> Result<&'b str, Refusal> {
    let id = need(body, "TargetId")?;
    if target_json(ctx.state, org, id).is_some() {
        return Ok(id);
    }
    let shaped = id.starts_with("r-")
        || id.starts_with("ou-")
        || (id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()));
    if !shaped {
        return Err(invalid(
            "INVALID_PATTERN_TARGET_ID",
            "The policy target ID doesn't match the required pattern.",
        ));
    }
    Err(Refusal::new(
        400,
        "TargetNotFoundException",
        "We can't find a root, OU, or account with the TargetId that you specified.",
    ))
}

fn target_json(state: &SandboxState, org: &Organization, id: &str) -> Option<Value> {
    let (kind, arn_kind, name) = if id == org.root {
        ("ROOT", "root", "Root".to_owned())
    } else if let Some(unit) = state.units.get(id) {
        ("ORGANIZATIONAL_UNIT", "ou", unit.name.clone())
    } else {
        let account = state.accounts.get(id).filter(|a| !a.parent.is_empty())?;
        ("ACCOUNT", "account", account.name.clone())
    };
    Some(json!({ "TargetId": id, "Arn": org.arn_of(arn_kind, id), "Name": name, "Type": kind }))
}

pub(super) fn attach(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let policy = find(ctx, body)?;
    let target = target(ctx, org, body)?;
    need_enabled(org, &policy.kind)?;
    if ctx.consistency.is_delayed("policy-type", &policy.kind) {
        return Err(Refusal::new(
            400,
            "PolicyTypeNotEnabledException",
            "The specified policy type isn't currently enabled in this root.",
        ));
    }
    let key = format!("{target}/{}", policy.id);
    if ctx.state.attachments.contains(&key) {
        return Err(Refusal::new(
            400,
            "DuplicatePolicyAttachmentException",
            "The selected policy is already attached to the specified target.",
        ));
    }
    if ctx.state.attached(target, &policy.kind).len() >= attachment_limit(&policy.kind) {
        return Err(constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You attempted to attach more policies of this type to the entity than are allowed.",
        ));
    }
    ctx.state.attachments.insert(key, true);
    Ok(json!({}))
}

pub(super) fn detach(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let policy = find(ctx, body)?;
    let target = target(ctx, org, body)?;
    need_enabled(org, &policy.kind)?;
    let key = format!("{target}/{}", policy.id);
    if !ctx.state.attachments.contains(&key) {
        return Err(Refusal::new(
            400,
            "PolicyNotAttachedException",
            "The policy isn't attached to the specified target in the specified root.",
        ));
    }
    // Only access policies have to leave one behind.
    let last = policy.kind == SCP && ctx.state.attached(target, &policy.kind).len() == 1;
    if last || policy.id == "p-RCPFullAWSAccess" {
        return Err(constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You attempted to detach a policy from an entity that would cause the entity to have fewer than the minimum number of policies of a certain type required.",
        ));
    }
    ctx.state.attachments.remove(&key);
    Ok(json!({}))
}

pub(super) fn list_for_target(
    ctx: &Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let kind = type_member(body, "Filter")?;
    let target = target(ctx, org, body)?;
    let found = ctx.state.attached(target, kind);
    page(body, "Policies", found.into_iter().map(|p| (p.id.clone(), summary(org, &p))))
}

pub(super) fn list_targets(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let policy = find(ctx, body)?;
    let found = targets_of(ctx.state, &policy.id);
    page(
        body,
        "Targets",
        found.into_iter().filter_map(|id| {
            let value = target_json(ctx.state, org, &id)?;
            Some((id, value))
        }),
    )
}
