//! The part that a resource type plays in who may do what: where its policy stands, or that it grants access in a way that no
//! analysis knows.

use crate::resource_types::{TypeBearing, bearing};
use crate::schema::access::{
    AccessPart, PolicyOnResource, ResourceDeclaration, StatementOnResource,
};
use crate::schema::meaning::Repair;

/// Types that are resources with a policy of their own: the prefix of their actions, and the properties with the ARN and with the
/// policy. Where no property holds the policy, another type sets it.
const RESOURCES: [(&str, &str, &str, Option<&str>); 16] = [
    ("AWS::ACMPCA::CertificateAuthority", "acm-pca", "Arn", None),
    ("AWS::Backup::BackupVault", "backup", "BackupVaultArn", Some("AccessPolicy")),
    (
        "AWS::Backup::LogicallyAirGappedBackupVault",
        "backup",
        "BackupVaultArn",
        Some("AccessPolicy"),
    ),
    ("AWS::DynamoDB::Table", "dynamodb", "Arn", Some("ResourcePolicy.PolicyDocument")),
    ("AWS::ECR::Repository", "ecr", "Arn", Some("RepositoryPolicyText")),
    ("AWS::Events::EventBus", "events", "Arn", Some("Policy")),
    ("AWS::KMS::Key", "kms", "Arn", Some("KeyPolicy")),
    ("AWS::KMS::ReplicaKey", "kms", "Arn", Some("KeyPolicy")),
    ("AWS::Kinesis::Stream", "kinesis", "Arn", None),
    ("AWS::Lambda::Alias", "lambda", "AliasArn", None),
    ("AWS::Lambda::Function", "lambda", "Arn", None),
    ("AWS::Lambda::Version", "lambda", "FunctionArn", None),
    ("AWS::Logs::Destination", "logs", "Arn", Some("DestinationPolicy")),
    ("AWS::SNS::Topic", "sns", "TopicArn", None),
    ("AWS::SQS::Queue", "sqs", "Arn", None),
    ("AWS::SecretsManager::Secret", "secretsmanager", "Id", None),
];

/// Types that are the policy of a resource: the prefix of that one's actions, and the properties that name it and that hold the policy.
const POLICIES: [(&str, &str, &str, &str); 5] = [
    ("AWS::Kinesis::ResourcePolicy", "kinesis", "ResourceArn", "ResourcePolicy"),
    ("AWS::Lambda::ResourcePolicy", "lambda", "ResourceArn", "PolicyDocument"),
    ("AWS::SNS::TopicInlinePolicy", "sns", "TopicArn", "PolicyDocument"),
    ("AWS::SQS::QueueInlinePolicy", "sqs", "Queue", "PolicyDocument"),
    ("AWS::SecretsManager::ResourcePolicy", "secretsmanager", "SecretId", "ResourcePolicy"),
];

/// What reading and changing the policies on resources of a service takes.
///
/// Source: Service Authorization Reference, the pages of each service.
const KEPT_BY: [(&str, &[&str]); 10] = [
    ("backup", &["backup:GetBackupVaultAccessPolicy", "backup:PutBackupVaultAccessPolicy"]),
    ("dynamodb", &["dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy"]),
    ("ecr", &["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"]),
    ("events", &["events:DescribeEventBus", "events:PutPermission"]),
    ("kinesis", &["kinesis:GetResourcePolicy", "kinesis:PutResourcePolicy"]),
    ("kms", &["kms:GetKeyPolicy", "kms:PutKeyPolicy"]),
    ("lambda", &["lambda:AddPermission", "lambda:GetPolicy"]),
    ("secretsmanager", &["secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy"]),
    ("sns", &["sns:GetTopicAttributes", "sns:SetTopicAttributes"]),
    ("sqs", &["sqs:GetQueueAttributes", "sqs:SetQueueAttributes"]),
];

