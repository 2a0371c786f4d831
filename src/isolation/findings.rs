//! What an auditor should know beside the paths: walls that are none, walls that one side alone
//! holds shut, and exceptions that are about to end or cover nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use super::candidates::whole_accounts;
use super::compare::{Comparison, Pair, SideResult, accounts_of};
use super::crossing::{self, Asked, PathStep, StepSource, StepTarget, home};
use super::lifting::opened_without;
use super::paths::{Origin, account_of, belongs_to};
use super::report::{self, grant};
use super::rights::{RightsCache, RightsScope};
use super::rules::Rule;
use super::section::{ExceptionUse, Finding, FindingKind, Grant, RuleSeverity, WallVerdict};
use crate::access::AccessModel;
use crate::iam::Effect;
use crate::iam::symbolic::{Opening, SymbolicAnswer};
use crate::ids::Handle;

/// A finding; all of them are warnings.
pub(super) fn finding(kind: FindingKind, text: String, addresses: Vec<String>) -> Finding {
    let severity = RuleSeverity::Warning;
    let (also, granted_by) = (Vec::new(), Vec::new());
    Finding { addresses, also, from: None, granted_by, kind, severity, text, to: None }
}

/// A finding about statements.
pub(super) fn granted_by(finding: Finding, grants: impl IntoIterator<Item = Grant>) -> Finding {
    let grants: BTreeSet<Grant> = grants.into_iter().collect();
    Finding { granted_by: grants.into_iter().collect(), ..finding }
}

/// A finding about a wall.
pub(super) fn of_wall(finding: Finding, origin: &Origin, to: &str) -> Finding {
    let (from, to) = (Some(origin.name().to_owned()), Some(to.to_owned()));
    Finding { from, to, ..finding }
}

/// How many names a finding lists.
const NAMES: usize = 5;

/// Findings about the walls themselves; `verdicts` holds each pair's verdict before and after, and `permitted` says
/// whether exceptions permit all that somebody of an origin, by ARN, has power over.
pub(super) fn of_walls(
    comparison: &Comparison<'_>,
    verdicts: &BTreeMap<&Pair, (WallVerdict, WallVerdict)>,
    permitted: impl Fn(&Origin, &str) -> bool,
) -> Vec<Finding> {
    let (model, result) = (comparison.after.0, &comparison.after.1);
    let mut walls = LiftableWalls {
        model,
        result,
        rights_cache: RightsCache::new(comparison.before.0, model),
        whole: BTreeMap::new(),
        findings: Vec::new(),
    };
    for (target, ids) in whole_accounts(model) {
        let account = account_of(model, &target).and_then(|account| model.accounts.get(&account));
        for environment in account.into_iter().flat_map(|account| &account.environments) {
            walls.whole.entry(environment).or_default().push((target.clone(), ids.clone()));
        }
    }
    for ((origin, to), (_, after)) in verdicts {
        if *after == WallVerdict::SharedAccount && origin.name() < to.as_str() {
            let text = format!(
                "{} and {to} live in one account: there is no wall between them",
                origin.name()
            );
            let found = finding(FindingKind::SharedAccount, text, Vec::new());
            walls.findings.push(of_wall(found, origin, to));
        }
        if *after == WallVerdict::Isolated {
            walls.held(origin, to);
        }
    }
    let mut findings = walls.findings;
    findings.extend(of_closed_accounts(model));
    for (step, why) in &result.unplayed {
        let text = format!(
            "`{}` to `{}` counts as undetermined, for it did not come out the same when it was played again: {why}",
            step.source.name(),
            step.target.arn(),
        );
        findings.push(finding(FindingKind::ReplayFailed, text, labels(model, step)));
    }
    for (origin, administrators) in &result.powers.administrators {
        for arn in administrators.iter().filter(|arn| !permitted(origin, arn)) {
            let text = format!(
                "{} reaches `{arn}`, which may take away the organization's guardrails from every account",
                origin.name()
            );
            let label = model.principals.get(arn).map(|p| p.label.clone());
            let found = finding(FindingKind::OrganizationPower, text, label.into_iter().collect());
            findings.push(Finding { from: Some(origin.name().to_owned()), ..found });
        }
    }
    for (origin, why) in &result.powers.undecided {
        let text = format!("what {} may change about the walls is undecided: {why}", origin.name());
        let found = finding(FindingKind::PowerUndetermined, text, Vec::new());
        findings.push(Finding { from: Some(origin.name().to_owned()), ..found });
    }
    findings
}

