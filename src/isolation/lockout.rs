//! The lock-out guard: no plan takes from the principals that must stay able to repair the estate
//! what this apply or the next one needs.
//!
//! Guarded are the roles through which accounts are entered and state is kept, and `protect_principals` of the
//! organization. A plan is refused where such a principal may do something now and may not, in any
//! circumstances, after it; what was denied before is not the plan's doing. It does not matter what takes the right
//! away: SCPs, RCPs, boundaries, identity policies and the policy of the resource itself are all in the question.
//! Of a principal that the plan makes, with its account or in it, there is no before: there the plan is refused where
//! guardrails, and nothing that the principal itself was given, deny what it is made for. Of a resource that the plan
//! makes there is none either: what an RCP, or its own policy without a condition, denies there to those who are to keep it
//! is refused (S3 itself asks for a confirmation before it takes such a policy: S3 API Reference, `PutBucketPolicy`,
//! `x-amz-confirm-remove-self-bucket-access`).
//! State is guarded as a whole: some principal that may write it now must be able to afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compare::Comparison;
use super::crossing::{Asked, PathStep, Right, StepSource, StepTarget, answer, asked, home_of};
use crate::access::{AccessModel, NamedPolicy, PART, PrincipalNode};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Opening, SymbolicAnswer};
use crate::iam::{DecidedBy, Decision, Effect, PolicyDecision, semantic_eq};
use crate::ids::Handle;

/// What has to stay possible after a change, as the one who makes the change knows it.
pub trait Safeguards {
    /// Patterns of the ARNs of principals that must keep their rights.
    fn protected(&self) -> Vec<String>;

    /// The roles through which an account is entered, by their names without a path; none where no role is
    /// needed to enter it.
    fn entry_roles(&self, account: &Handle) -> Vec<&str>;

    /// What the rest of this change, or the next one, does in an account.
    fn needs(&self, model: &AccessModel, account: &Handle) -> Vec<Right>;

    /// What keeping the state takes, on the bucket of this ARN.
    fn keeping_state(&self, bucket: &str) -> Vec<Right>;

    /// Where an object is declared, by the label that reports cite.
    fn declared(&self, label: &str) -> Option<Loc>;
}

/// Nothing is to be kept: what is looked at changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoSafeguards;

impl Safeguards for NoSafeguards {
    fn protected(&self) -> Vec<String> {
        Vec::new()
    }

    fn entry_roles(&self, _: &Handle) -> Vec<&str> {
        Vec::new()
    }

    fn needs(&self, _: &AccessModel, _: &Handle) -> Vec<Right> {
        Vec::new()
    }

    fn keeping_state(&self, _: &str) -> Vec<Right> {
        Vec::new()
    }

    fn declared(&self, _: &str) -> Option<Loc> {
        None
    }
}

/// Checks both sides of a change.
///
/// # Errors
/// One for each principal that the plan would lock out, at the policy that does it.
pub fn check(safeguards: &dyn Safeguards, comparison: &Comparison<'_>) -> Result<(), Diagnostics> {
    let (before, after) = (comparison.before.0, comparison.after.0);
    let patterns: Vec<Glob> =
        safeguards.protected().iter().map(|pattern| Glob::like(pattern)).collect();
    let mut needs: BTreeMap<Handle, Vec<Right>> = BTreeMap::new();
    let mut diagnostics = Diagnostics::new();
    let mut guarded: Vec<StepSource> = Vec::new();
    for principal in before.principals.values() {
        if !is_protected(safeguards, before, &patterns, principal) {
            continue;
        }
        guarded.push(StepSource::Principal(principal.arn.clone()));
        let Some(still) = after.principals.get(&principal.arn) else {
            let what = "it is there now, and the plan deletes it".to_owned();
            diagnostics.push(refusal(safeguards, &principal.arn, what, &principal.label));
            continue;
        };
        diagnostics.extend(trust(safeguards, comparison, still));
        let needs = needs
            .entry(principal.account.clone())
            .or_insert_with(|| safeguards.needs(before, &principal.account));
        let at_risk = at_risk((before, after), &principal.arn, needs);
        let kept = policies(safeguards, before, after, &principal.arn, &at_risk);
        let needs = || safeguards.needs(after, &principal.account);
        diagnostics.extend(
            kept.or_else(|| on_what_is_made(safeguards, (before, after), &principal.arn, &needs())),
        );
    }
    let made = after.principals.values().filter(|p| !before.principals.contains_key(&p.arn));
    for principal in made.filter(|p| is_protected(safeguards, after, &patterns, p)) {
        diagnostics.extend(trust_of_made(safeguards, comparison, principal));
        let needs = safeguards.needs(after, &principal.account);
        let refused = policies_of_made(safeguards, after, &principal.arn, &needs);
        diagnostics.extend(
            refused
                .or_else(|| on_what_is_made(safeguards, (before, after), &principal.arn, &needs)),
        );
    }
    diagnostics.extend(state(safeguards, before, after, guarded));
    diagnostics.into_result(())
}

