//! IAM groups: read for the analysis and for drift, and not managed.

use crate::schema::access::{AccessPart, PolicyAttributes};
use crate::schema::observed::Observed;

/// The declaration. IAM takes no group for a principal, so no policy names one by its ARN.
pub(in crate::schema) const IAM_GROUP: Observed =
    Observed { kind: "iam_group", access: AccessPart::Group(PolicyAttributes::IAM), arn: None };