/// Policies that let in an account which AWS has closed: whoever reopens it gets in again.
fn of_closed_accounts(model: &AccessModel) -> Vec<Finding> {
    let closed = model.closed_accounts();
    if closed.is_empty() {
        return Vec::new();
    }
    let trusts = model.principals.values().filter_map(|p| p.trust.as_ref());
    let resources = model.resource_policies().map(|(_, policy)| policy);
    let mut naming: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<Grant>)> = BTreeMap::new();
    for policy in trusts.chain(resources) {
        let statements = policy.document.statements.iter().enumerate();
        let allowing = statements.filter(|(_, s)| s.effect == Effect::Allow);
        let names = allowing.flat_map(|(at, s)| {
            let principals = s.principals.iter().flat_map(|p| p.items()).map(|(_, item)| item);
            let all = principals.chain(s.conditions.iter().flat_map(|c| &c.values));
            all.map(move |item| (at, item))
        });
        for (at, item) in names {
            let text = item.text.symbolic();
            let id =
                text.strip_prefix("arn:").map_or(Some(text.as_ref()), |_| text.split(':').nth(4));
            if let Some((id, _)) = id.and_then(|id| closed.get_key_value(id)) {
                let (labels, grants) = naming.entry(id).or_default();
                labels.insert(policy.label());
                grants.extend(grant(model, policy, at));
            }
        }
    }
    let of = |(id, (labels, grants)): (&str, (BTreeSet<&str>, BTreeSet<Grant>))| {
        let shown: Vec<String> = labels.iter().take(NAMES).map(|l| format!("`{l}`")).collect();
        let more = match labels.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let name = closed.get(id).copied().unwrap_or(id);
        let text = format!(
            "the account `{name}` is closed, and {}{more} still lets it in: it gets in again once it is reopened",
            shown.join(", ")
        );
        let labels = labels.into_iter().map(str::to_owned).collect();
        granted_by(finding(FindingKind::NamesClosedAccount, text, labels), grants)
    };
    naming.into_iter().map(of).collect()
}

/// LiftableWalls that the source side alone holds shut, and who there can lift them.
struct LiftableWalls<'a, 'w> {
    model: &'w AccessModel,
    result: &'a SideResult,
    rights_cache: RightsCache<'w>,
    /// What lets in whole accounts, by the environment that it stands in, with the ids of these.
    whole: BTreeMap<&'w str, Vec<(StepTarget, BTreeSet<String>)>>,
    findings: Vec<Finding>,
}

