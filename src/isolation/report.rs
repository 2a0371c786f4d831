//! Writes the plan's isolation section: matrix, changes, violations, findings, proofs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::assumptions::{Assumptions, Memo};
use super::causes::Causes;
use super::compare::{Comparison, Pair, SideResult, by_power_alone, verdict};
use super::crossing::{PathStep, StepSource, asked};
use super::exceptions::exceptions_used;
use super::findings;
use super::not_modelled::not_modelled;
use super::paths::{Origin, Path};
use super::proof::{ProofEntry, Prover};
use super::rules::{Bound, ExceptionQuestion, Rule};
use super::section::{
    AccessPath, Assumption, Basis, ConsideredGrant, Finding, FindingKind, Grade, Isolation,
    MatrixRow, PathChange, PathEnd, Proof, Replay, RuleSeverity, Ruling, WallVerdict,
};
use crate::access::{AccessModel, Coverage};
use crate::iam::Request;
use crate::iam::symbolic::Opening;
use crate::ids::Handle;

mod bounds;
mod evidence;
mod indirect;
mod power;

use bounds::{bounds, breadth, named};
use evidence::{also_needs, judged, limits, replay};
pub(super) use evidence::{hop, witness};

/// What an analysis found.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// The plan's section.
    pub section: Isolation,
    /// Every path of the after side, changed or standing.
    pub paths: Vec<AccessPath>,
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

/// Whether the checker has confirmed all of a proof.
fn verified(entries: &[ProofEntry]) -> bool {
    entries.iter().all(|entry| entry.denied.is_some())
}

/// What the rules say about a path.
struct Judged {
    rule: Option<String>,
    exception: Option<String>,
    /// The exception that covered it until it ended.
    expired: Option<String>,
    severity: RuleSeverity,
}

type Key = (Origin, String, PathStep);

fn key(path: &Path) -> Key {
    (path.from.clone(), path.to.clone(), path.last.clone())
}

