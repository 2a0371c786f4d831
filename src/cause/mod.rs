//! What kept a call to AWS from succeeding, in one sentence, and what to do next: told apart by what the
//! SDK and the answer hold, the same for the estate's calls and for those of the state.
//!
//! The SDK says the same of many things ("dispatch failure", "unhandled error"); people need to know which
//! of them it was. Nothing here prints what the SDK prints for its developers.

mod answer;
pub(crate) mod codes;
mod credentials;
mod members;
mod network;

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use self::network::Route;
use crate::trace::{AttemptFailure, Destination, SilentEndpoint};

pub(crate) use answer::{page, region_of};
pub(crate) use credentials::SilentSource;
pub(crate) use members::{WholeAnswers, wrapped_versioning};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseKind {
    /// Too many calls.
    Throttled,
    /// The machine's clock is too far from the server's.
    ClockSkew,
    /// The server does not know the access key or the session, or the region is not enabled.
    UnknownKey,
    /// The region is not enabled in the account.
    RegionDisabled,
    /// The bucket lies in another region than it was asked for in.
    OtherRegion,
    /// The session has ended.
    Expired,
    /// The account is closed or suspended.
    AccountClosed,
    /// There are no credentials, or none that can be used without a person.
    NoCredentials,
    /// No connection: refused, no such host, a certificate that nobody trusts, cut in the middle.
    NoConnection,
    /// No answer in time.
    Silent,
    /// The endpoint does not implement the operation.
    NotImplemented,
    /// The answer cannot be understood.
    Garbled,
    /// A page for people in place of an answer.
    WebPage,
}

/// What went wrong with one call, and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What.
    pub kind: CauseKind,
    /// One sentence, lowercase, without its full stop.
    pub message: String,
    /// What to do next.
    pub advice: String,
}

impl Cause {
    fn new(kind: CauseKind, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { kind, message: message.into(), advice: advice.into() }
    }
}

/// Why a call failed, where that is one of the [`CauseKind`]s; a refusal of the service's own is none. `place`
/// is where it was sent.
#[must_use]
pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, place: Option<&Destination>) -> Option<Cause>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(silent) = find::<SilentEndpoint>(error) {
        return Some(network::silent(Route::of(place).to(&silent.0)));
    }
    if let Some(cause) = credentials::of(error) {
        return Some(cause);
    }
    let (endpoint, route) = (endpoint(place), Route::of(place));
    match error {
        SdkError::ServiceError(answered) => {
            let (code, message) = (answered.err().code(), answered.err().message());
            answer::refused(answered.raw(), code, message.unwrap_or_default(), place, endpoint)
        }
        SdkError::ResponseError(_) if network::is_broken(error) => {
            Some(network::of(error, false, route))
        }
        SdkError::ResponseError(answered) => Some(
            answer::refused(answered.raw(), None, "", place, endpoint)
                .unwrap_or_else(|| answer::garbled(endpoint)),
        ),
        SdkError::TimeoutError(_) => Some(out_of_time(place)),
        SdkError::DispatchFailure(failure) => Some(network::of(error, failure.is_timeout(), route)),
        _ => None,
    }
}

/// Of an answer that came and is not what such an answer is.
#[must_use]
pub(crate) fn garbled(place: Option<&Destination>) -> Cause {
    answer::garbled(endpoint(place))
}

/// Why the body of an answer could not be read to its end.
#[must_use]
pub(crate) fn of_body(error: &(dyn Error + 'static), place: Option<&Destination>) -> Cause {
    if chain(error).any(|error| error.to_string().contains("checksum mismatch")) {
        return answer::altered(endpoint(place));
    }
    network::of(error, false, Route::of(place))
}

/// Why the time for a request ran out, by how its last attempt failed.
#[must_use]
pub(crate) fn out_of_time(place: Option<&Destination>) -> Cause {
    let (endpoint, route) = (endpoint(place), Route::of(place));
    match place.and_then(|place| place.failure.as_ref()) {
        Some(AttemptFailure::Answered(code, status)) if answer::may_pass(code, *status) => {
            answer::ran_out(code, endpoint)
        }
        // A refusal is not repeated: it belongs to another request, and this one had no answer.
        Some(AttemptFailure::Answered(..)) | None => network::silent(route),
        Some(AttemptFailure::Refused) => network::refused(route),
        Some(AttemptFailure::Unresolved) => network::unresolved(route),
        Some(AttemptFailure::Broken) => network::broken(endpoint),
        Some(AttemptFailure::HeldBack) => answer::held_back(),
        Some(AttemptFailure::Unsigned) => credentials::silent(),
    }
}

/// What to call the place that was asked.
fn endpoint(place: Option<&Destination>) -> &str {
    let named = place.map(|place| place.endpoint.as_str()).filter(|endpoint| !endpoint.is_empty());
    named.unwrap_or("the endpoint")
}

/// The first error of a type among an error and its sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its sources, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

/// The innermost words of an error that says anything, for what has no sentence of its own here.
#[must_use]
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let texts = chain(error).map(plain).filter(|text| !text.trim().is_empty());
    texts.last().unwrap_or_else(|| "no reason given".to_owned())
}

/// What an error says of itself. A service's own error, where the SDK has no type for it, prints as the SDK's developers
/// see it.
fn plain(error: &(dyn Error + 'static)) -> String {
    let Some(said) = error.downcast_ref::<ErrorMetadata>() else { return error.to_string() };
    match (said.message(), said.code()) {
        (Some(message), Some(code)) => format!("{message} ({code})"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => String::new(),
    }
}
