//! Why closed steps are closed, statement by statement, and the checker of such proofs.
//!
//! The engine closes a step by trying a representative of every region of requests. Here nothing is
//! tried: a proof names a layer of policies that must allow the step and says of each of its
//! statements why it cannot, or it names a statement that denies all of it. Such a claim is checked
//! by the judge on one request, and by comparing texts; no automaton, no enumeration, no code of the
//! symbolic engine takes part. A wall is isolated only where every step that could cross it has such a
//! proof: what needs a search to see leaves it undetermined ([`unproved`]). Where the search gives up at a bound, a proof
//! closes the step all the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::compare::{Pair, SideResult};
use super::crossing::{Asked, PathStep, StepSource, StepTarget};
use super::paths::{Origin, account_of, starts_in};
use crate::access::{AccessModel, PART};

mod beside;
mod case;
mod conditions;
mod denials;
mod ranges;
#[cfg(test)]
mod tests;
mod texts;

use case::Case;

/// Why a statement that allows something allows nothing of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantExclusion {
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
    /// These two statements deny all that it allows: one some requests, and one all others. Policy and label of each.
    DeniedTwice([(String, String); 2]),
    /// It allows only what takes this action beside, which is denied.
    Beside(String),
    /// Nothing in this layer, which has to allow the same requests, allows any that it allows.
    Elsewhere(String),
}

/// Why a step is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepDenial {
    /// A statement denies all of it: policy and label.
    Denied(String, String),
    /// A layer that has to allow it does not: its name, and each of its statements that allows
    /// anything, by policy and label, with what is wrong with it.
    NotAllowed(String, Vec<(String, String, GrantExclusion)>),
    /// The bucket's policy is public, and its block of public access lets in its own account and services alone.
    Restricted,
}

/// A step that could cross a wall, and why it does not; `None` where only a search can tell.
#[derive(Clone, Debug)]
pub struct ProofEntry {
    /// The step.
    pub step: PathStep,
    /// Why it is closed.
    pub denied: Option<StepDenial>,
}

/// Why a step is closed, confirmed by [`check`]; `None` where only a search can tell.
#[must_use]
pub fn of(asked: &Asked, step: &PathStep) -> Option<StepDenial> {
    let requests = asked.requests();
    let cases: Vec<Case<'_>> =
        requests.iter().map(|request| Case::of(asked.parts(request), step)).collect();
    Case::explain(&cases)
}

/// Whether a claim about a step is true.
#[must_use]
pub fn check(asked: &Asked, step: &PathStep, claim: &StepDenial) -> bool {
    let mut requests = asked.requests().into_iter();
    requests.all(|request| Case::of(asked.parts(&request), step).check(claim))
}

/// Everybody that an origin is or can become, whatever the conditions.
fn reached(model: &AccessModel, result: &SideResult, origin: &Origin) -> BTreeSet<StepSource> {
    // Whoever is named by no grant takes no step.
    let sources = result.edges.keys().chain(result.closed.keys()).map(|step| &step.source);
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

/// The proofs of one side's walls. Whom an origin can become is found out once.
pub struct Prover<'a> {
    model: &'a AccessModel,
    result: &'a SideResult,
    /// Closed steps into each environment, and why.
    closed: BTreeMap<&'a str, Vec<(&'a PathStep, &'a Option<StepDenial>)>>,
    /// Open steps into each environment, by who takes them.
    open: BTreeMap<&'a str, BTreeSet<&'a StepSource>>,
    reached: BTreeMap<Origin, BTreeSet<StepSource>>,
}

impl<'a> Prover<'a> {
    /// Over one side.
    #[must_use]
    pub fn new(model: &'a AccessModel, result: &'a SideResult) -> Self {
        let mut closed: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (step, denied) in &result.closed {
            for environment in entered(model, step) {
                closed.entry(environment).or_default().push((step, denied));
            }
        }
        let mut open: BTreeMap<&str, BTreeSet<&StepSource>> = BTreeMap::new();
        for step in result.edges.keys() {
            for environment in entered(model, step) {
                open.entry(environment).or_default().insert(&step.source);
            }
        }
        Self { model, result, closed, open, reached: BTreeMap::new() }
    }

