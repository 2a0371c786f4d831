//! Resources whose own policy decides who changes what they run: somebody whom it lets do that is the role under which
//! they run, from whatever account.
//!
//! Claim: where a policy of a resource allows an action by which somebody is a role that is in use already (see
//! [`passing`]), the resource is found, with every role of its account under which it may run. Which one it runs under
//! nobody reads; it runs under one that its service assumes in that account.
//!
//! Of the types that the analysis judges these are Lambda functions. AWS lists `UpdateFunctionCode` among the calls that a
//! function's policy permits to other accounts (Lambda Developer Guide, "Granting Lambda function access to other
//! accounts"). Of `UpdateFunctionConfiguration` it says neither, so it counts. Images, packages and objects that code is
//! taken from are data: what runs them is told as an assumption (`running_code`).

use std::collections::BTreeMap;

use super::rights::{allows, is_reserved, serves, services_of};
use crate::access::{AccessModel, AccountNode, ResourceNode};
use crate::iam::symbolic::globs::Glob;
use crate::iam::{catalogue, passing};
use crate::ids::Handle;

/// What a resource runs, as far as its policy lets somebody change that.
#[derive(Clone, Debug)]
pub(super) struct RunningCode {
    /// Its account.
    pub account: Handle,
    /// Actions by each of which somebody decides what it runs.
    pub actions: Vec<&'static str>,
    /// Those of them that it is known to permit to other accounts.
    pub for_others: Vec<&'static str>,
    /// Roles under one of which it runs, by ARN.
    pub roles: Vec<String>,
}

/// Resources whose policies let somebody decide what they run, by ARN.
#[must_use]
pub(super) fn running(model: &AccessModel) -> BTreeMap<String, RunningCode> {
    let with_policy = model.resource_policies().filter_map(|(resource, policy)| {
        let actions = swapping(resource);
        let mut allowed = actions.iter().filter(|action| allows(&policy.document, action));
        allowed.next()?;
        let home = model.accounts.get(&resource.account)?;
        let roles = roles_for(model, home, &actions);
        let account = home.handle.clone();
        let for_others =
            actions.iter().filter(|action| resource.kind.code_for_others.contains(action));
        let for_others = for_others.copied().collect();
        Some((resource.arn.clone(), RunningCode { account, actions, for_others, roles }))
    });
    with_policy.filter(|(_, code)| !code.roles.is_empty()).collect()
}

/// Actions upon a resource by which somebody is the role that it runs under.
fn swapping(resource: &ResourceNode) -> Vec<&'static str> {
    let prefix = format!("{}:", resource.kind.service);
    let acts_on = |action: &str| {
        catalogue().find(action).is_some_and(|id| {
            let mut types = catalogue().resource_types(id);
            types.any(|kind| Glob::like(&kind.glob()).matches(&resource.arn))
        })
    };
    passing::swaps().filter(|action| action.starts_with(&prefix) && acts_on(action)).collect()
}

/// Roles of an account that a service assumes which runs what these actions change.
fn roles_for(model: &AccessModel, home: &AccountNode, actions: &[&str]) -> Vec<String> {
    let runs = |service: &String| {
        passing::of(service)
            .is_some_and(|ways| ways.swap.iter().any(|action| actions.contains(action)))
    };
    let roles = model.principals_of(&home.handle).filter(|role| !is_reserved(&role.arn));
    let assumed = roles.filter(|role| {
        let mut services = services_of(role).into_iter().filter(runs);
        services.any(|service| serves(model, role, &service, home))
    });
    assumed.map(|role| role.arn.clone()).collect()
}

/// Why it is not known that somebody who decides what a resource runs is one of those roles.
#[must_use]
pub(super) fn which_role(resource: &str) -> String {
    format!(
        "who may change what `{resource}` runs is the role that it runs under, and which role of its account that is was not read"
    )
}
