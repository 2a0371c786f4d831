//! Power over walls in the plan's section (grade B): who holds power over a wall, how that one is reached, and what
//! the power is over.

use std::collections::{BTreeMap, BTreeSet};

use super::super::crossing::{PathStep, StepSource, service_of};
use super::super::paths::{asks, least};
use super::super::power::{Over, PowerKey, PowerLink, PowerPath};
use super::super::rules::Bound;
use super::super::section::{
    AccessPath, Grade, Hop, PathChange, PathEnd, Replay, Replayed, WallVerdict,
};
use super::id::digest;
use super::{Writer, hop, judged, limits, replay, witness};
use crate::access::AccessModel;
use crate::iam::symbolic::Opening;
use crate::iam::symbolic::globs::Glob;
use crate::iam::{Effect, Request};

impl Writer<'_, '_> {
    /// All ways to power of either side.
    pub(super) fn powers(&self, used: &mut BTreeSet<(String, String)>) -> Vec<AccessPath> {
        let by_key = |paths: &'_ [PowerPath]| -> BTreeMap<PowerKey, PowerPath> {
            paths.iter().map(|p| (p.key(), p.clone())).collect()
        };
        let before = by_key(&self.comparison.before.1.powers.paths);
        let after = by_key(&self.comparison.after.1.powers.paths);
        let keys: BTreeSet<&PowerKey> = before.keys().chain(after.keys()).collect();
        keys.into_iter()
            .filter_map(|key| {
                let (old, new) = (before.get(key), after.get(key));
                let path = new.or(old)?;
                let change = match (old, new) {
                    (None, _) => PathChange::Added,
                    (_, None) => PathChange::Removed,
                    (Some(old), Some(new)) => match (old.unconditional, new.unconditional) {
                        (false, true) => PathChange::Widened,
                        (true, false) => PathChange::Narrowed,
                        _ if new.gained || adds(old, new) => PathChange::Widened,
                        _ if new.lost || adds(new, old) => PathChange::Narrowed,
                        _ => PathChange::Standing,
                    },
                };
                Some(self.power(path, new.is_some(), change, used))
            })
            .collect()
    }

    fn power(
        &self,
        path: &PowerPath,
        is_after: bool,
        change: PathChange,
        used: &mut BTreeSet<(String, String)>,
    ) -> AccessPath {
        let (model, result) = self.side(is_after);
        let bounds: Vec<Bound> = path.openings.iter().map(|o| bound(model, path, o)).collect();
        let mut all = Bound::default();
        for one in &bounds {
            all.actions.extend(one.actions.iter().cloned());
            all.resources.extend(one.resources.iter().cloned());
        }
        for list in [&mut all.actions, &mut all.resources] {
            list.sort();
            list.dedup();
        }
        let each: Vec<Vec<Bound>> = bounds.into_iter().map(|b| vec![b]).collect();
        let sides = (&path.from, path.to.as_str());
        let judged = self.judge_bounds(sides, Grade::Power, &path.holder, &each, used);
        let mut conditions = path.conditions.clone();
        let mut via = Vec::new();
        let mut steps: Vec<(&PathStep, &Request)> = Vec::new();
        let passed = &result.passed;
        let mut before = None;
        for link in &path.chain {
            match link {
                PowerLink::PathStep(step) => {
                    let edge = result.edges.get(step);
                    let both = (before.replace(step), step);
                    if let Some(best) =
                        edge.and_then(|e| least(&path.from, both, &e.openings, passed))
                    {
                        let asked = asks(&path.from, both, best, passed).into_iter();
                        conditions.extend(asked.map(|r| r.text.clone()));
                        via.push(hop(&step.source, best, model));
                        steps.push((step, &best.witness));
                    }
                }
                PowerLink::Become(by, who) => via.push(move_of(by, Hop::BECOMES, who)),
                PowerLink::Permit(by, who) => via.push(move_of(by, Hop::PERMITS, who)),
                PowerLink::Make(by, account) => {
                    via.push(move_of(by, Hop::MAKES, account.as_str()));
                }
                PowerLink::Admit(by) => via.push(move_of(by, Hop::ADMITS, "the organization")),
            }
        }
        let chosen = path.openings.iter().min_by_key(|o| o.requirements.len());
        if let Some(chosen) = chosen {
            conditions.extend(chosen.requirements.iter().map(|r| r.text.clone()));
            via.push(hop(&StepSource::Principal(path.holder.clone()), chosen, model));
        }
        let starts = match path.chain.first() {
            Some(PowerLink::PathStep(step)) => step.source.name().to_owned(),
            Some(link) => link.holder().unwrap_or(&path.holder).clone(),
            None => path.holder.clone(),
        };
        let verdict =
            if path.unconditional { WallVerdict::Reachable } else { WallVerdict::Conditional };
        let caused_by = self.causes().of_power(path, change).into_iter().collect::<Vec<String>>();
        let replayed = |model: &AccessModel| {
            let way = replay(model, &steps);
            let is_there = way.as_ref().is_none_or(Replayed::is_allowed);
            match chosen.filter(|_| is_there) {
                Some(chosen) => Some(held(model, path, &chosen.witness)),
                None => way,
            }
        };
        let asked = chosen.and_then(|opening| path.right(model, &opening.witness));
        AccessPath {
            actions: all.actions,
            also_needs: None,
            change,
            conditions: conditions.into_iter().collect(),
            exception: judged.exception,
            expired_exception: judged.expired,
            from: PathEnd {
                account: path.from_account.clone(),
                environment: path.from.name().to_owned(),
            },
            grade: Grade::Power,
            id: id(path),
            limits: asked.map(|asked| limits(model, &asked)),
            locations: Some(self.locations(&caused_by)),
            caused_by,
            power: Some(meaning(path)),
            principal: Some(starts),
            reason: None,
            replay: Some(Replay {
                after: replayed(self.comparison.after.0),
                before: replayed(self.comparison.before.0),
            }),
            resources: all.resources,
            rule: judged.rule,
            severity: judged.severity,
            to: PathEnd { account: Some(path.to_account.clone()), environment: path.to.clone() },
            verdict,
            via,
            witness: chosen.map(witness),
        }
    }
}

