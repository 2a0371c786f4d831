//! How large a policy is as AWS counts, and how large it may be.

use super::document::{Document, Use};
use super::limits::Limits;

/// The size of a document as AWS counts it for this use.
///
/// IAM does not count white space; Organizations, S3 and others count the text as saved, which
/// here is the minified one; S3 and KMS count bytes. A part unknown until apply counts as the
/// twelve digits of an account id.
#[must_use]
pub fn measured_size(document: &Document, role: &Use) -> usize {
    let mut text = String::new();
    for part in document.to_text().parts() {
        match part {
            super::text::TextRun::Literal(literal) => text.push_str(&literal),
            super::text::TextRun::Placeholder(_) => text.push_str("000000000000"),
        }
    }
    match role {
        Use::Identity | Use::Managed | Use::Boundary | Use::Trust => {
            text.chars().filter(|c| !c.is_whitespace()).count()
        }
        Use::Resource(_) => text.len(),
        Use::Scp | Use::Rcp | Use::Session | Use::Endpoint => text.chars().count(),
    }
}

/// The size allowed for one document of this use, and the name of that limit.
#[must_use]
pub fn size_limit(role: &Use, limits: &Limits) -> (usize, &'static str) {
    match role {
        Use::Scp => (limits.scp_size, "scp_size"),
        Use::Rcp => (limits.rcp_size, "rcp_size"),
        Use::Identity => (limits.role_inline_size, "role_inline_size"),
        Use::Managed | Use::Boundary => (limits.managed_policy_size, "managed_policy_size"),
        Use::Trust => (limits.trust_policy_size, "trust_policy_size"),
        Use::Session => (limits.session_policy_size, "session_policy_size"),
        Use::Endpoint => (limits.endpoint_policy_size, "endpoint_policy_size"),
        Use::Resource(service) => match service.as_str() {
            "s3" => (limits.bucket_policy_size, "bucket_policy_size"),
            "kms" => (limits.key_policy_size, "key_policy_size"),
            _ => (limits.resource_policy_size, "resource_policy_size"),
        },
    }
}
