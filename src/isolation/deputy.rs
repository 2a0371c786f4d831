//! Grades C and D: data that crosses by way of a bucket which both sides use, and grants that a
//! service or a third party can be talked into using for somebody else (the confused deputy).
//!
//! Source: IAM User Guide, "The confused deputy problem".

use std::collections::{BTreeMap, BTreeSet};

use super::Grade;
use super::compare::SideResult;
use super::crossing::{Source, Step, Target, asked, home};
use super::paths::{Edge, Origin, account_of, origins_of, outside};
use super::rights::COMPUTE;
use super::world::{Rule, World};
use crate::iam::{Effect, PrincipalType, Statement};
use crate::ids::Handle;

/// Keys by which a grant to a service says for whom the service may use it.
const SOURCES: [&str; 4] =
    ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Something that crosses without a request of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Detour {
    /// Where it starts.
    pub from: Origin,
    /// The environment that it enters.
    pub to: String,
    /// The account that it enters.
    pub to_account: Handle,
    /// C or D.
    pub grade: Grade,
    /// Who uses it: an ARN, a service, an account.
    pub principal: String,
    /// What is used: the ARN of a role or bucket.
    pub resource: String,
    /// What it is, for people.
    pub text: String,
    /// Objects whose policies make it possible.
    pub addresses: Vec<String>,
}

/// All detours of one side, in order.
#[must_use]
pub fn detours(world: &World, result: &SideResult) -> BTreeSet<Detour> {
    let mut found = deputies(world);
    found.extend(shared_buckets(world, result));
    found
}

/// Grants to services and third parties that do not say for whom.
fn deputies(world: &World) -> BTreeSet<Detour> {
    let trusts = world
        .principals
        .values()
        .filter_map(|p| Some((&p.arn, &p.account, &p.label, p.trust.as_ref()?, true)));
    let buckets = world.buckets.values().map(|b| (&b.arn, &b.account, &b.label, &b.policy, false));
    let mut found = BTreeSet::new();
    for (arn, account, label, rule, is_trust) in trusts.chain(buckets) {
        // AWS writes the trust of service-linked roles, and nobody else can change it.
        if arn.contains(":role/aws-service-role/") {
            continue;
        }
        let Some(node) = world.accounts.get(account) else { continue };
        for (principal, text) in unguarded(world, rule, is_trust) {
            for to in &node.environments {
                found.insert(Detour {
                    from: Origin::External,
                    to: to.clone(),
                    to_account: account.clone(),
                    grade: Grade::D,
                    principal: principal.clone(),
                    resource: arn.clone(),
                    text: format!("`{label}` lets in `{principal}` {text}"),
                    addresses: vec![label.clone()],
                });
            }
        }
    }
    found
}

/// Principals of a policy that can be talked into using it, and what is missing.
fn unguarded(world: &World, rule: &Rule, is_trust: bool) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for statement in rule.document.statements.iter().filter(|s| s.effect == Effect::Allow) {
        for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
            let name = item.text.symbolic().into_owned();
            match kind {
                // Whoever passes a role to a service must stand in the role's own account.
                PrincipalType::Service
                    if is_trust && COMPUTE.iter().any(|(service, _)| *service == name) => {}
                PrincipalType::Service if !asks(statement, &SOURCES) => {
                    found.insert(
                        name,
                        "whoever the service acts for: the statement asks for none of aws:SourceAccount, aws:SourceArn, aws:SourceOrgID and aws:SourceOrgPaths",
                    );
                }
                PrincipalType::Aws
                    if is_trust
                        && name != "*"
                        && outside_estate(world, &name)
                        && !asks(statement, &["sts:externalid"]) =>
                {
                    found.insert(
                        name,
                        "of another organization without asking for sts:ExternalId: its other customers may be served through it",
                    );
                }
                _ => {}
            }
        }
    }
    found
}

fn asks(statement: &Statement, keys: &[&str]) -> bool {
    statement.conditions.iter().any(|c| keys.contains(&c.key.to_ascii_lowercase().as_str()))
}

/// Whether a named principal lies in an account of neither the estate nor its organization.
fn outside_estate(world: &World, name: &str) -> bool {
    let account = match name.strip_prefix("arn:") {
        Some(_) => name.split(':').nth(4).unwrap_or_default(),
        None => name,
    };
    let declared = world.homes.contains_key(account);
    let arn = format!("arn:aws:iam::{account}:root");
    account.len() == 12 && !declared && outside(world, &arn) == Origin::External
}

/// Buckets into which one environment writes and out of which another one reads.
fn shared_buckets(world: &World, result: &SideResult) -> BTreeSet<Detour> {
    let mut writers: BTreeMap<&str, BTreeMap<Origin, &Step>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for edge in result.edges.values() {
        let (Target::Bucket(bucket), Some(own)) =
            (&edge.step.target, home(world, &edge.step.source))
        else {
            continue;
        };
        if permits(world, edge, "s3:PutObject") {
            for origin in origins_of(world, own) {
                writers.entry(bucket).or_default().entry(origin).or_insert(&edge.step);
            }
        }
        if permits(world, edge, "s3:GetObject") {
            readers.entry(bucket).or_default().push(&edge.step);
        }
    }
    let mut found = BTreeSet::new();
    for (bucket, steps) in readers {
        for step in steps {
            let Some(own) = home(world, &step.source) else { continue };
            let Some(reader) = world.accounts.get(own) else { continue };
            let owner = account_of(world, &step.target).map(|a| origins_of(world, &a));
            let mut origins: BTreeSet<Origin> =
                writers.get(bucket).into_iter().flat_map(|w| w.keys().cloned()).collect();
            origins.extend(owner.into_iter().flatten());
            let Source::Principal(arn) = &step.source else { continue };
            for to in &reader.environments {
                for from in origins.iter().filter(|o| **o != Origin::Environment(to.clone())) {
                    found.insert(Detour {
                        from: from.clone(),
                        to: to.clone(),
                        to_account: own.clone(),
                        grade: Grade::C,
                        principal: arn.clone(),
                        resource: bucket.to_owned(),
                        text: format!(
                            "data of {} reaches {to} by way of `{bucket}`: `{arn}` may read it",
                            from.name()
                        ),
                        addresses: world
                            .buckets
                            .get(bucket)
                            .map(|b| b.label.clone())
                            .into_iter()
                            .collect(),
                    });
                }
            }
        }
    }
    found
}

/// Whether an open step permits that action, as its witnesses stand.
fn permits(world: &World, edge: &Edge, action: &str) -> bool {
    let Some(asked) = asked(world, &edge.step) else { return false };
    edge.openings.iter().any(|opening| {
        let mut request = opening.witness.clone();
        action.clone_into(&mut request.action);
        request.resource.contains('/') && asked.judge(&request).is_allowed()
    })
}