/// A right as each side asks about it: the policy of what it is over may change.
type OnBothSides = (Right, Right);

/// Of what a principal needs, what the plan may take away: everything where a policy changes that bears on all
/// its requests, otherwise what has another policy of its own.
fn at_risk(
    (before, after): (&AccessModel, &AccessModel),
    arn: &str,
    needs: &[Right],
) -> Vec<OnBothSides> {
    let same = same_policies(before, after, arn);
    let is_there = |right: &Right| {
        let mut all = right.resources.iter();
        all.any(|space| before.resources.contains_key(space.text().trim_end_matches('/')))
    };
    let goes = |right: &Right| {
        let mut all = right.resources.iter().map(|space| space.text().trim_end_matches('/'));
        all.any(|arn| before.resources.contains_key(arn) && !after.resources.contains_key(arn))
    };
    let mut found = Vec::new();
    for need in needs {
        let (plain, guarded) = by_policy(need, |arn| {
            let both = (before.resource_policy(arn).cloned(), after.resource_policy(arn).cloned());
            (both.0.is_some() || both.1.is_some()).then_some(both)
        });
        for (was, is) in guarded {
            // Of what is not there yet, or goes with the plan, nothing is lost.
            if was.policy.is_none() && !is_there(&was) || goes(&was) {
                continue;
            }
            let unchanged = match (&was.policy, &is.policy) {
                (Some(was), Some(is)) => is_same(was, is),
                _ => false,
            };
            if !(same && unchanged) {
                found.push((was, is));
            }
        }
        if let (false, Some(plain)) = (same, plain) {
            found.push((plain.clone(), plain));
        }
    }
    found
}

/// A right over what has no policy of its own, and over each thing that has one, with its policies on two sides.
fn by_policy(
    need: &Right,
    policies: impl Fn(&str) -> Option<(Option<NamedPolicy>, Option<NamedPolicy>)>,
) -> (Option<Right>, Vec<OnBothSides>) {
    let mut plain = Vec::new();
    let mut guarded = Vec::new();
    for space in &need.resources {
        let with = |policy| Right { resources: vec![space.clone()], policy, ..need.clone() };
        match policies(space.text().trim_end_matches('/')) {
            None => plain.push(space.clone()),
            Some((was, is)) => guarded.push((with(was), with(is))),
        }
    }
    let plain = (!plain.is_empty()).then(|| Right { resources: plain, ..need.clone() });
    (plain, guarded)
}

/// Nobody may keep the state any more, where somebody may now: one of those who are guarded, or of the management
/// account.
fn state(
    safeguards: &dyn Safeguards,
    before: &AccessModel,
    after: &AccessModel,
    mut keepers: Vec<StepSource>,
) -> Option<Diagnostic> {
    let bucket = before.state_bucket.as_ref()?;
    let owner = &before.resources.get(bucket)?.account;
    let manager = before.organization.iter().map(|o| {
        let partition = before.partition_of(owner);
        StepSource::Foreign(format!("arn:{partition}:iam::{}:root", o.management_account))
    });
    keepers.extend(manager);
    let mut lost: Option<(Asked, Opening)> = None;
    for right in safeguards.keeping_state(bucket) {
        for keeper in &keepers {
            let asked_on = |model: &AccessModel| keeping(model, keeper, bucket, &right);
            let Some(was) = asked_on(before) else { continue };
            let Some(opening) = first_open(&was, &right) else { continue };
            let Some(is) = asked_on(after) else { continue };
            match answer(None, Some(&is)).after {
                SymbolicAnswer::Closed { .. } => {
                    lost.get_or_insert((is, opening));
                }
                SymbolicAnswer::Open(_) if first_open(&is, &right).is_none() => {
                    lost.get_or_insert((is, opening));
                }
                // Whoever still may can repair it.
                SymbolicAnswer::Open(_) | SymbolicAnswer::Undecided(_) => return None,
            }
        }
    }
    let (asked, opening) = lost?;
    let (action, resource) = request(&opening);
    let (why, culprit) = because(&asked, &opening);
    let found = Diagnostic::error(format!("the plan would lock everybody out of the state in `{bucket}`"))
        .at_opt(safeguards.declared(culprit.as_deref().unwrap_or_default()))
        .detail(format!(
            "`{action}` on `{resource}` is allowed now and not after the plan: {why}; the rest of this apply and the next one need it"
        ))
        .help("exempt the role through which the state is kept where it is denied (`ArnNotLike` on `aws:PrincipalArn`)");
    Some(found)
}

