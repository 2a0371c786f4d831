//! Which changes of a plan a change of a path comes from.
//!
//! Claim: the causes of a path that appears or widens are a smallest set of changed objects that closes it, or takes
//! back what it gains, when they all stand as they did before; those of a path that goes or narrows are a smallest set
//! that opens it again. A Deny that only tightens is no cause of an opening, since undoing it opens more.
//!
//! Argument. A path takes all of its parts: every step, and for power the right that its holder uses and what that is
//! over. So it closes where one of them does, and the smallest set for the path is the smallest among those for the
//! parts that the plan opens. Each part is one question, and the two sides of a question differ in the policies, tags
//! and existence of its two ends and in the levels of their accounts, each of which one object declares
//! ([`super::crossing`]'s `Mixed`). The question is put again with the differences of one object undone, then of two,
//! and so on: the first set that answers it is a smallest one. (Of a path that goes, every part that closed has to open again.)
//!
//! Of equally small sets the one is taken in which more objects are declared: a reader can act on those.
//!
//! Bound: past [`MOST`] objects sets are not tried one by one; all objects are taken, and those left out again without
//! which it comes out the same, which gives a set of which none can be spared, though perhaps not a smallest one.
//!
//! What no question of a single part shows (an account that comes to serve an environment, a principal that a right in
//! the middle of a chain is over) is told by what differs in the accounts on the way, so that a path that the plan adds
//! never stands without a cause.

use std::collections::BTreeSet;

use super::compare::{Comparison, SideResult};
use super::crossing::mixed::Mixed;
use super::crossing::{Asked, PathStep, StepSource, answer, asked, home};
use super::lifting::lift_sets;
use super::paths::{Path, account_of};
use super::power::{Over, PowerLink, PowerPath};
use super::section::PathChange;
use crate::access::{AccessModel, NamedPolicy};
use crate::iam::semantic_eq;
use crate::iam::symbolic::{Opening, SymbolicAnswer};
use crate::ids::Handle;

/// How many objects are tried in all combinations.
const MOST: usize = 8;

/// Labels of objects.
type Labels = BTreeSet<String>;

/// The smallest set of `changed` for which `settles` holds; `None` where it holds for no set that was tried. Of two
/// that are equally small it is the one with more declared objects: those are what a reader can change.
fn smallest(
    changed: &Labels,
    is_declared: impl Fn(&str) -> bool,
    settles: impl Fn(&BTreeSet<&str>) -> bool,
) -> Option<Labels> {
    let mut all: Vec<&str> = changed.iter().map(String::as_str).collect();
    let owned = |set: &BTreeSet<&str>| set.iter().map(|label| (*label).to_owned()).collect();
    if all.len() > MOST {
        let mut left: BTreeSet<&str> = all.iter().copied().collect();
        if !settles(&left) {
            return None;
        }
        all.sort_by_key(|label| is_declared(label));
        for label in all {
            left.remove(label);
            if !settles(&left) {
                left.insert(label);
            }
        }
        return Some(owned(&left));
    }
    let declared = all.iter().enumerate().filter(|(_, label)| is_declared(label));
    let declared = declared.fold(0_u32, |mask, (at, _)| mask | 1 << at);
    let mut sets: Vec<u32> = (1..1_u32 << all.len()).collect();
    sets.sort_by_key(|set| (set.count_ones(), (set & !declared).count_ones()));
    sets.into_iter()
        .map(|set| {
            let chosen = all.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0);
            chosen.map(|(_, label)| *label).collect::<BTreeSet<&str>>()
        })
        .find(|set| settles(set))
        .map(|set| owned(&set))
}

/// Looks for causes between the two sides of a plan.
pub(super) struct Causes<'a, 'w> {
    pub(super) comparison: &'a Comparison<'w>,
}

impl Causes<'_, '_> {
    fn models(&self) -> [&AccessModel; 2] {
        [self.comparison.before.0, self.comparison.after.0]
    }

    /// Whether an object stands in the configuration, on either side of the plan.
    fn declared(&self) -> impl Fn(&str) -> bool {
        let models = self.models();
        move |label| models.iter().any(|model| model.location(label).is_some())
    }