/// The ways to the policies in the properties of a type, which are compared by meaning.
pub(super) fn documents(name: &str) -> &'static [&'static str] {
    let path = match part(name) {
        AccessPart::Resource(ResourceDeclaration { policy, .. }) => policy,
        AccessPart::PolicyOf(PolicyOnResource { policy, .. }) => Some(policy),
        _ => None,
    };
    // Made once for each type, as its declaration is.
    path.map_or(&[], |path| vec![path].leak())
}

/// What a plan may not take away from those who repair objects of a type.
pub(super) fn repair(name: &str) -> Repair {
    let service = match part(name) {
        AccessPart::Resource(ResourceDeclaration { service, policy: Some(_), .. })
        | AccessPart::PolicyOf(PolicyOnResource { service, .. }) => Some(service),
        _ => None,
    };
    match KEPT_BY.iter().find(|(known, _)| Some(*known) == service) {
        Some((_, actions)) => Repair::Objects(actions),
        None => Repair::Nothing("the next plan reads and changes it through Cloud Control"),
    }
}

/// Types that are a statement of the policy of a resource: the prefix of that one's actions, the properties that name it and the
/// statement, and what its name follows in its ARN.
const STATEMENTS: [(&str, StatementOnResource); 2] = [
    (
        "AWS::Events::EventBusPolicy",
        StatementOnResource {
            service: "events",
            target: "EventBusName",
            sid: "StatementId",
            resource: "event-bus/",
            unnamed: Some("default"),
        },
    ),
    (
        "AWS::Lambda::Permission",
        StatementOnResource {
            service: "lambda",
            target: "FunctionName",
            sid: "Id",
            resource: "function:",
            unnamed: None,
        },
    ),
];

/// The part of a type.
pub(super) fn part(name: &str) -> AccessPart {
    if let Some((_, service, arn, policy)) = RESOURCES.iter().find(|row| row.0 == name) {
        return AccessPart::Resource(ResourceDeclaration {
            service,
            arn,
            policy: *policy,
            ..ResourceDeclaration::PLAIN
        });
    }
    if let Some((_, service, target, policy)) = POLICIES.iter().find(|row| row.0 == name) {
        return AccessPart::PolicyOf(PolicyOnResource { service, target, policy });
    }
    if let Some((_, statement)) = STATEMENTS.iter().find(|row| row.0 == name) {
        return AccessPart::StatementOf(*statement);
    }
    match bearing(name) {
        TypeBearing::None | TypeBearing::Named => AccessPart::None,
        TypeBearing::Policy(property) => AccessPart::Unjudged(Some(property)),
        TypeBearing::Judged | TypeBearing::Bears | TypeBearing::Runs | TypeBearing::Unknown => {
            AccessPart::Unjudged(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource_types::{entries, find};

    /// The properties that are named here are those of the types.
    #[test]
    fn properties_exist() {
        let has = |name: &str, property: &str| {
            let ty = find(name).and_then(|entry| entry.load()).expect(name);
            let root = property.split('.').next().unwrap_or_default();
            assert!(ty.shape().names().contains(root), "{name} has no property {property}");
        };
        for (name, _, arn, policy) in RESOURCES {
            has(name, arn);
            policy.into_iter().for_each(|policy| has(name, policy));
        }
        for (name, _, target, policy) in POLICIES {
            has(name, target);
            has(name, policy);
        }
    }

    #[test]
    fn every_type_has_a_part() {
        let unjudged: Vec<&str> = entries()
            .iter()
            .filter(|entry| entry.handlers.can_be_managed())
            .map(|entry| entry.name.as_str())
            .filter(|name| part(name) == AccessPart::Unjudged(None))
            .collect();
        for name in ["AWS::RAM::ResourceShare", "AWS::CloudFormation::Stack", "AWS::IAM::User"] {
            assert!(unjudged.contains(&name), "{name}");
        }
        assert_eq!(part("AWS::EC2::VPC"), AccessPart::None);
        assert_eq!(part("AWS::EFS::FileSystem"), AccessPart::Unjudged(Some("FileSystemPolicy")));
        assert!(
            matches!(part("AWS::KMS::Key"), AccessPart::Resource(says) if says.policy == Some("KeyPolicy"))
        );
    }
}
