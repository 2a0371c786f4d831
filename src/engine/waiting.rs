//! Says what is waited for when nothing comes: no wait is without a word.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::runtime::Handle;

use super::host::{Event, Host};
use crate::trace;

/// How long nothing may be answered before it is said what is waited for.
const IDLE: Duration = Duration::from_secs(5);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);

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
