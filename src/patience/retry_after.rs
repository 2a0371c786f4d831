//! A server that is asked too often says so, and may say when to come again (RFC 9110 section 10.2.3,
//! RFC 6585 section 4). The SDK knows AWS's error codes; this knows the status and the header.

use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::ErrorKind;

/// The longest pause that is made because a server asks for it: the SDK's own bound of a pause. Who asks
/// for more is told as throttling at once.
const LONGEST: Duration = Duration::from_secs(20);

/// Takes 429 for throttling, and `Retry-After` at its word.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetryAfter;

impl ClassifyRetry for RetryAfter {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(answer) = context.response() else { return RetryAction::NoActionIndicated };
        let status = answer.status().as_u16();
        if !matches!(status, 429 | 503) {
            return RetryAction::NoActionIndicated;
        }
        match answer.headers().get("retry-after").and_then(seconds) {
            Some(pause) if pause > LONGEST => RetryAction::RetryForbidden,
            Some(pause) => {
                RetryAction::retryable_error_with_explicit_delay(ErrorKind::ThrottlingError, pause)
            }
            None if status == 429 => RetryAction::throttling_error(),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Retry-After"
    }

    /// After the SDK's own classifiers, whose verdict it refines.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// The header's value in seconds. (It may be a date, too: of that the SDK's own pause will do.)
fn seconds(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}
