//! Both sides against each other: which paths appear, vanish, widen or narrow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::candidates::candidates;
use super::crossing::{
    Asked, PathStep, ROLES_ANYWHERE, StepSource, answer, asked, from_the_console, home,
};
use super::paths::{Origin, PassedTags, Path, StepEdge, account_of, by_source, paths, reach};
use super::power::{Powers, Time, powers};
use super::proof::{self, StepDenial, unproved};
use super::replay::replay;
use super::rights::RightsCache;
use super::section::WallVerdict;
use super::undetermined::doubtful;
use crate::access::{AccessModel, AccountNode, PrincipalNode};
use crate::iam::symbolic::{Opening, Requirement, SymbolicAnswer};
use crate::ids::Handle;
use crate::workers::each;

/// What is known of one step after both sides were asked.
#[derive(Clone, Debug, Default)]
pub struct StepChange {
    /// Requests that only the after side allows.
    pub gained: Vec<Opening>,
    /// Requests that only the before side allowed.
    pub lost: Vec<Opening>,
}

/// One side's open steps, what is undetermined in it, and its paths.
#[derive(Clone, Debug, Default)]
pub struct SideResult {
    /// Open steps.
    pub edges: BTreeMap<PathStep, StepEdge>,
    /// Steps that could not be decided, and why.
    pub undecided: BTreeMap<PathStep, String>,
    /// Steps whose openings did not come out the same when they were played again: a fault of the
    /// analysis.
    pub unplayed: BTreeMap<PathStep, String>,
    /// Closed steps that the target alone would let in: held shut by the source side.
    pub held_by_source: BTreeSet<PathStep>,
    /// Steps that were asked about and are closed, each with the proof that the checker has confirmed; `None` where
    /// there is none, and where none is looked for, as the step stays in one account.
    pub closed: BTreeMap<PathStep, Option<StepDenial>>,
    /// Walls that something might cross of which only the search says that it does not, and what that is.
    pub unproved: BTreeMap<Pair, String>,
    /// Walls that something may cross of which nobody can tell, and what that is.
    pub doubtful: BTreeMap<Pair, String>,
    /// The tags that steps may give to the sessions that they begin.
    pub passed: PassedTags,
    /// All paths.
    pub paths: Vec<Path>,
    /// Ways to rights over walls.
    pub powers: Powers,
}

/// The comparison.
pub struct Comparison<'w> {
    /// The before side's model and result.
    pub before: (&'w AccessModel, SideResult),
    /// The after side's.
    pub after: (&'w AccessModel, SideResult),
    /// Steps that changed.
    pub changes: BTreeMap<PathStep, StepChange>,
    /// How many questions about steps and rights it took.
    pub questions: usize,
}

/// Asks every candidate of either side on both and joins the answers into paths.
#[must_use]
pub fn compare<'w>(before: &'w AccessModel, after: &'w AccessModel) -> Comparison<'w> {
    compare_by(before, after, RightsCache::new(before, after))
}

/// The same by the rights that a cache knows or asks for.
pub(super) fn compare_by<'w>(
    before: &'w AccessModel,
    after: &'w AccessModel,
    mut rights_cache: RightsCache<'w>,
) -> Comparison<'w> {
    read_permissions([before, after]);
    let mut steps = candidates(before);
    steps.extend(candidates(after));
    let steps: Vec<PathStep> = steps.into_iter().collect();
    let asked = steps.len();
    let compared = each(&steps, |step| StepComparison::of(before, after, step));
    let mut was = SideResult::default();
    let mut is = SideResult::default();
    let mut changes = BTreeMap::new();
    for (step, compared) in steps.into_iter().zip(compared) {
        was.settle(&step, compared.before);
        is.settle(&step, compared.after);
        if !(compared.change.gained.is_empty() && compared.change.lost.is_empty()) {
            changes.insert(step, compared.change);
        }
    }
    was.join(before, &mut rights_cache, Time::Before);
    is.join(after, &mut rights_cache, Time::After);
    let questions = asked + rights_cache.asked();
    Comparison { before: (before, was), after: (after, is), changes, questions }
}

