//! How long AWS is waited for: a deadline for every request over all its attempts, how many of these there
//! are, and what a server asks for itself.
//!
//! Without a deadline of the whole, the bounds of single attempts add up: eight attempts of a minute, each
//! of them repeated by a reader that may repeat, are a plan that says nothing for a quarter of an hour.

mod backoff;
mod retry_after;

use std::time::Duration;

use aws_smithy_types::retry::{RetryConfig, RetryMode};
use aws_smithy_types::timeout::TimeoutConfig;

pub(crate) use backoff::backoff;
pub(crate) use retry_after::RetryAfter;

/// How long one attempt of a request may take, body included. Leases count with it (`state::Terms`): a successor waits
/// until the last attempt of its predecessor is over.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(30);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// How long AWS is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The bound of one request over all its attempts: connecting, the answer's head and its body.
    pub deadline: Duration,
    /// How often a request is tried, where the user says so (`AWS_MAX_ATTEMPTS`).
    pub attempts: Option<u32>,
    /// How attempts are paced, where the user says so (`AWS_RETRY_MODE`).
    pub mode: Option<RetryMode>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(100), attempts: None, mode: None }
    }
}

/// How attempts are paced, by its name. `legacy` is the AWS CLI's earlier mode, which retries much as `standard` does, and
/// which the SDK does not have.
pub(crate) fn retry_mode(name: &str) -> Option<RetryMode> {
    match name.trim() {
        "legacy" => Some(RetryMode::Standard),
        name => name.parse().ok(),
    }
}

impl Patience {
    /// What a profile says, where the environment says nothing. What cannot be read there is passed over: the
    /// profile is shared with other tools.
    pub fn fill(&mut self, attempts: Option<&str>, mode: Option<&str>) {
        let attempts = attempts.and_then(|text| text.trim().parse().ok()).filter(|n| *n > 0);
        self.attempts = self.attempts.or(attempts);
        self.mode = self.mode.or(mode.and_then(retry_mode));
    }

    /// The bound of one attempt: two of them fit into the deadline.
    #[must_use]
    pub fn attempt(&self) -> Duration {
        (self.deadline / 2).min(ATTEMPT)
    }

    /// The SDK's time-outs.
    #[must_use]
    pub fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT.min(self.attempt()))
            .operation_attempt_timeout(self.attempt())
            .operation_timeout(self.deadline)
            .build()
    }

    /// The SDK's repetitions: `ours`, with what the user says instead where the user says something.
    #[must_use]
    pub fn retries(&self, ours: RetryConfig) -> RetryConfig {
        let ours = match self.attempts {
            Some(attempts) => ours.with_max_attempts(attempts),
            None => ours,
        };
        match self.mode {
            Some(mode) => ours.with_retry_mode(mode),
            None => ours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a plan waits for one after the other is asked once: an endpoint that has let a whole deadline pass is not
    /// asked again. So the bound of a plan is that of a request, and what it does beside.
    #[test]
    fn who_sets_nothing_waits_less_than_two_minutes() {
        let patience = Patience::default();
        assert!(patience.deadline <= Duration::from_secs(110), "{patience:?}");
        let timeouts = patience.timeouts();
        assert_eq!(timeouts.operation_timeout(), Some(patience.deadline));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT));
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT));
    }
}
