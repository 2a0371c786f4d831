//! From what the SDK says of a failed call to what Palisade does about it.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::constraints;
use super::gatekeeper::Fenced;
use crate::cause::codes::{self, CodeMeaning};
use crate::cause::{self, CauseKind};
use crate::provider::{Failure, ProviderError};
use crate::trace;

/// Translates a failed call of `service:operation` in `account`.
pub(super) fn translate<E>(
    service: &'static str,
    operation: &str,
    account: &str,
    error: &SdkError<E, HttpResponse>,
) -> ProviderError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    // A failure to enter the account travels inside the failure of the call that needed it.
    if let Some(cause) = within::<ProviderError>(error) {
        return cause.clone();
    }
    if let Some(fenced) = within::<Fenced>(error) {
        return ProviderError {
            failure: Failure::Fenced,
            ..refuse(service, operation, account, fenced.to_string())
        };
    }
    let place = trace::destination_of(account, service, operation);
    // AWS says of what is not there what that is (`NoSuchEntity`, `NoSuchBucketPolicy`). The SDK calls an answer of S3
    // without a body so; a proxy or a load balancer sends one.
    let nothing = |answer: &HttpResponse| {
        let is_empty = answer.body().bytes().is_none_or(<[u8]>::is_empty);
        answer.status().as_u16() == 404
            && (error.code().is_none() || is_empty && error.code() == Some("NotFound"))
    };
    let nothing = error.raw_response().is_some_and(nothing);
    let cause = cause::of(error, place.as_ref())
        .or_else(|| nothing.then(|| cause::garbled(place.as_ref())));
    let code = error.code().filter(|_| !nothing);
    let (failure, message) = match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let body = answer.raw().body().bytes().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default().trim();
            let failure = match code {
                Some(code) => classify(code, message, status),
                None => bare(status, body),
            };
            // What an emulator lacks may be left out; what AWS refuses may not.
            let failure = match failure {
                Failure::NotImplemented if place.as_ref().is_some_and(|p| !p.configured) => {
                    Failure::Refused
                }
                failure => failure,
            };
            let message = match (failure, message) {
                (Failure::NotImplemented, _) => "the endpoint does not implement this".to_owned(),
                (_, "") => format!("the endpoint answered with status {status} and no reason"),
                (_, message) if code == Some("ConstraintViolationException") => {
                    match constraints::reason(body) {
                        Some((reason, Some(advice))) => format!("{message} {reason}: {advice}"),
                        Some((reason, None)) => format!("{message} {reason}"),
                        None => message.to_owned(),
                    }
                }
                (_, message) => message.to_owned(),
            };
            (failure, message)
        }
        // No answer, or one that was cut or garbled: the call may have been carried out.
        SdkError::ResponseError(_) | SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
            (Failure::NoAnswer, cause::words(error))
        }
        _ => (Failure::Refused, cause::words(error)),
    };
    let failure = cause.as_ref().map_or(failure, |cause| because(cause.kind, failure));
    ProviderError {
        failure,
        service,
        operation: operation.to_owned(),
        account: account.to_owned(),
        code: code.map(str::to_owned),
        message: cause.as_ref().map_or(message, |cause| cause.message.clone()),
        cause: cause.map(Box::new),
    }
}

/// What follows from what went wrong, where that tells more than the code.
fn because(kind: CauseKind, failure: Failure) -> Failure {
    match kind {
        CauseKind::Throttled => Failure::Throttled,
        CauseKind::ClockSkew
        | CauseKind::UnknownKey
        | CauseKind::Expired
        | CauseKind::NoCredentials => Failure::Credentials,
        CauseKind::AccountClosed | CauseKind::RegionDisabled | CauseKind::OtherRegion => failure,
        CauseKind::NotImplemented => Failure::NotImplemented,
        // Who knows what became of the call.
        CauseKind::NoConnection | CauseKind::Silent | CauseKind::Garbled | CauseKind::WebPage => {
            Failure::NoAnswer
        }
    }
}

/// The first error of a type among an error and what caused it.
pub(super) fn within<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(found) = at.downcast_ref::<C>() {
            return Some(found);
        }
        cause = at.source();
    }
    None
}

/// An answer without an AWS error code: a load balancer's, or an emulator's web server that does
/// not know the route.
fn bare(status: u16, body: &[u8]) -> Failure {
    let start: String =
        String::from_utf8_lossy(body.get(..256).unwrap_or(body)).trim_start().to_ascii_lowercase();
    let html = start.starts_with("<!doctype html") || start.starts_with("<html");
    match status {
        501 | 405 => Failure::NotImplemented,
        404 | 500 if html => Failure::NotImplemented,
        404 => Failure::NoAnswer,
        403 => Failure::AccessDenied,
        429 | 502..=504 => Failure::Throttled,
        500 => Failure::Throttled,
        _ => Failure::Refused,
    }
}

