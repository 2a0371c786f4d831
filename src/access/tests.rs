//! What follows from facts.

use std::sync::Arc;

use super::*;
use crate::iam::{
    Document, Effect, Item, Policies, Policy, Principal, Request, Statement, evaluate,
};

/// The rows say of each type what the judge does with it.
#[test]
fn rows_agree_with_the_judge() {
    for kind in RESOURCE_TYPES {
        // A type that was not listed has to be assumed, so it must be in that table as well.
        assert!(POLICY_BEARING_TYPES.iter().any(|ty| ty.name == kind.name), "{}", kind.name);
        let arn = match kind.service {
            "s3" => "arn:aws:s3:::data".to_owned(),
            service => format!("arn:aws:{service}:eu-west-1:111111111111:{}x", kind.resource),
        };
        assert_eq!(ResourceType::of_arn(&arn), Some(kind), "{arn}");
        // Organizations User Guide, "Resource control policies (RCPs)", the list of services.
        let not_yet = ["acm-pca", "backup", "kinesis", "lambda", "sns"].contains(&kind.service);
        assert_eq!(kind.is_under_resource_control(), !not_yet, "{}", kind.name);
        let mut all = Statement::new(Effect::Allow);
        all.actions = vec![Item::new("*")];
        all.resources = vec![Item::new("*")];
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("all", &Document::new([all])))],
            ..Policies::default()
        };
        for action in kind.policy_actions.iter().chain(kind.writes).chain(kind.reads) {
            assert!(action.starts_with(&format!("{}:", kind.service)), "{action}");
            let known = crate::iam::catalogue().find(action);
            assert!(known.is_some(), "{action} is not in the catalogue");
            let caller = Principal::Arn("arn:aws:sts::111111111111:assumed-role/ci/s".to_owned());
            let mut request = Request::new(caller, action, &arn);
            request.resource_account = Some("111111111111".to_owned());
            assert_eq!(
                evaluate(&request, &policies).is_allowed(),
                !kind.policy_required,
                "{action}"
            );
        }
    }
    assert_eq!(ResourceType::of_arn("arn:aws:s3:::data/a/b"), Some(&BUCKET));
    assert_eq!(BUCKET.holder("arn:aws:s3:::data/a/b"), "arn:aws:s3:::data");
    assert_eq!(KEY.holder("arn:aws:kms:eu-west-1:1:key/a"), "arn:aws:kms:eu-west-1:1:key/a");
    assert_eq!(ResourceType::of_arn("arn:aws:kms:eu-west-1:1:alias/a"), None);
    assert_eq!(ResourceType::of_arn("nonsense"), None);
}

/// A kind names its type by the service alone, so a second type of one service would never be found.
#[test]
fn a_service_has_one_type_of_resource_with_a_policy() {
    let services: std::collections::BTreeSet<&str> =
        super::RESOURCE_TYPES.iter().map(|t| t.service).collect();
    assert_eq!(services.len(), super::RESOURCE_TYPES.len());
}

/// What a statement may leave out is known of every type, before its policies are read.
#[test]
fn every_type_says_whether_its_policies_name_a_resource() {
    use crate::iam::decode::NAMES_RESOURCE;
    // Secrets Manager User Guide, "Resource-based policies"; ECR User Guide, "Private repository policy examples". Of the
    // others AWS's pages do not say that a statement without one is refused, and it can mean nothing else than what it is
    // attached to.
    const RESOURCE_OPTIONAL: [&str; 9] = [
        "acm-pca",
        "backup",
        "dynamodb",
        "ecr",
        "events",
        "kinesis",
        "lambda",
        "logs",
        "secretsmanager",
    ];
    for kind in super::RESOURCE_TYPES {
        let known = NAMES_RESOURCE.iter().chain(&RESOURCE_OPTIONAL);
        assert_eq!(known.filter(|s| **s == kind.service).count(), 1, "{}", kind.name);
    }
}
