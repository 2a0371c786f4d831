//! Requests of Cloud Control: waiting until one is through, and what its error codes mean
//! (Cloud Control API User Guide, "Error codes"; API Reference, `ProgressEvent`).

use aws_sdk_cloudcontrol::types::{HandlerErrorCode, OperationStatus, ProgressEvent};

use crate::provider::aws::errors;
use crate::provider::aws::session::Session;
use crate::provider::{Failure, ProviderError};

/// The service, for messages.
pub(super) const SERVICE: &str = "cloudcontrol";

/// Looks at a request before the step gives up: the executor looks again later.
const LOOKS: u32 = 400;

/// Waits until a request is through, from the event by which it was answered. Gives the object's identifier.
pub(super) async fn ended(
    session: &Session,
    region: &str,
    operation: &'static str,
    event: Option<&ProgressEvent>,
) -> Result<String, ProviderError> {
    failed(session, operation, event)?;
    if let Some(event) =
        event.filter(|event| event.operation_status() == Some(&OperationStatus::Success))
    {
        return Ok(event.identifier().unwrap_or_default().to_owned());
    }
    let token = event.and_then(|event| event.request_token()).unwrap_or_default();
    finished(session, region, operation, token).await
}

/// Waits until the request of a token is through. Gives the object's identifier.
pub(super) async fn finished(
    session: &Session,
    region: &str,
    operation: &'static str,
    token: &str,
) -> Result<String, ProviderError> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(session.options.poll).await;
        }
        let answer = session
            .cloudcontrol(region)
            .get_resource_request_status()
            .request_token(token)
            .send()
            .await
            .map_err(session.error(SERVICE, "GetResourceRequestStatus"))?;
        let event = answer.progress_event();
        failed(session, operation, event)?;
        if let Some(event) =
            event.filter(|event| event.operation_status() == Some(&OperationStatus::Success))
        {
            return Ok(event.identifier().unwrap_or_default().to_owned());
        }
    }
    Err(ProviderError {
        failure: Failure::NoAnswer,
        ..errors::refuse(
            SERVICE,
            "GetResourceRequestStatus",
            &session.account,
            format!("AWS has not finished the request `{token}`"),
        )
    })
}

/// What an event tells where its request has failed.
pub(super) fn failed(
    session: &Session,
    operation: &'static str,
    event: Option<&ProgressEvent>,
) -> Result<(), ProviderError> {
    let Some(event) = event else { return Ok(()) };
    match event.operation_status() {
        Some(OperationStatus::Failed) => {}
        Some(OperationStatus::CancelComplete) => {
            return Err(errors::refuse(
                SERVICE,
                operation,
                &session.account,
                "somebody cancelled the request",
            ));
        }
        _ => return Ok(()),
    }
    let code = event.error_code();
    let (failure, sentence) = code.map_or((Failure::Refused, ""), meaning);
    let told = event.status_message().unwrap_or_default();
    let message = match (sentence.is_empty(), told.is_empty()) {
        (false, false) => format!("{sentence}: {told}"),
        (false, true) => sentence.to_owned(),
        (true, _) => told.to_owned(),
    };
    Err(ProviderError {
        failure,
        code: code.map(|code| code.as_str().to_owned()),
        ..errors::refuse(SERVICE, operation, &session.account, message)
    })
}

fn meaning(code: &HandlerErrorCode) -> (Failure, &'static str) {
    match code {
        HandlerErrorCode::AccessDenied => {
            (Failure::AccessDenied, "the role lacks a right that the service asks for")
        }
        HandlerErrorCode::AlreadyExists => {
            (Failure::AlreadyExists, "there is such an object already")
        }
        HandlerErrorCode::GeneralServiceException => (Failure::Refused, "the service refused it"),
        HandlerErrorCode::InternalFailure => (Failure::NoAnswer, "Cloud Control failed"),
        HandlerErrorCode::InvalidCredentials => {
            (Failure::Credentials, "the credentials are not valid")
        }
        HandlerErrorCode::InvalidRequest => {
            (Failure::Refused, "the service does not accept these properties")
        }
        HandlerErrorCode::NetworkFailure => {
            (Failure::NoAnswer, "Cloud Control did not reach the service")
        }
        HandlerErrorCode::NotFound => (Failure::NotFound, "there is no such object"),
        HandlerErrorCode::NotStabilized => (
            Failure::Refused,
            "it was made, and did not come to work within the time that AWS gives it",
        ),
        HandlerErrorCode::NotUpdatable => (Failure::Refused, "it cannot be changed in place"),
        HandlerErrorCode::ResourceConflict => (Failure::Concurrent, "another request changes it"),
        HandlerErrorCode::ServiceInternalError => (Failure::NoAnswer, "the service failed"),
        HandlerErrorCode::ServiceLimitExceeded => {
            (Failure::Refused, "a quota of the account is used up")
        }
        HandlerErrorCode::ServiceTimeout => {
            (Failure::NoAnswer, "the service did not answer in time")
        }
        HandlerErrorCode::Throttling => (Failure::Throttled, "too many requests"),
        _ => (Failure::Refused, ""),
    }
}
