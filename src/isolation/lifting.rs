//! Which of somebody's rights over the organization open a closed step.
//!
//! Claim: a step that some of the rights open, alone or together, is found open. What takes limits away adds up; what
//! changes the membership of an account is looked at by itself.

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
        let all = lift_kinds(rights.at(time).0);
        let alone: BTreeSet<Lift> =
            all.iter().copied().filter(|lift| self.allows_after([*lift].into())).collect();
        let used = match alone.is_empty() {
            false => alone,
            true => {
                let limits: BTreeSet<Lift> =
                    all.into_iter().filter(|lift| !lift.is_of_membership()).collect();
                if limits.len() < 2 || !self.allows_after(limits.clone()) {
                    return None;
                }
                limits
            }
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

/// A question once these rights have been used.
pub(super) fn lifted_by(openings: &[Opening], asked: Asked) -> Asked {
    let all = lift_kinds(openings);
    let limits = all.iter().copied().filter(|lift| !lift.is_of_membership());
    match limits.clone().next() {
        Some(_) => limits.fold(asked, Asked::lifted),
        None => all.iter().copied().fold(asked, Asked::lifted),
    }
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
