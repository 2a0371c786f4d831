//! Trust policies that let a service assume a role only for specific resources.
//!
//! Claim: if every statement that lets a service assume a role requires `aws:SourceArn`, and the service sets that key to the
//! resource for which it assumes the role, then no other resource of that type gets the role: neither a function with another
//! name nor a new trust anchor, whose id AWS chooses. If a trust policy is anything else, all resources count.
//!
//! Source: IAM User Guide, "AWS global condition context keys", `aws:SourceArn` (the resource on whose behalf a service calls; for
//! Lambda this is the function); IAM Roles Anywhere User Guide, "Trust model" (the trust anchor).

use std::collections::BTreeSet;

use crate::access::{AccessModel, FUNCTION, PrincipalNode};
use crate::iam::operator::Test;
use crate::iam::symbolic::Space;
use crate::iam::{Effect, Statement};

/// A resource type for which a service assumes roles.
struct Pinning {
    /// The service principal, without domain.
    service: &'static str,
    /// The service prefix and the resource type in its ARNs.
    arn: (&'static str, &'static str),
    /// Whether AWS chooses the ARN of a new resource.
    is_named_by_aws: bool,
}

/// The types for which the value of `aws:SourceArn` is documented.
fn pinning() -> [Pinning; 2] {
    [
        Pinning {
            service: FUNCTION.service,
            arn: (FUNCTION.service, FUNCTION.resource),
            is_named_by_aws: false,
        },
        Pinning {
            service: "rolesanywhere",
            arn: ("rolesanywhere", "trust-anchor/"),
            is_named_by_aws: true,
        },
    ]
}

/// The only resources for which a service may assume a role.
pub(super) struct Pinned {
    of: Pinning,
    patterns: BTreeSet<String>,
}

impl Pinned {
    /// The resources of an action that count: the pinned ones, and resources of other types if the action may create a pinned
    /// one.
    pub(super) fn remaining(&self, action: &str, resources: Vec<Space>) -> Vec<Space> {
        let (space, kind) = self.of.arn;
        if !action.split(':').next().is_some_and(|own| own.eq_ignore_ascii_case(space)) {
            return resources;
        }
        let is_of_kind = |resource: &Space| {
            resource.text().splitn(6, ':').nth(5).is_some_and(|rest| rest.starts_with(kind))
        };
        let acts_on_it = resources.iter().any(is_of_kind);
        let new_ones = !self.of.is_named_by_aws;
        let pins = self.patterns.iter().cloned().map(Space::Shaped).filter(|_| acts_on_it);
        let others = resources.into_iter().filter(|resource| !is_of_kind(resource) && new_ones);
        pins.chain(others).collect()
    }
}

/// The patterns of `aws:SourceArn` that a statement requires, if it does.
fn patterns(statement: &Statement) -> Option<BTreeSet<String>> {
    let asks = statement.conditions.iter().find(|condition| {
        let operator = &condition.operator;
        condition.key.eq_ignore_ascii_case("aws:SourceArn")
            && operator.prefix.is_none()
            && !operator.if_exists
            && matches!(
                operator.test,
                Test::ArnEquals | Test::ArnLike | Test::StringEquals | Test::StringLike
            )
    })?;
    let texts = asks.values.iter().map(|item| item.text.symbolic().into_owned());
    Some(texts.collect())
}

/// The resources that a role is pinned to, if its trust policy pins it on each side on which it exists.
pub(super) fn pinned(sides: [&AccessModel; 2], role: &str, service: &str) -> Option<Pinned> {
    let name = service.split('.').next().unwrap_or_default();
    let of = pinning().into_iter().find(|pinning| pinning.service == name)?;
    let mut all = BTreeSet::new();
    for node in sides.into_iter().filter_map(|model| model.principals.get(role)) {
        all.extend(pins(node, service, &of)?);
    }
    Some(Pinned { of, patterns: all })
}

/// The ARNs for which a role trusts a service; `None` if one may be of another type.
fn pins(role: &PrincipalNode, service: &str, of: &Pinning) -> Option<BTreeSet<String>> {
    let statements = role.trust.iter().flat_map(|trust| &trust.document.statements);
    let lets_in = |statement: &&Statement| {
        statement.effect == Effect::Allow
            && statement.principals.as_ref().is_none_or(|named| {
                let mut texts = named.items().map(|(_, item)| item.text.symbolic().into_owned());
                named.is_everyone() || texts.any(|text| text == service || text == "*")
            })
    };
    let (space, kind) = of.arn;
    let mut all = BTreeSet::new();
    for statement in statements.filter(lets_in) {
        let own = patterns(statement)?;
        let is_plain = |pattern: &String| {
            let parts: Vec<&str> = pattern.splitn(6, ':').collect();
            let [_, _, service, _, _, rest] = parts.as_slice() else { return false };
            let name = rest.strip_prefix(kind).unwrap_or_default();
            // A pattern with an open id also matches new trust anchors.
            let is_open = of.is_named_by_aws && name.contains(['*', '?']);
            // Code of a version comes from its function, so a right over the function counts.
            let is_whole = !name.is_empty() && !name.contains(':');
            *service == space && is_whole && !is_open && !pattern.contains('$')
        };
        if !own.iter().all(is_plain) {
            return None;
        }
        all.extend(own);
    }
    (!all.is_empty()).then_some(all)
}
