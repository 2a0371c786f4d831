//! Writes the plan's isolation section: matrix, changes, violations, findings, proofs.

mod bounds;
mod evidence;
mod id;
mod indirect;
mod power;
mod proofs;
mod ruling;
mod walls;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::assumptions::{Assumptions, Memo};
use super::causes::Causes;
use super::compare::{Comparison, Pair, SideResult};
use super::crossing::{PathStep, asked};
use super::exceptions::exceptions_used;
use super::findings;
use super::not_modelled::not_modelled;
use super::paths::{Origin, Path, asks, least};
use super::proof::Prover;
use super::rules::Rule;
use super::section::{
    AccessPath, Basis, Finding, Grade, Isolation, PathChange, PathEnd, Replay, WallVerdict,
};
use crate::access::{AccessModel, Coverage};
use crate::iam::Request;
use crate::iam::symbolic::Opening;
use crate::ids::Handle;

use bounds::{bounds, breadth, named};
use evidence::{also_needs, judged, limits, replay};
use id::{Key, id, key};
use proofs::grants;
use ruling::rule_on;
use walls::pairs;

pub(super) use evidence::{grant, granted_by, hop, witness};

/// What an analysis found.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// The plan's section.
    pub section: Isolation,
    /// Every path of the after side, changed or standing.
    pub paths: Vec<AccessPath>,
    /// How many questions about steps and rights it took.
    pub questions: usize,
}

/// The section, and every path of the after side.
#[must_use]
pub fn report(rules: &[Rule], comparison: &Comparison<'_>, today: &str) -> Analysis {
    let writer = Writer {
        comparison,
        rules,
        today: today.parse().unwrap_or(Date::MAX),
        grants: grants(comparison),
        prover: RefCell::new(Prover::new(comparison.after.0, &comparison.after.1)),
        assumptions: [&comparison.before, &comparison.after]
            .map(|(model, result)| Assumptions::new(model, result)),
        memo: RefCell::default(),
    };
    writer.write()
}

struct Writer<'a, 'w> {
    comparison: &'a Comparison<'w>,
    rules: &'a [Rule],
    today: Date,
    /// Grants in each environment's accounts to somebody outside the account of the grant.
    grants: BTreeMap<String, usize>,
    prover: RefCell<Prover<'a>>,
    /// What proofs rest on, before and after.
    assumptions: [Assumptions<'a>; 2],
    memo: RefCell<Memo>,
}

impl<'a, 'w> Writer<'a, 'w> {
    fn write(&self) -> Analysis {
        let model = self.comparison.after.0;
        let real = model.accounts.values().filter(|account| !account.emulated);
        let environments: BTreeSet<&String> = real.flat_map(|a| &a.environments).collect();
        let environments: Vec<String> = environments.into_iter().cloned().collect();
        let covered = |is: &dyn Fn(&Coverage) -> bool| -> Vec<Handle> {
            let all = model.accounts.values().filter(|account| is(&account.coverage));
            all.map(|account| account.handle.clone()).collect()
        };
        let mut section = Isolation {
            basis: Some(Basis {
                accounts_read: covered(&|coverage| {
                    matches!(coverage, Coverage::Read | Coverage::Unjudged(_))
                }),
                accounts_unread: covered(&|coverage| matches!(coverage, Coverage::Unread(_))),
                live: model.live,
                not_modelled: not_modelled(model),
            }),
            environments: environments.clone(),
            ..Isolation::default()
        };
        let pairs = pairs(&environments);
        let verdicts: BTreeMap<&Pair, (WallVerdict, WallVerdict)> =
            pairs.iter().map(|pair| (pair, self.pair(pair, &mut section))).collect();
        let (was, is) = (&self.comparison.before.1, &self.comparison.after.1);
        let before: BTreeMap<Key, &Path> = was.paths.iter().map(|p| (key(p), p)).collect();
        let after: BTreeMap<Key, &Path> = is.paths.iter().map(|p| (key(p), p)).collect();
        let mut used: BTreeSet<(String, String)> = BTreeSet::new();
        let mut paths = Vec::new();
        let mut enter = |path: AccessPath, section: &mut Isolation| {
            if path.change != PathChange::Removed {
                if path.breaks_rule() {
                    section.violations.push(path.clone());
                }
                paths.push(path.clone());
            }
            if path.change != PathChange::Standing {
                section.changes.push(path);
            }
        };
        let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let (old, new) = (before.get(key).copied(), after.get(key).copied());
            let change = self.change(old, new);
            let Some(path) = new.or(old) else { continue };
            enter(self.path(path, new.is_some(), change, &mut used), &mut section);
        }
        for path in self.powers(&mut used) {
            enter(path, &mut section);
        }
        self.indirect_paths(&paths, &mut used, &mut section);
        self.walls_without_paths(&verdicts, &mut section);
        let permitted = |origin: &Origin, arn: &str| {
            let by = |path: &&AccessPath| {
                path.grade == Grade::Power
                    && path.from.environment == origin.name()
                    && path.via.last().is_some_and(|hop| hop.principal == arn)
            };
            let mut own = paths.iter().filter(by).peekable();
            own.peek().is_some() && own.all(|path| path.exception.is_some())
        };
        section.findings.extend(findings::of_walls(self.comparison, &verdicts, permitted));
        section.findings.extend(findings::of_rules(self.rules, &used, self.today));
        section.findings = Finding::folded(std::mem::take(&mut section.findings));
        rule_on(&mut section, &paths);
        section.exceptions = exceptions_used(self.rules, &paths, self.today);
        let places =
            self.rules.iter().map(|r| (format!("isolation.{}", r.name), r.loc.to_string()));
        section.rules = places.collect();
        Analysis { section, paths, questions: self.comparison.questions }
    }

