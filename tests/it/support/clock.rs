//! A clock that does not wait.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use palisade::state::clock::Clock;

/// Sleeping takes no time and moves it forward.
#[derive(Debug, Default)]
pub(crate) struct SkippingClock(Mutex<Duration>);

impl SkippingClock {
    /// Moves time forward.
    pub(crate) fn advance(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.saturating_add(duration);
    }
}

#[async_trait]
impl Clock for SkippingClock {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }

    /// Never: time only passes when somebody has to wait.
    async fn idle(&self, _duration: Duration) {
        std::future::pending().await
    }
}

/// A clock on which fifty seconds pass in one, also for who idles.
#[derive(Debug)]
pub(crate) struct FastClock(std::time::Instant);

impl FastClock {
    const TIMES: u32 = 50;

    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }
}

#[async_trait]
impl Clock for FastClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed() * Self::TIMES
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / Self::TIMES).await;
    }

    async fn idle(&self, duration: Duration) {
        tokio::time::sleep(duration / Self::TIMES).await;
    }
}
