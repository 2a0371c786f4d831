//! How many answers a plan waits for one after another, counted and not timed.
//!
//! An endpoint holds every answer back until the program can do nothing more without one; then it gives
//! all of them at once, and a round is over. That the program can do nothing more is known and not
//! guessed: it runs on one thread, and the runtime says when that thread goes to sleep. A busy machine
//! makes the test slower and changes no count.

use std::future::Future;
use std::sync::{Arc, Mutex};

use palisade::sandbox::{Arrival, Faults};
use tokio::sync::oneshot;

use crate::recovery::lab::Lab;

/// Requests that wait for their answers, and the rounds that are over.
#[derive(Default)]
struct Gate(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    /// Whether answers are held back at all.
    shut: bool,
    waiting: Vec<oneshot::Sender<()>>,
    round: Vec<String>,
    rounds: Vec<Vec<String>>,
}

impl Gate {
    /// Waits for the round in which the request was made to be over.
    fn arrive(&self, arrival: &Arrival) -> impl Future<Output = ()> + Send + use<> {
        let (answer, held) = oneshot::channel();
        let mut inside = self.0.lock().unwrap();
        let held = inside.shut.then_some(held);
        if held.is_some() {
            let Arrival { service, operation, subject } = arrival;
            inside.round.push(format!("{service:?}:{operation} {subject}").trim_end().to_owned());
            inside.waiting.push(answer);
        }
        async move {
            if let Some(held) = held {
                let _ = held.await;
            }
        }
    }

    /// Gives every answer that is held back. Called when the program sleeps.
    fn release(&self) {
        let mut inside = self.0.lock().unwrap();
        if inside.waiting.is_empty() {
            return;
        }
        let mut round = std::mem::take(&mut inside.round);
        round.sort();
        inside.rounds.push(round);
        for answer in std::mem::take(&mut inside.waiting) {
            let _ = answer.send(());
        }
    }
}

/// Runs `work` on one thread, with a gate that is open until `work` shuts it.
fn on_one_thread<T, F: Future<Output = T>>(work: impl FnOnce(Arc<Gate>) -> F) -> T {
    let gate = Arc::new(Gate::default());
    let asleep = Arc::clone(&gate);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || asleep.release())
        .build()
        .unwrap();
    runtime.block_on(work(gate))
}

/// Applies an estate, and counts the rounds of the plan without changes that follows.
fn rounds_of_a_plan(estate: &str) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.hcl"), estate).unwrap();
    on_one_thread(|gate| async move {
        let lab = Lab::new(dir.path()).await;
        lab.converge("first").await;
        let at = Arc::clone(&gate);
        let delay = move |arrival: Arrival| Box::pin(at.arrive(&arrival)) as _;
        let faults = Faults { delay: Some(Arc::new(delay)), ..Faults::default() };
        lab.sandbox.set_faults(faults).await;
        gate.0.lock().unwrap().shut = true;
        let world = lab.survey().await;
        let plan = lab.plan(&world);
        gate.0.lock().unwrap().shut = false;
        assert!(plan.operations.is_empty(), "{:?}", plan.operations);
        std::mem::take(&mut gate.0.lock().unwrap().rounds)
    })
}

#[track_caller]
fn at_most(bound: usize, rounds: &[Vec<String>]) {
    let requests: usize = rounds.iter().map(Vec::len).sum();
    let told: Vec<String> = rounds
        .iter()
        .enumerate()
        .map(|(at, round)| format!("round {}:\n  {}", at + 1, round.join("\n  ")))
        .collect();
    let told = format!("{} rounds, {requests} requests\n{}", rounds.len(), told.join("\n"));
    assert!(rounds.len() <= bound, "more than {bound} rounds: {told}");
}

const ONE_ACCOUNT: &str = r#"
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
"#;

#[test]
fn a_plan_of_one_account_waits_for_few_answers_one_after_another() {
    at_most(10, &rounds_of_a_plan(ONE_ACCOUNT));
}
