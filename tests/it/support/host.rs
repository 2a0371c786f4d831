//! A host of the engine that is no terminal: it keeps what it hears, answers every question, and can ask
//! to stop in the middle.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use palisade::apply::cancel::Urgency;
use palisade::apply::{ApplySummary, Cancel};
use palisade::diag::Diagnostics;
use palisade::engine::EngineError;
use palisade::engine::host::{ConfirmationQuestion, Event, Host, Shown};
use palisade::state::Clock;

use super::clock::{FastClock, SkippingClock};

/// Whether to ask to stop, after this event.
type Stop = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// What a host has heard so far. Its time is the machine's, and waiting takes none of it.
#[derive(Default)]
pub(crate) struct TestHost {
    clock: SkippingClock,
    /// Takes its place, where time is to pass by itself.
    fast: Option<FastClock>,
    cancel: Cancel,
    stop: Option<Stop>,
    refuses: bool,
    names_caller: bool,
    events: Mutex<Vec<Event>>,
    diagnostics: Mutex<Diagnostics>,
    /// Digests of the plans that were shown, and scopes of locks.
    shown: Mutex<Vec<String>>,
    questions: Mutex<Vec<String>>,
}

impl TestHost {
    /// A host that asks to stop after the first event for which `stop` holds.
    pub(crate) fn stopping(stop: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        Self { stop: Some(Box::new(stop)), ..Self::default() }
    }

    /// A host that answers every question with no.
    pub(crate) fn refusing() -> Self {
        Self { refuses: true, ..Self::default() }
    }

    /// A host on whose clock time passes by itself, and quickly.
    pub(crate) fn in_time_lapse() -> Self {
        Self { fast: Some(FastClock::start()), ..Self::default() }
    }

    /// A host that says as whom a use case works.
    pub(crate) fn naming_the_caller() -> Self {
        Self { names_caller: true, ..Self::default() }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// How the plan was carried out, to its end or not.
    pub(crate) fn summary(&self) -> Option<ApplySummary> {
        self.events().into_iter().rev().find_map(|event| match event {
            Event::Applied(summary) => Some(*summary),
            _ => None,
        })
    }

    pub(crate) fn diagnostics_text(&self) -> String {
        self.diagnostics.lock().unwrap().to_string()
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        self.questions.lock().unwrap().clone()
    }
}

#[async_trait]
impl Host for TestHost {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn clock(&self) -> &dyn Clock {
        match &self.fast {
            Some(fast) => fast,
            None => &self.clock,
        }
    }

    fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    fn names_caller(&self) -> bool {
        self.names_caller
    }

    fn event(&self, event: Event) {
        let asked = self.cancel.urgency() != Urgency::None;
        if !asked && self.stop.as_ref().is_some_and(|stop| stop(&event)) {
            self.cancel.press();
        }
        self.events.lock().unwrap().push(event);
    }

    fn diagnostics(&self, diagnostics: &Diagnostics) {
        self.diagnostics.lock().unwrap().extend(diagnostics.iter().cloned());
    }

    fn show(&self, shown: Shown<'_>) -> Result<(), EngineError> {
        let plan = match shown {
            Shown::Plan(plan) => plan,
            Shown::Promotion(report) | Shown::Approval(report) => &report.plan,
            Shown::Locks(locks) => {
                let scopes = locks.iter().map(|lock| lock.scope.clone());
                self.shown.lock().unwrap().extend(scopes);
                return Ok(());
            }
        };
        self.shown.lock().unwrap().push(plan.digest.clone());
        Ok(())
    }

    async fn confirm(&self, question: ConfirmationQuestion<'_>) -> Result<(), EngineError> {
        self.questions.lock().unwrap().push(format!("{question:?}"));
        if self.refuses {
            return Err(EngineError::failed("no"));
        }
        Ok(())
    }

    async fn mfa_code(&self, _device: &str, _profile: &str) -> Result<Option<String>, EngineError> {
        Ok(None)
    }
}
