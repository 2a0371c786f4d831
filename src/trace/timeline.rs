//! The requests of a run in time: how many went where, and which of them the run waited for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::REQUESTS;

/// A finished request, its repetitions included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedRequest {
    /// `IAM`, as the SDK calls it.
    pub service: String,
    /// `ListRoles`.
    pub operation: String,
    /// The account's handle.
    pub account: String,
    /// The region.
    pub region: String,
    /// How often it was sent; 0 when it never left (no credentials).
    pub attempts: u64,
    /// Status of the last answer; 0 when there was none.
    pub status: u64,
    /// Pauses between the attempts.
    pub waited: Duration,
    /// When it began, counted from the beginning of the run.
    pub from: Duration,
    /// When it was over.
    pub to: Duration,
}

/// What the requests to one service in one account add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many there were.
    pub requests: u64,
    /// Attempts beyond the first of each.
    pub retries: u64,
    /// Pauses before those.
    pub waited: Duration,
    /// Time from asking to answer, all added up: those side by side count each.
    pub took: Duration,
}

/// A request that the run waited for, and how long it did something else before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitLink {
    /// The request.
    pub request: TracedRequest,
    /// Time between the answer that it waited for and its own beginning.
    pub gap: Duration,
}

/// Collects requests; a layer of a subscriber. Clones share what was collected.
#[derive(Clone, Debug)]
pub struct Timeline {
    began: Instant,
    requests: Arc<Mutex<Vec<TracedRequest>>>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { began: Instant::now(), requests: Arc::default() }
    }
}

impl Timeline {
    /// All requests, in the order in which they were over.
    #[must_use]
    pub fn requests(&self) -> Vec<TracedRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long the run has lasted so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What went where: by account, then by service.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<(String, String), Usage> {
        let mut all: BTreeMap<(String, String), Usage> = BTreeMap::new();
        for request in self.requests() {
            let usage = all.entry((request.account, request.service)).or_default();
            usage.requests += 1;
            usage.retries += request.attempts.saturating_sub(1);
            usage.waited += request.waited;
            usage.took += request.to.saturating_sub(request.from);
        }
        all
    }

    /// The chain of requests that made the run's time, first to last: the last answer of the run, before
    /// it the last answer that was there when that one's request began, and so on.
    ///
    /// What a request waits for shows in time alone: a request begins when the last thing it needs is
    /// there, so of all answers before its beginning the latest is the one that it waited for. Where
    /// something else held it up (the program's own work), the gap says so.
    #[must_use]
    pub fn chain(&self) -> Vec<WaitLink> {
        let mut requests = self.requests();
        requests.sort_by_key(|request| request.to);
        let mut links = Vec::new();
        while let Some(request) = requests.pop() {
            // What ends in the moment in which another begins came before it; the list only shrinks.
            requests.truncate(requests.partition_point(|earlier| earlier.to <= request.from));
            let before = requests.last().map_or(Duration::ZERO, |earlier| earlier.to);
            links.push(WaitLink { gap: request.from.saturating_sub(before), request });
        }
        links.reverse();
        links
    }
}

impl<S: Subscriber> Layer<S> for Timeline {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() != REQUESTS {
            return;
        }
        let mut read = Read::default();
        event.record(&mut read);
        let to = self.began.elapsed();
        let request = TracedRequest { from: to.saturating_sub(read.took), to, ..read.request };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}

#[derive(Default)]
struct Read {
    request: TracedRequest,
    took: Duration,
}

impl Visit for Read {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "attempts" => self.request.attempts = value,
            "status" => self.request.status = value,
            "waited_us" => self.request.waited = Duration::from_micros(value),
            "took_us" => self.took = Duration::from_micros(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let into = match field.name() {
            "service" => &mut self.request.service,
            "operation" => &mut self.request.operation,
            "within" => &mut self.request.account,
            "region" => &mut self.request.region,
            _ => return,
        };
        value.clone_into(into);
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(requests: &[(&str, u64, u64)]) -> Timeline {
        let timeline = Timeline::default();
        *timeline.requests.lock().unwrap() = requests
            .iter()
            .map(|(operation, from, to)| TracedRequest {
                operation: (*operation).to_owned(),
                service: "IAM".to_owned(),
                account: "dev".to_owned(),
                attempts: 2,
                from: Duration::from_millis(*from),
                to: Duration::from_millis(*to),
                ..TracedRequest::default()
            })
            .collect();
        timeline
    }

    #[test]
    fn the_chain_is_what_was_waited_for() {
        // `a` and `b` side by side, then `c` and `d`; `e` after 5 ms of work of the program's own.
        let all = [("a", 0, 10), ("b", 0, 30), ("c", 30, 40), ("d", 31, 60), ("e", 65, 80)];
        let chain = timeline(&all).chain();
        let names: Vec<&str> = chain.iter().map(|l| l.request.operation.as_str()).collect();
        let gaps: Vec<u128> = chain.iter().map(|l| l.gap.as_millis()).collect();
        assert_eq!((names, gaps), (vec!["b", "d", "e"], vec![0, 1, 5]));
        assert!(timeline(&[]).chain().is_empty());
        // Answers of the same moment, and requests without any length, end it too.
        assert_eq!(timeline(&[("a", 5, 5), ("b", 5, 5), ("c", 5, 5)]).chain().len(), 3);
    }

    #[test]
    fn usage_adds_up() {
        let usage = timeline(&[("a", 0, 10), ("b", 0, 30)]).usage();
        let of_iam = &usage[&("dev".to_owned(), "IAM".to_owned())];
        assert_eq!((of_iam.requests, of_iam.retries, of_iam.took.as_millis()), (2, 2, 40));
    }
}
