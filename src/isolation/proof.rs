//! Why closed steps are closed, statement by statement, and the checker of such proofs.
//!
//! The engine closes a step by trying a representative of every region of requests. Here nothing is
//! tried: a proof names a layer of policies that must allow the step and says of each of its
//! statements why it cannot, or it names a statement that denies all of it. Such a claim is checked
//! by the judge on one request, and by comparing texts; no automaton, no enumeration, no code of the
//! symbolic engine takes part. A wall is verified when every step that could cross it has such a
//! proof; what needs a search to see stays unverified, and is reported as such.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::compare::SideResult;
use super::crossing::{Asked, PathStep, StepSource, StepTarget, asked};
use super::paths::{Origin, account_of, starts_in};
use crate::access::{AccessModel, PART};

mod case;

use case::Case;

/// Why a statement that allows something allows nothing of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dead {
    /// It names other actions.
    Action,
    /// It names other resources.
    Resource,
    /// It names other principals.
    Principal,
    /// A condition of it, on this key, is false whatever the request is.
    Condition(String),
    /// This statement denies all that it allows: policy and label.
    Denied(String, String),
}

/// Why a step is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Killed {
    /// A statement denies all of it: policy and label.
    Denied(String, String),
    /// A layer that has to allow it does not: its name, and each of its statements that allows
    /// anything, by policy and label, with what is wrong with it.
    NotAllowed(String, Vec<(String, String, Dead)>),
}

/// A step that could cross a wall, and why it does not; `None` where only a search can tell.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The step.
    pub step: PathStep,
    /// Why it is closed.
    pub killed: Option<Killed>,
}

/// Why a step is closed; `None` where only a search can tell.
#[must_use]
pub fn explain(asked: &Asked, step: &PathStep) -> Option<Killed> {
    let request = asked.requests().into_iter().next()?;
    Case::of(asked.parts(&request), step).explain()
}

/// Whether a claim about a step is true.
#[must_use]
pub fn check(asked: &Asked, step: &PathStep, claim: &Killed) -> bool {
    let mut requests = asked.requests().into_iter();
    requests.all(|request| Case::of(asked.parts(&request), step).check(claim))
}

/// Everybody that an origin is or can become, whatever the conditions.
fn reached(model: &AccessModel, result: &SideResult, origin: &Origin) -> BTreeSet<StepSource> {
    // Whoever is named by no grant takes no step.
    let sources = result.edges.keys().chain(&result.closed).map(|step| &step.source);
    let starts = |source: &&StepSource| starts_in(model, source).contains(origin);
    let mut found: BTreeSet<StepSource> = sources.filter(starts).cloned().collect();
    let mut queue: VecDeque<StepSource> = found.iter().cloned().collect();
    let mut by_source: BTreeMap<&StepSource, Vec<&StepTarget>> = BTreeMap::new();
    for step in result.edges.keys() {
        by_source.entry(&step.source).or_default().push(&step.target);
    }
    while let Some(source) = queue.pop_front() {
        for target in by_source.get(&source).into_iter().flatten() {
            let StepTarget::Role(arn) = target else { continue };
            let next = StepSource::Principal(arn.clone());
            if found.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    found
}

/// A closed step, and why, once that was looked for.
type Closed<'a> = (&'a PathStep, OnceCell<Option<Killed>>);

/// The proofs of one side. What is found out about a step or an origin is found out once.
pub struct Prover<'a> {
    model: &'a AccessModel,
    result: &'a SideResult,
    /// Closed steps into each environment.
    closed: BTreeMap<&'a str, Vec<Closed<'a>>>,
    /// Open steps into each environment, by who takes them.
    open: BTreeMap<&'a str, BTreeSet<&'a StepSource>>,
    reached: BTreeMap<Origin, BTreeSet<StepSource>>,
}

impl<'a> Prover<'a> {
    /// Over one side.
    #[must_use]
    pub fn new(model: &'a AccessModel, result: &'a SideResult) -> Self {
        let into = |step: &PathStep| {
            let account = account_of(model, &step.target);
            account.and_then(|a| model.accounts.get(&a)).map(|a| &a.environments)
        };
        let mut closed: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for step in &result.closed {
            for environment in into(step).into_iter().flatten() {
                closed.entry(environment).or_default().push((step, OnceCell::new()));
            }
        }
        let mut open: BTreeMap<&str, BTreeSet<&StepSource>> = BTreeMap::new();
        for step in result.edges.keys() {
            for environment in into(step).into_iter().flatten() {
                open.entry(environment).or_default().insert(&step.source);
            }
        }
        Self { model, result, closed, open, reached: BTreeMap::new() }
    }

    /// What could cross a wall that is called closed: every grant of `to` to somebody that `origin`
    /// is or can become, with what kills it. `None` when one of them is open after all.
    #[must_use]
    pub fn prove(&mut self, origin: &Origin, to: &str) -> Option<Vec<Entry>> {
        let (model, result) = (self.model, self.result);
        let reached =
            self.reached.entry(origin.clone()).or_insert_with(|| reached(model, result, origin));
        if self.open.get(to).is_some_and(|open| open.iter().any(|s| reached.contains(*s))) {
            return None;
        }
        let grants = self.closed.get(to).map(Vec::as_slice).unwrap_or_default();
        let bearing = grants.iter().filter(|(step, _)| reached.contains(&step.source));
        Some(
            bearing
                .map(|(step, known)| {
                    let killed = known.get_or_init(|| {
                        let asked = asked(model, step)?;
                        explain(&asked, step).filter(|claim| check(&asked, step, claim))
                    });
                    Entry { step: (*step).clone(), killed: killed.clone() }
                })
                .collect(),
        )
    }
}

/// A policy's name for readers: the address of what holds it, and the part.
fn cited(policy: &str, label: &str) -> String {
    match policy.split_once(PART) {
        Some((address, part)) => format!("{address} {part}[{label}]"),
        None => format!("{policy}[{label}]"),
    }
}

impl Killed {
    /// What kills the step, for readers: one line a statement.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Denied(policy, label) => vec![format!("{} denies it", cited(policy, label))],
            Self::NotAllowed(layer, dead) if dead.is_empty() => {
                vec![format!("nothing in the {layer} allows anything")]
            }
            Self::NotAllowed(_, dead) => dead
                .iter()
                .map(|(policy, label, why)| {
                    let why = match why {
                        Dead::Action => "is about other actions".to_owned(),
                        Dead::Resource => "is about other resources".to_owned(),
                        Dead::Principal => "names others".to_owned(),
                        Dead::Condition(key) => format!("never holds: its condition on {key}"),
                        Dead::Denied(policy, label) => {
                            format!("is taken back by {}", cited(policy, label))
                        }
                    };
                    format!("{} {why}", cited(policy, label))
                })
                .collect(),
        }
    }
}
