//! Both sides against each other: which paths appear, vanish, widen or narrow.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use super::crossing::{Asked, Step, answer, asked, candidates};
use super::paths::{Edge, Origin, Path, account_of, paths};
use super::workers::each;
use super::world::World;
use crate::iam::symbolic::{Answer, Opening};
use crate::ids::Handle;

/// What is known of one step after both sides were asked.
#[derive(Clone, Debug, Default)]
pub struct StepChange {
    /// Requests that only the after side allows.
    pub gained: Vec<Opening>,
    /// Requests that only the before side allowed.
    pub lost: Vec<Opening>,
}

/// One side's open steps, doubts and paths.
#[derive(Clone, Debug, Default)]
pub struct SideResult {
    /// Open steps.
    pub edges: BTreeMap<Step, Edge>,
    /// Steps that could not be decided, and why.
    pub undecided: BTreeMap<Step, String>,
    /// Closed steps that the target alone would let in: held shut by the source side.
    pub held_by_source: BTreeSet<Step>,
    /// Steps that were asked about and are closed.
    pub closed: BTreeSet<Step>,
    /// All paths.
    pub paths: Vec<Path>,
}

/// The comparison.
pub struct Comparison<'w> {
    /// The before side's world and result.
    pub before: (&'w World, SideResult),
    /// The after side's.
    pub after: (&'w World, SideResult),
    /// Steps that changed.
    pub changes: BTreeMap<Step, StepChange>,
}

/// Asks every candidate of either side on both and joins the answers into paths.
#[must_use]
pub fn compare<'w>(before: &'w World, after: &'w World) -> Comparison<'w> {
    let mut steps = candidates(before);
    steps.extend(candidates(after));
    let steps: Vec<Step> = steps.into_iter().collect();
    let told = each(&steps, |step| Told::of(before, after, step));
    let mut was = SideResult::default();
    let mut is = SideResult::default();
    let mut changes = BTreeMap::new();
    for (step, told) in steps.into_iter().zip(told) {
        was.settle(&step, told.before);
        is.settle(&step, told.after);
        if !(told.change.gained.is_empty() && told.change.lost.is_empty()) {
            changes.insert(step, told.change);
        }
    }
    was.paths = paths(before, &was.edges);
    is.paths = paths(after, &is.edges);
    Comparison { before: (before, was), after: (after, is), changes }
}

/// What one step came to on one side.
enum Outcome {
    /// Its source or target is not there.
    Absent,
    /// It is open.
    Open(Vec<Opening>),
    /// It could not be decided, because of this.
    Undecided(String),
    /// It is closed; `held` where the target alone would let it in.
    Closed { held: bool },
}

impl Outcome {
    fn of(asked: Option<Asked>, found: Answer) -> Self {
        match (asked, found) {
            (None, _) => Self::Absent,
            (_, Answer::Open(openings)) => Self::Open(openings),
            (_, Answer::Undecided(why)) => Self::Undecided(why),
            (Some(Asked { doubt: Some(doubt), .. }), Answer::Closed { .. }) => {
                Self::Undecided(doubt)
            }
            (Some(asked), Answer::Closed { .. }) => {
                let alone = answer(None, Some(&asked.without_source_side())).after;
                Self::Closed { held: matches!(alone, Answer::Open(_)) }
            }
        }
    }
}

/// What one step came to on both sides.
struct Told {
    before: Outcome,
    after: Outcome,
    change: StepChange,
}

impl Told {
    fn of(before: &World, after: &World, step: &Step) -> Self {
        let (a, b) = (asked(before, step), asked(after, step));
        let answers = answer(a.as_ref(), b.as_ref());
        Self {
            before: Outcome::of(a, answers.before),
            after: Outcome::of(b, answers.after),
            change: StepChange { gained: answers.gained, lost: answers.lost },
        }
    }
}

impl SideResult {
    fn settle(&mut self, step: &Step, outcome: Outcome) {
        match outcome {
            Outcome::Absent => {}
            Outcome::Open(openings) => {
                self.edges.insert(step.clone(), Edge { step: step.clone(), openings });
            }
            Outcome::Undecided(why) => {
                self.undecided.insert(step.clone(), why);
            }
            Outcome::Closed { held } => {
                self.closed.insert(step.clone());
                if held {
                    self.held_by_source.insert(step.clone());
                }
            }
        }
    }
}

/// A pair of origin and environment.
pub type Pair = (Origin, String);

/// The verdict on a pair on one side: of the whole, and of the managed objects alone where a side
/// was not read.
#[must_use]
pub fn verdict(world: &World, result: &SideResult, pair: &Pair) -> (Verdict, Option<Verdict>) {
    let (origin, to) = pair;
    if let Origin::Environment(from) = origin {
        let shares = world
            .accounts
            .values()
            .any(|a| a.environments.contains(from) && a.environments.contains(to));
        if shares {
            return (Verdict::SharedAccount, None);
        }
    }
    let mut found = Verdict::Isolated;
    for path in result.paths.iter().filter(|p| p.from == *origin && p.to == *to) {
        let open = if path.unconditional { Verdict::Reachable } else { Verdict::Conditional };
        found = found.max(open);
    }
    if found == Verdict::Isolated && concerns_undecided(world, result, origin, to) {
        found = Verdict::Undetermined;
    }
    let unread = unread(world, origin, to);
    if unread && found < Verdict::Conditional {
        return (Verdict::Undetermined, Some(found));
    }
    (found, None)
}

fn concerns_undecided(world: &World, result: &SideResult, origin: &Origin, to: &str) -> bool {
    result.undecided.keys().any(|step| {
        let enters = account_of(world, &step.target)
            .and_then(|a| world.accounts.get(&a))
            .is_some_and(|a| a.environments.contains(to));
        // An undecided step anywhere may be a link of a chain: only one that starts and ends
        // elsewhere, with no way from here to its start, has no say. The careful answer is yes.
        let starts = super::crossing::home(world, &step.source)
            .is_none_or(|h| super::paths::origins_of(world, h).contains(origin));
        enters || starts
    })
}

fn unread(world: &World, origin: &Origin, to: &str) -> bool {
    world.accounts.values().any(|account| {
        let side = match origin {
            Origin::Environment(from) => {
                account.environments.contains(from) || account.environments.contains(to)
            }
            Origin::Unassigned => {
                account.environments.is_empty() || account.environments.contains(to)
            }
            _ => account.environments.contains(to),
        };
        side && !account.read
    })
}

/// The accounts of the estate that serve an environment.
#[must_use]
pub fn accounts_of<'w>(world: &'w World, environment: &str) -> Vec<&'w Handle> {
    world
        .accounts
        .values()
        .filter(|a| a.environments.contains(environment))
        .map(|a| &a.handle)
        .collect()
}
