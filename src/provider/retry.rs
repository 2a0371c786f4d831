//! Which failed calls are tried again, after what pause, and for how long: the rules of an apply and of
//! recovery. The SDK's own attempts come first and see none of this (`patience`).

use std::time::Duration;

use super::Failure;

impl Failure {
    /// Whether the same call can succeed a little later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Concurrent | Self::NotYetVisible | Self::NoAnswer)
    }

    /// The first pause before another attempt, and the longest: they double in between.
    #[must_use]
    pub fn pauses(self) -> (Duration, Duration) {
        match self {
            Self::Throttled => (Duration::from_millis(500), Duration::from_secs(20)),
            _ => (Duration::from_millis(300), Duration::from_secs(10)),
        }
    }

    /// How long a step goes on in all, pauses and calls, for this kind of failure to pass; `creating` for a step
    /// that waits for an asynchronous creation.
    #[must_use]
    pub fn budget(self, creating: bool) -> Duration {
        let seconds = match (creating, self) {
            // Creating an account takes minutes.
            (true, Self::Concurrent | Self::NotYetVisible) => 1800,
            (_, Self::Throttled | Self::Concurrent) => 600,
            (_, Self::NotYetVisible | Self::CannotAssume) => 180,
            // (A closed gate was waited for already.)
            (_, Self::NoAnswer | Self::NotFound | Self::Fenced) => 120,
            // These do not pass by themselves.
            (
                _,
                Self::AlreadyExists
                | Self::AccessDenied
                | Self::Credentials
                | Self::NotImplemented
                | Self::Refused,
            ) => 0,
        };
        Duration::from_secs(seconds)
    }
}

/// How often one step has been tried again, and how long it has waited for that.
#[derive(Debug, Default)]
pub struct RetryProgress {
    /// Attempts after the first.
    pub attempt: u32,
    /// All pauses together.
    pub waited: Duration,
    /// Pauses and calls together: an endpoint that keeps silent takes its time in these.
    pub spent: Duration,
}
