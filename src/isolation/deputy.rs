//! Data paths and confused deputies (grades C and D): data that crosses by way of a bucket which both sides use, and grants that a
//! service or a third party can be talked into using for somebody else (the confused deputy).
//!
//! Source: IAM User Guide, "The confused deputy problem".

use std::collections::{BTreeMap, BTreeSet};

use super::Grade;
use super::compare::SideResult;
use super::crossing::{Source, Step, Target, asked, home};
use super::paths::{Edge, Origin, account_of, origins_of, outside};
use crate::access::{AccessModel, NamedPolicy};
use crate::iam::{Effect, PrincipalType, Statement, passing};
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
    /// [`Grade::DataPath`] or [`Grade::ConfusedDeputy`].
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
pub fn detours(model: &AccessModel, result: &SideResult) -> BTreeSet<Detour> {
    let mut found = deputies(model);
    found.extend(shared_buckets(model, result));
    found
}

/// Grants to services and third parties that do not say for whom.
fn deputies(model: &AccessModel) -> BTreeSet<Detour> {
    let trusts = model
        .principals
        .values()
        .filter_map(|p| Some((&p.arn, &p.account, &p.label, p.trust.as_ref()?, true)));
    let resources = model.resource_policies();
    let resources = resources.map(|(r, policy)| (&r.arn, &r.account, &r.label, policy, false));
    let mut found = BTreeSet::new();
    for (arn, account, label, rule, is_trust) in trusts.chain(resources) {
        // AWS writes the trust of service-linked roles, and nobody else can change it.
        if arn.contains(":role/aws-service-role/") {
            continue;
        }
        let Some(node) = model.accounts.get(account) else { continue };
        for (principal, text) in unguarded(model, rule, is_trust) {
            for to in &node.environments {
                found.insert(Detour {
                    from: Origin::External,
                    to: to.clone(),
                    to_account: account.clone(),
                    grade: Grade::ConfusedDeputy,
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
fn unguarded(
    model: &AccessModel,
    rule: &NamedPolicy,
    is_trust: bool,
) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for statement in rule.document.statements.iter().filter(|s| s.effect == Effect::Allow) {
        for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
            let name = item.text.symbolic().into_owned();
            match kind {
                // Whoever passes a role to a service must stand in the role's own account.
                PrincipalType::Service
                    if is_trust && passing::of(&name).is_some_and(|ways| !ways.swap.is_empty()) => {
                }
                PrincipalType::Service if !asks(statement, &SOURCES) => {
                    found.insert(
                        name,
                        "whoever the service acts for: the statement asks for none of aws:SourceAccount, aws:SourceArn, aws:SourceOrgID and aws:SourceOrgPaths",
                    );
                }
                PrincipalType::Aws
                    if is_trust
                        && name != "*"
                        && outside_estate(model, &name)
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
fn outside_estate(model: &AccessModel, name: &str) -> bool {
    let account = match name.strip_prefix("arn:") {
        Some(_) => name.split(':').nth(4).unwrap_or_default(),
        None => name,
    };
    let declared = model.account_by_id.contains_key(account);
    let arn = format!("arn:aws:iam::{account}:root");
    account.len() == 12 && !declared && outside(model, &arn) == Origin::External
}

/// Buckets into which one environment writes and out of which another one reads.
fn shared_buckets(model: &AccessModel, result: &SideResult) -> BTreeSet<Detour> {
    let mut writers: BTreeMap<&str, BTreeMap<Origin, &Step>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for edge in result.edges.values() {
        let (Target::Resource(bucket), Some(own)) =
            (&edge.step.target, home(model, &edge.step.source))
        else {
            continue;
        };
        if permits(model, edge, "s3:PutObject") {
            for origin in origins_of(model, own) {
                writers.entry(bucket).or_default().entry(origin).or_insert(&edge.step);
            }
        }
        if permits(model, edge, "s3:GetObject") {
            readers.entry(bucket).or_default().push(&edge.step);
        }
    }
    let mut found = BTreeSet::new();
    for (bucket, steps) in readers {
        for step in steps {
            let Some(own) = home(model, &step.source) else { continue };
            let Some(reader) = model.accounts.get(own) else { continue };
            let owner = account_of(model, &step.target).map(|a| origins_of(model, &a));
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
                        grade: Grade::DataPath,
                        principal: arn.clone(),
                        resource: bucket.to_owned(),
                        text: format!(
                            "data of {} reaches {to} by way of `{bucket}`: `{arn}` may read it",
                            from.name()
                        ),
                        addresses: model
                            .resources
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
fn permits(model: &AccessModel, edge: &Edge, action: &str) -> bool {
    let Some(asked) = asked(model, &edge.step) else { return false };
    edge.openings.iter().any(|opening| {
        let mut request = opening.witness.clone();
        action.clone_into(&mut request.action);
        request.resource.contains('/') && asked.judge(&request).is_allowed()
    })
}
