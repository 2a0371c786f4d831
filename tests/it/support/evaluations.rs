//! How often a run does what it is to do once: by the spans that the program tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Counts spans of one name on this thread.
#[derive(Clone)]
struct Spans {
    name: &'static str,
    count: Arc<AtomicUsize>,
}

impl<S: Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if span.metadata().name() == self.name {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What `work` comes to, and how often it evaluates a whole configuration.
pub(crate) async fn evaluations<T>(work: impl Future<Output = T>) -> (T, usize) {
    counted("evaluate", work).await
}

/// What `work` comes to, and how often it reads a configuration's files.
pub(crate) async fn loads<T>(work: impl Future<Output = T>) -> (T, usize) {
    counted("load", work).await
}

async fn counted<T>(name: &'static str, work: impl Future<Output = T>) -> (T, usize) {
    // Without a subscriber that is always there, a span that another thread reaches between two of these
    // is remembered as one that interests nobody, and is counted no more.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let spans = Spans { name, count: Arc::default() };
    let watching = tracing_subscriber::registry().with(spans.clone());
    let _watching = tracing::subscriber::set_default(watching);
    let done = work.await;
    (done, spans.count.load(Ordering::SeqCst))
}
