//! The lock-out guard: no plan takes from the principals that must stay able to repair the estate
//! what this apply or the next one needs.
//!
//! Guarded are the role through which each account is entered, and `protect_principals` of the
//! organization. A plan is refused where such a principal may do something now and may not, in any
//! circumstances, after it; what was denied before is not the plan's doing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compare::Comparison;
use super::crossing::{Asked, Right, Source, Step, Target, answer, asked};
use crate::access::{AccessModel, NamedPolicy, PART, PrincipalNode};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Answer, Opening};
use crate::iam::{Decision, Effect, Verdict as Judgement, semantic_eq};
use crate::ids::Handle;

/// What has to stay possible after a change, as the one who makes the change knows it.
pub trait Safeguards {
    /// Patterns of the ARNs of principals that must keep their rights.
    fn protected(&self) -> Vec<String>;

    /// The role through which an account is entered, by its name without a path; `None` where no role is
    /// needed to enter it.
    fn entry_role(&self, account: &Handle) -> Option<&str>;

    /// What the rest of this change, or the next one, does in an account.
    fn needs(&self, model: &AccessModel, account: &Handle) -> Vec<Right>;

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

    fn entry_role(&self, _: &Handle) -> Option<&str> {
        None
    }

    fn needs(&self, _: &AccessModel, _: &Handle) -> Vec<Right> {
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
    for principal in before.principals.values() {
        if !is_protected(safeguards, before, &patterns, principal) {
            continue;
        }
        let Some(still) = after.principals.get(&principal.arn) else {
            let what = "it is there now, and the plan deletes it".to_owned();
            diagnostics.push(refusal(safeguards, &principal.arn, what, &principal.label));
            continue;
        };
        diagnostics.extend(trust(safeguards, comparison, still));
        if same_policies(before, after, &principal.arn) {
            continue;
        }
        let needs = needs
            .entry(principal.account.clone())
            .or_insert_with(|| safeguards.needs(before, &principal.account));
        diagnostics.extend(policies(safeguards, before, after, &principal.arn, needs));
    }
    diagnostics.into_result(())
}

/// Whether a principal is named, or is the role through which its account is entered.
fn is_protected(
    safeguards: &dyn Safeguards,
    model: &AccessModel,
    patterns: &[Glob],
    principal: &PrincipalNode,
) -> bool {
    let Some(node) = model.accounts.get(&principal.account) else { return false };
    if node.emulated {
        return false;
    }
    let entry = safeguards.entry_role(&principal.account);
    let prefix = format!("arn:{}:iam::{}:role/", node.partition, node.id);
    let is_entry = principal
        .arn
        .strip_prefix(&prefix)
        .is_some_and(|role| entry.is_some() && role.rsplit('/').next() == entry);
    is_entry || patterns.iter().any(|pattern| pattern.matches(&principal.arn))
}

/// Whether all that decides what a principal may do stays what it is.
fn same_policies(before: &AccessModel, after: &AccessModel, arn: &str) -> bool {
    let all = |model: &AccessModel| -> Option<BTreeMap<String, NamedPolicy>> {
        let principal = model.principals.get(arn)?;
        let home = model.accounts.get(&principal.account)?;
        let levels = home.service_control.iter().flat_map(|(target, rules)| {
            rules.iter().map(move |rule| (format!("{target} {}", rule.policy.name()), rule.clone()))
        });
        let own = principal.identity().iter().chain(principal.boundary());
        Some(own.map(|rule| (rule.policy.name().to_owned(), rule.clone())).chain(levels).collect())
    };
    let (Some(was), Some(is)) = (all(before), all(after)) else { return false };
    was.len() == is.len()
        && was.iter().zip(&is).all(|((a, was), (b, is))| {
            a == b
                && (Arc::ptr_eq(&was.document, &is.document)
                    || semantic_eq(&was.document, &is.document))
        })
}

/// Nobody may enter any more, where somebody may now.
fn trust(
    safeguards: &dyn Safeguards,
    comparison: &Comparison<'_>,
    principal: &PrincipalNode,
) -> Option<Diagnostic> {
    let target = Target::Role(principal.arn.clone());
    let (was, is) = (&comparison.before.1, &comparison.after.1);
    let into = |step: &&Step| step.target == target;
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

/// What a principal may do now and may not in any circumstances after the plan.
fn policies(
    safeguards: &dyn Safeguards,
    before: &AccessModel,
    after: &AccessModel,
    arn: &str,
    needs: &[Right],
) -> Option<Diagnostic> {
    let mut denied: Vec<(Opening, String, Option<String>)> = Vec::new();
    for right in needs {
        let source = Source::Principal(arn.to_owned());
        let was = Asked::within(before, &source, right);
        let is = Asked::within(after, &source, right)?;
        let answers = answer(was.as_ref(), Some(&is));
        let Answer::Open(openings) = answers.before else { continue };
        let still: BTreeSet<(String, String)> = match answers.after {
            Answer::Open(openings) => openings.iter().map(request).collect(),
            Answer::Closed { .. } => BTreeSet::new(),
            Answer::Undecided(_) => continue,
        };
        for opening in openings.into_iter().filter(|o| !still.contains(&request(o))) {
            let (why, culprit) = because(&is, &opening);
            denied.push((opening, why, culprit));
        }
    }
    let (first, why, culprit) = denied.first()?;
    let (action, resource) = request(first);
    let more = match denied.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let what = format!(
        "it may call `{action}` on `{resource}` now and may not after the plan{more}: {why}; this apply or the next one needs it"
    );
    Some(refusal(safeguards, arn, what, culprit.as_deref().unwrap_or_default()))
}

fn request(opening: &Opening) -> (String, String) {
    (opening.witness.action.clone(), opening.witness.resource.clone())
}

/// Why a request that was allowed is not any more, and the object whose policy says so.
fn because(asked: &Asked, opening: &Opening) -> (String, Option<String>) {
    let decision: Decision = asked.judge(&opening.witness);
    let label = |policy: &str| policy.split(PART).next().unwrap_or_default().to_owned();
    let denies = decision.matched.iter().find(|hit| hit.effect == Effect::Deny);
    match (decision.decision, denies) {
        (Judgement::ExplicitDeny, Some(hit)) => {
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
        .help("exempt it where it is denied (`ArnNotLike` on `aws:PrincipalArn`), or take it out of `protect_principals` of the organization; the role through which an account is entered is always protected")
}