    /// The smallest of several sets, and of equally small ones that with fewer objects that nobody declares.
    fn least(&self, found: impl Iterator<Item = Labels>) -> Option<Labels> {
        let is_declared = self.declared();
        let undeclared = |set: &Labels| set.iter().filter(|label| !is_declared(label)).count();
        let some = found.filter(|set| !set.is_empty());
        some.min_by_key(|set| (set.len(), undeclared(set), set.clone()))
    }

    /// Objects whose change is a smallest reason for what the plan does to a path.
    pub(super) fn of_path(&self, path: &Path, change: PathChange) -> Labels {
        let steps = || path.chain.iter().chain([&path.last]);
        let ends = [path.from_account.as_ref(), Some(&path.to_account)];
        let (was, is) = (&self.comparison.before.1, &self.comparison.after.1);
        match change {
            PathChange::Standing => Labels::new(),
            PathChange::Added => {
                let found = steps().filter_map(|step| self.opened(step, was, |asked| asked));
                self.least(found).unwrap_or_else(|| self.around(steps(), &ends))
            }
            PathChange::Widened => self
                .least(steps().filter_map(|step| self.gained(step)))
                .unwrap_or_else(|| self.around(steps(), &ends)),
            PathChange::Removed => {
                let found: Labels =
                    steps().filter_map(|step| self.reopened(step, is)).flatten().collect();
                if found.is_empty() { self.around(steps(), &ends) } else { found }
            }
            PathChange::Narrowed => {
                let found: Labels = steps().filter_map(|step| self.lost(step)).flatten().collect();
                if found.is_empty() { self.around(steps(), &ends) } else { found }
            }
        }
    }

    /// The same for power over a wall.
    pub(super) fn of_power(&self, path: &PowerPath, change: PathChange) -> Labels {
        let was = &self.comparison.before.1;
        let steps = || {
            path.chain.iter().filter_map(|link| match link {
                PowerLink::PathStep(step) => Some(step),
                _ => None,
            })
        };
        let over = match &path.over {
            Over::Account | Over::Root | Over::Members | Over::State(_) => None,
            Over::Principal(step)
            | Over::OwnPolicies(step)
            | Over::Making(step)
            | Over::Admitted(step)
            | Over::Guardrails(step) => Some(step),
        };
        let ends = [path.from_account.as_ref(), Some(&path.to_account)];
        if change == PathChange::Standing {
            return Labels::new();
        }
        let mut found: Vec<Labels> = Vec::new();
        if matches!(change, PathChange::Added | PathChange::Widened) {
            found.extend(steps().filter_map(|step| self.opened(step, was, |asked| asked)));
            found.extend(self.of_right(path));
            found.extend(match &path.over {
                Over::Principal(step) => self.opened(step, was, |asked| asked),
                Over::OwnPolicies(step) | Over::Making(step) => {
                    self.opened(step, was, Asked::without_own_policies)
                }
                Over::Guardrails(step) => lift_sets(&path.openings).iter().find_map(|lifts| {
                    let lifted = |asked| lifts.iter().copied().fold(asked, Asked::lifted);
                    self.opened(step, was, lifted)
                }),
                Over::Account | Over::Root | Over::Members | Over::State(_) | Over::Admitted(_) => {
                    None
                }
            });
        }
        self.least(found.into_iter()).unwrap_or_else(|| {
            let used = path.chain.iter().flat_map(|link| match link {
                PowerLink::Become(by, who) | PowerLink::Permit(by, who) => vec![by, who],
                PowerLink::Make(by, _) | PowerLink::Admit(by) => vec![by],
                PowerLink::PathStep(_) => Vec::new(),
            });
            let on_the_way: BTreeSet<&String> = used.chain([&path.holder]).collect();
            let bearing = self.of_principals(on_the_way.into_iter());
            let more: Labels = steps()
                .chain(over)
                .flat_map(|step| {
                    let [before, after] = self.models();
                    Mixed::new(before, after, step).changed
                })
                .collect();
            let all: Labels = bearing.union(&more).cloned().collect();
            if all.is_empty() { self.around(steps().chain(over), &ends) } else { all }
        })
    }