/// The question whether somebody keeps the state: of its own account's bucket, or of another one's.
fn keeping(model: &AccessModel, keeper: &StepSource, bucket: &str, right: &Right) -> Option<Asked> {
    let resource = model.resources.get(bucket)?;
    let of_own_account = match keeper {
        StepSource::Principal(arn) => model.principals.get(arn)?.account == resource.account,
        StepSource::Foreign(arn) => {
            home_of(model, arn).is_some_and(|a| a.handle == resource.account)
        }
        StepSource::Federated(_) | StepSource::Service(_) | StepSource::Anonymous => return None,
    };
    if of_own_account {
        let right = Right { policy: resource.document().cloned(), ..right.clone() };
        return Asked::within(model, keeper, &right);
    }
    asked(
        model,
        &PathStep { source: keeper.clone(), target: StepTarget::Resource(bucket.to_owned()) },
    )
}

/// Something that is open of all that a right asks for: across accounts a question is about more than that.
fn first_open(asked: &Asked, right: &Right) -> Option<Opening> {
    let SymbolicAnswer::Open(openings) = answer(None, Some(asked)).after else { return None };
    openings.into_iter().find_map(|mut opening| {
        let mut actions = right.actions.iter();
        actions.find_map(|action| {
            opening.witness.action.clone_from(action);
            opening.decision = asked.judge(&opening.witness);
            opening.decision.is_allowed().then(|| opening.clone())
        })
    })
}

/// Whether a principal is named, or is the role through which its account is entered.
fn is_protected(
    safeguards: &dyn Safeguards,
    model: &AccessModel,
    patterns: &[Glob],
    principal: &PrincipalNode,
) -> bool {
    let Some(node) = model.accounts.get(&principal.account) else { return false };
    let entries = safeguards.entry_roles(&principal.account);
    let prefix = format!("arn:{}:iam::{}:role/", node.partition, node.id);
    let is_entry = principal
        .arn
        .strip_prefix(&prefix)
        .is_some_and(|role| role.rsplit('/').next().is_some_and(|name| entries.contains(&name)));
    is_entry || patterns.iter().any(|pattern| pattern.matches(&principal.arn))
}

/// Whether all that decides what a principal may do stays what it is.
fn same_policies(before: &AccessModel, after: &AccessModel, arn: &str) -> bool {
    let all = |model: &AccessModel| -> Option<BTreeMap<String, NamedPolicy>> {
        let principal = model.principals.get(arn)?;
        let home = model.accounts.get(&principal.account)?;
        let levels = home.service_control.iter().chain(&home.resource_control);
        let levels = levels.flat_map(|(target, rules)| {
            rules.iter().map(move |rule| (format!("{target} {}", rule.policy.name()), rule.clone()))
        });
        let own = principal.identity().iter().chain(principal.boundary());
        Some(own.map(|rule| (rule.policy.name().to_owned(), rule.clone())).chain(levels).collect())
    };
    let (Some(was), Some(is)) = (all(before), all(after)) else { return false };
    was.len() == is.len()
        && was.iter().zip(&is).all(|((a, was), (b, is))| a == b && is_same(was, is))
}

fn is_same(was: &NamedPolicy, is: &NamedPolicy) -> bool {
    Arc::ptr_eq(&was.document, &is.document) || semantic_eq(&was.document, &is.document)
}

