//! Which failed calls are tried again, after what pause, and for how long: in an apply, in recovery, and within one step
//! of several calls. The SDK's own attempts come first and see none of this (`patience`).

use std::time::Duration;

use super::Failure;
use crate::patience::backoff;

impl Failure {
    /// Whether the same call can succeed a little later, whoever makes it.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Concurrent | Self::NotYetVisible | Self::NoAnswer)
    }
}

/// For what a call is made: that decides which failures pass in time, and when to give up.
#[derive(Clone, Copy, Debug)]
pub enum RetryPolicy {
    /// One operation of an apply.
    Operation {
        /// The account was created in this run: its role may take a while to be assumable.
        new_account: bool,
        /// It stands on what this run made or changed: AWS may not know that everywhere yet.
        on_new: bool,
        /// It waits for an asynchronous creation.
        creating: bool,
    },
    /// Looking up what an interrupted run has left, for so long in all. Accounts of its may be new.
    Recovery(Duration),
    /// The calls of one step upon what its first call has made, which AWS may not know everywhere yet; the first pause.
    WithinStep(Duration),
}

/// How often a call within a step is made: for half a minute to a minute, where the first pause is half a second.
const WITHIN_STEP: u32 = 12;

/// How long an object that AWS says exists, and does not show, is looked for.
const SHOWN_AFTER: Duration = Duration::from_secs(20);

impl RetryPolicy {
    /// The pause before another attempt, counted in `progress`; `None` when none can help, or it was tried long enough.
    #[must_use]
    pub fn pause(self, failure: Failure, progress: &mut RetryProgress) -> Option<Duration> {
        let limit = self.limit(failure);
        let tried = matches!(self, Self::WithinStep(_)) && progress.attempt + 1 >= WITHIN_STEP;
        if !self.passes(failure) || progress.spent >= limit || tried {
            return None;
        }
        let (base, cap) = self.pauses(failure);
        let left = limit.saturating_sub(progress.spent);
        let pause = backoff(progress.attempt, base, cap).min(left);
        progress.attempt += 1;
        progress.waited += pause;
        progress.spent += pause;
        Some(pause)
    }

    /// The same for an object that was made a moment ago by a repetition of the transport's own: AWS says that it exists,
    /// and does not show it yet.
    #[must_use]
    pub fn pause_until_shown(self, progress: &mut RetryProgress) -> Option<Duration> {
        if progress.waited >= SHOWN_AFTER {
            return None;
        }
        self.pause(Failure::NotYetVisible, progress)
    }

    fn passes(self, failure: Failure) -> bool {
        let here = match self {
            Self::Operation { new_account, on_new, creating: _ } => match failure {
                // The gate opens with the next look at the lease.
                Failure::Fenced => true,
                Failure::CannotAssume => new_account,
                Failure::NotFound => on_new,
                _ => false,
            },
            Self::Recovery(_) => matches!(failure, Failure::CannotAssume | Failure::Fenced),
            Self::WithinStep(_) => failure == Failure::NotFound,
        };
        here || failure.is_transient()
    }

    /// The first pause, and the longest: they double in between.
    fn pauses(self, failure: Failure) -> (Duration, Duration) {
        match (self, failure) {
            (Self::WithinStep(first), _) => (first, Duration::from_secs(8)),
            (_, Failure::Throttled) => (Duration::from_millis(500), Duration::from_secs(20)),
            _ => (Duration::from_millis(300), Duration::from_secs(10)),
        }
    }

    /// How long it is tried in all, pauses and calls, for this kind of failure to pass.
    fn limit(self, failure: Failure) -> Duration {
        let creating = match self {
            Self::Operation { creating, .. } => creating,
            Self::Recovery(limit) => return limit,
            // Counted in attempts.
            Self::WithinStep(_) => return Duration::MAX,
        };
        let seconds = match (creating, failure) {
            // Creating an account takes minutes.
            (true, Failure::Concurrent | Failure::NotYetVisible) => 1800,
            (_, Failure::Throttled | Failure::Concurrent) => 600,
            (_, Failure::NotYetVisible | Failure::CannotAssume) => 180,
            // (A closed gate was waited for already.)
            (_, Failure::NoAnswer | Failure::NotFound | Failure::Fenced) => 120,
            // These do not pass by themselves.
            (
                _,
                Failure::AlreadyExists
                | Failure::AccessDenied
                | Failure::Credentials
                | Failure::NotImplemented
                | Failure::Refused,
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

impl RetryProgress {
    /// Counts a call that took so long.
    pub fn called(&mut self, took: Duration) {
        self.spent += took;
    }
}
