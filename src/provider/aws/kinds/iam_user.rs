//! IAM users: read with all of IAM, never changed.

use async_trait::async_trait;
use aws_sdk_iam::types::UserDetail;

use crate::provider::aws::iam_read::{IamAnswers, attached, iam_tags, inline};
use crate::provider::aws::kind::{
    Bulk, IamPart, ObservedProvider, attrs, observed, optional, sorted,
};
use crate::provider::{LiveObject, ProviderError};

/// Its name.
const KIND: &str = "iam_user";

/// The AWS half.
pub(in crate::provider::aws) static IAM_USER: ObservedProvider =
    ObservedProvider { kind: KIND, bulk: Bulk::Iam(&IamUsers) };

/// All of them in an account.
struct IamUsers;

#[async_trait]
impl IamPart for IamUsers {
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError> {
        Ok(iam.details().await?.users.iter().filter_map(object).collect())
    }
}

/// One of them, as IAM describes it.
fn object(detail: &UserDetail) -> Option<LiveObject> {
    let boundary = detail.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    observed(
        KIND,
        detail.user_name(),
        attrs([
            ("name", optional(detail.user_name())),
            ("path", optional(detail.path())),
            ("inline_policies", inline(detail.user_policy_list())),
            ("managed_policies", attached(detail.attached_managed_policies())),
            ("permissions_boundary", optional(boundary)),
            ("groups", sorted(detail.group_list().iter().map(String::as_str))),
            ("tags", iam_tags(detail.tags())),
            ("arn", optional(detail.arn())),
            ("unique_id", optional(detail.user_id())),
        ]),
    )
}
