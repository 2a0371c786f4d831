//! IAM groups: read with all of IAM, never changed.

use aws_sdk_iam::types::GroupDetail;

use super::iam_read::{self, attached, inline};
use super::kind::{Bulk, Observed, attrs, observed, optional};
use crate::provider::LiveObject;

/// Its name.
const KIND: &str = "iam_group";

/// The AWS half.
pub(super) static IAM_GROUP: Observed =
    Observed { kind: KIND, bulk: Bulk::Account(&iam_read::IAM) };

/// One of them, as IAM describes it.
pub(super) fn object(detail: &GroupDetail) -> Option<LiveObject> {
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
