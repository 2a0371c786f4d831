//! What the kinds of IAM share of its bulk read: `GetAccountAuthorizationDetails` answers for most of them at
//! once. What an answer means for an object, and what is asked beside it, stands in the file of the kind
//! ([`super::kind::IamPart`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_iam::types::{
    AttachedPermissionsBoundary, AttachedPolicy, EntityType, GroupDetail, ManagedPolicyDetail,
    PolicyDetail, RoleDetail, Tag, UserDetail,
};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use tokio::sync::OnceCell;

use super::errors;
use super::kind::{BulkReading, BulkScope, IamPart, sorted, tags};
use super::session::Session;
use crate::iam::Use;
use crate::provider::ProviderError;
use crate::schema::canonical_policy;
use crate::value::{Attrs, Value};

/// The action of IAM that the answer about everything takes.
pub(super) const ACTIONS: [&str; 1] = ["iam:GetAccountAuthorizationDetails"];

/// Documents of AWS-managed policies by ARN: the same in every account, so read once, by the account
/// that asks first.
#[derive(Default)]
pub(super) struct AwsPolicies(Mutex<BTreeMap<String, Arc<OnceCell<Option<Attrs>>>>>);

impl AwsPolicies {
    /// The cell of one policy; whoever comes first fills it.
    pub(super) fn cell(&self, arn: &str) -> Arc<OnceCell<Option<Attrs>>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(arn.to_owned()).or_default())
    }
}

/// IAM of one account, while it is read in bulk.
pub(super) struct IamAnswers<'a> {
    pub(super) session: &'a Session,
    pub(super) scope: &'a BulkScope<'a>,
    details: Shared<BoxFuture<'a, Result<Arc<Details>, ProviderError>>>,
}

impl IamAnswers<'_> {
    /// What `GetAccountAuthorizationDetails` says: asked once, for all kinds that wait for it.
    pub(super) async fn details(&self) -> Result<Arc<Details>, ProviderError> {
        self.details.clone().await
    }
}

/// Reads all kinds of IAM in one account. Each asks what it needs beside the shared answer at once.
pub(super) async fn everything(
    session: &Session,
    scope: &BulkScope<'_>,
    parts: &[&'static dyn IamPart],
) -> BulkReading {
    let details = async { details(session).await.map(Arc::new) }.boxed().shared();
    let answers = IamAnswers { session, scope, details };
    // All of them are waited for, so that the error shown of several failures is always the same.
    let mut objects = Vec::new();
    for part in join_all(parts.iter().map(|part| part.objects(&answers))).await {
        objects.extend(part?);
    }
    Ok((objects, BTreeMap::new()))
}

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

/// Everything in IAM that holds power, as `GetAccountAuthorizationDetails` shows it.
pub(super) struct Details {
    pub(super) roles: Vec<RoleDetail>,
    pub(super) users: Vec<UserDetail>,
    pub(super) groups: Vec<GroupDetail>,
    pub(super) policies: Vec<ManagedPolicyDetail>,
}

impl Details {
    /// The ARNs of AWS's own policies that are attached to a principal, or bound one.
    pub(super) fn aws_policies(&self) -> BTreeSet<String> {
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
pub(super) fn following(
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
