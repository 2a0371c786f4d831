//! How often a configuration is evaluated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Counts the evaluations of a whole configuration on this thread.
#[derive(Clone, Default)]
pub(crate) struct Evaluations(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Evaluations {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if span.metadata().name() == "evaluate" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Evaluations {
    /// What `work` needed.
    pub(crate) async fn of<T>(work: impl Future<Output = T>) -> (T, usize) {
        // Without a subscriber that is always there, a span that another thread reaches between two of these
        // is remembered as one that interests nobody, and is counted no more.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        let count = Self::default();
        let watching = tracing_subscriber::registry().with(count.clone());
        let _watching = tracing::subscriber::set_default(watching);
        let done = work.await;
        (done, count.0.load(Ordering::SeqCst))
    }
}
