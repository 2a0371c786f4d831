//! Kinds that Palisade reads and does not manage: they hold power in an account, so the analysis needs
//! them, and drift shows them.

use super::access::AccessPart;

/// A kind without blocks.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    /// Its name: `iam_user`.
    pub kind: &'static str,
    /// The part that its objects play in who may do what.
    pub access: AccessPart,
}

/// A person or program with credentials of its own.
const IAM_USER: Observed =
    Observed { kind: "iam_user", access: AccessPart::Principal { trust: None } };

/// What users share.
const IAM_GROUP: Observed = Observed { kind: "iam_group", access: AccessPart::Group };

/// All of them.
pub const OBSERVED: [Observed; 2] = [IAM_GROUP, IAM_USER];
