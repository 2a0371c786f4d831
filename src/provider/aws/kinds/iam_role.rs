//! IAM roles: the calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_iam::types::{RoleDetail, Tag};

use crate::iam::{Use, managed_names};
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::iam_read::{self, IamAnswers, decoded, iam_tags};
use crate::provider::aws::kind::{
    Bulk, IamPart, KindProvider, OrAbsent, Wanted, attrs, document, entries, live, optional,
    sorted, texts,
};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::schema::duration::ROLE_SESSION;
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "iam_role";

/// The AWS half.
pub(in crate::provider::aws) struct IamRole;

#[async_trait]
impl IamPart for IamRole {
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError> {
        let (details, listed) = futures::join!(iam.details(), listed(iam.session));
        let (details, listed) = (details?, listed?);
        let mut objects = Vec::new();
        for detail in &details.roles {
            let name = detail.role_name().unwrap_or_default();
            match listed.get(name) {
                Some(listed) => objects.extend(object(detail, listed)),
                // Made between the two listings, or left out of one of them: asked for by itself.
                None => objects.extend(by_name(iam.session, name).await?),
            }
        }
        Ok(objects)
    }
}

#[async_trait]
impl KindProvider for IamRole {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Iam(&IamRole)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&["iam:ListRoles"]),
            reads: strings(&[
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ]),
            marks: strings(&[]),
            changes: strings(&[
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePermissionsBoundary",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:ListInstanceProfilesForRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
                "iam:RemoveRoleFromInstanceProfile",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let name = want.text("name")?;
        let answer = session
            .iam()
            .create_role()
            .role_name(name)
            .path(want.text("path")?)
            .assume_role_policy_document(document(want.after("assume_role_policy")))
            .set_description(want.after("description").as_str().map(str::to_owned))
            .set_max_session_duration(seconds(want.after("max_session_duration")))
            .set_permissions_boundary(
                want.after("permissions_boundary").as_str().map(str::to_owned),
            )
            .set_tags(tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("iam", "CreateRole"))?;
        let inline = want.after("inline_policies").as_map();
        for (policy, content) in inline.into_iter().flatten() {
            let content = document(content);
            session.settle(|| put(session, name, policy, &content)).await?;
        }
        for arn in texts(want.after("managed_policies")) {
            session.settle(|| attach(session, name, &arn)).await?;
        }
        let role = answer.role();
        Ok(want.done([
            ("arn", optional(role.map(|r| r.arn()))),
            ("unique_id", optional(role.map(|r| r.role_id()))),
        ]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let name = want.text("name")?;
        // A boundary that comes must hold before anything is granted below it.
        let boundary = want.changes("permissions_boundary");
        match want.after("permissions_boundary").as_str() {
            Some(arn) if boundary => {
                session
                    .iam()
                    .put_role_permissions_boundary()
                    .role_name(name)
                    .permissions_boundary(arn)
                    .send()
                    .await
                    .map_err(session.error("iam", "PutRolePermissionsBoundary"))?;
            }
            _ => {}
        }
        if want.changes("assume_role_policy") {
            session
                .iam()
                .update_assume_role_policy()
                .role_name(name)
                .policy_document(document(want.after("assume_role_policy")))
                .send()
                .await
                .map_err(session.error("iam", "UpdateAssumeRolePolicy"))?;
        }
        if want.changes("description") || want.changes("max_session_duration") {
            session
                .iam()
                .update_role()
                .role_name(name)
                .description(want.after("description").as_str().unwrap_or_default())
                .set_max_session_duration(seconds(want.after("max_session_duration")))
                .send()
                .await
                .map_err(session.error("iam", "UpdateRole"))?;
        }
        let (set, gone) = want.map_changes("inline_policies");
        // What is taken away goes first: AWS limits the size of all inline policies together.
        for policy in gone {
            delete_inline(session, name, policy).await?;
        }
        for (policy, content) in set {
            put(session, name, policy, &document(content)).await?;
        }
        let (added, removed) = want.list_changes("managed_policies");
        // What comes goes first, so that the role lacks nothing in between. Where the role is full
        // (the quota is the account's), what is taken away makes room.
        let mut removed = removed.into_iter();
        for arn in added {
            match attach(session, name, arn).await {
                Err(error) if error.code.as_deref() == Some("LimitExceeded") => {
                    for old in removed.by_ref() {
                        detach(session, name, old).await?;
                    }
                    attach(session, name, arn).await?;
                }
                done => done?,
            }
        }
        for arn in removed {
            detach(session, name, arn).await?;
        }
        if boundary && want.after("permissions_boundary").is_null() {
            session
                .iam()
                .delete_role_permissions_boundary()
                .role_name(name)
                .send()
                .await
                .map_err(session.error("iam", "DeleteRolePermissionsBoundary"))
                .absent()?;
        }
        let (set, gone) = want.tag_changes();
        if !gone.is_empty() {
            session
                .iam()
                .untag_role()
                .role_name(name)
                .set_tag_keys(Some(gone))
                .send()
                .await
                .map_err(session.error("iam", "UntagRole"))?;
        }
        if let Some(set) = tags(&set) {
            session
                .iam()
                .tag_role()
                .role_name(name)
                .set_tags(Some(set))
                .send()
                .await
                .map_err(session.error("iam", "TagRole"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let name = want.text("name")?;
        let inline = want.before("inline_policies").as_map();
        for policy in inline.into_iter().flatten().map(|(policy, _)| policy) {
            delete_inline(session, name, policy).await?;
        }
        for arn in texts(want.before("managed_policies")) {
            detach(session, name, &arn).await?;
        }
        match delete_role(session, name).await {
            Err(error) if error.code.as_deref() == Some("DeleteConflict") => {
                // Something was added since it was read, or it sits in an instance profile.
                strip(session, name).await?;
                delete_role(session, name).await
            }
            done => done,
        }
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        by_name(session, key).await
    }
}

fn seconds(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|s| i32::try_from(s).ok())
}

/// Tags as IAM takes them; none rather than an empty list.
pub(in crate::provider::aws) fn tags(value: &Value) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = entries(value)
        .into_iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    Some(tags).filter(|t| !t.is_empty())
}

async fn put(
    session: &Session,
    role: &str,
    policy: &str,
    content: &str,
) -> Result<(), ProviderError> {
    session
        .iam()
        .put_role_policy()
        .role_name(role)
        .policy_name(policy)
        .policy_document(content)
        .send()
        .await
        .map_err(session.error("iam", "PutRolePolicy"))
        .map(|_| ())
}

async fn delete_inline(session: &Session, role: &str, policy: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .delete_role_policy()
        .role_name(role)
        .policy_name(policy)
        .send()
        .await
        .map_err(session.error("iam", "DeleteRolePolicy"))
        .absent()
        .map(|_| ())
}

async fn attach(session: &Session, role: &str, arn: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .attach_role_policy()
        .role_name(role)
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "AttachRolePolicy"))
        .map_err(|error| never_there(error, arn))
        .map(|_| ())
}

/// A policy of AWS's own was not made moments ago: if it is not there, no waiting brings it. (The role may have been;
/// the answer names what was not found.)
fn never_there(error: ProviderError, arn: &str) -> ProviderError {
    let is_missing = error.failure == Failure::NotFound
        && arn.contains(":iam::aws:policy/")
        && error.message.contains(arn);
    if !is_missing {
        return error;
    }
    let why = match managed_names::unknown(arn) {
        None => "AWS has this policy, the endpoint does not (moto loads those of AWS with `MOTO_IAM_LOAD_MANAGED_POLICIES=true`)".to_owned(),
        Some(near) => {
            let as_of = managed_names::as_of();
            let none = format!("AWS had no policy of this name on {as_of}");
            near.map_or(none.clone(), |near| format!("{none}: {near}"))
        }
    };
    let message = format!("{} {why}", error.message);
    ProviderError { failure: Failure::Refused, message, ..error }
}

async fn detach(session: &Session, role: &str, arn: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .detach_role_policy()
        .role_name(role)
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "DetachRolePolicy"))
        .absent()
        .map(|_| ())
}