/// A move inside an account that is no request across a wall.
/// Whether a path of one side has rights that the same path of the other one lacks, where each was asked about by itself.
fn adds(known: &PowerPath, path: &PowerPath) -> bool {
    let is_known = |one: &Opening| {
        let mut all = known.openings.iter();
        all.any(|o| o.witness == one.witness && o.requirements == one.requirements)
    };
    path.one_sided && !path.openings.iter().all(is_known)
}

fn move_of(by: &str, action: &str, whom: &str) -> Hop {
    Hop {
        action: action.to_owned(),
        granted_by: Vec::new(),
        principal: by.to_owned(),
        resource: whom.to_owned(),
    }
}

/// What the judge says of the holder's right on one side.
fn held(model: &AccessModel, path: &PowerPath, witness: &Request) -> Replayed {
    match path.right(model, witness) {
        Some(asked) => judged(&asked.judge(witness), &witness.resource),
        None => Replayed::absent(&witness.resource, &path.holder),
    }
}

/// What a right over a wall means, for people.
fn meaning(path: &PowerPath) -> String {
    let holder = &path.holder;
    match &path.over {
        Over::Account => format!(
            "`{holder}` may change what guards the account `{}`: trust, policies, boundaries or resources",
            path.to_account
        ),
        Over::Root => format!(
            "`{holder}` may act as the root of the account `{}` (`sts:AssumeRoot`)",
            path.to_account
        ),
        Over::Members => format!(
            "`{holder}` may put stacks or roles of Identity Center into the account `{}`",
            path.to_account
        ),
        Over::Principal(step) => format!(
            "`{holder}` can make itself `{}`, which reaches `{}`",
            step.source.name(),
            step.target.arn()
        ),
        Over::OwnPolicies(step) => {
            format!("`{holder}` may grant itself what alone keeps it from `{}`", step.target.arn())
        }
        Over::Making(step) => format!(
            "`{holder}` can be another principal of its account and permit that one to reach `{}`",
            step.target.arn()
        ),
        Over::Admitted(step) => format!(
            "`{holder}` may bring an account of its own into the organization, which reaches `{}`",
            step.target.arn()
        ),
        Over::State(bucket) => format!(
            "`{holder}` may write the state of the estate in `{bucket}`, which decides what is applied to `{}`",
            path.to_account
        ),
        Over::Guardrails(step) => format!(
            "`{holder}` may take away the guardrail that alone keeps `{}` from `{}`",
            step.source.name(),
            step.target.arn()
        ),
    }
}

/// The action that an opening permits, and the patterns of what it permits it on, cut to the
/// resources that were asked about.
fn bound(model: &AccessModel, path: &PowerPath, opening: &Opening) -> Bound {
    let resource = &opening.witness.resource;
    let holder = model.principals.get(&path.holder);
    let asked = match resource.rsplit_once('/') {
        Some(_) if service_of(resource) == Some("iam") => {
            let kind = resource.split('/').next().unwrap_or_default();
            format!("{kind}/*")
        }
        _ => resource.clone(),
    };
    let hits = opening.decision.matched.iter().filter(|hit| hit.effect == Effect::Allow);
    let mut resources: Vec<String> = Vec::new();
    for hit in hits {
        let rules = holder.into_iter().flat_map(|h| h.identity());
        let statement = rules.filter(|r| r.policy.name() == hit.policy).find_map(|rule| {
            let mut all = rule.document.statements.iter().enumerate();
            all.find(|(i, s)| s.label(*i) == hit.statement || i.to_string() == hit.statement)
        });
        let Some((_, statement)) = statement else { continue };
        if statement.resources.is_empty() {
            resources.push(asked.clone());
        }
        for item in &statement.resources {
            let pattern = item.text.symbolic().into_owned();
            let glob = Glob::like(&pattern);
            if glob.matches(resource) {
                // Wider than the question: then everything that was asked about.
                resources.push(if glob.matches(&asked) { asked.clone() } else { pattern });
            }
        }
    }
    if resources.is_empty() {
        resources.push(resource.clone());
    }
    Bound { actions: vec![opening.witness.action.clone()], resources }
}

fn id(path: &PowerPath) -> String {
    let (over, step) = match &path.over {
        Over::Account => ("account", None),
        Over::Root => ("root", None),
        Over::Members => ("members", None),
        Over::State(_) => ("state", None),
        Over::Principal(step) => ("principal", Some(step)),
        Over::OwnPolicies(step) => ("own policies", Some(step)),
        Over::Making(step) => ("making", Some(step)),
        Over::Admitted(step) => ("admitted", Some(step)),
        Over::Guardrails(step) => ("guardrails", Some(step)),
    };
    let target = step.map_or(path.to_account.as_str(), |s| s.target.arn());
    let source = step.map_or("", |s| s.source.name());
    let parts = [path.from.name(), &path.to, "B", &path.holder, over, source, target];
    format!("P-{}", digest(&parts))
}
