//! Trusts that let a service in for one given thing alone.
//!
//! Claim: where every statement by which a role lets a service in asks for `aws:SourceArn`, and the service tells by that on
//! whose behalf it asks for the role, nothing else of that type is handed the role: neither a function of another name nor a trust anchor
//! that is made, for AWS gives it an id of its own. Where a trust is read otherwise, whatever there is counts.
//!
//! Source: IAM User Guide, "AWS global condition context keys", `aws:SourceArn` (the resource on whose behalf a service calls: a function, and where
//! Lambda told none, such a trust would let it in for nothing); IAM Roles Anywhere User Guide, "Trust model" (the trust anchor's, and its id
//! is AWS's choice).

use std::collections::BTreeSet;

use crate::access::{AccessModel, FUNCTION, PrincipalNode};
use crate::iam::operator::Test;
use crate::iam::symbolic::Space;
use crate::iam::{Effect, Statement};

/// A type of things for which a service asks for a role.
struct Pinning {
    /// The service principal, without domain.
    service: &'static str,
    /// The name space and the type in its ARNs.
    arn: (&'static str, &'static str),
    /// Whether AWS chooses the ARN of a new one.
    is_named_by_aws: bool,
}

/// Those of which it is known what the key names.
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

/// The things for which a service may be a role, and for no others.
pub(super) struct Pinned {
    of: Pinning,
    patterns: BTreeSet<String>,
}

impl Pinned {
    /// Of what an action acts on in an account, that which counts: the things that the role is for, and what is no thing of
    /// their service, or may come to be one of them.
    pub(super) fn left(&self, action: &str, resources: Vec<Space>) -> Vec<Space> {
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

/// The patterns of `aws:SourceArn` of a statement, where it asks for one of them.
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

/// What a role is for, where its trust lets a service in for given things alone on each side that it is on.
pub(super) fn pinned(sides: [&AccessModel; 2], role: &str, service: &str) -> Option<Pinned> {
    let name = service.split('.').next().unwrap_or_default();
    let of = pinning().into_iter().find(|pinning| pinning.service == name)?;
    let mut all = BTreeSet::new();
    for node in sides.into_iter().filter_map(|model| model.principals.get(role)) {
        all.extend(pins(node, service, &of)?);
    }
    Some(Pinned { of, patterns: all })
}

/// The ARNs for which a role lets a service in; `None` where they are not all known to be of that type.
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
            // A pattern that leaves the id open takes in what is made.
            let is_open = of.is_named_by_aws && name.contains(['*', '?']);
            // A version of a function is changed by changing the function.
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