    /// What could cross a wall that is called closed: every grant of `to` to somebody that `origin`
    /// is or can become, with what kills it. `None` when one of them is open after all.
    #[must_use]
    pub fn prove(&mut self, origin: &Origin, to: &str) -> Option<Vec<ProofEntry>> {
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
                .map(|(step, denied)| ProofEntry {
                    step: (*step).clone(),
                    denied: (*denied).clone(),
                })
                .collect(),
        )
    }
}

/// The environments that a step enters.
fn entered<'a>(model: &'a AccessModel, step: &PathStep) -> impl Iterator<Item = &'a str> {
    let account = account_of(model, &step.target).and_then(|a| model.accounts.get(&a));
    account.into_iter().flat_map(|a| &a.environments).map(String::as_str)
}

/// Walls that something could cross of which no proof says that it does not, and what that is: a search that finds
/// nothing is no proof, so such a wall is undetermined.
pub(super) fn unproved(model: &AccessModel, result: &SideResult) -> BTreeMap<Pair, String> {
    let mut into: BTreeMap<&str, Vec<&PathStep>> = BTreeMap::new();
    for (step, _) in result.closed.iter().filter(|(_, denied)| denied.is_none()) {
        for environment in entered(model, step) {
            into.entry(environment).or_default().push(step);
        }
    }
    let mut found = BTreeMap::new();
    if into.is_empty() {
        return found;
    }
    let environments = model.accounts.values().flat_map(|a| &a.environments).cloned();
    let mut origins: BTreeSet<Origin> = environments.map(Origin::Environment).collect();
    origins.extend([Origin::Management, Origin::Unassigned, Origin::External, Origin::Anonymous]);
    for origin in origins {
        let reached = reached(model, result, &origin);
        for (environment, steps) in &into {
            if let Some(step) = steps.iter().find(|step| reached.contains(&step.source)) {
                let why = format!(
                    "a search finds no request by which `{}` gets to `{}`, and no proof says that there is none",
                    step.source.name(),
                    step.target.arn()
                );
                found.insert((origin.clone(), (*environment).to_owned()), why);
            }
        }
    }
    found
}

/// A policy's name for readers: the address of what holds it, and the part.
fn cited(policy: &str, label: &str) -> String {
    match policy.split_once(PART) {
        Some((address, part)) => format!("{address} {part}[{label}]"),
        None => format!("{policy}[{label}]"),
    }
}

impl StepDenial {
    /// What kills the step, for readers: one line a statement.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Denied(policy, label) => vec![format!("{} denies it", cited(policy, label))],
            Self::Restricted => {
                vec!["the bucket's block of public access cuts its public policy down".to_owned()]
            }
            Self::NotAllowed(layer, excluded) if excluded.is_empty() => {
                vec![format!("nothing in the {layer} allows anything")]
            }
            Self::NotAllowed(_, excluded) => excluded
                .iter()
                .map(|(policy, label, why)| {
                    let why = match why {
                        GrantExclusion::Action => "is about other actions".to_owned(),
                        GrantExclusion::Resource => "is about other resources".to_owned(),
                        GrantExclusion::Principal => "names others".to_owned(),
                        GrantExclusion::Condition(key) => {
                            format!("never holds: its condition on {key}")
                        }
                        GrantExclusion::Denied(policy, label) => {
                            format!("is taken back by {}", cited(policy, label))
                        }
                        GrantExclusion::DeniedTwice([one, other]) => format!(
                            "is taken back by {} and {}",
                            cited(&one.0, &one.1),
                            cited(&other.0, &other.1)
                        ),
                        GrantExclusion::Beside(action) => {
                            format!("asks for what takes {action} too, which is not allowed")
                        }
                        GrantExclusion::Elsewhere(layer) => {
                            format!("allows nothing that the {layer} allow")
                        }
                    };
                    format!("{} {why}", cited(policy, label))
                })
                .collect(),
        }
    }
}
