//! What is done and how long it takes: one event for each request to AWS, what they add up to, and what is
//! waited for.
//!
//! Everything here is told through `tracing` under targets of Palisade's own. The SDK traces too, and
//! what it tells may hold the bodies of requests and answers, secrets included: a subscriber must be
//! given [`is_own`] and show nothing else.

mod requests;
mod timeline;
mod waits;

pub(crate) use requests::Observer;
pub(crate) use timeline::{Timeline, WaitLink};
pub(crate) use waits::{
    AttemptFailure, Destination, SilentEndpoint, Waiting, behind, destination, destination_of,
    stalled,
};

/// The target of the event that tells of a finished request.
pub(crate) const REQUESTS: &str = "palisade::request";

/// Whether an event is Palisade's own, and so says nothing that must not be read.
#[must_use]
pub(crate) fn is_own(target: &str) -> bool {
    target == "palisade" || target.starts_with("palisade::")
}
