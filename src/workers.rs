//! The same work on many things, on all cores.

use std::num::NonZero;
use std::thread;

/// Fewer things than this are not worth a thread.
const FEW: usize = 64;

/// What `work` makes of each item, in their order. A panic in it goes on in the caller.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if items.len() < FEW || cores < 2 {
        return items.iter().map(work).collect();
    }
    let all = |chunk: &[T]| chunk.iter().map(&work).collect::<Vec<R>>();
    thread::scope(|scope| {
        let running: Vec<_> = items
            .chunks(items.len().div_ceil(cores))
            .map(|chunk| {
                let thread = thread::Builder::new().spawn_scoped(scope, || all(chunk));
                (chunk, thread)
            })
            .collect();
        let mut made = Vec::with_capacity(items.len());
        for (chunk, thread) in running {
            made.extend(match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(done)) => done,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread was to be had: the work is done here.
                Err(_) => all(chunk),
            });
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        for count in [0, 1, FEW, 1_001] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(each(&items, |n| n * 2), (0..count).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