/// Nobody may enter any more, where somebody may now.
fn trust(
    safeguards: &dyn Safeguards,
    comparison: &Comparison<'_>,
    principal: &PrincipalNode,
) -> Option<Diagnostic> {
    let target = StepTarget::Role(principal.arn.clone());
    let (was, is) = (&comparison.before.1, &comparison.after.1);
    let into = |step: &&PathStep| step.target == target;
    if is.edges.keys().any(|step| into(&step)) || is.undecided.keys().any(|step| into(&step)) {
        return None;
    }
    let (step, edge) = was.edges.iter().find(|(step, _)| into(step))?;
    let opening = edge.openings.first()?;
    let asked = asked(comparison.after.0, step)?;
    let (why, culprit) = because(&asked, opening);
    let what = format!("somebody may assume it now, and nobody may after the plan: {why}");
    Some(refusal(safeguards, &principal.arn, what, culprit.as_deref().unwrap_or(&principal.label)))
}

/// Nobody may become a principal that the plan makes, where guardrails alone shut it.
fn trust_of_made(
    safeguards: &dyn Safeguards,
    comparison: &Comparison<'_>,
    principal: &PrincipalNode,
) -> Option<Diagnostic> {
    let (after, is) = &comparison.after;
    let target = StepTarget::Role(principal.arn.clone());
    let into = |step: &&PathStep| step.target == target;
    if is.edges.keys().any(|step| into(&step)) || is.undecided.keys().any(|step| into(&step)) {
        return None;
    }
    let (asked, opening) = is.closed.keys().filter(into).find_map(|step| {
        let free = asked(after, step)?.without_guardrails();
        let SymbolicAnswer::Open(openings) = answer(None, Some(&free)).after else { return None };
        Some((asked(after, step)?, openings.into_iter().next()?))
    })?;
    let (why, culprit) = because(&asked, &opening);
    let what = format!("the plan makes it, and nobody may assume it: {why}");
    Some(refusal(safeguards, &principal.arn, what, culprit.as_deref().unwrap_or(&principal.label)))
}

/// What a principal that the plan makes would do, if guardrails let it.
fn policies_of_made(
    safeguards: &dyn Safeguards,
    after: &AccessModel,
    arn: &str,
    needs: &[Right],
) -> Option<Diagnostic> {
    let source = StepSource::Principal(arn.to_owned());
    let mut denied = Vec::new();
    for need in needs {
        let (plain, guarded) = by_policy(need, |arn| {
            let is = after.resource_policy(arn).cloned();
            is.is_some().then(|| (is.clone(), is))
        });
        for right in plain.into_iter().chain(guarded.into_iter().map(|(_, is)| is)) {
            let free = Asked::within(after, &source, &right)?.without_guardrails();
            denied.extend(lost(Some(free), &Asked::within(after, &source, &right)?));
        }
    }
    let (call, why, culprit) = first_of(&denied)?;
    let what = format!(
        "the plan makes it, and it may not call {call}: {why}; this apply or the next one needs it"
    );
    Some(refusal(safeguards, arn, what, culprit))
}

/// What a principal may do now and may not in any circumstances after the plan.
fn policies(
    safeguards: &dyn Safeguards,
    before: &AccessModel,
    after: &AccessModel,
    arn: &str,
    at_risk: &[OnBothSides],
) -> Option<Diagnostic> {
    let source = StepSource::Principal(arn.to_owned());
    let mut denied = Vec::new();
    for (was, is) in at_risk {
        let was = Asked::within(before, &source, was);
        let asked = Asked::within(after, &source, is)?;
        denied.extend(lost(was, &asked).into_iter().map(|(opening, why, culprit)| {
            // Nothing denies it, so what no longer permits it is at fault.
            let own = is.policy.as_ref().filter(|_| is_for_the_resource(&asked, &opening));
            let culprit = culprit.or_else(|| own.map(|policy| policy.label().to_owned()));
            (opening, why, culprit)
        }));
    }
    let (call, why, culprit) = first_of(&denied)?;
    let what = format!(
        "it may call {call} now and may not after the plan: {why}; this apply or the next one needs it"
    );
    Some(refusal(safeguards, arn, what, culprit))
}

/// What a principal may not do on what the plan makes, and could but for the policy of that and for RCPs.
fn on_what_is_made(
    safeguards: &dyn Safeguards,
    (before, after): (&AccessModel, &AccessModel),
    arn: &str,
    needs: &[Right],
) -> Option<Diagnostic> {
    let source = StepSource::Principal(arn.to_owned());
    let mut denied = Vec::new();
    for need in needs {
        let (_, made) = by_policy(need, |arn| {
            let is_made = after.resources.contains_key(arn) && !before.resources.contains_key(arn);
            is_made.then(|| (None, after.resource_policy(arn).cloned()))
        });
        for (free, right) in made {
            let free = Asked::within(after, &source, &free)?.without_resource_control();
            let is = Asked::within(after, &source, &right)?;
            let own = right.policy.as_ref();
            let lost = lost(Some(free), &is).into_iter();
            denied.extend(lost.filter(|(opening, ..)| !is_meant(&is, opening, own)));
        }
    }
    let (call, why, culprit) = first_of(&denied)?;
    let what = format!(
        "it may not call {call}, which the plan makes: {why}; this apply or the next one needs it"
    );
    Some(refusal(safeguards, arn, what, culprit))
}

