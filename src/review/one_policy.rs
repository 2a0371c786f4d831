//! One policy on its own as a change: attached to what it is aimed at, or in the place of what stands there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccountSnapshot, AccountsSnapshot, OrganizationPolicy, PolicyText, Tree};
use crate::access::{PolicyType, ResourceType};
use crate::diag::{Diagnostic, Diagnostics, Source, did_you_mean};
use crate::iam::{Document, Use};

/// A policy and what it is aimed at.
pub(crate) struct OnePolicy<'a> {
    /// The file, by which reports call it.
    pub(crate) name: &'a str,
    /// Its JSON.
    pub(crate) text: &'a str,
    /// Ids of roots, units, accounts and policies of the organization, and ARNs.
    pub(crate) targets: &'a [String],
}

/// Carries it out on every target.
///
/// # Errors
/// It is no policy of the kind that its targets take, or no dump has a target.
pub(crate) fn carry_out(
    one: &OnePolicy<'_>,
    after: &mut AccountsSnapshot,
) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    for target in one.targets {
        if let Err(errors) = on_target(one, target, after) {
            diagnostics.extend(errors);
        }
    }
    diagnostics.into_result(())
}

fn on_target(
    one: &OnePolicy<'_>,
    target: &str,
    after: &mut AccountsSnapshot,
) -> Result<(), Diagnostics> {
    match target.starts_with("arn:") {
        true => in_account(one, target, after),
        false => in_organization(one, target, after),
    }
}

/// The document in this use, with the errors at its own lines.
fn read(one: &OnePolicy<'_>, role: Use) -> Result<PolicyText, Diagnostics> {
    let source = Source::new(one.name, one.text);
    Document::parse(&source, 0, role)?;
    Ok(PolicyText::read(&one.text.into()))
}

/// Whether it says to whom it applies, as policies of resources do and those of principals may not.
fn names_principals(one: &OnePolicy<'_>) -> bool {
    // Read leniently: what is wrong with it is told by the reader that its use chooses.
    let json: serde_json::Value = serde_json::from_str(one.text).unwrap_or_default();
    let statements = match json.get("Statement") {
        Some(serde_json::Value::Array(all)) => all.iter().collect(),
        Some(single) => vec![single],
        None => Vec::new(),
    };
    statements.iter().any(|s| s.get("Principal").or_else(|| s.get("NotPrincipal")).is_some())
}

fn in_organization(
    one: &OnePolicy<'_>,
    target: &str,
    after: &mut AccountsSnapshot,
) -> Result<(), Diagnostics> {
    let Tree::Read(tree) = &mut after.tree else {
        return Err(Diagnostic::error(format!(
            "`{target}` is a part of an organization that was not read"
        ))
        .help("give an `organization.json` beside the dumps of the accounts")
        .into());
    };
    let role = |kind: PolicyType| match kind {
        PolicyType::ServiceControl => Use::Scp,
        PolicyType::ResourceControl => Use::Rcp,
    };
    if let Some(policy) = tree.policies.get_mut(target) {
        policy.content = read(one, role(policy.kind))?;
        one.name.clone_into(&mut policy.label);
        return Ok(());
    }
    let places = || {
        let (units, accounts) = (tree.units.keys(), tree.accounts.keys());
        std::iter::once(&tree.root).chain(units).chain(accounts).map(String::as_str)
    };
    if !places().any(|place| place == target) {
        let all = places().chain(tree.policies.keys().map(String::as_str));
        let near = did_you_mean(target, all).unwrap_or_else(|| {
            "name the id of a root, a unit, an account or a policy of the organization, or an ARN"
                .to_owned()
        });
        return Err(Diagnostic::error(format!("`organization.json` has no `{target}`"))
            .help(near)
            .into());
    }
    let kind = match names_principals(one) {
        true => PolicyType::ResourceControl,
        false => PolicyType::ServiceControl,
    };
    let content = read(one, role(kind))?;
    let policy = tree.policies.entry(one.name.to_owned()).or_insert_with(|| OrganizationPolicy {
        kind,
        label: one.name.to_owned(),
        content,
        targets: BTreeSet::new(),
    });
    policy.targets.insert(target.to_owned());
    // AWS attaches none of a type that is off.
    if let Some(enabled) = &mut tree.enabled {
        enabled.insert(kind);
    }
    Ok(())
}

fn in_account(
    one: &OnePolicy<'_>,
    arn: &str,
    after: &mut AccountsSnapshot,
) -> Result<(), Diagnostics> {
    let mut all = after.accounts.values_mut().map(Arc::make_mut);
    let put = all.find_map(|account| on_arn(one, arn, account));
    put.unwrap_or_else(|| {
        let known: Vec<String> = after.accounts.values().flat_map(|a| arns(a)).collect();
        let near = did_you_mean(arn, known.iter().map(String::as_str));
        Err(Diagnostic::error(format!("no dump has `{arn}`"))
            .help(near.unwrap_or_else(|| {
                "a policy of its own is tried on a role, user, group, managed policy or resource of the dumps"
                    .to_owned()
            }))
            .into())
    })
}

/// Puts it where it belongs; `None` where the account has nothing of that ARN.
fn on_arn(
    one: &OnePolicy<'_>,
    arn: &str,
    account: &mut AccountSnapshot,
) -> Option<Result<(), Diagnostics>> {
    let name = one.name.to_owned();
    if let Some(role) = account.roles.values_mut().find(|role| role.arn == arn) {
        return Some(match names_principals(one) {
            true => read(one, Use::Trust).map(|trust| role.trust = Some(trust)),
            false => read(one, Use::Identity).map(|own| drop(role.inline.insert(name, own))),
        });
    }
    if let Some(user) = account.users.values_mut().find(|user| user.arn == arn) {
        return Some(read(one, Use::Identity).map(|own| drop(user.inline.insert(name, own))));
    }
    if let Some(group) = account.groups.values_mut().find(|group| group.arn == arn) {
        return Some(read(one, Use::Identity).map(|own| drop(group.inline.insert(name, own))));
    }
    if let Some(policy) = account.policies.get_mut(arn) {
        return Some(read(one, Use::Managed).map(|content| policy.content = content));
    }
    let resource = account.resources.get_mut(arn)?;
    let service = ResourceType::of_arn(arn).map_or("", |kind| kind.service);
    let content = read(one, Use::Resource(service.to_owned()));
    Some(content.map(|content| resource.policy = Some(content)))
}

fn arns(account: &AccountSnapshot) -> Vec<String> {
    let identities = account.roles.values().chain(account.users.values()).map(|i| &i.arn);
    let groups = account.groups.values().map(|group| &group.arn);
    let others = account.policies.keys().chain(account.resources.keys());
    identities.chain(groups).chain(others).cloned().collect()
}
