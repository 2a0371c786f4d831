//! What bounds a path: the action that stands for it, and the patterns of the statements that grant it.

use super::super::crossing::{PathStep, StepTarget, asked};
use super::super::rules::Bound;
use crate::access::{AccessModel, PART, ResourceType};
use crate::iam::symbolic::Opening;
use crate::iam::symbolic::globs::Glob;
use crate::iam::{Effect, Item, Statement, catalogue};

/// What bounds the openings: the patterns that the resource's own statements grant, and those
/// that the principal's grant; each bounds the whole by itself.
pub(super) fn bounds(model: &AccessModel, step: &PathStep, openings: &[Opening]) -> Vec<Bound> {
    let Some(asked) = asked(model, step) else { return Vec::new() };
    let resource = asked.rules().first().map(|r| r.policy.name().to_owned());
    let mut of_resource = Bound::default();
    let mut of_identity = Bound::default();
    for opening in openings {
        for hit in opening.decision.matched.iter().filter(|m| m.effect == Effect::Allow) {
            let rule = asked.rules().iter().find(|r| r.policy.name() == hit.policy);
            let statement = rule.and_then(|r| {
                let mut all = r.document.statements.iter().enumerate();
                all.find(|(i, s)| s.label(*i) == hit.statement || i.to_string() == hit.statement)
            });
            let Some((_, statement)) = statement else { continue };
            let bound = if Some(&hit.policy) == resource.as_ref() {
                &mut of_resource
            } else if hit.policy.ends_with("content")
                && hit.policy.split(PART).next().is_some_and(|l| model.guardrail(l).is_some())
            {
                // A guardrail grants nothing.
                continue;
            } else {
                &mut of_identity
            };
            add(bound, statement, opening);
        }
    }
    let mut bounds = vec![of_resource, of_identity];
    // Where nothing lies in the resource, the step is about that alone, whatever patterns let it through.
    let only = match &step.target {
        StepTarget::Resource(arn) => {
            ResourceType::of_arn(arn).filter(|of| of.contents.is_none()).map(|_| arn)
        }
        StepTarget::Role(_) => None,
    };
    for bound in &mut bounds {
        if let Some(arn) = only {
            bound.resources = vec![arn.clone()];
        }
        bound.actions.sort();
        bound.actions.dedup();
        bound.resources.sort();
        bound.resources.dedup();
        if bound.resources.is_empty() && !bound.actions.is_empty() {
            bound.resources.push(step.target.arn().to_owned());
        }
    }
    bounds.retain(|b| !b.actions.is_empty());
    bounds
}

/// An opening under the name of an action that exists. Regions of actions have representatives that
/// need not be one; the catalogue's first in the same region, allowed by the judge, stands for it.
pub(super) fn named(model: &AccessModel, step: &PathStep, opening: &Opening) -> Opening {
    let mut opening = opening.clone();
    let all = catalogue();
    if let Some(name) = all.find(&opening.witness.action).and_then(|id| all.full_name(id)) {
        opening.witness.action = name;
        return opening;
    }
    let Some(asked) = asked(model, step) else { return opening };
    let statements = asked.rules().iter().flat_map(|rule| &rule.document.statements);
    let globs: Vec<Glob> = statements
        .flat_map(|s| s.actions.iter().chain(&s.not_actions))
        .map(|item| Glob::like(&item.text.symbolic().to_ascii_lowercase()))
        .collect();
    let region = |action: &str| -> Vec<bool> {
        let action = action.to_ascii_lowercase();
        globs.iter().map(|glob| glob.matches(&action)).collect()
    };
    let here = region(&opening.witness.action);
    let service = opening.witness.action.split(':').next().and_then(|name| all.find_service(name));
    let names = service.into_iter().flat_map(|id| all.actions_of(id));
    let known = names.filter_map(|id| all.full_name(id)).find(|name| {
        let mut request = opening.witness.clone();
        request.action.clone_from(name);
        region(name) == here && asked.judge(&request).is_allowed()
    });
    if let Some(name) = known {
        opening.witness.action = name;
    }
    opening
}

/// Adds the patterns of a statement that the opening's request matches.
pub(super) fn add(bound: &mut Bound, statement: &Statement, opening: &Opening) {
    let action = opening.witness.action.to_ascii_lowercase();
    let matching = |items: &[Item], text: &str, lower: bool| -> Vec<String> {
        items
            .iter()
            .map(|i| i.text.symbolic().into_owned())
            .filter(|p| {
                let pattern = if lower { p.to_ascii_lowercase() } else { p.clone() };
                Glob::like(&pattern).matches(text)
            })
            .collect()
    };
    bound.actions.extend(matching(&statement.actions, &action, true));
    if statement.actions.is_empty() {
        bound.actions.push("*".to_owned());
    }
    bound.resources.extend(matching(&statement.resources, &opening.witness.resource, false));
    if statement.resources.is_empty() && !statement.not_resources.is_empty() {
        bound.resources.push("*".to_owned());
    }
}

/// How broad patterns read: fewer wildcards and longer text first.
pub(super) fn breadth(bound: &Bound) -> (usize, usize) {
    let all = || bound.actions.iter().chain(&bound.resources);
    let stars = all().map(|p| p.matches('*').count()).sum();
    (stars, usize::MAX - all().map(String::len).sum::<usize>())
}