    /// A step that is open after the plan and not before; `None` where it is no such step. `without` says what it is asked
    /// without.
    fn opened(
        &self,
        step: &PathStep,
        was: &SideResult,
        without: impl Fn(Asked) -> Asked,
    ) -> Option<Labels> {
        let [before, after] = self.models();
        let is_plain = was.edges.contains_key(step);
        if is_plain || is_open(asked(before, step).map(&without)) {
            return None;
        }
        let mixed = Mixed::new(before, after, step);
        asked(after, step)?;
        smallest(&mixed.changed, self.declared(), |reverted| {
            let base = asked(after, step);
            let question = base.and_then(|base| mixed.asked(base, reverted, self.models()));
            !is_open(question.map(&without))
        })
    }

    /// A step that permits more after the plan.
    fn gained(&self, step: &PathStep) -> Option<Labels> {
        let change = self.comparison.changes.get(step).filter(|c| !c.gained.is_empty())?;
        let [before, after] = self.models();
        let mixed = Mixed::new(before, after, step);
        smallest(&mixed.changed, self.declared(), |reverted| {
            let base = asked(after, step);
            let question = base.and_then(|base| mixed.asked(base, reverted, self.models()));
            question.is_none_or(|asked| !allows_any(&asked, &change.gained))
        })
    }

    /// A step that was open before the plan and is not after it.
    fn reopened(&self, step: &PathStep, is: &SideResult) -> Option<Labels> {
        if is.edges.contains_key(step) {
            return None;
        }
        let [before, after] = self.models();
        let mixed = Mixed::new(before, after, step);
        smallest(&mixed.changed, self.declared(), |reverted| {
            let base = asked(before, step);
            let question = base.and_then(|base| mixed.asked(base, reverted, self.models()));
            is_open(question)
        })
    }

    /// A step that permits less after the plan.
    fn lost(&self, step: &PathStep) -> Option<Labels> {
        let change = self.comparison.changes.get(step).filter(|c| !c.lost.is_empty())?;
        let [before, after] = self.models();
        let mixed = Mixed::new(before, after, step);
        smallest(&mixed.changed, self.declared(), |reverted| {
            let base = asked(before, step);
            let question = base.and_then(|base| mixed.asked(base, reverted, self.models()));
            question.is_some_and(|asked| allows_any(&asked, &change.lost))
        })
    }

    /// The right of a holder of power, where the plan gives it.
    fn of_right(&self, path: &PowerPath) -> Option<Labels> {
        let [before, after] = self.models();
        let witness = &path.openings.iter().min_by_key(|o| o.requirements.len())?.witness;
        let had = path.right(before, witness).is_some_and(|a| a.judge(witness).is_allowed());
        if had || !path.right(after, witness)?.judge(witness).is_allowed() {
            return None;
        }
        let resource = witness.resource.split('/').next().unwrap_or_default();
        let mixed =
            Mixed::within(before, after, &StepSource::Principal(path.holder.clone()), resource);
        smallest(&mixed.changed, self.declared(), |reverted| {
            let base = path.right(after, witness);
            let question = base.and_then(|base| mixed.asked(base, reverted, self.models()));
            !question.is_some_and(|asked| asked.judge(witness).is_allowed())
        })
    }

