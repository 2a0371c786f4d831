//! Ctrl-C: the first asks to stop cleanly, the second leaves at once.

use crate::apply::Cancel;
use crate::apply::cancel::Urgency;

/// Begins to listen for SIGINT and SIGTERM. Must be called on a runtime.
pub fn listen(cancel: &Cancel) {
    let cancel = cancel.clone();
    let Ok(mut signals) = Signals::new() else { return };
    tokio::spawn(async move {
        while signals.next().await.is_some() {
            if cancel.urgency() != Urgency::None {
                // What is in flight is in the journal; the next run recovers it.
                std::process::exit(130);
            }
            cancel.press();
        }
    });
}

/// SIGINT and SIGTERM, from one registration: neither is lost between two waits.
#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            signal = self.0.recv() => signal,
            signal = self.1.recv() => signal,
        }
    }
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
