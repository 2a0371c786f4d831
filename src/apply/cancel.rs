//! Stopping: once to finish what is in flight, twice to leave at once.

use tokio::sync::watch;

/// How urgently to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Not at all.
    #[default]
    None,
    /// Nothing new is started; what is in flight is finished and recorded.
    Finish,
    /// Leave at once; the next run recovers.
    Leave,
}

/// A handle to stop an apply; clones share it.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Sender<Urgency>);

impl Default for Cancel {
    fn default() -> Self {
        Self(watch::Sender::new(Urgency::None))
    }
}

impl Cancel {
    /// Not stopped yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One press of Ctrl-C: the urgency rises by one.
    pub fn press(&self) {
        self.0.send_modify(|urgency| {
            *urgency = match urgency {
                Urgency::None => Urgency::Finish,
                Urgency::Finish | Urgency::Leave => Urgency::Leave,
            };
        });
    }

    /// The urgency now.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    /// Waits until the urgency is above `seen`.
    pub async fn risen(&self, seen: Urgency) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as this handle, so the wait cannot fail.
        let _ = receiver.wait_for(|urgency| *urgency > seen).await;
    }
}