async fn delete_role(session: &Session, role: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .delete_role()
        .role_name(role)
        .send()
        .await
        .map_err(session.error("iam", "DeleteRole"))
        .absent()
        .map(|_| ())
}

/// Takes everything from a role that keeps it from being deleted.
async fn strip(session: &Session, role: &str) -> Result<(), ProviderError> {
    let Some(found) = by_name(session, role).await? else { return Ok(()) };
    let inline = found.attrs.get("inline_policies").and_then(Value::as_map);
    for policy in inline.into_iter().flatten().map(|(policy, _)| policy) {
        delete_inline(session, role, policy).await?;
    }
    for arn in found.attrs.get("managed_policies").map(texts).unwrap_or_default() {
        detach(session, role, &arn).await?;
    }
    let profiles = session
        .iam()
        .list_instance_profiles_for_role()
        .role_name(role)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(session.error("iam", "ListInstanceProfilesForRole"));
    let profiles = match profiles {
        Err(error) if error.failure == Failure::NotImplemented => Vec::new(),
        profiles => profiles.absent()?.unwrap_or_default(),
    };
    for profile in profiles {
        session
            .iam()
            .remove_role_from_instance_profile()
            .role_name(role)
            .instance_profile_name(profile.instance_profile_name())
            .send()
            .await
            .map_err(session.error("iam", "RemoveRoleFromInstanceProfile"))
            .absent()?;
    }
    Ok(())
}

