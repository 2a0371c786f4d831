//! IAM groups: read for the analysis and for drift, and not managed.

use super::access::AccessPart;
use super::observed::Observed;

/// The declaration. IAM takes no group for a principal, so no policy names one by its ARN.
pub(super) const IAM_GROUP: Observed =
    Observed { kind: "iam_group", access: AccessPart::Group, arn: None };