    fn change(&self, old: Option<&Path>, new: Option<&Path>) -> PathChange {
        match (old, new) {
            (None, _) => PathChange::Added,
            (_, None) => PathChange::Removed,
            (Some(old), Some(new)) => {
                let changed = self.comparison.changes.get(&new.last);
                let gained = changed.is_some_and(|c| !c.gained.is_empty());
                let lost = changed.is_some_and(|c| !c.lost.is_empty());
                match (old.unconditional, new.unconditional) {
                    (false, true) => PathChange::Widened,
                    (true, false) => PathChange::Narrowed,
                    _ if gained => PathChange::Widened,
                    _ if lost => PathChange::Narrowed,
                    _ => PathChange::Standing,
                }
            }
        }
    }

    /// The model of one side, and what was found in it.
    fn side(&self, is_after: bool) -> &'a (&'w AccessModel, SideResult) {
        if is_after { &self.comparison.after } else { &self.comparison.before }
    }

    fn path(
        &self,
        path: &Path,
        is_after: bool,
        change: PathChange,
        used: &mut BTreeSet<(String, String)>,
    ) -> AccessPath {
        let (model, result) = self.side(is_after);
        let openings = result.edges.get(&path.last).map_or(&[][..], |e| &e.openings);
        // What is new is what an auditor needs to see; else the opening that asks least.
        let gained = self.comparison.changes.get(&path.last).map_or(&[][..], |c| &c.gained);
        let shown: &[Opening] =
            if change == PathChange::Widened && !gained.is_empty() { gained } else { openings };
        let passed = &result.passed;
        let last = (path.chain.last(), &path.last);
        let chosen = least(&path.from, last, shown, passed);
        let chosen = chosen.map(|opening| named(model, &path.last, opening));
        let bounds = bounds(model, &path.last, shown);
        let narrowest = bounds.iter().min_by_key(|b| breadth(b)).cloned().unwrap_or_default();
        let principal = path.last.source.name();
        let judged = self.judge(path, principal, openings, used);
        let mut conditions: BTreeSet<String> = BTreeSet::new();
        let mut via = Vec::new();
        let mut shown_steps: Vec<(&PathStep, &Request)> = Vec::new();
        for (at, step) in path.chain.iter().enumerate() {
            let edge = result.edges.get(step);
            let steps = (at.checked_sub(1).and_then(|at| path.chain.get(at)), step);
            if let Some(best) = edge.and_then(|e| least(&path.from, steps, &e.openings, passed)) {
                let asked = asks(&path.from, steps, best, passed).into_iter();
                conditions.extend(asked.map(|r| r.text.clone()));
                via.push(hop(&step.source, best, model));
                shown_steps.push((step, &best.witness));
            }
        }
        if let Some(chosen) = &chosen {
            let asked = asks(&path.from, last, chosen, passed).into_iter();
            conditions.extend(asked.map(|r| r.text.clone()));
            via.push(hop(&path.last.source, chosen, model));
            shown_steps.push((&path.last, &chosen.witness));
        }
        let caused_by = self.causes().of_path(path, change).into_iter().collect::<Vec<String>>();
        let starts = path.chain.first().map_or(principal, |s| s.source.name());
        AccessPath {
            actions: narrowest.actions,
            also_needs: Some(also_needs(model, &path.last, chosen.as_ref())),
            change,
            conditions: conditions.into_iter().collect(),
            exception: judged.exception,
            expired_exception: judged.expired,
            from: PathEnd {
                account: path.from_account.clone(),
                environment: path.from.name().to_owned(),
            },
            grade: Grade::Request,
            id: id(path),
            limits: asked(model, &path.last).map(|asked| limits(model, &asked)),
            locations: Some(self.locations(&caused_by)),
            caused_by,
            power: None,
            principal: Some(starts.to_owned()),
            reason: None,
            replay: Some(Replay {
                after: replay(self.comparison.after.0, &shown_steps),
                before: replay(self.comparison.before.0, &shown_steps),
            }),
            resources: narrowest.resources,
            rule: judged.rule,
            severity: judged.severity,
            to: PathEnd { account: Some(path.to_account.clone()), environment: path.to.clone() },
            verdict: if path.unconditional {
                WallVerdict::Reachable
            } else {
                WallVerdict::Conditional
            },
            via,
            witness: chosen.as_ref().map(witness),
        }
    }

    /// Where these objects are declared; of one that goes, where it was.
    fn locations(&self, addresses: &[String]) -> BTreeMap<String, String> {
        let (before, after) = (self.comparison.before.0, self.comparison.after.0);
        let place = |address: &String| after.location(address).or_else(|| before.location(address));
        addresses.iter().filter_map(|a| Some((a.clone(), place(a)?.clone()))).collect()
    }

    fn causes(&self) -> Causes<'_, '_> {
        Causes { comparison: self.comparison }
    }
}