impl LiftableWalls<'_, '_> {
    fn held(&mut self, origin: &Origin, to: &str) {
        let steps: Vec<&PathStep> = held(self.model, self.result, origin, to);
        for step in &steps {
            let StepSource::Principal(arn) = &step.source else { continue };
            let Some(own) = home(self.model, &step.source) else { continue };
            let without = |without: fn(Asked) -> Asked| opened_without(self.model, step, without);
            let mut openings = without(Asked::without_own_policies);
            let mut held_by = SourceSide::OwnPolicies;
            if openings.is_empty() {
                openings = without(|asked| asked.without_own_policies().without_tags());
                held_by = SourceSide::Tags;
            }
            if openings.is_empty() {
                openings = without(|asked| {
                    asked.without_own_policies().without_tags().without_second_factor()
                });
                held_by = SourceSide::SecondFactor;
            }
            if openings.is_empty() {
                openings = without(Asked::without_source_side);
                held_by = SourceSide::Guardrails;
            }
            let trust = || RightsScope::Trust(arn.clone());
            let holders = match held_by {
                SourceSide::OwnPolicies => {
                    self.right_holders(own, &[RightsScope::Permissions(arn.clone())])
                }
                SourceSide::Tags => {
                    let scopes = [RightsScope::Tags(arn.clone()), trust()];
                    RightHolders::tags(self.right_holders(own, &scopes))
                }
                SourceSide::SecondFactor => {
                    RightHolders::trust(self.right_holders(own, &[trust()]))
                }
                SourceSide::Guardrails => RightHolders::guardrails(self.leavers(own)),
            };
            let text = format!(
                "{} -> {to} stays closed only because of the source side: `{}` already lets `{arn}` in; {}",
                origin.name(),
                step.target.arn(),
                holders.text,
            );
            let mut addresses = labels(self.model, step);
            addresses.extend(holders.labels);
            let found = finding(FindingKind::HeldBySourceSide, text, addresses);
            let found = granted_by(found, self.letting_in(&step.target, &openings));
            self.findings.push(of_wall(found, origin, to));
        }
        let inside = accounts_of(self.model, to);
        for (target, ids) in self.whole.get(to).cloned().unwrap_or_default() {
            let homes = ids.iter().filter_map(|id| self.model.account_by_id.get(id));
            for account in homes.filter_map(|handle| self.model.accounts.get(handle)) {
                let told = steps.iter().any(|s| {
                    s.target == target && home(self.model, &s.source) == Some(&account.handle)
                });
                if told
                    || inside.contains(&&account.handle)
                    || !belongs_to(self.model, &account.handle, origin)
                {
                    continue;
                }
                let asked = Asked::anybody(self.model, &account.handle, &target);
                let open = asked.map(|asked| crossing::answer(None, Some(&asked)).after);
                let Some(SymbolicAnswer::Open(openings)) = open else { continue };
                let holders = self.right_holders(&account.handle, &[RightsScope::Account]);
                let text = format!(
                    "{} -> {to} stays closed only because of the source side: `{}` already lets in whatever the account `{}` permits, and nobody there may yet; {}",
                    origin.name(),
                    target.arn(),
                    account.handle,
                    holders.text,
                );
                let mut addresses: Vec<String> = label(self.model, &target).into_iter().collect();
                addresses.extend(holders.labels);
                let found = finding(FindingKind::HeldBySourceSide, text, addresses);
                let found = granted_by(found, self.letting_in(&target, &openings));
                self.findings.push(of_wall(found, origin, to));
            }
        }
    }

    /// The target's own statements by which it lets in.
    fn letting_in(&self, target: &StepTarget, openings: &[Opening]) -> Vec<Grant> {
        let own = label(self.model, target);
        let all = openings.iter().flat_map(|opening| report::granted_by(opening, self.model));
        all.filter(|grant| own.as_ref() == Some(&grant.address)).collect()
    }

    /// Who in an account holds one of some rights, after the plan.
    fn right_holders(&mut self, account: &Handle, scopes: &[RightsScope]) -> RightHolders {
        let mut labels: Vec<String> = Vec::new();
        for principal in self.model.principals_of(account) {
            let cache = &mut self.rights_cache;
            if scopes.iter().any(|scope| !cache.of(&principal.arn, scope).after.is_empty()) {
                labels.push(principal.label.clone());
            }
        }
        RightHolders::of(labels)
    }

    /// Who in an account may take it out of the organization, after the plan.
    fn leavers(&self, account: &Handle) -> RightHolders {
        let leavers = self.result.powers.leavers.get(account).into_iter().flatten();
        let label = |arn: &String| self.model.principals.get(arn).map(|p| p.label.clone());
        RightHolders::of(leavers.filter_map(label).collect())
    }
}

/// What of the source's own side alone keeps it from a step.
enum SourceSide {
    OwnPolicies,
    Tags,
    SecondFactor,
    Guardrails,
}

/// The principals of an account that hold a right, and a sentence about them.
struct RightHolders {
    labels: Vec<String>,
    text: String,
}

