//! The part that a resource type plays in who may do what: where its policy stands, or that it grants access in a way that no
//! analysis knows.

use crate::resource_types::{TypeBearing, bearing};
use crate::schema::access::{
    AccessPart, PolicyOnResource, ResourceDeclaration, StatementOnResource,
};
use crate::schema::meaning::Repair;

/// A type that is a resource with a policy of its own.
struct Row {
    name: &'static str,
    /// The prefix of its actions.
    service: &'static str,
    /// The property with the ARN.
    arn: &'static str,
    /// The property with the policy. Where there is none, another type sets it.
    policy: Option<&'static str>,
    /// The property whose value the ARN ends in, if somebody may choose it.
    named: Option<&'static str>,
}

const fn row(
    name: &'static str,
    service: &'static str,
    arn: &'static str,
    policy: Option<&'static str>,
    named: Option<&'static str>,
) -> Row {
    Row { name, service, arn, policy, named }
}

/// Every type that is a resource with a policy of its own.
const RESOURCES: [Row; 16] = [
    row("AWS::ACMPCA::CertificateAuthority", "acm-pca", "Arn", None, None),
    row(
        "AWS::Backup::BackupVault",
        "backup",
        "BackupVaultArn",
        Some("AccessPolicy"),
        Some("BackupVaultName"),
    ),
    row(
        "AWS::Backup::LogicallyAirGappedBackupVault",
        "backup",
        "BackupVaultArn",
        Some("AccessPolicy"),
        Some("BackupVaultName"),
    ),
    row(
        "AWS::DynamoDB::Table",
        "dynamodb",
        "Arn",
        Some("ResourcePolicy.PolicyDocument"),
        Some("TableName"),
    ),
    row("AWS::ECR::Repository", "ecr", "Arn", Some("RepositoryPolicyText"), Some("RepositoryName")),
    row("AWS::Events::EventBus", "events", "Arn", Some("Policy"), Some("Name")),
    row("AWS::KMS::Key", "kms", "Arn", Some("KeyPolicy"), None),
    row("AWS::KMS::ReplicaKey", "kms", "Arn", Some("KeyPolicy"), None),
    row("AWS::Kinesis::Stream", "kinesis", "Arn", None, Some("Name")),
    row("AWS::Lambda::Alias", "lambda", "AliasArn", None, None),
    row("AWS::Lambda::Function", "lambda", "Arn", None, Some("FunctionName")),
    row("AWS::Lambda::Version", "lambda", "FunctionArn", None, None),
    row(
        "AWS::Logs::Destination",
        "logs",
        "Arn",
        Some("DestinationPolicy"),
        Some("DestinationName"),
    ),
    row("AWS::SNS::Topic", "sns", "TopicArn", None, Some("TopicName")),
    row("AWS::SQS::Queue", "sqs", "Arn", None, Some("QueueName")),
    row("AWS::SecretsManager::Secret", "secretsmanager", "Id", None, Some("Name")),
];

/// Types whose ARN is their identifier.
const IDENTIFIERS: [&str; 5] = [
    "AWS::ACMPCA::CertificateAuthority",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
];

/// What stands for what AWS adds to names in ARNs: a hyphen and six characters to that of a secret (Secrets Manager User Guide, "What's in
/// a Secrets Manager secret?"), which patterns with six `?` match, in brackets that no policy can hold.
const AFTER_NAMES: [(&str, &str); 1] = [("AWS::SecretsManager::Secret", "-\u{27e8}rand\u{27e9}")];

/// Properties with the Regions that have copies of a resource under its policy (Secrets Manager User Guide, "Replicate AWS Secrets
/// Manager secrets across Regions").
const REPLICAS: [(&str, &str); 1] = [("AWS::SecretsManager::Secret", "ReplicaRegions")];

/// Policies within a resource of [`RESOURCES`] that are not its own and are not judged: of a table's stream (DynamoDB Developer Guide,
/// "Using resource-based policies for DynamoDB").
const UNJUDGED_WITHIN: [(&str, &str); 1] =
    [("AWS::DynamoDB::Table", "StreamSpecification.ResourcePolicy")];

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
    if let Some(row) = RESOURCES.iter().find(|row| row.name == name) {
        return AccessPart::Resource(ResourceDeclaration {
            service: row.service,
            arn: row.arn,
            policy: row.policy,
            name: row.named,
            arn_is_id: IDENTIFIERS.contains(&name),
            after_name: AFTER_NAMES.iter().find(|row| row.0 == name).map(|row| row.1),
            replicas: REPLICAS.iter().find(|row| row.0 == name).map(|row| row.1),
            unjudged: UNJUDGED_WITHIN.iter().find(|row| row.0 == name).map(|row| row.1),
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
        for row in RESOURCES {
            has(row.name, row.arn);
            row.policy.into_iter().chain(row.named).for_each(|property| has(row.name, property));
            let ty = find(row.name).and_then(|entry| entry.load()).expect(row.name);
            let identifier: Vec<String> = ty.identifier.iter().map(ToString::to_string).collect();
            let is_arn = identifier == [row.arn];
            assert_eq!(is_arn, IDENTIFIERS.contains(&row.name), "{}: {identifier:?}", row.name);
        }
        let within = REPLICAS.into_iter().chain(UNJUDGED_WITHIN);
        within.for_each(|(name, path)| has(name, path));
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
