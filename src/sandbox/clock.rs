//! Time as the emulation sees it: the system's, or one that a test moves by hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Where the emulation reads the time from.
#[derive(Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until [`Clock::advance`] moves it; milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `seconds` since 1970 until it is moved.
    #[must_use]
    pub fn manual(seconds: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(seconds.saturating_mul(1000))))
    }

    /// Moves a manual clock forward; the system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(at) = self {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant(match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|d| i64::try_from(d.as_millis()).ok())
                .unwrap_or(0),
            Self::Manual(at) => at.load(Ordering::SeqCst),
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("Clock::System"),
            Self::Manual(at) => write!(f, "Clock::Manual({})", at.load(Ordering::SeqCst)),
        }
    }
}

/// A moment: milliseconds since 1970.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    fn format(self, pattern: &str) -> String {
        Timestamp::from_millisecond(self.0).unwrap_or_default().strftime(pattern).to_string()
    }

    /// `2026-11-23T02:20:00Z`, as IAM and STS write dates.
    #[must_use]
    pub fn iso(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2026-11-23T02:20:00.000Z`, as S3 lists write dates.
    #[must_use]
    pub fn iso_millis(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.000Z")
    }

    /// `Mon, 23 Nov 2026 02:20:00 GMT`, as HTTP headers write dates (RFC 9110, 5.6.7).
    #[must_use]
    pub fn http(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Seconds since 1970 with a fraction, as the JSON protocols write dates.
    #[must_use]
    pub fn epoch(self) -> f64 {
        let millis = self.0 as f64;
        millis / 1000.0
    }

    /// This moment moved by whole seconds.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}
