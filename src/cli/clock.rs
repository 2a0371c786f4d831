//! The time: the machine's, or one that is set by hand in the sandbox, where a soak of a day must not
//! take a day.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::engine::host::Clock;
use crate::sandbox;
use crate::state::SystemClock;

/// Calendar time and waiting.
#[derive(Clone, Debug, Default)]
pub struct WallClock {
    system: SystemClock,
    /// The sandbox's own time, when it was set: it stands still, and waiting moves it.
    set: Option<sandbox::Clock>,
}

impl WallClock {
    /// A clock for the sandbox that stands at `at`.
    #[must_use]
    pub fn sandbox(at: Timestamp) -> Self {
        Self { system: SystemClock::new(), set: Some(sandbox::Clock::manual(at.as_second())) }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.set {
            None => Timestamp::now(),
            Some(clock) => Timestamp::from_millisecond(clock.now().0).unwrap_or_default(),
        }
    }

    /// The clock that the sandbox runs on.
    #[must_use]
    pub fn of_sandbox(&self) -> sandbox::Clock {
        self.set.clone().unwrap_or_default()
    }
}

#[async_trait]
impl Clock for WallClock {
    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        match &self.set {
            None => self.system.sleep(duration).await,
            Some(clock) => {
                clock.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }

    async fn idle(&self, duration: Duration) {
        self.system.sleep(duration).await;
    }
}
