//! A switch that lets the power go at one request of an embedded AWS, AWS's and the state's alike.

use std::sync::{Arc, Mutex};

use palisade::sandbox::{FaultAction, Faults, Hook, Phase, RequestInfo};
use tokio::sync::Notify;

/// AWS creates accounts in its own time, and Organizations takes one write at a time.
pub(crate) fn slow() -> Faults {
    Faults { slow_accounts: 3, concurrent_modification: true, ..Faults::default() }
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cut {
    /// At one moment: nothing that was in flight beside it is carried out.
    Clean,
    /// The request is stuck, so many more are carried out, none of them answered, and then it goes.
    Ragged(usize),
}

type Here = Box<dyn FnMut(&RequestInfo, Phase) -> bool + Send>;

struct Power {
    cut: Cut,
    here: Here,
    /// Once the place is reached: how many requests are still carried out.
    left: Option<usize>,
    place: String,
    seen: usize,
    reached: Arc<Notify>,
    dead: Arc<Notify>,
}

impl Power {
    fn act(&mut self, info: &RequestInfo, phase: Phase) -> FaultAction {
        self.seen += 1;
        if let Some(left) = self.left {
            return match phase {
                Phase::Before if left == 0 => {
                    self.dead.notify_one();
                    FaultAction::Halt
                }
                Phase::Before => FaultAction::Continue,
                Phase::After => {
                    self.left = Some(left.saturating_sub(1));
                    FaultAction::Hang
                }
            };
        }
        if !(self.here)(info, phase) {
            return FaultAction::Continue;
        }
        self.place = format!("{phase:?} {} {}", info.operation, info.subject);
        match self.cut {
            Cut::Clean => {
                self.dead.notify_one();
                FaultAction::Halt
            }
            Cut::Ragged(others) => {
                self.left = Some(others);
                self.reached.notify_one();
                FaultAction::Hang
            }
        }
    }
}

/// The switch.
pub(crate) struct Switch {
    power: Arc<Mutex<Power>>,
    reached: Arc<Notify>,
    dead: Arc<Notify>,
}

impl Switch {
    /// The power goes at the first request of which `here` says so.
    pub(crate) fn new(
        cut: Cut,
        here: impl FnMut(&RequestInfo, Phase) -> bool + Send + 'static,
    ) -> Self {
        let (reached, dead) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let power = Power {
            cut,
            here: Box::new(here),
            left: None,
            place: String::new(),
            seen: 0,
            reached: Arc::clone(&reached),
            dead: Arc::clone(&dead),
        };
        Self { power: Arc::new(Mutex::new(power)), reached, dead }
    }

    /// Slow answers with this switch in them.
    pub(crate) fn faults(&self) -> Faults {
        let power = Arc::clone(&self.power);
        let hook: Hook = Arc::new(move |info, phase| power.lock().unwrap().act(info, phase));
        Faults { hook: Some(hook), ..slow() }
    }

    /// Works until it ends or the power goes; then there is no answer.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.dead.notified() => None,
            () = self.silence() => None,
            done = work => Some(done),
        }
    }

    /// The place is reached, and nothing else is on its way that could still come: everything here is
    /// in one thread, and has had its turn a thousand times over.
    async fn silence(&self) {
        self.reached.notified().await;
        let seen = || self.power.lock().unwrap().seen;
        let (mut before, mut turns) = (seen(), 0);
        while turns < 1000 {
            tokio::task::yield_now().await;
            turns = if seen() == before { turns + 1 } else { 0 };
            before = seen();
        }
    }

    /// Where it went.
    pub(crate) fn place(&self) -> String {
        self.power.lock().unwrap().place.clone()
    }
}
