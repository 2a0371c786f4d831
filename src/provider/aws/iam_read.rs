//! Reads IAM: in bulk by `GetAccountAuthorizationDetails` and `ListRoles`, and single objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_iam::types::{
    AttachedPermissionsBoundary, AttachedPolicy, EntityType, GroupDetail, ManagedPolicyDetail,
    PolicyDetail, RoleDetail, Tag, UserDetail,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::clients::Session;
use super::kind::{Absent, BulkReader, BulkScope, Reading, attrs, live, optional, sorted, tags};
use super::{iam_group, iam_oidc_provider, iam_policy, iam_role, iam_user};
use crate::iam::Use;
use crate::provider::{LiveObject, ProviderError};
use crate::schema::canonical_policy;
use crate::schema::duration::ROLE_SESSION;
use crate::value::{Attrs, Value};

/// Documents of AWS-managed policies by ARN: the same in every account, so read once, by the account
/// that asks first.
#[derive(Default)]
pub(super) struct Shared(Mutex<BTreeMap<String, Arc<OnceCell<Option<Attrs>>>>>);

/// AWS answers documents percent-encoded (RFC 3986).
fn decoded(document: Option<&str>, role: Use) -> Value {
    let Some(document) = document else { return Value::Null };
    if document.trim_start().starts_with('{') {
        return canonical_policy(document, role);
    }
    let plain = percent_encoding::percent_decode_str(document).decode_utf8_lossy();
    canonical_policy(&plain, role)
}

pub(super) fn iam_tags(list: &[Tag]) -> Value {
    tags(list.iter().map(|tag| (tag.key(), tag.value())))
}

pub(super) fn inline(list: &[PolicyDetail]) -> Value {
    Value::Map(
        list.iter()
            .filter_map(|p| {
                let name = p.policy_name()?.to_owned();
                Some((name, decoded(p.policy_document(), Use::Identity)))
            })
            .collect(),
    )
}

pub(super) fn attached(list: &[AttachedPolicy]) -> Value {
    sorted(list.iter().filter_map(|p| p.policy_arn()))
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

fn role_object(detail: &RoleDetail, listed: Option<&Listed>) -> Option<LiveObject> {
    let boundary = detail.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    let mut object = live(
        iam_role::KIND,
        attrs([
            ("name", optional(detail.role_name())),
            ("path", optional(detail.path())),
            ("description", listed.map_or(Value::Null, |l| l.description.clone())),
            (
                "max_session_duration",
                listed.map_or(ROLE_SESSION, |l| l.max_session_duration).into(),
            ),
            ("assume_role_policy", decoded(detail.assume_role_policy_document(), Use::Trust)),
            ("inline_policies", inline(detail.role_policy_list())),
            ("managed_policies", attached(detail.attached_managed_policies())),
            ("permissions_boundary", optional(boundary)),
            ("tags", iam_tags(detail.tags())),
            ("arn", optional(detail.arn())),
            ("unique_id", optional(detail.role_id())),
        ]),
    )?;
    object.reserved = reserved_role(detail.path().unwrap_or_default());
    Some(object)
}

fn policy_attrs(detail: &ManagedPolicyDetail) -> Attrs {
    let current = detail.policy_version_list().iter().find(|v| v.is_default_version());
    attrs([
        ("name", optional(detail.policy_name())),
        ("path", optional(detail.path())),
        ("content", decoded(current.and_then(|v| v.document()), Use::Managed)),
        ("arn", optional(detail.arn())),
        ("unique_id", optional(detail.policy_id())),
    ])
}

/// Reads everything in IAM that holds power: IAM answers for all of it at once.
pub(super) struct Iam;

/// The reader.
pub(super) static IAM: Iam = Iam;

#[async_trait]
impl BulkReader for Iam {
    fn reads(&self) -> &'static str {
        "iam"
    }

    async fn everything(&self, session: &Session, scope: &BulkScope<'_>) -> Reading {
        everything(session, scope.aws_policies).await.map(|objects| (objects, None))
    }
}

