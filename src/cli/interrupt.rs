//! Ctrl-C: the first asks to stop cleanly, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether somebody asked to stop. Cheap to clone; all clones see the same request.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    requested: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Interrupt {
    /// Begins to listen for SIGINT and SIGTERM. Must be called on a runtime.
    pub fn listen(&self) {
        let this = self.clone();
        let Ok(mut signals) = Signals::new() else { return };
        tokio::spawn(async move {
            while signals.next().await.is_some() {
                if this.requested.swap(true, Ordering::SeqCst) {
                    // What is in flight is in the journal; the next run recovers it.
                    std::process::exit(130);
                }
                this.notify.notify_waiters();
            }
        });
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// The flag itself, for loops that look at it between steps.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.requested)
    }

    /// Waits until it is asked to stop.
    pub async fn wait(&self) {
        let waiting = self.notify.notified();
        if !self.requested() {
            waiting.await;
        }
    }

    /// `work`, unless it is asked to stop first. For work that may be dropped anywhere: reading.
    ///
    /// # Errors
    /// [`super::error::Exit::Interrupted`].
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, super::error::Exit> {
        tokio::select! {
            done = work => Ok(done),
            () = self.wait() => Err(super::error::Exit::Interrupted),
        }
    }
}

/// SIGINT and SIGTERM, from one registration: none is lost between two waits.
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
            pressed = self.0.recv() => pressed,
            told = self.1.recv() => told,
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
