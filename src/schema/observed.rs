//! Kinds that Palisade reads and does not manage: they hold power in an account, so the analysis needs
//! them, and drift shows them.

use super::access::AccessPart;
use super::iam_group::IAM_GROUP;
use super::iam_user::IAM_USER;
use super::meaning::ArnForm;

/// A kind without blocks.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    /// Its name: `iam_user`.
    pub kind: &'static str,
    /// The part that its objects play in who may do what.
    pub access: AccessPart,
    /// The form of their ARNs, where policies name them.
    pub arn: Option<ArnForm>,
}

/// All of them.
#[must_use]
pub const fn observed() -> [Observed; 2] {
    [IAM_GROUP, IAM_USER]
}
