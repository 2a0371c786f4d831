//! Witnesses that name something which could exist.
//!
//! A right over whatever a service has is asked about by the beginning of the service's ARNs, so that no region and no type is
//! missed, and its witness is the shortest text that no pattern tells apart from others (`arn:aws:codebuild:x`). Here such a
//! text is swapped for an ARN of the form that the catalogue gives the action's resources, in the region that the request
//! is sent to, where the same can be played again with it; otherwise it stays, for it is the one that was judged.

use super::crossing::Asked;
use super::replay::replay;
use crate::access::AccountNode;
use crate::iam::symbolic::Opening;
use crate::iam::{ContextValue, Effect, catalogue};

/// The regions that a resource of a witness may lie in: the one that the request is sent to, and one of the partition
/// for policies that leave it open.
fn regions(opening: &Opening, home: &AccountNode) -> Vec<String> {
    let asked = opening.witness.context.get(REQUESTED_REGION).map(ContextValue::values);
    let asked = asked.into_iter().flatten().filter(|region| region.contains('-'));
    asked.cloned().chain([home.partition.global_region().to_owned()]).collect()
}

const REQUESTED_REGION: &str = "aws:RequestedRegion";

/// Swaps the resource of an opening that is no whole ARN.
pub(super) fn name_resource(asked: &Asked, home: &AccountNode, opening: &mut Opening) {
    let Some(action) = catalogue().find(&opening.witness.action) else { return };
    let templates: Vec<&str> = catalogue().resource_types(action).map(|kind| kind.arn).collect();
    if is_whole(&opening.witness.resource, &templates) {
        return;
    }
    for region in regions(opening, home) {
        let mut named: Vec<String> =
            templates.iter().map(|arn| filled(arn, &region, home)).collect();
        if templates.is_empty() {
            named.push("*".to_owned());
        }
        named.extend(of_patterns(asked, opening, &region, home));
        for resource in named.into_iter().filter(|resource| asked.asks_for(resource)) {
            let mut other = opening.clone();
            other.witness.resource = resource;
            if other.witness.context.get(REQUESTED_REGION).is_some() {
                other.witness.context.set(REQUESTED_REGION, region.as_str());
            }
            other.decision = asked.judge(&other.witness);
            if replay(asked, &other).is_ok() {
                *opening = other;
                return;
            }
        }
    }
}

/// Whether a text is `*`, or an ARN with a service, a resource, and the region and account that such ARNs have.
fn is_whole(resource: &str, templates: &[&str]) -> bool {
    let has = |part: &str| !templates.is_empty() && templates.iter().all(|arn| arn.contains(part));
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [_, _, service, region, account, rest] = parts.as_slice() else { return resource == "*" };
    let of_region = region.contains('-') || (region.is_empty() && !has("${Region}"));
    let of_account = (account.is_empty() && !has("${Account}"))
        || account.len() == 12
        || account.starts_with('\u{27e8}');
    !service.is_empty() && of_region && of_account && !rest.is_empty()
}

/// An ARN of the catalogue with its variables filled in: what stands for a name is named after what it names.
fn filled(template: &str, region: &str, home: &AccountNode) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once("${") {
        let (variable, after) = tail.split_once('}').unwrap_or((tail, ""));
        text.push_str(before);
        match variable {
            "Partition" => text.push_str(&home.partition.to_string()),
            "Region" => text.push_str(region),
            "Account" => text.push_str(&home.id),
            _ => text.push_str("any"),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The resources that the granting statements name, with their wildcards filled in.
fn of_patterns(asked: &Asked, opening: &Opening, region: &str, home: &AccountNode) -> Vec<String> {
    let hits = opening.decision.matched.iter().filter(|hit| hit.effect == Effect::Allow);
    let statements = hits.flat_map(|hit| {
        let rules = asked.rules().iter().filter(|rule| rule.policy.name() == hit.policy);
        rules
            .flat_map(|rule| rule.document.statements.iter().enumerate())
            .filter(|(at, s)| s.label(*at) == hit.statement || at.to_string() == hit.statement)
    });
    let patterns = statements.flat_map(|(_, s)| &s.resources).map(|i| i.text.symbolic());
    let filled = patterns.filter(|pattern| pattern.matches(':').count() >= 5).map(|pattern| {
        let parts = pattern.splitn(6, ':').enumerate().map(|(at, part)| match (at, part) {
            (3, "*") => region.to_owned(),
            (4, "*") => home.id.clone(),
            _ => part.replace('*', "any").replace('?', "x"),
        });
        parts.collect::<Vec<String>>().join(":")
    });
    filled.collect()
}