/// Whether nothing denies a request but statements with conditions of the thing's own policy: people write those on
/// purpose for a new resource, so that the plan is judged as it stands.
fn is_meant(asked: &Asked, opening: &Opening, own: Option<&NamedPolicy>) -> bool {
    let Some(own) = own else { return false };
    let statements = own.document.statements.iter().enumerate();
    let on_condition: BTreeSet<String> = statements
        .filter(|(_, s)| s.effect == Effect::Deny && !s.conditions.is_empty())
        .map(|(index, s)| {
            let sid = s.sid.clone().filter(|sid| !sid.is_empty());
            sid.unwrap_or_else(|| index.to_string())
        })
        .collect();
    let decision = asked.judge(&opening.witness);
    let mut denies = decision.matched.iter().filter(|hit| hit.effect == Effect::Deny).peekable();
    denies.peek().is_some()
        && denies
            .all(|hit| hit.policy == own.policy.name() && on_condition.contains(&hit.statement))
}

/// A request that is lost, why, and the object whose policy takes it away.
type Lost = (Opening, String, Option<String>);

fn lost(was: Option<Asked>, is: &Asked) -> Vec<Lost> {
    let answers = answer(was.as_ref(), Some(is));
    let SymbolicAnswer::Open(openings) = answers.before else { return Vec::new() };
    let still: BTreeSet<(String, String)> = match answers.after {
        SymbolicAnswer::Open(openings) => openings.iter().map(request).collect(),
        SymbolicAnswer::Closed { .. } => BTreeSet::new(),
        SymbolicAnswer::Undecided(_) => return Vec::new(),
    };
    let lost = openings.into_iter().filter(|o| !still.contains(&request(o)));
    lost.map(|opening| {
        let (why, culprit) = because(is, &opening);
        (opening, why, culprit)
    })
    .collect()
}

/// The first of what is lost, for people, and how much more there is; why, and whose policy says so.
fn first_of(lost: &[Lost]) -> Option<(String, &str, &str)> {
    let (first, why, culprit) = lost.first()?;
    let (action, resource) = request(first);
    let more = match lost.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let call = format!("`{action}` on `{resource}`{more}");
    Some((call, why, culprit.as_deref().unwrap_or_default()))
}

fn request(opening: &Opening) -> (String, String) {
    (opening.witness.action.clone(), opening.witness.resource.clone())
}

/// Whether it is the resource's own policy that would have to permit a request.
fn is_for_the_resource(asked: &Asked, opening: &Opening) -> bool {
    asked.judge(&opening.witness).decided_by == DecidedBy::ResourcePolicy
}

/// Why a request that was allowed is not any more, and the object whose policy says so.
fn because(asked: &Asked, opening: &Opening) -> (String, Option<String>) {
    let decision: Decision = asked.judge(&opening.witness);
    let label = |policy: &str| policy.split(PART).next().unwrap_or_default().to_owned();
    let denies = decision.matched.iter().find(|hit| hit.effect == Effect::Deny);
    match (decision.decision, denies) {
        (PolicyDecision::ExplicitDeny, Some(hit)) => {
            let label = label(&hit.policy);
            (format!("statement `{}` of `{label}` denies it", hit.statement), Some(label))
        }
        _ => {
            let layer = decision.decided_by.words();
            (format!("no statement allows it any more (decided by: {layer})"), None)
        }
    }
}

fn refusal(safeguards: &dyn Safeguards, arn: &str, what: String, culprit: &str) -> Diagnostic {
    Diagnostic::error(format!("the plan would lock out `{arn}`"))
        .at_opt(safeguards.declared(culprit))
        .detail(what)
        .help("exempt it where it is denied (`ArnNotLike` on `aws:PrincipalArn`), or take it out of `protect_principals` of the organization; the roles through which accounts are entered are always protected")
}
