//! Watches the requests of an SDK client: which are waited for, and each when it is over.
//!
//! Of a request the service, the operation, the account and the region are told, and of the answer the
//! status alone: neither parameters nor bodies, which may hold secrets.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::endpoint_config::EndpointUrl;
use aws_types::region::Region;

use super::REQUESTS;
use super::waits::{self, AttemptFailure, Destination, Ticket};

/// How much of a refusal is looked at.
const HEAD: usize = 4096;

/// An interceptor for clients that work in one account.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    account: String,
}

impl Observer {
    /// For clients in the account of a handle, or in what else people call it.
    #[must_use]
    pub(crate) fn of(account: impl Into<String>) -> Self {
        Self { account: account.into() }
    }
}

/// What has been seen of one request.
#[derive(Debug)]
struct Seen {
    began: Instant,
    attempts: u32,
    /// When the last attempt ended without a success.
    idle_since: Option<Instant>,
    /// Pauses between attempts.
    waited: Duration,
    /// Whether any attempt was answered.
    heard: bool,
    /// Its place in the register of what is waited for, once it is under way.
    ticket: Option<Ticket>,
}

impl Storable for Seen {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Observer {
    fn name(&self) -> &'static str {
        "Observer"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let seen = Seen {
            began: Instant::now(),
            attempts: 0,
            idle_since: None,
            waited: Duration::ZERO,
            heard: false,
            ticket: None,
        };
        config.interceptor_state().store_put(seen);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let metadata = config.load::<Metadata>();
        let (service, operation) = metadata.map_or(("", ""), |m| (m.service(), m.name()));
        let (service, operation) = (service.to_owned(), operation.to_owned());
        let attempts = config.load::<RetryConfig>().map_or(1, RetryConfig::max_attempts);
        let bound = config.load::<TimeoutConfig>().and_then(TimeoutConfig::operation_timeout);
        if let Some(seen) = config.get_mut_from_interceptor_state::<Seen>() {
            seen.attempts += 1;
            seen.waited += seen.idle_since.take().map(|since| since.elapsed()).unwrap_or_default();
            let deadline = bound.map(|bound| seen.began + bound);
            let ticket =
                seen.ticket.get_or_insert_with(|| Ticket::new(&service, &operation, &self.account));
            ticket.attempt(seen.attempts, attempts, deadline);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let place = Destination {
            endpoint: host_of(context.request().uri()).to_owned(),
            region: config.load::<Region>().map_or("", Region::as_ref).to_owned(),
            configured: config.load::<EndpointUrl>().is_some(),
            proxy: waits::proxy_of(context.request().uri()),
            failure: None,
        };
        match config.load::<Seen>().and_then(|seen| seen.ticket.as_ref()) {
            Some(ticket) => Ok(ticket.leaves(place)?),
            None => Ok(()),
        }
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(seen) = config.get_mut_from_interceptor_state::<Seen>() {
            seen.idle_since = Some(Instant::now());
            if context.response().is_some() {
                seen.heard = true;
                if let Some(ticket) = &seen.ticket {
                    ticket.heard();
                }
            }
            if let Some(ticket) = &seen.ticket {
                ticket.ended(failure(context));
            }
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(seen) = config.load::<Seen>() else { return Ok(()) };
        let timed_out = matches!(context.output_or_error(), Some(Err(e)) if e.is_timeout_error());
        if let (true, false, Some(ticket)) = (timed_out, seen.heard, &seen.ticket) {
            ticket.unheard(seen.began);
        }
        let metadata = config.load::<Metadata>();
        if timed_out {
            match (&seen.ticket, metadata) {
                (Some(ticket), _) => ticket.never_left(AttemptFailure::Unsigned),
                // No attempt has begun: the rate limiter of the adaptive mode stands before the first one.
                (None, Some(metadata)) => {
                    let ticket = Ticket::new(metadata.service(), metadata.name(), &self.account);
                    ticket.never_left(AttemptFailure::HeldBack);
                }
                (None, None) => {}
            }
        }
        let status = context.response().map_or(0, |answer| answer.status().as_u16());
        let succeeded = matches!(context.output_or_error(), Some(Ok(_)));
        tracing::debug!(
            target: REQUESTS,
            service = metadata.map_or("", Metadata::service),
            operation = metadata.map_or("", Metadata::name),
            within = self.account.as_str(),
            region = config.load::<Region>().map_or("", Region::as_ref),
            attempts = seen.attempts,
            status,
            succeeded,
            waited_us = micros(seen.waited),
            took_us = micros(seen.began.elapsed()),
        );
        Ok(())
    }
}

/// How an attempt failed; nothing where it succeeded, or got no answer in its time.
fn failure(context: &FinalizerInterceptorContextRef<'_>) -> Option<AttemptFailure> {
    let error = context.output_or_error()?.err()?;
    if error.is_timeout_error() {
        return None;
    }
    // An answer that was cut in its middle says nothing.
    let is_refusal =
        |answer: &&HttpResponse| answer.status().as_u16() >= 400 && answer.body().bytes().is_some();
    if let Some(answer) = context.response().filter(is_refusal) {
        return Some(AttemptFailure::Answered(code(answer), answer.status().as_u16()));
    }
    let first: &(dyn Error + 'static) = error;
    let mut chain = std::iter::successors(Some(first), |error| (*error).source());
    // hyper's own word: the error below it is the system's, which has many.
    if chain.clone().any(|error| error.to_string() == "dns error") {
        return Some(AttemptFailure::Unresolved);
    }
    let is_refused = |error: &io::Error| matches!(error.kind(), io::ErrorKind::ConnectionRefused);
    if chain.any(|error| error.downcast_ref().is_some_and(is_refused)) {
        return Some(AttemptFailure::Refused);
    }
    (error.is_connector_error() || error.is_response_error()).then_some(AttemptFailure::Broken)
}

/// What an answer that is no success says: its code, or else its status.
fn code(answer: &HttpResponse) -> String {
    let status = answer.status().as_u16();
    let body = answer.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(body.get(..HEAD).unwrap_or(body));
    let between = |start: &str, end: char| {
        let (code, _) = text.split_once(start)?.1.split_once(end)?;
        Some(code.rsplit('#').next()?.trim().to_owned())
    };
    let code = between("<Code>", '<').or_else(|| between("\"__type\":\"", '"'));
    let plain = |code: &String| {
        (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    code.filter(plain).unwrap_or_else(|| format!("status {status}"))
}

/// Host and port of a URL.
fn host_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
