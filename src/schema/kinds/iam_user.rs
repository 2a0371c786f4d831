//! IAM users: read for the analysis and for drift, and not managed.

use crate::schema::access::{AccessPart, PrincipalDeclaration};
use crate::schema::meaning::ArnForm;
use crate::schema::observed::Observed;

/// The declaration.
pub(in crate::schema) const IAM_USER: Observed = Observed {
    kind: "iam_user",
    access: AccessPart::Principal(PrincipalDeclaration {
        groups: Some("groups"),
        ..PrincipalDeclaration::IAM
    }),
    arn: Some(ArnForm { service: "iam", resource: "user/" }),
};
