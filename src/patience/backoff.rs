//! Pauses between attempts.

use std::time::Duration;

/// How long to wait before attempt number `attempt` (from 0) is repeated: doubling from `base` up
/// to `cap`, of which a random half to whole, so that many clients do not come back together.
#[must_use]
pub(crate) fn backoff(attempt: u32, base: Duration, cap: Duration) -> Duration {
    let full = base.saturating_mul(1_u32 << attempt.min(16)).min(cap);
    full.mul_f64(rand::random_range(0.5..=1.0))
}
