//! IAM users: read for the analysis and for drift, and not managed.

use super::access::AccessPart;
use super::meaning::ArnForm;
use super::observed::Observed;

/// The declaration.
pub(super) const IAM_USER: Observed = Observed {
    kind: "iam_user",
    access: AccessPart::Principal { trust: None },
    arn: Some(ArnForm { service: "iam", resource: "user/" }),
};
