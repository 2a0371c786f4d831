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
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Answer, Opening, Space};
use crate::iam::{Decision, Effect, Verdict as Judgement, semantic_eq};
use crate::ids::Handle;
use crate::plan::access::symbol;
use crate::plan::sides::{SideObject, Sides};
use crate::schema::{AccessPart, KindSchema, Repair, access_of, kinds};

/// Checks a plan's both sides.
///
/// # Errors
/// One for each principal that the plan would lock out, at the policy that does it.
pub fn check(
    estate: &Estate,
    sides: &Sides,
    comparison: &Comparison<'_>,
) -> Result<(), Diagnostics> {
    let (before, after) = (comparison.before.0, comparison.after.0);
    let patterns = protected(estate);
    let mut needs: BTreeMap<Handle, Vec<Right>> = BTreeMap::new();
    let mut found = Diagnostics::new();
    for principal in before.principals.values() {
        if !is_protected(estate, before, &patterns, principal) {
            continue;
        }
        let Some(still) = after.principals.get(&principal.arn) else {
            let what = "it is there now, and the plan deletes it".to_owned();
            found.push(refusal(estate, &principal.arn, what, &principal.label));
            continue;
        };
        found.extend(trust(estate, comparison, still));
        if same_policies(before, after, &principal.arn) {
            continue;
        }
        let needs = needs
            .entry(principal.account.clone())
            .or_insert_with(|| rights(estate, sides, before, &principal.account));
        found.extend(policies(estate, before, after, &principal.arn, needs));
    }
    found.into_result(())
}

/// Patterns of `protect_principals`.
fn protected(estate: &Estate) -> Vec<Glob> {
    let is_organization = |kind: &str| access_of(kind) == Some(AccessPart::Organization);
    let organizations = estate.instances.values().filter(|i| is_organization(&i.address.kind));
    organizations
        .filter_map(|i| i.body.get("protect_principals")?.value.elements())
        .flatten()
        .map(|value| Glob::like(&symbol(value)))
        .collect()
}

/// Whether a principal is named, or is the role through which its account is entered.
fn is_protected(
    estate: &Estate,
    model: &AccessModel,
    patterns: &[Glob],
    principal: &PrincipalNode,
) -> bool {
    let node = model.accounts.get(&principal.account);
    let declared = estate.accounts.get(&principal.account);
    let (Some(node), Some(declared)) = (node, declared) else { return false };
    if declared.endpoint_url.is_some() {
        return false;
    }
    let entry = declared.access_role.as_ref().unwrap_or(&estate.provider.access_role);
    let name = entry.rsplit('/').next().unwrap_or(entry);
    let is_entry = principal
        .arn
        .strip_prefix(&format!("arn:aws:iam::{}:role/", node.id))
        .is_some_and(|role| role.rsplit('/').next() == Some(name));
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
    estate: &Estate,
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
    Some(refusal(estate, &principal.arn, what, culprit.as_deref().unwrap_or(&principal.label)))
}

/// What the rest of an apply, or the next one, does in an account.
fn rights(estate: &Estate, sides: &Sides, model: &AccessModel, account: &Handle) -> Vec<Right> {
    let id = model.accounts.get(account).map_or("", |a| a.id.as_str());
    let region = estate
        .accounts
        .get(account)
        .and_then(|a| a.region.as_ref())
        .unwrap_or(&estate.provider.region)
        .to_string();
    let right = |actions: &[&str], resources: Vec<Space>, region: &str| Right {
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        resources,
        policy: None,
        context: vec![
            ("aws:RequestedRegion".to_owned(), region.to_owned()),
            ("aws:SecureTransport".to_owned(), "true".to_owned()),
        ],
        ..Right::default()
    };
    let everywhere = vec![Space::One("*".to_owned())];
    let mut rights =
        vec![right(&["iam:GetAccountAuthorizationDetails"], everywhere.clone(), "us-east-1")];
    let managed: Vec<&SideObject> = sides
        .before
        .objects
        .iter()
        .chain(&sides.after.objects)
        .filter(|o| o.address.is_some() && o.account.as_ref() == Some(account))
        .collect();
    // IAM answers from us-east-1, wherever the account works.
    let region_of = |actions: &[&str]| {
        if actions.iter().all(|a| a.starts_with("iam:")) { "us-east-1" } else { region.as_str() }
    };
    for (schema, objects) in by_kind(&managed) {
        let (actions, resources) = match schema.meaning.repair {
            Repair::Objects(actions) => {
                let arns: BTreeSet<String> =
                    objects.iter().filter_map(|o| Some(symbol(o.attrs.get("arn")?))).collect();
                (actions, arns.into_iter().map(Space::One).collect())
            }
            Repair::Below { service, resource, actions } => {
                let below = format!("arn:aws:{service}:{region}:{id}:{resource}");
                (actions, vec![Space::Below(below)])
            }
            Repair::Everywhere(actions) => (actions, everywhere.clone()),
            Repair::Nothing(_) => continue,
        };
        if !resources.is_empty() {
            rights.push(right(actions, resources, region_of(actions)));
        }
    }
    rights
}

/// Objects by kind, in the order of the kinds' names; what is repaired object by object comes first.
fn by_kind<'o>(objects: &[&'o SideObject]) -> Vec<(&'static KindSchema, Vec<&'o SideObject>)> {
    let mut all: Vec<(&'static KindSchema, Vec<&'o SideObject>)> = kinds()
        .iter()
        .map(|kind| kind.schema())
        .map(|s| (s, objects.iter().filter(|o| o.kind == s.kind).copied().collect::<Vec<_>>()))
        .filter(|(_, objects)| !objects.is_empty())
        .collect();
    let singly = |schema: &KindSchema| matches!(schema.meaning.repair, Repair::Objects(_));
    all.sort_by_key(|(schema, _)| (!singly(schema), schema.kind));
    all
}

/// What a principal may do now and may not in any circumstances after the plan.
fn policies(
    estate: &Estate,
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
    Some(refusal(estate, arn, what, culprit.as_deref().unwrap_or_default()))
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

fn refusal(estate: &Estate, arn: &str, what: String, culprit: &str) -> Diagnostic {
    let place = estate.instances.values().find(|i| i.address.to_string() == culprit);
    Diagnostic::error(format!("the plan would lock out `{arn}`"))
        .at_opt(place.map(|i| i.loc.clone()))
        .detail(what)
        .help("exempt it where it is denied (`ArnNotLike` on `aws:PrincipalArn`), or take it out of `protect_principals` of the organization; the role through which an account is entered is always protected")
}