impl Writer<'_, '_> {
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
                accounts_read: covered(&|coverage| matches!(coverage, Coverage::Read)),
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
        self.indirect_paths(&mut used, &mut section);
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
        Analysis { section, paths }
    }

    fn pair(&self, pair: &Pair, section: &mut Isolation) -> (WallVerdict, WallVerdict) {
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
            to: pair.1.clone(),
        });
        if let Some(Some(entries)) = proof {
            let considered = self.grants.get(&pair.1).copied().unwrap_or_default();
            let statement = if considered == 0 {
                format!("no trust or resource policy in {} names anybody outside it", pair.1)
            } else {
                format!(
                    "of {considered} grants in {} to somebody outside their own account, none lets {} in, directly or through a chain of roles",
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
        let added = now.iter().filter_map(|assumption| {
            let same = |old: &&Assumption| {
                (&old.account, old.kind) == (&assumption.account, assumption.kind)
            };
            let known: BTreeSet<&String> =
                then.iter().filter(same).flat_map(|old| &old.objects).collect();
            let objects = assumption.objects.iter().filter(|object| !known.contains(object));
            let objects: Vec<String> = objects.cloned().collect();
            (!objects.is_empty()).then(|| Assumption { objects, ..assumption.clone() })
        });
        let added = added.collect();
        (now, added)
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

    fn path(
        &self,
        path: &Path,
        is_after: bool,
        change: PathChange,
        used: &mut BTreeSet<(String, String)>,
    ) -> AccessPath {
        let (model, result) =
            if is_after { &self.comparison.after } else { &self.comparison.before };
        let openings = result.edges.get(&path.last).map_or(&[][..], |e| &e.openings);
        // What is new is what an auditor needs to see; else the opening that asks least.
        let gained = self.comparison.changes.get(&path.last).map_or(&[][..], |c| &c.gained);
        let shown: &[Opening] =
            if change == PathChange::Widened && !gained.is_empty() { gained } else { openings };
        let chosen = shown.iter().min_by_key(|o| o.requirements.len());
        let chosen = chosen.map(|opening| named(model, &path.last, opening));
        let bounds = bounds(model, &path.last, shown);
        let narrowest = bounds.iter().min_by_key(|b| breadth(b)).cloned().unwrap_or_default();
        let principal = path.last.source.name();
        let judged = self.judge(path, principal, openings, used);
        let mut conditions: BTreeSet<String> = BTreeSet::new();
        let mut via = Vec::new();
        let mut shown_steps: Vec<(&PathStep, &Request)> = Vec::new();
        for step in &path.chain {
            let edge = result.edges.get(step);
            let best = edge.and_then(|e| e.openings.iter().min_by_key(|o| o.requirements.len()));
            if let Some(best) = best {
                conditions.extend(best.requirements.iter().map(|r| r.text.clone()));
                via.push(hop(&step.source, best, model));
                shown_steps.push((step, &best.witness));
            }
        }
        if let Some(chosen) = &chosen {
            conditions.extend(chosen.requirements.iter().map(|r| r.text.clone()));
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
        let unread: Vec<&str> = model
            .accounts
            .values()
            .filter(|a| !a.is_read() && sides.iter().any(|side| a.environments.contains(*side)))
            .map(|a| a.handle.as_str())
            .collect();
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
        format!("{} could not be read: unmanaged objects there are not known", unread.join(", "))
    }

    /// Where these objects are declared; of one that goes, where it was.
    fn locations(&self, addresses: &[String]) -> BTreeMap<String, String> {
        let (before, after) = (self.comparison.before.0, self.comparison.after.0);
        let place = |address: &String| after.location(address).or_else(|| before.location(address));
        addresses.iter().filter_map(|a| Some((a.clone(), place(a)?.clone()))).collect()
    }

    /// The rule that a path falls under, the exception that covers it, and how grave it is.
    fn judge(
        &self,
        path: &Path,
        principal: &str,
        openings: &[Opening],
        used: &mut BTreeSet<(String, String)>,
    ) -> Judged {
        let (model, _) = &self.comparison.after;
        let bounds = openings
            .iter()
            .map(|opening| bounds(model, &path.last, std::slice::from_ref(opening)))
            .collect::<Vec<_>>();
        self.judge_bounds((&path.from, &path.to), Grade::Request, principal, &bounds, used)
    }

    /// The same for any path: each of `bounds` bounds one of its openings.
    fn judge_bounds(
        &self,
        (from, to): (&Origin, &str),
        grade: Grade,
        principal: &str,
        bounds: &[Vec<Bound>],
        used: &mut BTreeSet<(String, String)>,
    ) -> Judged {
        let pair = (from.name().to_owned(), to.to_owned());
        let mut rules = self.rules.iter();
        let Some(rule) = rules.find(|r| r.pairs.contains(&pair) && r.grades.contains(&grade))
        else {
            return Judged {
                rule: None,
                exception: None,
                expired: None,
                severity: RuleSeverity::Info,
            };
        };
        let name = Some(format!("isolation.{}", rule.name));
        let covering = |bounds: &Vec<Bound>, expired: bool| {
            let asked = ExceptionQuestion { from: from.name(), to, principal, bounds };
            let mut exceptions = rule.exceptions.iter();
            exceptions.find(|e| e.covers(&asked) && (expired || e.expires >= self.today))
        };
        let all = |expired: bool| -> Option<Vec<&super::rules::Exception>> {
            bounds.iter().map(|b| covering(b, expired)).collect()
        };
        if let Some([first, ..]) = all(false).as_deref() {
            for exception in all(false).iter().flatten() {
                used.insert((rule.name.clone(), exception.name.clone()));
            }
            let exception = Some(first.name.clone());
            return Judged { rule: name, exception, expired: None, severity: RuleSeverity::Info };
        }
        let ended = all(true).unwrap_or_default();
        let expired = ended.iter().find(|e| e.expires < self.today).map(|e| e.name.clone());
        let severity = severity(rule);
        Judged { rule: name, exception: None, expired, severity }
    }

    fn causes(&self) -> Causes<'_, '_> {
        Causes { comparison: self.comparison }
    }

    /// Walls that are none (a shared account) or that are not decided: those that a rule protects are violations, and
    /// those that become so with this plan are changes.
    fn walls_without_paths(
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
    fn wall(
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

/// What the rules say of the walls that are open.
fn rule_on(section: &mut Isolation, paths: &[AccessPath]) {
    let is_across = |path: &AccessPath, row: &MatrixRow| {
        path.from.environment == row.from && path.to.environment == row.to
    };
    for row in &mut section.matrix {
        if row.after.is_shut() {
            continue;
        }
        let mut across = paths.iter().filter(|path| is_across(path, row)).peekable();
        row.ruling = if section.violations.iter().any(|path| is_across(path, row)) {
            Some(Ruling::Forbidden)
        } else if across.peek().is_some() && across.all(|path| path.exception.is_some()) {
            Some(Ruling::Permitted)
        } else {
            None
        };
    }
}

/// Whom every proof relies on.
fn trusted(model: &AccessModel, result: &SideResult, to: &str) -> Vec<String> {
    let mut base = vec!["AWS services that roles and resources name".to_owned()];
    base.push("administrators that the organization has delegated to".to_owned());
    base.extend(
        model
            .organization
            .iter()
            .map(|o| format!("the management account {}", o.management_account)),
    );
    base.push("root users of the accounts on both sides".to_owned());
    // Whom an account that nobody reads lets in, nobody can tell.
    let paths = result.paths.iter().filter(|path| path.to == to);
    let first =
        |path: &'_ Path| path.chain.first().map_or(path.last.source.clone(), |s| s.source.clone());
    let outsiders: BTreeSet<String> = paths
        .filter_map(|path| match first(path) {
            StepSource::Foreign(arn) => {
                Some(format!("{arn}, which {to} lets in, and whom it lets in"))
            }
            _ => None,
        })
        .collect();
    base.extend(outsiders);
    let services = model.organization.iter().flat_map(|o| &o.trusted_services);
    base.extend(services.map(|name| format!("trusted access of {name}")));
    base
}

/// How grave a violation of a rule is.
fn severity(rule: &Rule) -> RuleSeverity {
    if rule.error { RuleSeverity::Error } else { RuleSeverity::Warning }
}

fn pairs(environments: &[String]) -> Vec<Pair> {
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

/// How many grants a proof names one by one.
const GRANTS_LISTED: usize = 50;

/// A grant that a proof considers, and what kills it.
fn considered_grant(entry: &ProofEntry) -> ConsideredGrant {
    ConsideredGrant {
        denied_by: entry.denied.as_ref().map(super::proof::StepDenial::lines),
        principal: entry.step.source.name().to_owned(),
        resource: entry.step.target.arn().to_owned(),
    }
}

fn id(path: &Path) -> String {
    let kind = match &path.last.source {
        StepSource::Principal(_) => "principal",
        StepSource::Foreign(_) => "foreign",
        StepSource::Federated(_) => "federated",
        StepSource::Service(_) => "service",
        StepSource::Anonymous => "anonymous",
    };
    let parts = [path.from.name(), &path.to, kind, path.last.source.name(), path.last.target.arn()];
    format!("P-{}", digest(&parts))
}

/// Grants in the accounts of each environment to somebody outside the account of the grant.
fn grants(comparison: &Comparison<'_>) -> BTreeMap<String, usize> {
    let (model, result) = &comparison.after;
    let mut grants = BTreeMap::new();
    for step in result.closed.keys().chain(result.edges.keys()) {
        let to = super::paths::account_of(model, &step.target);
        let from = super::crossing::home(model, &step.source);
        let account =
            to.as_ref().filter(|to| from != Some(*to)).and_then(|to| model.accounts.get(to));
        for environment in account.iter().flat_map(|a| &a.environments) {
            *grants.entry(environment.clone()).or_default() += 1;
        }
    }
    grants
}

fn digest(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\u{0}").as_bytes());
    data_encoding::HEXLOWER.encode(hash.get(..4).unwrap_or_default())
}
