//! Signals that ask to stop: the first asks to stop cleanly, the second leaves within two seconds. A command that
//! has nothing to finish is left within two seconds of the first, whatever it is working out or waiting for.
//!
//! SIGINT (Ctrl-C), SIGTERM and SIGHUP (a terminal that is closed) mean the same: what is in flight is finished
//! and recorded. A SIGHUP that was ignored from the start (`nohup`) stays ignored.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::host::{Cancel, Urgency};

/// How long a run that is left has to end its leases.
const LEAVING: Duration = Duration::from_secs(2);

/// How long the last word is tried to be said.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How a command is left that does not end by itself.
#[derive(Clone)]
pub struct Leaving {
    /// Whether the command has nothing to finish, so that it is left at the first signal.
    pub at_once: bool,
    /// Says so.
    pub tell: Arc<dyn Fn() + Send + Sync>,
}

/// Begins to listen. Must be called on a runtime.
pub fn listen(cancel: &Cancel, leaving: Leaving) {
    let cancel = cancel.clone();
    let Ok(mut signals) = Signals::new() else { return };
    tokio::spawn(async move {
        while signals.next().await.is_some() {
            let before = cancel.urgency();
            cancel.press();
            match before {
                Urgency::None if !leaving.at_once => {}
                Urgency::None | Urgency::Finish => {
                    let leaving = leaving.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(LEAVING).await;
                        leave(&leaving);
                    });
                }
                Urgency::Leave => leave(&leaving),
            }
        }
    });
}

/// What is in flight is in the journal; the next run recovers it.
fn leave(leaving: &Leaving) {
    // Whoever reads the last word may stand still, with the pipe full.
    let tell = Arc::clone(&leaving.tell);
    let telling = std::thread::spawn(move || tell());
    let begun = std::time::Instant::now();
    while !telling.is_finished() && begun.elapsed() < LAST_WORD {
        std::thread::sleep(LAST_WORD / 50);
    }
    std::process::exit(130);
}

/// From one registration: no signal is lost between two waits.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    async fn next(&mut self) -> Option<()> {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            signal = self.interrupt.recv() => signal,
            signal = self.terminate.recv() => signal,
            signal = hangup => signal,
        }
    }
}

/// Whether SIGHUP is ignored, by the mask in `/proc/self/status` (`SigIgn`, see proc(5)). Where the system does
/// not say so it is taken for not ignored.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Ctrl-C of a console.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}
