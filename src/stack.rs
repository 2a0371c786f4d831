//! Room for recursion: runs work on a thread with a stack that no accepted input can exhaust.
//!
//! The HCL parser bounds nesting (64 levels, 128 chained operators), and values and references
//! have limits of their own, but a debug build needs more than the 2 MB of an ordinary thread for
//! them. Pages of a stack that are never touched cost nothing.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

const STACK: usize = 512 * 1024 * 1024;

thread_local! {
    static DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with a deep stack and returns what it returns; runs it in place when the stack is
/// deep already, or when no thread can be had. A panic in it goes on in the caller.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if DEEP.get() {
        return work();
    }
    let cell = Mutex::new(Some(work));
    let take = || cell.lock().unwrap_or_else(PoisonError::into_inner).take();
    let outcome = std::thread::scope(|scope| {
        let run = || {
            DEEP.set(true);
            take().map(|work| work())
        };
        match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => None,
        }
    });
    match outcome {
        Some(result) => result,
        None => match take() {
            Some(work) => work(),
            // The work is taken once: by the thread, which gave its result, or here.
            None => unreachable!("work that was taken has returned or panicked"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(n: u64) -> u64 {
        let pad = std::hint::black_box([n; 64]);
        if n == 0 { 0 } else { depth(n - 1) + pad[0] - n + 1 }
    }

    #[test]
    fn recursion_fits_and_nests() {
        assert_eq!(deep(|| deep(|| depth(100_000))), 100_000);
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        assert!(std::panic::catch_unwind(|| deep(|| panic!("boom"))).is_err());
    }
}
