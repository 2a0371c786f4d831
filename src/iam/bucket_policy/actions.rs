//! What S3 asks of a bucket policy beside its grammar: each action of a statement has to act on one of its resources.
//!
//! Source: S3 answers `MalformedPolicy`, "Action does not apply to any resource(s) in statement" (S3 User Guide, "Troubleshoot
//! access denied errors", "Bucket policies"). Which actions act on buckets, and which on objects, says the Service
//! Authorization Reference, "Actions defined by Amazon S3". IAM does not look at that in identity policies.

use crate::iam::catalogue::{ActionId, catalogue};
use crate::iam::document::{Document, Statement};
use crate::iam::symbolic::globs::{Glob, regions};

/// An action of a bucket's policy that acts on none of its statement's resources, as the policy spells it; the bucket is
/// given by its ARN.
#[must_use]
pub fn action_without_resource(document: &Document, bucket: &str) -> Option<String> {
    document.statements.iter().find_map(|statement| of_statement(statement, bucket))
}

fn of_statement(statement: &Statement, bucket: &str) -> Option<String> {
    /// Patterns of one statement cut few texts.
    const STATES: usize = 10_000;
    if statement.resources.is_empty() {
        return None;
    }
    let globs: Vec<Glob> =
        statement.resources.iter().map(|item| Glob::like(&item.text.symbolic())).collect();
    let on_bucket = globs.iter().any(|glob| glob.matches(bucket));
    let objects = format!("{bucket}/");
    let on_objects = globs.iter().any(|glob| {
        let texts = regions(std::slice::from_ref(glob), &objects, true, STATES);
        texts.map_or(true, |texts| texts.iter().any(|text| glob.matches(text)))
    });
    let all = catalogue();
    let acts = |pattern: &str| {
        let known = all.expand(pattern);
        let mut ids = known.known().iter().peekable();
        // Of an action that is not known nobody can tell.
        ids.peek().is_none()
            || ids.any(|id| {
                // A bucket's policy is about the bucket and its objects; of what acts on neither S3 says nothing.
                let mut types = all
                    .resource_types(ActionId(id))
                    .filter(|kind| matches!(kind.name, "bucket" | "object"))
                    .peekable();
                types.peek().is_none()
                    || types.any(|kind| if kind.name == "bucket" { on_bucket } else { on_objects })
            })
    };
    let mut actions = statement.actions.iter().map(|item| item.text.symbolic().into_owned());
    actions.find(|action| !acts(&action.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::iam::document::Use;

    fn unfit(action: &serde_json::Value, resource: &serde_json::Value) -> Option<String> {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}]});
        let document =
            Document::from_json(&policy, Use::Resource("s3".to_owned())).expect("valid").0;
        action_without_resource(&document, "arn:aws:s3:::acme")
    }

    #[test]
    fn each_action_needs_a_resource_that_it_acts_on() {
        for (action, resource, expected) in [
            (json!("s3:GetObject"), json!("arn:aws:s3:::acme/*"), None),
            (json!("s3:GetObject"), json!("arn:aws:s3:::acme*"), None),
            (json!("s3:GetObject"), json!("arn:aws:s3:::acme"), Some("s3:GetObject")),
            (json!("s3:ListBucket"), json!("arn:aws:s3:::acme"), None),
            (json!("s3:ListBucket"), json!("arn:aws:s3:::acme/*"), Some("s3:ListBucket")),
            (
                json!(["s3:GetObject", "s3:ListBucket"]),
                json!("arn:aws:s3:::acme/*"),
                Some("s3:ListBucket"),
            ),
            (
                json!(["s3:GetObject", "s3:ListBucket"]),
                json!(["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"]),
                None,
            ),
            (json!("s3:*"), json!("arn:aws:s3:::acme"), None),
            (json!("s3:PutObject*"), json!("arn:aws:s3:::acme"), Some("s3:PutObject*")),
            (json!("s3:Get*"), json!("arn:aws:s3:::acme"), None),
            (json!("s3:BrandNewAction"), json!("arn:aws:s3:::acme"), None),
        ] {
            assert_eq!(unfit(&action, &resource).as_deref(), expected, "{action} {resource}");
        }
    }
}
