//! Walls as a whole: their row in the matrix with what a proof of them rests on, and those that do not hold without a path
//! across them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::compare::{Pair, by_power_alone, verdict};
use super::super::crossing::{StepSource, StepTarget};
use super::super::findings;
use super::super::paths::Origin;
use super::super::rules::Rule;
use super::super::section::{
    AccessPath, Assumption, FindingKind, Grade, Isolation, MatrixRow, PathChange, PathEnd, Proof,
    RuleSeverity, WallVerdict,
};
use super::Writer;
use super::id::digest;
use super::proofs::{GRANTS_LISTED, considered_grant, trusted, verified};
use super::ruling::severity;
use crate::access::Coverage;
use crate::diag::count;
use crate::iam::github;

impl Writer<'_, '_> {
    pub(super) fn pair(&self, pair: &Pair, section: &mut Isolation) -> (WallVerdict, WallVerdict) {
        let (before, _) = verdict(self.comparison.before.0, &self.comparison.before.1, pair);
        let (mut after, managed) = verdict(self.comparison.after.0, &self.comparison.after.1, pair);
        let proof = (after == WallVerdict::Isolated)
            .then(|| self.prover.borrow_mut().prove(&pair.0, &pair.1));
        if matches!(proof, Some(None)) {
            // The checker has found what the search has not: never closed.
            after = WallVerdict::Undetermined;
        }
        let assumptions = self.assumed(pair, (before, after));
        section.matrix.push(MatrixRow {
            after,
            assumptions: assumptions.0,
            assumptions_added: assumptions.1,
            before,
            from: pair.0.name().to_owned(),
            grade: by_power_alone(&self.comparison.after.1, pair).then_some(Grade::Power),
            managed_only: managed,
            ruling: None,
            squattable: self.squattable(pair),
            to: pair.1.clone(),
        });
        if let Some(Some(entries)) = proof {
            let considered = self.grants.get(&pair.1).copied().unwrap_or_default();
            let statement = if considered == 0 {
                format!("no trust or resource policy in {} names anybody outside it", pair.1)
            } else {
                format!(
                    "of {} in {} to somebody outside their own account, none lets {} in, directly or through a chain of roles",
                    count(considered, "grant", "grants"),
                    pair.1,
                    pair.0.name()
                )
            };
            section.proofs.push(Proof {
                from: pair.0.name().to_owned(),
                grants: entries.iter().take(GRANTS_LISTED).map(considered_grant).collect(),
                grants_considered: considered,
                statement,
                to: pair.1.clone(),
                trusted: trusted(self.comparison.after.0, &self.comparison.after.1, &pair.1),
                verified: Some(verified(&entries)),
            });
        }
        (before, after)
    }

    /// The subjects that open a wall after the plan and that somebody else can come to have.
    fn squattable(&self, (origin, to): &Pair) -> BTreeSet<String> {
        let (model, result) = &self.comparison.after;
        let own = result.paths.iter().filter(|path| path.from == *origin && path.to == *to);
        let steps = own.flat_map(|path| path.chain.iter().chain([&path.last]));
        let subjects = steps.flat_map(|step| {
            let (StepSource::Federated(provider), StepTarget::Role(arn)) =
                (&step.source, &step.target)
            else {
                return Vec::new();
            };
            let trust = model.principals.get(arn).and_then(|role| role.trust.as_ref());
            let statements = trust.map(|trust| &trust.document.statements);
            let of = |statement| github::squattable(statement, provider);
            statements.into_iter().flatten().flat_map(of).collect()
        });
        subjects.collect()
    }

    /// What the proof of a wall rests on after the plan, and what of it is new. Of a wall that was not isolated
    /// before, nothing is: then it was open, or nothing was claimed of it.
    fn assumed(
        &self,
        pair: &Pair,
        (before, after): (WallVerdict, WallVerdict),
    ) -> (Vec<Assumption>, Vec<Assumption>) {
        if after != WallVerdict::Isolated {
            return (Vec::new(), Vec::new());
        }
        let [was, is] = &self.assumptions;
        let mut memo = self.memo.borrow_mut();
        let now = is.of(pair, &mut memo);
        if before != WallVerdict::Isolated || now.is_empty() {
            return (now, Vec::new());
        }
        let then = was.of(pair, &mut memo);
        let mut before: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
        for old in &then {
            before.entry((&old.account, old.kind)).or_default().extend(&old.objects);
        }
        let none = BTreeSet::new();
        let added = now.iter().filter_map(|assumption| {
            let known = before.get(&(&assumption.account, assumption.kind)).unwrap_or(&none);
            let objects = assumption.objects.iter().filter(|object| !known.contains(object));
            let objects: Vec<String> = objects.cloned().collect();
            (!objects.is_empty()).then(|| Assumption { objects, ..assumption.clone() })
        });
        let added = added.collect();
        (now, added)
    }