impl RightHolders {
    fn of(labels: Vec<String>) -> Self {
        let shown: Vec<String> = labels.iter().take(NAMES).map(|l| format!("`{l}`")).collect();
        let text = match labels.len().saturating_sub(NAMES) {
            _ if labels.is_empty() => {
                "nobody there but the root user and the management account can lift that".to_owned()
            }
            0 => format!("{} can lift that", shown.join(", ")),
            more => format!("{} and {more} more can lift that", shown.join(", ")),
        };
        Self { labels, text }
    }

    /// Those who can give a principal other tags.
    fn tags(tagging: Self) -> Self {
        let text = format!("only the tags of that one keep it out: {}", tagging.text);
        Self { text, ..tagging }
    }

    /// Those who can let other sessions of a role be begun.
    fn trust(rewriting: Self) -> Self {
        let text = format!(
            "only its trust keeps it out, by which its sessions bear no second factor: {}",
            rewriting.text
        );
        Self { text, ..rewriting }
    }

    /// Those who can leave the organization, beside whom whoever administers it can lift a guardrail.
    fn guardrails(leaving: Self) -> Self {
        let text = if leaving.labels.is_empty() {
            "a guardrail holds it, which whoever administers the organization can lift".to_owned()
        } else {
            format!(
                "a guardrail holds it: whoever administers the organization, and by leaving it {}",
                leaving.text
            )
        };
        Self { text, ..leaving }
    }
}

/// Findings about exceptions: ended, about to end, or covering nothing. `used` names those that
/// cover a path, by rule and exception.
pub(super) fn of_rules(
    rules: &[Rule],
    used: &BTreeSet<(String, String)>,
    today: Date,
) -> Vec<Finding> {
    let soon = today.checked_add(ExceptionUse::NOTICE_DAYS.days()).unwrap_or(Date::MAX);
    let mut findings = Vec::new();
    let mut add = |kind, text| findings.push(finding(kind, text, Vec::new()));
    for rule in rules {
        for exception in &rule.exceptions {
            let name = format!("isolation.{}.{}", rule.name, exception.name);
            let (end, loc) = (exception.expires, &exception.loc);
            if end < today {
                let text =
                    format!("the exception `{name}` ended on {end} and no longer counts ({loc})");
                add(FindingKind::ExceptionExpired, text);
                continue;
            }
            if end <= soon {
                add(
                    FindingKind::ExceptionExpiring,
                    format!("the exception `{name}` expires on {end} ({loc})"),
                );
            }
            if !used.contains(&(rule.name.clone(), exception.name.clone())) {
                let text = format!("the exception `{name}` covers no path: it can go ({loc})");
                add(FindingKind::ExceptionUnused, text);
            }
        }
    }
    findings
}

/// Steps into an environment by principals of the origin that only the source side keeps closed.
fn held<'r>(
    model: &AccessModel,
    result: &'r SideResult,
    origin: &Origin,
    to: &str,
) -> Vec<&'r PathStep> {
    let inside = |account: &Handle| {
        model.accounts.get(account).is_some_and(|node| node.environments.contains(to))
    };
    result
        .held_by_source
        .iter()
        .filter(|step| {
            let enters = account_of(model, &step.target);
            let home = home(model, &step.source);
            enters.as_ref().is_some_and(inside)
                && home.is_some_and(|h| belongs_to(model, h, origin) && !inside(h))
        })
        .collect()
}

/// The objects at both ends of a step.
fn labels(model: &AccessModel, step: &PathStep) -> Vec<String> {
    let source = match &step.source {
        StepSource::Principal(arn) => model.principals.get(arn).map(|p| p.label.clone()),
        _ => None,
    };
    label(model, &step.target).into_iter().chain(source).collect()
}

fn label(model: &AccessModel, target: &StepTarget) -> Option<String> {
    match target {
        StepTarget::Role(arn) => model.principals.get(arn).map(|p| p.label.clone()),
        StepTarget::Resource(arn) => model.resources.get(arn).map(|r| r.label.clone()),
    }
}