/// Reads what everybody may do, on all cores: sooner or later the analysis looks at each.
fn read_permissions(models: [&AccessModel; 2]) {
    let all = models.into_iter().flat_map(|model| model.principals.values());
    let all: Vec<&Arc<PrincipalNode>> = all.collect();
    each(&all, |principal| principal.identity().len());
}

/// What one step came to on one side.
enum StepOutcome {
    /// Its source or target is not there.
    Absent,
    /// It is open.
    Open(Vec<Opening>),
    /// It is open, but did not come out the same when it was played again.
    Unplayed(String),
    /// It could not be decided, because of this.
    Undecided(String),
    /// It is closed; `held` where the target alone would let it in.
    Closed { held: bool, denied: Option<StepDenial> },
}

impl StepOutcome {
    /// The same where the step asks for something that no policy speaks of.
    fn asking(mut self, step: &PathStep) -> Self {
        let Self::Open(openings) = &mut self else { return self };
        if matches!(&step.source, StepSource::Service(service) if service == ROLES_ANYWHERE) {
            for opening in openings.iter_mut() {
                opening.requirements.push(Requirement {
                    key: "rolesanywhere".to_owned(),
                    text: "a certificate of an authority that a trust anchor of the account names"
                        .to_owned(),
                    unmet: None,
                });
            }
        }
        from_the_console(openings);
        self
    }

    fn of(
        model: &AccessModel,
        step: &PathStep,
        asked: Option<Asked>,
        answered: SymbolicAnswer,
    ) -> Self {
        match (asked, answered) {
            (None, _) => Self::Absent,
            (Some(asked), SymbolicAnswer::Open(openings)) => {
                match openings.iter().find_map(|opening| replay(&asked, opening).err()) {
                    None => Self::Open(openings),
                    Some(why) => Self::Unplayed(why),
                }
            }
            (
                Some(Asked { why_undetermined: Some(why_undetermined), .. }),
                SymbolicAnswer::Closed { .. },
            ) => Self::Undecided(why_undetermined),
            // The search gives up at a bound; a proof needs no search.
            (Some(asked), SymbolicAnswer::Undecided(why)) => {
                let denied =
                    (asked.why_undetermined.is_none()).then(|| proof::of(&asked, step)).flatten();
                if denied.is_none() { Self::Undecided(why) } else { Self::closed(asked, denied) }
            }
            (Some(asked), SymbolicAnswer::Closed { .. }) => {
                let crosses = account_of(model, &step.target).as_ref() != home(model, &step.source);
                let denied = crosses.then(|| proof::of(&asked, step)).flatten();
                Self::closed(asked, denied)
            }
        }
    }

    fn closed(asked: Asked, denied: Option<StepDenial>) -> Self {
        let alone = answer(None, Some(&asked.without_source_side())).after;
        // Where nobody can tell, the source side may be all that holds it.
        Self::Closed { held: !matches!(alone, SymbolicAnswer::Closed { .. }), denied }
    }
}

/// What one step came to on both sides.
struct StepComparison {
    before: StepOutcome,
    after: StepOutcome,
    change: StepChange,
}

impl StepComparison {
    fn of(before: &AccessModel, after: &AccessModel, step: &PathStep) -> Self {
        let (a, b) = (asked(before, step), asked(after, step));
        let answers = answer(a.as_ref(), b.as_ref());
        Self {
            before: StepOutcome::of(before, step, a, answers.before).asking(step),
            after: StepOutcome::of(after, step, b, answers.after).asking(step),
            change: StepChange { gained: answers.gained, lost: answers.lost },
        }
    }
}

