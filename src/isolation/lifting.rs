//! Which of somebody's rights over the organization open a closed step.
//!
//! Claim: a step that some of the rights open, alone or together, is found open. What takes limits away adds up, so that
//! all of it stands for any part; an account that leaves the organization is also asked for by what names the
//! organization, so that each way of leaving is looked at with and without the rest.

use std::collections::{BTreeMap, BTreeSet};

use super::crossing::{Asked, Lift, PathStep, answer, asked};
use super::rights::{Rights, Time};
use crate::access::AccessModel;
use crate::iam::symbolic::{Opening, SymbolicAnswer};

/// A closed step of one side, and what opens it, as far as that was asked.
pub(super) struct Lifting<'s, 'w> {
    model: &'w AccessModel,
    step: &'s PathStep,
    known: BTreeMap<BTreeSet<Lift>, bool>,
}

impl<'s, 'w> Lifting<'s, 'w> {
    pub(super) fn new(model: &'w AccessModel, step: &'s PathStep) -> Self {
        Self { model, step, known: BTreeMap::new() }
    }

    /// Those of some rights that open the step; `None` where they leave it closed.
    pub(super) fn by(&mut self, rights: &Rights, time: Time) -> Option<Rights> {
        let (alone, together): (Vec<_>, Vec<_>) =
            lift_sets(rights.at(time).0).into_iter().partition(|set| set.len() == 1);
        let alone: BTreeSet<Lift> =
            alone.into_iter().filter(|set| self.allows_after(set.clone())).flatten().collect();
        let used = match alone.is_empty() {
            false => alone,
            true => together.into_iter().find(|set| self.allows_after(set.clone()))?,
        };
        let mut rights = rights.clone();
        for openings in [&mut rights.before, &mut rights.after] {
            openings.retain(|opening| {
                Lift::of(&opening.witness.action).iter().any(|lift| used.contains(lift))
            });
        }
        Some(rights)
    }

    fn allows_after(&mut self, lifts: BTreeSet<Lift>) -> bool {
        let (model, step) = (self.model, self.step);
        let ask = |lifts: &BTreeSet<Lift>| {
            allowed_without(model, step, |asked| lifts.iter().copied().fold(asked, Asked::lifted))
        };
        if let Some(known) = self.known.get(&lifts) {
            return *known;
        }
        let is_open = ask(&lifts);
        self.known.insert(lifts, is_open);
        is_open
    }
}

fn lift_kinds(openings: &[Opening]) -> BTreeSet<Lift> {
    openings.iter().flat_map(|o| Lift::of(&o.witness.action)).copied().collect()
}

/// What rights take away, in the ways in which they are used: each alone, then together, the fewest first.
pub(super) fn lift_sets(openings: &[Opening]) -> Vec<BTreeSet<Lift>> {
    let all = lift_kinds(openings);
    let (membership, limits): (BTreeSet<Lift>, BTreeSet<Lift>) =
        all.iter().copied().partition(|lift| lift.is_of_membership());
    let mut leaving = vec![BTreeSet::new()];
    for lift in membership {
        let with: Vec<BTreeSet<Lift>> =
            leaving.iter().map(|set| set.iter().copied().chain([lift]).collect()).collect();
        leaving.extend(with);
    }
    let beside = leaving.iter().map(|set| set.union(&limits).copied().collect());
    let mut together: Vec<BTreeSet<Lift>> =
        leaving.iter().cloned().chain(beside).filter(|set| set.len() > 1).collect();
    together.sort_by_key(BTreeSet::len);
    all.iter().map(|lift| [*lift].into()).chain(together).collect()
}

/// Whether a denied step is allowed once something is removed.
pub(super) fn allowed_without(
    model: &AccessModel,
    step: &PathStep,
    without: impl FnOnce(Asked) -> Asked,
) -> bool {
    !opened_without(model, step, without).is_empty()
}

/// What a denied step permits once something is removed.
pub(super) fn opened_without(
    model: &AccessModel,
    step: &PathStep,
    without: impl FnOnce(Asked) -> Asked,
) -> Vec<Opening> {
    match asked(model, step).map(|asked| answer(None, Some(&without(asked))).after) {
        Some(SymbolicAnswer::Open(openings)) => openings,
        _ => Vec::new(),
    }
}
