//! Reads IAM in bulk: by `GetAccountAuthorizationDetails`, `ListRoles` and, where AWS has no bulk call, side by
//! side. What an answer means for an object stands in the file of its kind, beside the read of a single one.

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
use super::errors;
use super::kind::{BulkReader, BulkScope, Reading, live, optional, sorted, tags};
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
pub(super) fn decoded(document: Option<&str>, role: Use) -> Value {
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
        everything(session, scope.aws_policies).await.map(|objects| (objects, BTreeMap::new()))
    }
}

/// Everything in IAM that holds power.
async fn everything(session: &Session, shared: &Shared) -> Result<Vec<LiveObject>, ProviderError> {
    let holders = async {
        let details = details(session).await?;
        let (own, of_aws) = futures::join!(
            policies(session, &details.policies),
            aws_policies(session, shared, details.aws_policies()),
        );
        Ok::<_, ProviderError>((details, own?, of_aws?))
    };
    // All of them are waited for, so that what is told of several failures is always the same.
    let (holders, roles, providers) =
        futures::join!(holders, listed(session), oidc_providers(session));
    let ((details, own, of_aws), roles, providers) = (holders?, roles?, providers?);
    let mut objects: Vec<LiveObject> = Vec::new();
    for detail in &details.roles {
        let name = detail.role_name().unwrap_or_default();
        match roles.get(name) {
            Some(listed) => objects.extend(iam_role::object(detail, Some(listed))),
            // Made between the two listings, or left out of one of them: asked for by itself.
            None => objects.extend(iam_role::by_name(session, name).await?),
        }
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
    const OPERATION: &str = "GetAccountAuthorizationDetails";
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
            .set_marker(marker.clone())
            .send()
            .await
            .map_err(session.error("iam", OPERATION))?;
        all.roles.extend(page.role_detail_list.unwrap_or_default());
        all.users.extend(page.user_detail_list.unwrap_or_default());
        all.groups.extend(page.group_detail_list.unwrap_or_default());
        all.policies.extend(page.policies.unwrap_or_default());
        marker = following(session, OPERATION, page.is_truncated, page.marker, marker.as_deref())?;
        if marker.is_none() {
            // An emulator may ignore the filter.
            all.policies.retain(|p| !p.arn().unwrap_or_default().contains(":iam::aws:"));
            return Ok(all);
        }
    }
}

/// Where a listing goes on; nothing at its end. A listing that is cut in the middle must not pass for a
/// whole one: what it leaves out would be taken for deleted.
fn following(
    session: &Session,
    operation: &str,
    is_truncated: bool,
    next: Option<String>,
    last: Option<&str>,
) -> Result<Option<String>, ProviderError> {
    if !is_truncated {
        return Ok(None);
    }
    match next.filter(|next| !next.is_empty() && Some(next.as_str()) != last) {
        Some(next) => Ok(Some(next)),
        None => Err(errors::refuse(
            "iam",
            operation,
            &session.account,
            "the listing is cut: it says that more follows, and not where",
        )),
    }
}

async fn listed(session: &Session) -> Result<BTreeMap<String, iam_role::Listed>, ProviderError> {
    const OPERATION: &str = "ListRoles";
    let (mut roles, mut marker) = (Vec::new(), None);
    loop {
        let call = session.iam().list_roles().max_items(1_000).set_marker(marker.clone());
        let page = call.send().await.map_err(session.error("iam", OPERATION))?;
        roles.extend(page.roles);
        marker = following(session, OPERATION, page.is_truncated, page.marker, marker.as_deref())?;
        if marker.is_none() {
            break;
        }
    }
    Ok(roles
        .into_iter()
        .map(|role| {
            let listed = iam_role::Listed {
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
            let mut attrs = iam_policy::attrs_of(detail);
            if let Some(extra) =
                iam_policy::beyond_details(session, detail.arn().unwrap_or_default()).await?
            {
                attrs.extend(extra);
            }
            Ok::<_, ProviderError>(live(iam_policy::KIND, attrs))
        })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
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
            let read = || async {
                Ok(iam_policy::by_arn(session, &arn).await?.map(|object| object.attrs))
            };
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
        .map(|arn| async move { iam_oidc_provider::by_arn(session, &arn).await })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}