/// Everything in IAM that holds power.
async fn everything(session: &Session, shared: &Shared) -> Result<Vec<LiveObject>, ProviderError> {
    let holders = async {
        let details = details(session).await?;
        let (own, of_aws) = futures::try_join!(
            policies(session, &details.policies),
            aws_policies(session, shared, details.aws_policies()),
        )?;
        Ok((details, own, of_aws))
    };
    let ((details, own, of_aws), roles, providers) =
        futures::try_join!(holders, listed(session), oidc_providers(session))?;
    let mut objects: Vec<LiveObject> = Vec::new();
    for role in &details.roles {
        let listed = role.role_name().and_then(|name| roles.get(name));
        objects.extend(role_object(role, listed));
    }
    objects.extend(details.users.iter().filter_map(iam_user::object));
    objects.extend(details.groups.iter().filter_map(iam_group::object));
    objects.extend(own);
    objects.extend(providers);
    objects.extend(of_aws);
    Ok(objects)
}

struct Details {
    roles: Vec<RoleDetail>,
    users: Vec<UserDetail>,
    groups: Vec<GroupDetail>,
    policies: Vec<ManagedPolicyDetail>,
}

impl Details {
    /// The ARNs of AWS's own policies that are attached to somebody, or bound somebody.
    fn aws_policies(&self) -> BTreeSet<String> {
        let bound = |boundary: Option<&AttachedPermissionsBoundary>| {
            boundary.and_then(|b| b.permissions_boundary_arn()).map(str::to_owned)
        };
        let attached = |list: &[AttachedPolicy]| -> Vec<String> {
            list.iter().filter_map(|p| p.policy_arn().map(str::to_owned)).collect()
        };
        let roles = self.roles.iter().flat_map(|role| {
            let list = attached(role.attached_managed_policies());
            list.into_iter().chain(bound(role.permissions_boundary()))
        });
        let users = self.users.iter().flat_map(|user| {
            let list = attached(user.attached_managed_policies());
            list.into_iter().chain(bound(user.permissions_boundary()))
        });
        let groups = self.groups.iter().flat_map(|g| attached(g.attached_managed_policies()));
        roles.chain(users).chain(groups).filter(|arn| arn.contains(":iam::aws:")).collect()
    }
}

async fn details(session: &Session) -> Result<Details, ProviderError> {
    let mut all =
        Details { roles: Vec::new(), users: Vec::new(), groups: Vec::new(), policies: Vec::new() };
    let mut marker = None;
    loop {
        let page = session
            .iam()
            .get_account_authorization_details()
            .filter(EntityType::Role)
            .filter(EntityType::User)
            .filter(EntityType::Group)
            .filter(EntityType::LocalManagedPolicy)
            .max_items(1_000)
            .set_marker(marker)
            .send()
            .await
            .map_err(session.error("iam", "GetAccountAuthorizationDetails"))?;
        all.roles.extend(page.role_detail_list.unwrap_or_default());
        all.users.extend(page.user_detail_list.unwrap_or_default());
        all.groups.extend(page.group_detail_list.unwrap_or_default());
        all.policies.extend(page.policies.unwrap_or_default());
        marker = page.marker.filter(|m| page.is_truncated && !m.is_empty());
        if marker.is_none() {
            // An emulator may ignore the filter.
            all.policies.retain(|p| !p.arn().unwrap_or_default().contains(":iam::aws:"));
            return Ok(all);
        }
    }
}

async fn listed(session: &Session) -> Result<BTreeMap<String, Listed>, ProviderError> {
    let roles = session
        .iam()
        .list_roles()
        .max_items(1_000)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(session.error("iam", "ListRoles"))?;
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

/// The account's own policies. Their tags and descriptions can only be asked for one by one.
async fn policies(
    session: &Session,
    details: &[ManagedPolicyDetail],
) -> Result<Vec<LiveObject>, ProviderError> {
    let reads: Vec<_> = details
        .iter()
        .map(|detail| async move {
            let mut attrs = policy_attrs(detail);
            if let Some(extra) = policy_extra(session, detail.arn().unwrap_or_default()).await? {
                attrs.extend(extra);
            }
            Ok::<_, ProviderError>(live(iam_policy::KIND, attrs))
        })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}

async fn policy_extra(session: &Session, arn: &str) -> Result<Option<Attrs>, ProviderError> {
    let answer = session
        .iam()
        .get_policy()
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "GetPolicy"))
        .absent()?;
    Ok(answer.and_then(|a| a.policy).map(|policy| {
        // Name, path and id are among the details on AWS, but not on every server.
        attrs([
            ("name", optional(policy.policy_name())),
            ("path", optional(policy.path())),
            ("unique_id", optional(policy.policy_id())),
            ("description", optional(policy.description())),
            ("tags", iam_tags(policy.tags())),
        ])
    }))
}