    /// Objects in which principals differ, tightening apart.
    fn of_principals<'p>(&self, arns: impl Iterator<Item = &'p String>) -> Labels {
        let [before, after] = self.models();
        let mut found = Labels::new();
        for arn in arns {
            let (was, is) = (before.principals.get(arn), after.principals.get(arn));
            let rules = |node: &crate::access::PrincipalNode| -> Vec<NamedPolicy> {
                let own = node.identity().iter().chain(node.boundary()).chain(&node.trust);
                own.cloned().collect()
            };
            match (was, is) {
                (None, Some(node)) | (Some(node), None) => {
                    found.insert(node.label.clone());
                }
                (Some(was), Some(is)) => {
                    let (old, new) = (rules(was), rules(is));
                    let same = |rule: &NamedPolicy, all: &[NamedPolicy]| {
                        let mut named =
                            all.iter().filter(|r| r.policy.name() == rule.policy.name());
                        named.any(|other| semantic_eq(&rule.document, &other.document))
                    };
                    let gone = old.iter().filter(|rule| !same(rule, &new));
                    let come = new.iter().filter(|rule| !same(rule, &old));
                    found.extend(gone.chain(come).map(|rule| rule.label().to_owned()));
                    if was.tags() != is.tags() || was.groups() != is.groups() {
                        found.insert(is.label.clone());
                    }
                }
                (None, None) => {}
            }
        }
        found
    }

    /// Whatever differs in the accounts on the way: for what no single question shows.
    fn around<'s>(
        &self,
        steps: impl Iterator<Item = &'s PathStep>,
        ends: &[Option<&Handle>],
    ) -> Labels {
        let [before, after] = self.models();
        let mut accounts: BTreeSet<Handle> = ends.iter().copied().flatten().cloned().collect();
        for step in steps {
            for model in self.models() {
                accounts.extend(home(model, &step.source).cloned());
                accounts.extend(account_of(model, &step.target));
            }
        }
        let mut found = Labels::new();
        for account in &accounts {
            let (was, is) = (before.accounts.get(account), after.accounts.get(account));
            let serves = |node: Option<&crate::access::AccountNode>| {
                node.map(|a| a.environments.clone()).unwrap_or_default()
            };
            let moved = serves(was).symmetric_difference(&serves(is)).cloned().collect::<Labels>();
            found.extend(moved.into_iter().map(|name| format!("environment.{name}")));
            let of = |model: &AccessModel| -> BTreeSet<String> {
                model.principals_of(account).map(|p| p.arn.clone()).collect()
            };
            let principals: BTreeSet<String> = of(before).union(&of(after)).cloned().collect();
            found.extend(self.of_principals(principals.iter()));
            let arns = |model: &AccessModel| -> BTreeSet<String> {
                model.resources_of(account).map(|r| r.arn.clone()).collect()
            };
            for arn in arns(before).union(&arns(after)) {
                let document = |model: &AccessModel| model.resource_policy(arn).cloned();
                let same = match (document(before), document(after)) {
                    (None, None) => true,
                    (Some(was), Some(is)) => semantic_eq(&was.document, &is.document),
                    _ => false,
                };
                let node = after.resources.get(arn).or_else(|| before.resources.get(arn));
                found.extend(node.filter(|_| !same).map(|node| node.label.clone()));
            }
        }
        found
    }
}

fn is_open(asked: Option<Asked>) -> bool {
    asked.is_some_and(|asked| matches!(answer(None, Some(&asked)).after, SymbolicAnswer::Open(_)))
}

fn allows_any(asked: &Asked, openings: &[Opening]) -> bool {
    openings.iter().any(|opening| asked.judge(&opening.witness).is_allowed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[&str]) -> Labels {
        all.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn the_smallest_set_that_settles_it_is_found() {
        let changed = labels(&["a", "b", "c"]);
        let by = |all: &'static [&'static str]| {
            move |set: &BTreeSet<&str>| all.iter().all(|label| set.contains(label))
        };
        let no = |_: &str| false;
        assert_eq!(smallest(&changed, no, by(&["b"])), Some(labels(&["b"])));
        assert_eq!(smallest(&changed, no, by(&["a", "c"])), Some(labels(&["a", "c"])));
        assert_eq!(smallest(&changed, no, |_| false), None);
        let names: Vec<String> = (10..40).map(|n| n.to_string()).collect();
        let many: Labels = names.into_iter().collect();
        assert_eq!(smallest(&many, no, by(&["12", "33"])), Some(labels(&["12", "33"])));
    }

    #[test]
    fn of_equally_small_sets_the_declared_one_is_taken() {
        let is_declared = |label: &str| label.starts_with('z');
        let either = |set: &BTreeSet<&str>| set.contains("a") || set.contains("z");
        assert_eq!(smallest(&labels(&["a", "b", "z"]), is_declared, either), Some(labels(&["z"])));
        let names: Vec<String> = (10..40).map(|n| n.to_string()).collect();
        let many: Labels = names.into_iter().chain(["a".to_owned(), "z".to_owned()]).collect();
        assert_eq!(smallest(&many, is_declared, either), Some(labels(&["z"])));
    }
}