/// What an AWS error code means. The codes are those of the API references of the services called; those that
/// any service may send stand in one table.
fn classify(code: &str, message: &str, status: u16) -> Failure {
    match codes::meaning(code) {
        Some(CodeMeaning::Throttled | CodeMeaning::Busy) => return Failure::Throttled,
        Some(
            CodeMeaning::Skewed
            | CodeMeaning::UnknownKey
            | CodeMeaning::BadSignature
            | CodeMeaning::Expired,
        ) => return Failure::Credentials,
        Some(CodeMeaning::NotImplemented) => return Failure::NotImplemented,
        Some(CodeMeaning::Closed | CodeMeaning::RegionDisabled) | None => {}
    }
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AccessDeniedForDependencyException"
        // SNS.
        | "AuthorizationError" => Failure::AccessDenied,
        "ConcurrentModification"
        | "ConcurrentModificationException"
        | "OperationAborted"
        | "EntityTemporarilyUnmodifiable"
        | "ConcurrentOperationException"
        | "FinalizingOrganizationException" => Failure::Concurrent,
        "UnknownOperationException"
        | "UnknownOperation"
        | "InvalidAction"
        | "UnsupportedOperation"
        // Cloud Control, for a type that a Region does not have or that lacks a handler.
        | "TypeNotFoundException"
        | "UnsupportedActionException" => Failure::NotImplemented,
        // Cloud Control, where what went wrong is no fault of the request.
        "ServiceInternalErrorException"
        | "HandlerInternalFailureException"
        | "NetworkFailureException" => Failure::Throttled,
        "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "BucketAlreadyOwnedByYou"
        | "ParameterAlreadyExists"
        | "AlreadyInOrganizationException" => Failure::AlreadyExists,
        "NoSuchEntity" | "NoSuchEntityException" | "ParameterNotFound" | "NotFound"
        // SQS, by its old and its new name.
        | "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist" => Failure::NotFound,
        // A principal or boundary that was created moments ago is not known everywhere yet.
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" | "MalformedPolicy"
            if message.to_ascii_lowercase().contains("invalid principal") =>
        {
            Failure::NotYetVisible
        }
        code if code.starts_with("Duplicate") => Failure::AlreadyExists,
        code if code.ends_with("NotFoundException") || code.starts_with("NoSuch") => {
            Failure::NotFound
        }
        code if code.ends_with("NotFoundError") => Failure::NotFound,
        _ if status == 501 => Failure::NotImplemented,
        _ if status >= 500 && message.to_ascii_lowercase().contains("not been implemented") => {
            Failure::NotImplemented
        }
        _ if status >= 500 => Failure::Throttled,
        _ => Failure::Refused,
    }
}

/// A refusal of Palisade's own, before any call.
pub(super) fn refuse(
    service: &'static str,
    operation: &str,
    account: &str,
    message: impl Into<String>,
) -> ProviderError {
    ProviderError {
        failure: Failure::Refused,
        service,
        operation: operation.to_owned(),
        account: account.to_owned(),
        code: None,
        message: message.into(),
        cause: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_they_mean() {
        for (code, message, status, failure) in [
            ("NoSuchEntity", "", 404, Failure::NotFound),
            ("OrganizationalUnitNotFoundException", "", 400, Failure::NotFound),
            ("DuplicateAccountException", "", 400, Failure::AlreadyExists),
            ("ThrottlingException", "", 400, Failure::Throttled),
            ("ConcurrentModificationException", "", 400, Failure::Concurrent),
            (
                "MalformedPolicyDocument",
                "Invalid principal in policy: \"AWS\":\"x\"",
                400,
                Failure::NotYetVisible,
            ),
            ("MalformedPolicyDocument", "Syntax errors in policy.", 400, Failure::Refused),
            ("BucketAlreadyExists", "", 409, Failure::Refused),
            ("LimitExceeded", "", 409, Failure::Refused),
            ("TypeNotFoundException", "", 404, Failure::NotImplemented),
            ("ResourceNotFoundException", "", 404, Failure::NotFound),
            ("SomethingElse", "", 503, Failure::Throttled),
            ("SomethingElse", "", 400, Failure::Refused),
        ] {
            assert_eq!(classify(code, message, status), failure, "{code}");
        }
        assert_eq!(bare(404, b"<!doctype html>\n<html lang=en>"), Failure::NotImplemented);
        assert_eq!(bare(500, b"<!DOCTYPE HTML PUBLIC"), Failure::NotImplemented);
        assert_eq!(bare(404, b""), Failure::NoAnswer);
        assert_eq!(bare(503, b""), Failure::Throttled);
    }
}
