//! A bound on the work of one expression, so that no configuration can take all time or memory.
//!
//! Few lines can ask for much: a `for` in a `for` in a `for`, locals of which each doubles the one
//! before, or a function that looks at a long list, called for each of its elements. Steps are counted over
//! one whole expression, and so are the bytes of everything that is put together in it and of everything
//! that functions and comparisons look at; what expressions leave behind, and what all of them look at, is
//! counted over the configuration.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::eval::functions::weight;
use crate::value::Value;

/// Most steps of one expression: seconds, not hours.
const MAX_STEPS: usize = 50_000_000;
/// The same of a whole configuration: minutes.
const MAX_STEPS_OF_ALL: u64 = 1_000_000_000;
/// Most bytes that one expression puts together.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Most bytes that functions and comparisons of one expression look at, the slow ones counted several times.
const MAX_WORK: u64 = 16 << 30;
/// The same of a whole configuration.
const MAX_WORK_OF_ALL: u64 = 64 << 30;
/// Most bytes that all locals, variables and outputs hold.
const MAX_HELD: usize = 512 * 1024 * 1024;

/// What one expression has used.
#[derive(Debug)]
pub(in crate::eval) struct Meter {
    most_work: u64,
    steps: AtomicUsize,
    bytes: AtomicUsize,
    work: AtomicU64,
    /// What there was too much of first: from then on nothing is evaluated any more.
    exceeded: OnceLock<Exceeded>,
}

/// What all expressions of a configuration have used.
#[derive(Debug, Default)]
pub struct WorkMeter {
    work: AtomicU64,
    steps: AtomicU64,
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eval) enum Exceeded {
    Steps,
    StepsOfAll,
    Bytes,
    Work,
    WorkOfAll,
}

impl Exceeded {
    pub(in crate::eval) fn summary(self) -> String {
        match self {
            Self::Steps => format!("this takes more than {} million steps", MAX_STEPS / 1_000_000),
            Self::StepsOfAll => format!(
                "the expressions of the configuration take more than {} million steps",
                MAX_STEPS_OF_ALL / 1_000_000
            ),
            Self::Bytes => format!("this grows beyond {} MiB", MAX_BYTES / 1024 / 1024),
            Self::Work => {
                format!("functions and comparisons look at more than {} GiB here", MAX_WORK >> 30)
            }
            Self::WorkOfAll => format!(
                "functions and comparisons of the configuration look at more than {} GiB",
                MAX_WORK_OF_ALL >> 30
            ),
        }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::with_work(MAX_WORK)
    }
}

impl Meter {
    /// With a bound of its own on what functions and comparisons look at.
    pub(in crate::eval) fn with_work(most_work: u64) -> Self {
        Self {
            most_work,
            steps: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            work: AtomicU64::new(0),
            exceeded: OnceLock::new(),
        }
    }

    /// One more step.
    pub(in crate::eval) fn step(&self) -> Result<(), Exceeded> {
        if let Some(what) = self.exceeded.get() {
            return Err(*what);
        }
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if steps < MAX_STEPS { Ok(()) } else { Err(self.too_much(Exceeded::Steps)) }
    }

    /// What a function or a comparison looks at.
    pub(in crate::eval) fn work(
        &self,
        bytes: u64,
        of_all: Option<&WorkMeter>,
    ) -> Result<(), Exceeded> {
        let before = self.work.fetch_add(bytes.min(self.most_work), Ordering::Relaxed);
        if before.saturating_add(bytes) > self.most_work {
            return Err(self.too_much(Exceeded::Work));
        }
        let Some(of_all) = of_all else { return Ok(()) };
        let before = of_all.work.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MAX_WORK_OF_ALL {
            return Err(self.too_much(Exceeded::WorkOfAll));
        }
        Ok(())
    }

    /// Adds the steps of this expression, which is done, to those of all.
    pub(in crate::eval) fn settle(&self, of_all: &WorkMeter) -> Result<(), Exceeded> {
        let steps = u64::try_from(self.steps.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let before = of_all.steps.fetch_add(steps, Ordering::Relaxed);
        if before.saturating_add(steps) > MAX_STEPS_OF_ALL {
            return Err(self.too_much(Exceeded::StepsOfAll));
        }
        Ok(())
    }

    /// What there was too much of, which neither `try` nor `can` turns into an answer.
    pub(in crate::eval) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get().copied()
    }

    /// How many bytes were put together so far.
    pub(in crate::eval) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn too_much(&self, what: Exceeded) -> Exceeded {
        *self.exceeded.get_or_init(|| what)
    }

    /// A value that becomes part of another.
    pub(in crate::eval) fn value(&self, value: &Value) -> Result<(), Exceeded> {
        self.text(weight(value))
    }

    /// So many bytes of text.
    pub(in crate::eval) fn text(&self, bytes: usize) -> Result<(), Exceeded> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= MAX_BYTES {
            Ok(())
        } else {
            Err(self.too_much(Exceeded::Bytes))
        }
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
    use crate::diag::Diagnostics;
    use crate::eval::expr::scope::{RefPath, Resolved, Scope, Values};
    use crate::eval::expr::syntax::evaluate_text;
    use crate::eval::functions::FunctionContext;

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
        let meter = Meter::default();
        assert_eq!(meter.text(MAX_BYTES), Ok(()));
        assert_eq!(meter.value(&Value::Null), Err(Exceeded::Bytes));
        assert_eq!(meter.step(), Err(Exceeded::Bytes), "nothing goes on");
    }

    #[test]
    fn steps_of_all_expressions_end() {
        let all = WorkMeter::default();
        let meter = Meter::default();
        meter.steps.store(MAX_STEPS, Ordering::Relaxed);
        for _ in 0..MAX_STEPS_OF_ALL / 50_000_000 {
            assert_eq!(meter.settle(&all), Ok(()));
        }
        meter.steps.store(1, Ordering::Relaxed);
        assert_eq!(meter.settle(&all), Err(Exceeded::StepsOfAll));
    }

    /// A scope that counts what all expressions take.
    #[derive(Default)]
    struct Counting {
        values: Values,
        all: WorkMeter,
    }

    impl Scope for Counting {
        fn resolve(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
            self.values.resolve(path)
        }

        fn functions(&self) -> &FunctionContext {
            self.values.functions()
        }

        fn work(&self) -> Option<&WorkMeter> {
            Some(&self.all)
        }
    }

    #[test]
    fn an_expression_that_fails_has_taken_its_steps() {
        let scope = Counting::default();
        let steps = || scope.all.steps.load(Ordering::Relaxed);
        evaluate_text("test", "[for x in range(100) : x * 2][100]", &scope).expect_err("too far");
        assert!(steps() > 100, "{}", steps());
    }

    #[test]
    fn work_ends_of_one_expression_and_of_all() {
        let all = WorkMeter::default();
        for _ in 0..MAX_WORK_OF_ALL / MAX_WORK {
            let meter = Meter::default();
            assert_eq!(meter.work(MAX_WORK, Some(&all)), Ok(()));
            assert_eq!(meter.work(1, Some(&all)), Err(Exceeded::Work));
        }
        assert_eq!(Meter::default().work(1, Some(&all)), Err(Exceeded::WorkOfAll));
        assert_eq!(Meter::default().work(u64::MAX, None), Err(Exceeded::Work));
    }
}
