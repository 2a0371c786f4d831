//! Taking the SDK's requests apart: service, operation, region, and what they are about.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;

use super::wire::{Call, Service, form};
use super::{account, cloudcontrol, cloudwatch, policies, s3, s3control};

/// Takes a request of the SDK apart.
pub(crate) async fn parse(request: HttpRequest) -> Result<Call, ConnectorError> {
    let method = request.method().to_owned();
    let uri = request.uri().to_owned();
    let headers: BTreeMap<String, String> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = ByteStream::new(request.into_body())
        .collect()
        .await
        .map_err(|e| ConnectorError::user(e.into()))?
        .into_bytes();
    Ok(take_apart(method, &uri, headers, body))
}

fn take_apart(method: String, uri: &str, headers: BTreeMap<String, String>, body: Bytes) -> Call {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (host, path_and_query) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest.split('?').next().unwrap_or(rest), "/"),
    };
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let (host, path, query) = (host.to_owned(), path.to_owned(), form(query));
    let scope: Vec<&str> = headers
        .get("authorization")
        .and_then(|header| header.split_once("Credential="))
        .map(|(_, rest)| rest.split(',').next().unwrap_or_default().split('/').collect())
        .unwrap_or_default();
    let region = scope.get(2).copied().unwrap_or("us-east-1").to_owned();
    let label = host.split(['.', ':']).next().unwrap_or_default();
    let service = match scope.get(3).copied().unwrap_or(label) {
        "iam" => Service::Iam,
        "sts" => Service::Sts,
        "organizations" => Service::Organizations,
        "account" => Service::Account,
        "ssm" => Service::Ssm,
        "monitoring" => Service::CloudWatch,
        "cloudformation" => Service::CloudFormation,
        "cloudcontrolapi" => Service::CloudControl,
        "kms" => Service::Kms,
        "secretsmanager" => Service::SecretsManager,
        "sqs" => Service::Sqs,
        "sns" => Service::Sns,
        "lambda" => Service::Lambda,
        "dynamodb" => Service::DynamoDb,
        "ecr" => Service::Ecr,
        _ if path.starts_with("/v20180820/") => Service::S3Control,
        _ => Service::S3,
    };
    let mut call = Call {
        service,
        operation: String::new(),
        method,
        secure: !uri.starts_with("http://"),
        host,
        path,
        query,
        headers,
        region,
        body,
    };
    call.operation = match service {
        Service::Iam | Service::Sts | Service::Sns | Service::CloudFormation => {
            form(&String::from_utf8_lossy(&call.body)).remove("Action").unwrap_or_default()
        }
        Service::Organizations
        | Service::Ssm
        | Service::CloudControl
        | Service::Kms
        | Service::SecretsManager
        | Service::Sqs
        | Service::DynamoDb
        | Service::Ecr => call
            .header("x-amz-target")
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or_default()
            .to_owned(),
        Service::CloudWatch => cloudwatch::operation(&call),
        Service::Account => account::operation(&call),
        Service::Lambda => policies::operation(&call).to_owned(),
        Service::S3 => s3::operation(&call),
        Service::S3Control => s3control::operation(&call),
    };
    call
}

/// Whether an operation changes anything, by its name.
pub(crate) fn is_mutating(operation: &str) -> bool {
    const READING: [&str; 9] = [
        "Get",
        "List",
        "Describe",
        "Head",
        "AssumeRole",
        "Simulate",
        "Generate",
        "Lookup",
        "Decode",
    ];
    !READING.iter().any(|prefix| operation.starts_with(prefix))
}

/// What a request is about, for tests and hooks.
pub(crate) fn subject(call: &Call) -> String {
    match call.service {
        Service::Iam | Service::Sts => {
            let params = form(&String::from_utf8_lossy(&call.body));
            const NAMES: [&str; 9] = [
                "RoleName",
                "RoleArn",
                "UserName",
                "GroupName",
                "PolicyArn",
                "PolicyName",
                "OpenIDConnectProviderArn",
                "Url",
                "AccountAlias",
            ];
            NAMES.iter().find_map(|name| params.get(*name).cloned()).unwrap_or_default()
        }
        Service::Organizations | Service::Account | Service::Ssm => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
            const NAMES: [&str; 10] = [
                "PolicyId",
                "AccountId",
                "OrganizationalUnitId",
                "CreateAccountRequestId",
                "Email",
                "Name",
                "Path",
                "ResourceId",
                "TargetId",
                "ParentId",
            ];
            NAMES
                .iter()
                .find_map(|name| body.get(*name)?.as_str().map(str::to_owned))
                .unwrap_or_default()
        }
        Service::CloudControl => {
            cloudcontrol::subject(&serde_json::from_slice(&call.body).unwrap_or_default())
        }
        Service::S3 => s3::target(call).map_or_else(String::new, |t| t.to_string()),
        Service::CloudFormation => {
            let params = form(&String::from_utf8_lossy(&call.body));
            params.get("StackName").cloned().unwrap_or_default()
        }
        Service::S3Control | Service::CloudWatch => call.path.clone(),
        Service::Kms
        | Service::SecretsManager
        | Service::Sqs
        | Service::Sns
        | Service::Lambda
        | Service::DynamoDb
        | Service::Ecr => policies::resource("", call),
    }
}