/// Why a role cannot be managed.
fn reserved_role(path: &str) -> Option<&'static str> {
    if path.starts_with("/aws-service-role/") {
        Some("a service-linked role, which belongs to an AWS service")
    } else if path.starts_with("/aws-reserved/") {
        Some("a role that IAM Identity Center manages")
    } else {
        None
    }
}

/// What `ListRoles` knows and `GetAccountAuthorizationDetails` does not.
struct Listed {
    description: Value,
    max_session_duration: i64,
}

async fn listed(session: &Session) -> Result<BTreeMap<String, Listed>, ProviderError> {
    const OPERATION: &str = "ListRoles";
    let (mut roles, mut marker) = (Vec::new(), None);
    loop {
        let call = session.iam().list_roles().max_items(1_000).set_marker(marker.clone());
        let page = call.send().await.map_err(session.error("iam", OPERATION))?;
        roles.extend(page.roles);
        marker = iam_read::following(
            session,
            OPERATION,
            page.is_truncated,
            page.marker,
            marker.as_deref(),
        )?;
        if marker.is_none() {
            break;
        }
    }
    Ok(roles
        .into_iter()
        .map(|role| {
            let listed = Listed {
                description: optional(role.description()),
                max_session_duration: role.max_session_duration().map_or(ROLE_SESSION, i64::from),
            };
            (role.role_name, listed)
        })
        .collect())
}

/// A role as `GetAccountAuthorizationDetails` shows it.
fn object(detail: &RoleDetail, listed: &Listed) -> Option<LiveObject> {
    let boundary = detail.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    let mut object = live(
        KIND,
        attrs([
            ("name", optional(detail.role_name())),
            ("path", optional(detail.path())),
            ("description", listed.description.clone()),
            ("max_session_duration", listed.max_session_duration.into()),
            ("assume_role_policy", decoded(detail.assume_role_policy_document(), Use::Trust)),
            ("inline_policies", iam_read::inline(detail.role_policy_list())),
            ("managed_policies", iam_read::attached(detail.attached_managed_policies())),
            ("permissions_boundary", optional(boundary)),
            ("tags", iam_tags(detail.tags())),
            ("arn", optional(detail.arn())),
            ("unique_id", optional(detail.role_id())),
        ]),
    )?;
    object.reserved = reserved_role(detail.path().unwrap_or_default());
    Some(object)
}

/// A role by its name.
async fn by_name(session: &Session, name: &str) -> Result<Option<LiveObject>, ProviderError> {
    let answer = session
        .iam()
        .get_role()
        .role_name(name)
        .send()
        .await
        .map_err(session.error("iam", "GetRole"))
        .absent()?;
    let Some(found) = answer.and_then(|a| a.role) else { return Ok(None) };
    let names = session
        .iam()
        .list_role_policies()
        .role_name(name)
        .into_paginator()
        .items()
        .send()
        .try_collect();
    let attached = session
        .iam()
        .list_attached_role_policies()
        .role_name(name)
        .into_paginator()
        .items()
        .send()
        .try_collect();
    let (names, attached) = futures::join!(names, attached);
    let names = names.map_err(session.error("iam", "ListRolePolicies"))?;
    let attached = attached.map_err(session.error("iam", "ListAttachedRolePolicies"))?;
    let mut inline = BTreeMap::new();
    for policy in names {
        let answer = session
            .iam()
            .get_role_policy()
            .role_name(name)
            .policy_name(&policy)
            .send()
            .await
            .map_err(session.error("iam", "GetRolePolicy"))
            .absent()?;
        if let Some(answer) = answer {
            inline.insert(policy, decoded(Some(answer.policy_document()), Use::Identity));
        }
    }
    let boundary = found.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    let mut object = live(
        KIND,
        attrs([
            ("name", found.role_name().into()),
            ("path", found.path().into()),
            ("description", optional(found.description())),
            (
                "max_session_duration",
                found.max_session_duration().map_or(ROLE_SESSION, i64::from).into(),
            ),
            ("assume_role_policy", decoded(found.assume_role_policy_document(), Use::Trust)),
            ("inline_policies", Value::Map(inline.into())),
            ("managed_policies", sorted(attached.iter().filter_map(|p| p.policy_arn()))),
            ("permissions_boundary", optional(boundary)),
            ("tags", iam_tags(found.tags())),
            ("arn", found.arn().into()),
            ("unique_id", found.role_id().into()),
        ]),
    );
    if let Some(object) = &mut object {
        object.reserved = reserved_role(found.path());
    }
    Ok(object)
}
