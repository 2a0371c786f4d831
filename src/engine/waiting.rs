//! Says what is waited for when nothing comes: no wait is without a word.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::runtime::Handle;

use super::host::{Activity, Event, Host};
use crate::trace;

/// How long nothing may be answered before it is said what is waited for.
const IDLE: Duration = Duration::from_secs(5);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);

/// How long after the last word about a wait the next one comes.
const AGAIN: Duration = Duration::from_secs(15);

/// Does something that is waited for as a whole, and tells the host when it takes its time. It is given up after `limit`.
pub(super) async fn lasting<T>(
    host: &dyn Host,
    activity: &Activity,
    limit: Option<Duration>,
    work: impl Future<Output = T>,
) -> T {
    let limit = limit.and_then(|limit| SignedDuration::try_from(limit).ok());
    let until = limit.and_then(|limit| host.now().checked_add(limit).ok());
    let saying = async {
        let (mut lasted, mut pause) = (Duration::ZERO, IDLE);
        loop {
            host.clock().idle(pause).await;
            lasted += pause;
            pause = AGAIN;
            host.event(Event::Lasting { activity: activity.clone(), lasted, until });
        }
    };
    tokio::select! {
        done = work => done,
        () = saying => unreachable!("it says so without end"),
    }
}

/// Tells the host of requests that nothing is heard of, until the runtime ends; nothing outside a runtime.
pub(super) fn watch(host: Arc<dyn Host>) {
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        loop {
            host.clock().idle(LOOK).await;
            let Some(request) = trace::stalled(IDLE) else { continue };
            let left = request.left.and_then(|left| SignedDuration::try_from(left).ok());
            let until = left.and_then(|left| host.now().checked_add(left).ok());
            host.event(Event::Waiting { request, until });
        }
    });
}