/// A managed policy by its ARN: the version that is in force.
pub(super) async fn policy(
    session: &Session,
    arn: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let answer = session
        .iam()
        .get_policy()
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "GetPolicy"))
        .absent()?;
    let Some(policy) = answer.and_then(|a| a.policy) else { return Ok(None) };
    let version = session
        .iam()
        .get_policy_version()
        .policy_arn(arn)
        .version_id(policy.default_version_id().unwrap_or_default())
        .send()
        .await
        .map_err(session.error("iam", "GetPolicyVersion"))
        .absent()?;
    let Some(version) = version.and_then(|v| v.policy_version) else { return Ok(None) };
    Ok(live(
        iam_policy::KIND,
        attrs([
            ("name", optional(policy.policy_name())),
            ("path", optional(policy.path())),
            ("description", optional(policy.description())),
            ("content", decoded(version.document(), Use::Managed)),
            ("tags", iam_tags(policy.tags())),
            ("arn", optional(policy.arn())),
            ("unique_id", optional(policy.policy_id())),
        ]),
    ))
}

/// AWS's own policies with these ARNs, with their documents.
async fn aws_policies(
    session: &Session,
    shared: &Shared,
    used: BTreeSet<String>,
) -> Result<Vec<LiveObject>, ProviderError> {
    let reads: Vec<_> = used
        .into_iter()
        .map(|arn| async move {
            let cell = {
                let mut shared = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(shared.entry(arn.clone()).or_default())
            };
            let read = || async { Ok(policy(session, &arn).await?.map(|object| object.attrs)) };
            let found = cell.get_or_try_init(read).await?.clone();
            Ok::<_, ProviderError>(found.map(|attrs| LiveObject {
                kind: iam_policy::KIND,
                key: arn,
                attrs,
                reserved: Some("a policy that AWS manages"),
            }))
        })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}

async fn oidc_providers(session: &Session) -> Result<Vec<LiveObject>, ProviderError> {
    let answer = session
        .iam()
        .list_open_id_connect_providers()
        .send()
        .await
        .map_err(session.error("iam", "ListOpenIDConnectProviders"))?;
    let reads: Vec<_> = answer
        .open_id_connect_provider_list()
        .iter()
        .filter_map(|entry| entry.arn().map(str::to_owned))
        .map(|arn| async move { oidc_provider(session, &arn).await })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}

/// An OIDC provider by its ARN.
pub(super) async fn oidc_provider(
    session: &Session,
    arn: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let answer = session
        .iam()
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "GetOpenIDConnectProvider"))
        .absent()?;
    let Some(found) = answer else { return Ok(None) };
    // AWS tells the URL without its scheme; the ARN carries it too.
    let url = found.url().or_else(|| arn.split_once(":oidc-provider/").map(|(_, url)| url));
    let url = url.map(|url| url.trim_start_matches("https://").trim_end_matches('/'));
    Ok(live(
        iam_oidc_provider::KIND,
        attrs([
            ("url", optional(url)),
            ("audiences", sorted(found.client_id_list().iter().map(String::as_str))),
            ("thumbprints", sorted(found.thumbprint_list().iter().map(String::as_str))),
            ("tags", iam_tags(found.tags())),
            ("arn", arn.into()),
        ]),
    ))
}

/// A role by its name.
pub(super) async fn role(
    session: &Session,
    name: &str,
) -> Result<Option<LiveObject>, ProviderError> {
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
        iam_role::KIND,
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
