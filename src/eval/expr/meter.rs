//! A bound on the work of one expression, so that no configuration can take all time or memory.
//!
//! Few lines can ask for much: a `for` in a `for` in a `for`, or locals of which each doubles the
//! one before. Steps are counted over one whole expression, and so are the bytes of everything
//! that is put together in it; what expressions leave behind is counted over the configuration.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::eval::functions::weight;
use crate::value::Value;

/// Most steps of one expression: seconds, not hours.
const MAX_STEPS: usize = 50_000_000;
/// Most bytes that one expression puts together.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Most bytes that all locals, variables and outputs hold.
const MAX_HELD: usize = 512 * 1024 * 1024;

/// What one expression has used.
#[derive(Debug, Default)]
pub(in crate::eval) struct Meter {
    steps: AtomicUsize,
    bytes: AtomicUsize,
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eval) enum Exceeded {
    Steps,
    Bytes,
}

impl Exceeded {
    pub(in crate::eval) fn summary(self) -> String {
        match self {
            Self::Steps => format!("this takes more than {} million steps", MAX_STEPS / 1_000_000),
            Self::Bytes => format!("this grows beyond {} MiB", MAX_BYTES / 1024 / 1024),
        }
    }
}

impl Meter {
    /// One more step.
    pub(in crate::eval) fn step(&self) -> Result<(), Exceeded> {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if steps < MAX_STEPS { Ok(()) } else { Err(Exceeded::Steps) }
    }

    /// A value that becomes part of another.
    pub(in crate::eval) fn value(&self, value: &Value) -> Result<(), Exceeded> {
        self.text(weight(value))
    }

    /// So many bytes of text.
    pub(in crate::eval) fn text(&self, bytes: usize) -> Result<(), Exceeded> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= MAX_BYTES { Ok(()) } else { Err(Exceeded::Bytes) }
    }
}

/// What the values of a configuration hold together. Values that are computed again, after more
/// became known, are counted anew.
#[derive(Debug, Default)]
pub(in crate::eval) struct MemoryMeter {
    generation: AtomicU64,
    bytes: AtomicUsize,
}

impl MemoryMeter {
    /// Whether it is too much already: then nothing more is worth computing.
    pub(in crate::eval) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > MAX_HELD
    }

    /// One more value that stays; `false` when it is too much.
    pub(in crate::eval) fn keep(&self, value: &Value, generation: u64) -> bool {
        if self.generation.swap(generation, Ordering::Relaxed) != generation {
            self.bytes.store(0, Ordering::Relaxed);
        }
        let own = weight(value);
        self.bytes.fetch_add(own, Ordering::Relaxed).saturating_add(own) <= MAX_HELD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_counted_anew_by_generation() {
        let held = MemoryMeter::default();
        let megabyte = Value::string("x".repeat(1024 * 1024));
        let kept = (0..1000).take_while(|_| held.keep(&megabyte, 0)).count();
        assert_eq!(kept, 511);
        assert!(held.is_full());
        assert!(held.keep(&megabyte, 1));
        assert!(!held.is_full());
    }

    #[test]
    fn steps_and_bytes_end() {
        let meter = Meter::default();
        assert_eq!(meter.step(), Ok(()));
        meter.steps.store(MAX_STEPS, Ordering::Relaxed);
        assert_eq!(meter.step(), Err(Exceeded::Steps));
        assert_eq!(meter.text(MAX_BYTES), Ok(()));
        assert_eq!(meter.value(&Value::Null), Err(Exceeded::Bytes));
    }
}