impl SideResult {
    /// Joins the open steps into paths, and looks where they lead to power.
    fn join<'w>(&mut self, model: &'w AccessModel, rights_cache: &mut RightsCache<'w>, time: Time) {
        let by_source = by_source(&self.edges);
        let passed = PassedTags::of(model, &self.edges);
        let reach = reach(model, &by_source, &passed);
        let all = paths(model, &by_source, &reach, &passed);
        let doubtful = doubtful(model, self);
        let powers = powers(model, self, &by_source, &reach, rights_cache, time);
        self.unproved = unproved(model, self);
        self.doubtful = doubtful;
        self.passed = passed;
        self.paths = all;
        self.powers = powers;
    }

    fn settle(&mut self, step: &PathStep, outcome: StepOutcome) {
        match outcome {
            StepOutcome::Absent => {}
            StepOutcome::Open(openings) => {
                self.edges.insert(step.clone(), StepEdge { step: step.clone(), openings });
            }
            StepOutcome::Unplayed(why) => {
                self.unplayed.insert(step.clone(), why.clone());
                self.undecided.insert(step.clone(), why);
            }
            StepOutcome::Undecided(why) => {
                self.undecided.insert(step.clone(), why);
            }
            StepOutcome::Closed { held, denied } => {
                self.closed.insert(step.clone(), denied);
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
pub fn verdict(
    model: &AccessModel,
    result: &SideResult,
    pair: &Pair,
) -> (WallVerdict, Option<WallVerdict>) {
    let (origin, to) = pair;
    if is_closed(model, origin, to) {
        return (WallVerdict::Closed, None);
    }
    if let Origin::Environment(from) = origin {
        let shares = model
            .accounts
            .values()
            .any(|a| a.environments.contains(from) && a.environments.contains(to));
        if shares {
            return (WallVerdict::SharedAccount, None);
        }
    }
    let mut found = WallVerdict::Isolated;
    for path in result.paths.iter().filter(|p| p.from == *origin && p.to == *to) {
        let open =
            if path.unconditional { WallVerdict::Reachable } else { WallVerdict::Conditional };
        found = found.max(open);
    }
    for path in result.powers.paths.iter().filter(|p| p.from == *origin && p.to == *to) {
        let open =
            if path.unconditional { WallVerdict::Reachable } else { WallVerdict::Conditional };
        found = found.max(open);
    }
    let doubtful =
        result.powers.undecided.contains_key(origin) || result.powers.doubtful.contains_key(pair);
    let doubtful =
        doubtful || result.doubtful.contains_key(pair) || result.unproved.contains_key(pair);
    if found == WallVerdict::Isolated && doubtful {
        found = WallVerdict::Undetermined;
    }
    let unread = unread(model, origin, to);
    if unread && found < WallVerdict::Conditional {
        return (WallVerdict::Undetermined, Some(found));
    }
    (found, None)
}

/// Whether a pair is open by power over the wall alone: no request crosses yet.
#[must_use]
pub fn by_power_alone(result: &SideResult, pair: &Pair) -> bool {
    let (origin, to) = pair;
    !result.paths.iter().any(|p| p.from == *origin && p.to == *to)
        && result.powers.paths.iter().any(|p| p.from == *origin && p.to == *to)
}

/// Whether AWS has closed every account of one side.
fn is_closed(model: &AccessModel, origin: &Origin, to: &str) -> bool {
    let closed = |environment: &str| {
        let mut accounts =
            model.accounts.values().filter(|a| a.environments.contains(environment)).peekable();
        accounts.peek().is_some() && accounts.all(AccountNode::is_closed)
    };
    closed(to) || matches!(origin, Origin::Environment(from) if closed(from))
}

fn unread(model: &AccessModel, origin: &Origin, to: &str) -> bool {
    model.accounts.values().any(|account| {
        let side = match origin {
            Origin::Environment(from) => {
                account.environments.contains(from) || account.environments.contains(to)
            }
            Origin::Unassigned => {
                account.environments.is_empty() || account.environments.contains(to)
            }
            _ => account.environments.contains(to),
        };
        side && !account.is_read()
    })
}

/// The accounts of the estate that serve an environment.
#[must_use]
pub fn accounts_of<'w>(model: &'w AccessModel, environment: &str) -> Vec<&'w Handle> {
    model
        .accounts
        .values()
        .filter(|a| a.environments.contains(environment))
        .map(|a| &a.handle)
        .collect()
}
