//! IAM users: read with all of IAM, never changed.

use aws_sdk_iam::types::UserDetail;

use super::iam_read::{self, attached, iam_tags, inline};
use super::kind::{Bulk, Observed, attrs, observed, optional, sorted};
use crate::provider::LiveObject;

/// Its name.
const KIND: &str = "iam_user";

/// The AWS half.
pub(super) static IAM_USER: Observed = Observed { kind: KIND, bulk: Bulk::Account(&iam_read::IAM) };

/// One of them, as IAM describes it.
pub(super) fn object(detail: &UserDetail) -> Option<LiveObject> {
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
