//! What can go wrong with state, with the distinction that exit codes need.

use crate::diag::Diagnostic;

use super::store::{StoreError, StoreFailure};

/// What kind of failure: decides on the exit code and on whether to save state elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFailure {
    /// Somebody else wrote in the meantime: exit code 4.
    Conflict,
    /// Somebody else holds the lock: exit code 5.
    Locked,
    /// The stored state is truncated, edited, foreign or newer.
    Invalid,
    /// The bucket does not keep versions, or its safety cannot be checked.
    Unsafe,
    /// The store cannot be reached or used now.
    Unavailable,
    /// What was asked for does not exist or is not permitted by state's own rules.
    Refused,
}

/// A failed state operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{diagnostic}")]
pub struct StateError {
    /// What kind.
    pub failure: StateFailure,
    /// What to tell.
    pub diagnostic: Box<Diagnostic>,
}

impl StateError {
    /// From its kind and message.
    #[must_use]
    pub fn new(failure: StateFailure, diagnostic: Diagnostic) -> Self {
        Self { failure, diagnostic: Box::new(diagnostic) }
    }

    /// Somebody else wrote first.
    #[must_use]
    pub fn conflict(what: &str) -> Self {
        Self::new(
            StateFailure::Conflict,
            Diagnostic::error(format!("{what} was changed by someone else in the meantime"))
                .detail("Nothing was overwritten: the write was conditional and lost the race.")
                .help("run `palisade plan` again to see what is left to do"),
        )
    }
}

/// No counter comes this far: one that has was forged. (Up to here every reader of JSON counts exactly.)
pub const END: u64 = 1 << 53;

/// The number that follows one that was read; a counter at its end was forged, and nothing could follow.
pub(super) fn following(number: u64, what: &str) -> Result<u64, StateError> {
    number.checked_add(1).filter(|next| *next < END).ok_or_else(|| {
        StateError::new(
            StateFailure::Invalid,
            Diagnostic::error(format!("{what} is {number}, after which there is no other"))
                .help("it was forged or damaged: bring back an earlier version of the object"),
        )
    })
}

/// Where state is safe, for a server that does not do what it stands on.
pub(super) const SAFE_SERVERS: &str = "store state in AWS S3, or in a server that the table of compatible servers in the guide on state lists";

impl From<StoreError> for StateError {
    fn from(error: StoreError) -> Self {
        // Every write has a condition.
        if error.failure == StoreFailure::Unsupported && error.operation == "write" {
            let summary =
                format!("state backend `{}` does not do conditional writes", error.location);
            let detail = format!(
                "It refused to write `{}`: {}. Two runs at once would overwrite each other's state, so nothing is written.",
                error.key, error.message
            );
            let refused = Diagnostic::error(summary).detail(detail).help(SAFE_SERVERS);
            return Self::new(StateFailure::Unsafe, refused);
        }
        let help = match error.failure {
            StoreFailure::Denied => Some(
                "the state backend needs s3:GetObject, s3:ListBucket, s3:ListBucketVersions, s3:GetBucketVersioning for a plan, \
                 and s3:PutObject, s3:DeleteObject (journals) for an apply",
            ),
            StoreFailure::Missing => {
                Some("check the `backend` block; `palisade init --create-backend` makes the bucket")
            }
            StoreFailure::Credentials => Some("renew the credentials and run again"),
            StoreFailure::Unreachable | StoreFailure::Unsupported | StoreFailure::Other => None,
        };
        let help = error.advice.clone().or(help.map(ToOwned::to_owned));
        Self::new(StateFailure::Unavailable, Diagnostic::error(error.to_string()).help_opt(help))
    }
}

impl From<StateError> for Diagnostic {
    fn from(error: StateError) -> Self {
        *error.diagnostic
    }
}
