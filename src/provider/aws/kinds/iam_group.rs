//! IAM groups: read with all of IAM, never changed.

use async_trait::async_trait;
use aws_sdk_iam::types::GroupDetail;

use crate::provider::aws::iam_read::{IamAnswers, attached, inline};
use crate::provider::aws::kind::{Bulk, IamPart, ObservedProvider, attrs, observed, optional};
use crate::provider::{LiveObject, ProviderError};

/// Its name.
const KIND: &str = "iam_group";

/// The AWS half.
pub(in crate::provider::aws) static IAM_GROUP: ObservedProvider =
    ObservedProvider { kind: KIND, bulk: Bulk::Iam(&IamGroups) };

/// All of them in an account.
struct IamGroups;

#[async_trait]
impl IamPart for IamGroups {
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError> {
        Ok(iam.details().await?.groups.iter().filter_map(object).collect())
    }
}

/// One of them, as IAM describes it.
fn object(detail: &GroupDetail) -> Option<LiveObject> {
    observed(
        KIND,
        detail.group_name(),
        attrs([
            ("name", optional(detail.group_name())),
            ("path", optional(detail.path())),
            ("inline_policies", inline(detail.group_policy_list())),
            ("managed_policies", attached(detail.attached_managed_policies())),
            ("arn", optional(detail.arn())),
            ("unique_id", optional(detail.group_id())),
        ]),
    )
}
