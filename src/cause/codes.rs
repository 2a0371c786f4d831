//! What AWS's error codes say that is none of the operation's own: the one table of them, for what is tried
//! again (`provider/retry.rs`) and for what people read (`answer.rs`).
//!
//! Codes of an operation (`EntityAlreadyExists`, `NoSuchEntity`) are read where the operations are called.

/// What a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeMeaning {
    /// Too many calls.
    Throttled,
    /// The service is in trouble for a while.
    Busy,
    /// A time that is too far off. With other codes it stands in the message alone.
    Skewed,
    /// A key or a token that is not known.
    UnknownKey,
    /// A signature that does not fit the key.
    BadSignature,
    /// A session that has ended.
    Expired,
    /// STS is not activated in the region for the account.
    RegionDisabled,
    /// The account is closed or suspended.
    Closed,
    /// The endpoint does not implement the operation.
    NotImplemented,
}

use CodeMeaning::{
    BadSignature, Busy, Closed, Expired, NotImplemented, RegionDisabled, Skewed, Throttled,
    UnknownKey,
};

/// Source: the common errors of each service's API reference, and the SDK's own lists of retryable codes.
static CODES: &[(&str, CodeMeaning)] = &[
    ("BandwidthLimitExceeded", Throttled),
    ("EC2ThrottledException", Throttled),
    ("PriorRequestNotComplete", Throttled),
    ("RequestLimitExceeded", Throttled),
    ("RequestThrottled", Throttled),
    ("RequestThrottledException", Throttled),
    ("SlowDown", Throttled),
    ("ThrottledException", Throttled),
    ("Throttling", Throttled),
    ("ThrottlingException", Throttled),
    ("TooManyRequestsException", Throttled),
    ("TransactionInProgressException", Throttled),
    ("InternalError", Busy),
    ("InternalFailure", Busy),
    ("InternalServerError", Busy),
    ("ServiceException", Busy),
    ("ServiceFailure", Busy),
    ("ServiceUnavailable", Busy),
    ("TooManyUpdates", Busy),
    ("RequestExpired", Skewed),
    ("RequestInTheFuture", Skewed),
    ("RequestTimeTooSkewed", Skewed),
    ("AuthFailure", UnknownKey),
    ("InvalidAccessKeyId", UnknownKey),
    ("InvalidClientTokenId", UnknownKey),
    ("InvalidToken", UnknownKey),
    ("OptInRequired", UnknownKey),
    ("UnrecognizedClient", UnknownKey),
    ("UnrecognizedClientException", UnknownKey),
    ("IncompleteSignature", BadSignature),
    ("SignatureDoesNotMatch", BadSignature),
    ("ExpiredToken", Expired),
    ("ExpiredTokenException", Expired),
    ("RequestExpiredException", Expired),
    ("TokenRefreshRequired", Expired),
    ("RegionDisabledException", RegionDisabled),
    ("AccountClosedException", Closed),
    ("AccountProblem", Closed),
    ("AllAccessDisabled", Closed),
    ("NotImplemented", NotImplemented),
];

/// What a code says, where it is none of the operation's own.
#[must_use]
pub(crate) fn meaning(code: &str) -> Option<CodeMeaning> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}
