//! The dress of answers and refusals in each service's protocol.

use serde_json::{Value, json};

use super::cbor;
use super::wire::{Call, Refusal, Reply, Service};
use super::xml::Xml;

const IAM_NS: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const STS_NS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

const SNS_NS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
const CLOUDFORMATION_NS: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

fn namespace(service: Service) -> &'static str {
    match service {
        Service::Sts => STS_NS,
        Service::Sns => SNS_NS,
        Service::CloudFormation => CLOUDFORMATION_NS,
        _ => IAM_NS,
    }
}

/// An answer of the query protocol.
pub(crate) fn query(call: &Call, result: Xml, request: &str) -> Reply {
    let body = Xml::new()
        .node(&format!("{}Result", call.operation), result)
        .node("ResponseMetadata", Xml::new().text("RequestId", request));
    let tag = format!("{}Response", call.operation);
    Reply::new(200, "text/xml", body.document(&tag, namespace(call.service)))
        .with("x-amzn-requestid", request)
}

/// An answer of the JSON protocol.
pub(crate) fn json(value: &Value, request: &str) -> Reply {
    Reply::new(200, "application/x-amz-json-1.1", value.to_string())
        .with("x-amzn-requestid", request)
}

/// A refusal in the protocol of the call's service.
pub(crate) fn refuse(call: &Call, refusal: &Refusal, request: &str) -> Reply {
    let kind = if refusal.status >= 500 { "Receiver" } else { "Sender" };
    match call.service {
        Service::Iam | Service::Sts | Service::Sns | Service::CloudFormation => {
            let error = Xml::new()
                .text("Type", kind)
                .text("Code", &refusal.code)
                .text("Message", &refusal.message);
            let body = Xml::new().node("Error", error).text("RequestId", request);
            Reply::new(
                refusal.status,
                "text/xml",
                body.document("ErrorResponse", namespace(call.service)),
            )
            .with("x-amzn-requestid", request)
        }
        Service::CloudWatch => {
            let told = [("__type", json_code(&refusal.code)), ("message", &*refusal.message)];
            let status = if refusal.status >= 500 { refusal.status } else { 400 };
            Reply::new(status, "application/cbor", cbor::texts(&told))
                .with("smithy-protocol", "rpc-v2-cbor")
                .with("x-amzn-requestid", request)
        }
        // REST with JSON: the error's name stands in a header (smithy.io, "AWS restJson1 protocol").
        Service::Account | Service::Lambda => {
            let body = json!({ "message": refusal.message });
            Reply::new(refusal.status, "application/json", body.to_string())
                .with("x-amzn-errortype", json_code(&refusal.code))
                .with("x-amzn-requestid", request)
        }
        Service::Organizations
        | Service::Ssm
        | Service::CloudControl
        | Service::Kms
        | Service::SecretsManager
        | Service::Sqs
        | Service::DynamoDb
        | Service::Ecr => {
            let code = json_code(&refusal.code);
            let mut body = json!({ "__type": code });
            let member = if call.service == Service::Ssm { "message" } else { "Message" };
            if let Some(object) = body.as_object_mut() {
                object.insert(member.to_owned(), json!(refusal.message));
                if let Some(reason) = refusal.reason {
                    object.insert("Reason".to_owned(), json!(reason));
                }
            }
            let status = if refusal.status >= 500 { refusal.status } else { 400 };
            Reply::new(status, "application/x-amz-json-1.1", body.to_string())
                .with("x-amzn-requestid", request)
        }
        Service::S3 | Service::S3Control => {
            if call.method == "HEAD" {
                return Reply::empty(refusal.status).with("x-amz-request-id", request);
            }
            let error = Xml::new()
                .text("Code", &refusal.code)
                .text("Message", &refusal.message)
                .text("Resource", &call.path)
                .text("RequestId", request);
            let body = if call.service == Service::S3Control {
                Xml::new()
                    .node("Error", error)
                    .text("RequestId", request)
                    .document("ErrorResponse", "http://awss3control.amazonaws.com/doc/2018-08-20/")
            } else {
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{}</Error>",
                    error.into_string()
                )
            };
            Reply::new(refusal.status, "application/xml", body).with("x-amz-request-id", request)
        }
    }
}

/// The JSON services name common errors differently.
fn json_code(code: &str) -> &str {
    match code {
        "AccessDenied" => "AccessDeniedException",
        "ExpiredToken" => "ExpiredTokenException",
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "Throttling" => "ThrottlingException",
        "ValidationError" => "ValidationException",
        "NotImplemented" => "UnknownOperationException",
        other => other,
    }
}

/// What a throttled request hears.
pub(crate) fn throttled(service: Service) -> Refusal {
    match service {
        Service::Organizations => Refusal::new(
            400,
            "TooManyRequestsException",
            "AWS Organizations can't complete the request because of too many requests",
        ),
        Service::S3 => Refusal::new(503, "SlowDown", "Please reduce your request rate."),
        _ => Refusal::new(400, "Throttling", "Rate exceeded"),
    }
}

/// What a request hears while a service is down.
pub(crate) fn unavailable() -> Refusal {
    Refusal::new(503, "ServiceUnavailable", "Service Unavailable. Please try again later.")
}