    /// Why a wall is none, or is not decided.
    fn no_wall(&self, verdict: WallVerdict, origin: &Origin, to: &str) -> String {
        if verdict == WallVerdict::SharedAccount {
            return "both live in one account".to_owned();
        }
        if verdict == WallVerdict::Isolated {
            return "its proof rests on something that was not looked at, and the rule does not take that for a wall (`assumptions = \"error\"`)".to_owned();
        }
        let model = self.comparison.after.0;
        let sides = [origin.name(), to];
        let of_the_sides = || {
            let accounts = model.accounts.values();
            accounts.filter(|a| sides.iter().any(|side| a.environments.contains(*side)))
        };
        let unjudged = of_the_sides().find_map(|account| match &account.coverage {
            Coverage::Unjudged(why) => Some(why),
            _ => None,
        });
        if let Some(why) = unjudged {
            return why.clone();
        }
        let unread: Vec<&str> =
            of_the_sides().filter(|a| !a.is_read()).map(|a| a.handle.as_str()).collect();
        if unread.is_empty() {
            let pair = (origin.clone(), to.to_owned());
            let result = &self.comparison.after.1;
            let why = result.doubtful.get(&pair).or_else(|| result.unproved.get(&pair));
            let powers = &self.comparison.after.1.powers;
            let power = powers.doubtful.get(&pair).or_else(|| powers.undecided.get(origin));
            return why.or(power).cloned().unwrap_or_else(|| {
                "a policy on the way could not be read, or a bound was hit".to_owned()
            });
        }
        // Whether it could not be read, or nothing of it was given, is said where what was read is listed.
        let verb = if unread.len() == 1 { "was" } else { "were" };
        format!("{} {verb} not read: unmanaged objects there are not known", unread.join(", "))
    }

    /// Walls that are none (a shared account) or that are not decided: those that a rule protects are violations, and
    /// those that become so with this plan are changes.
    pub(super) fn walls_without_paths(
        &self,
        verdicts: &BTreeMap<&Pair, (WallVerdict, WallVerdict)>,
        section: &mut Isolation,
    ) {
        let assuming: BTreeMap<(String, String), bool> = section
            .matrix
            .iter()
            .filter(|row| !row.assumptions.is_empty())
            .map(|row| ((row.from.clone(), row.to.clone()), !row.assumptions_added.is_empty()))
            .collect();
        for (pair, (before, after)) in verdicts {
            let (origin, to) = *pair;
            let named = (origin.name().to_owned(), to.clone());
            let assumes = assuming.get(&named).copied();
            let is_new = match after {
                WallVerdict::SharedAccount => *before != WallVerdict::SharedAccount,
                // An open wall that becomes undetermined has lost the paths that opened it.
                WallVerdict::Undetermined => {
                    matches!(before, WallVerdict::Isolated | WallVerdict::Closed)
                }
                WallVerdict::Isolated => assumes == Some(true),
                _ => continue,
            };
            let mut rules: Vec<&Rule> =
                self.rules.iter().filter(|rule| rule.pairs.contains(&named)).collect();
            if *after == WallVerdict::Isolated {
                rules.retain(|rule| rule.assumptions_count && assumes.is_some());
            }
            if *after == WallVerdict::Undetermined {
                let (counting, passing) =
                    rules.into_iter().partition(|rule| rule.undetermined_counts);
                rules = counting;
                section.findings.extend(passing.into_iter().map(|rule: &Rule| {
                    let text = format!(
                        "whether {} can reach {to} is undetermined; `isolation.{}` lets that pass (`undetermined = \"warn\"`)",
                        origin.name(),
                        rule.name
                    );
                    let found = findings::finding(FindingKind::Undetermined, text, Vec::new());
                    findings::of_wall(found, origin, to)
                }));
            }
            let wall = |rule: Option<&Rule>| self.wall(origin, to, *after, is_new, rule);
            // A new assumption stands in the wall's row.
            if is_new && *after != WallVerdict::Isolated {
                section.changes.push(wall(rules.first().copied()));
            }
            section.violations.extend(rules.iter().map(|rule| wall(Some(*rule))));
        }
    }

    /// A wall that does not hold as a whole.
    pub(super) fn wall(
        &self,
        origin: &Origin,
        to: &str,
        verdict: WallVerdict,
        is_new: bool,
        rule: Option<&Rule>,
    ) -> AccessPath {
        let end =
            |environment: &str| PathEnd { account: None, environment: environment.to_owned() };
        AccessPath {
            actions: Vec::new(),
            also_needs: None,
            caused_by: Vec::new(),
            change: if is_new { PathChange::Added } else { PathChange::Standing },
            conditions: Vec::new(),
            exception: None,
            expired_exception: None,
            from: end(origin.name()),
            grade: Grade::Request,
            id: format!("P-{}", digest(&[origin.name(), to, "wall"])),
            limits: None,
            locations: None,
            power: None,
            principal: None,
            reason: Some(self.no_wall(verdict, origin, to)),
            replay: None,
            resources: Vec::new(),
            rule: rule.map(|rule| format!("isolation.{}", rule.name)),
            severity: rule.map_or(RuleSeverity::Info, severity),
            to: end(to),
            verdict,
            via: Vec::new(),
            witness: None,
        }
    }
}

pub(super) fn pairs(environments: &[String]) -> Vec<Pair> {
    let mut origins: Vec<Origin> = environments.iter().cloned().map(Origin::Environment).collect();
    origins.extend([Origin::Management, Origin::Unassigned, Origin::External, Origin::Anonymous]);
    let mut pairs = Vec::new();
    for origin in origins {
        for to in environments {
            if origin != Origin::Environment(to.clone()) {
                pairs.push((origin.clone(), to.clone()));
            }
        }
    }
    pairs
}
