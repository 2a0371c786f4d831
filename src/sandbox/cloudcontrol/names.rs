//! Names that services make of others: ARNs and URLs, for the types whose own services tell them too.

use serde_json::Value;

use crate::resource_types::{PropertyPath, TypeSchema};

/// Where a name is made.
pub(super) struct NamePlace<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    /// Twelve letters that nothing else in the account has.
    pub(super) letters: &'a str,
}

/// Properties of types, each with how it is made of others.
///
/// Source: Service Authorization Reference, the resource types of each service.
const FORMS: [(&str, &str, &str); 16] = [
    ("AWS::Backup::BackupVault", "BackupVaultArn", "backup:{}:backup-vault:{BackupVaultName}"),
    ("AWS::DynamoDB::Table", "Arn", "dynamodb:{}:table/{TableName}"),
    ("AWS::ECR::Repository", "Arn", "ecr:{}:repository/{RepositoryName}"),
    ("AWS::Events::EventBus", "Arn", "events:{}:event-bus/{Name}"),
    ("AWS::KMS::Key", "Arn", "kms:{}:key/{KeyId}"),
    ("AWS::KMS::ReplicaKey", "Arn", "kms:{}:key/{KeyId}"),
    ("AWS::Kinesis::Stream", "Arn", "kinesis:{}:stream/{Name}"),
    ("AWS::Lambda::Function", "Arn", "lambda:{}:function:{FunctionName}"),
    ("AWS::Logs::Destination", "Arn", "logs:{}:destination:{DestinationName}"),
    ("AWS::Logs::LogGroup", "Arn", "logs:{}:log-group:{LogGroupName}:*"),
    ("AWS::SNS::Topic", "TopicArn", "sns:{}:{TopicName}"),
    ("AWS::SQS::Queue", "Arn", "sqs:{}:{QueueName}"),
    ("AWS::SecretsManager::Secret", "Id", "secretsmanager:{}:secret:{Name}-"),
    ("AWS::StepFunctions::StateMachine", "Arn", "states:{}:stateMachine:{StateMachineName}"),
    ("AWS::CloudWatch::Alarm", "Arn", "cloudwatch:{}:alarm:{AlarmName}"),
    ("AWS::SQS::Queue", "QueueUrl", ""),
];

/// The value of a property that its service makes of others; `None` where no form says how.
pub(super) fn made_of(
    place: &NamePlace<'_>,
    ty: &TypeSchema,
    path: &PropertyPath,
    properties: &Value,
) -> Option<String> {
    let (_, _, form) =
        FORMS.iter().find(|(name, property, _)| *name == ty.name && path.root() == *property)?;
    let NamePlace { account, region, letters } = place;
    let named = |property: &str| match properties.get(property).and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => format!("{}-{}", ty.name.rsplit("::").next().unwrap_or_default(), letters),
    };
    if form.is_empty() {
        let name = named("QueueName");
        return Some(format!("https://sqs.{region}.amazonaws.com/{account}/{name}"));
    }
    let mut arn = "arn:aws:".to_owned();
    // What a name puts in is not looked at again: it may have braces of its own.
    for part in form.split_inclusive('}') {
        let Some((before, property)) = part.strip_suffix('}').and_then(|p| p.split_once('{'))
        else {
            arn.push_str(part);
            continue;
        };
        arn.push_str(before);
        match property {
            "" => arn.push_str(&format!("{region}:{account}")),
            property => arn.push_str(&named(property)),
        }
    }
    if arn.ends_with('-') {
        arn.push_str(letters.get(..6).unwrap_or_default());
    }
    Some(arn)
}
