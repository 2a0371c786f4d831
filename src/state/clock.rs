//! Time that passes, injected so that waiting can be tested without waiting.
//!
//! A lease goes on while the machine sleeps, and so must the clock that its holder reads. Rust's `Instant`
//! stands still in a suspend (`CLOCK_MONOTONIC` on Linux, `CLOCK_UPTIME_RAW` on macOS): [`since_boot`] does not.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// A time to the second, as records hold it and people read it.
#[must_use]
pub fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A monotonic clock and a way to wait. Calendar time never comes from here: it is the store's.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Time since some fixed moment in the past, the time that the machine slept included.
    fn elapsed(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Waits while others are at work, to do something on the side every so often.
    async fn idle(&self, duration: Duration) {
        self.sleep(duration).await;
    }
}

/// The real clock, on tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Duration,
    hurry: u32,
}

impl SystemClock {
    /// Starts counting now.
    #[must_use]
    pub fn new() -> Self {
        Self::hurried(1)
    }

    /// Starts counting now; what is slept is so many times shorter than asked for, for an endpoint that is as much faster.
    #[must_use]
    pub fn hurried(times: u32) -> Self {
        Self { start: since_boot(), hurry: times.max(1) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.start)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / self.hurry).await;
    }

    async fn idle(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Time since the machine was started, its sleep included: `CLOCK_BOOTTIME`, see clock_gettime(2).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot() -> Duration {
    read(rustix::time::ClockId::Boottime)
}

/// Time since the machine was started, its sleep included: on macOS that is `CLOCK_MONOTONIC`.
#[cfg(target_vendor = "apple")]
fn since_boot() -> Duration {
    read(rustix::time::ClockId::Monotonic)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn read(clock: rustix::time::ClockId) -> Duration {
    let now = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Elsewhere, what the standard library has.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn since_boot() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
