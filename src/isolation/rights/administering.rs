//! Member accounts that may be delegated administrators.
//!
//! Claim: an account that is not returned here cannot change other member accounts as a delegated administrator. Which accounts
//! are delegated administrators is not read, so every member counts in which a principal is allowed the actions of one, unless
//! guardrails deny them there, or the organization does not trust the service: a service without trusted access has no
//! delegated administrator (Organizations API Reference, `RegisterDelegatedAdministrator`, `SERVICE_ACCESS_NOT_ENABLED`).
//!
//! This is an over-approximation: it reads what identity policies allow, without their conditions.

use std::collections::BTreeSet;

use super::super::crossing::{StepSource, TargetResource, asked_at, is_closed};
use super::actions::{MEMBERS, allowing, speaks_of_any};
use super::leaving::is_for_management;
use crate::access::{AccessModel, AccountNode, Coverage};
use crate::iam::symbolic::Space;

/// The services that an organization must trust before a delegated administrator can use these actions (CloudFormation User
/// Guide, "Register a delegated administrator"; IAM Identity Center User Guide, "Delegated administration"; Account
/// Management Reference Guide, "Enabling a delegated admin account"; IAM User Guide, "Centralize root access for member
/// accounts").
const TRUSTED: [(&str, &str); 6] = [
    ("account:", "account.amazonaws.com"),
    ("cloudformation:", "member.org.stacksets.cloudformation.amazonaws.com"),
    ("identitystore:", "sso.amazonaws.com"),
    ("sso:", "sso.amazonaws.com"),
    ("sso-directory:", "sso.amazonaws.com"),
    ("sts:", "iam.amazonaws.com"),
];

/// Central root access, which is not among [`MEMBERS`].
const AS_ROOT: &[&str] = &["sts:AssumeRoot"];

/// The service principals for which a member account may be a delegated administrator.
pub(in crate::isolation) fn may_administer(
    model: &AccessModel,
    account: &AccountNode,
) -> BTreeSet<&'static str> {
    let is_member = account.membership.as_ref().is_some_and(|of| !of.management_account);
    let trusted = model.organization.as_ref().and_then(|o| o.trusted_services.as_ref());
    let is_trusted = |service: &&str| trusted.is_none_or(|all| all.contains(*service));
    let sets = MEMBERS.into_iter().chain([AS_ROOT]);
    let sets = sets.filter_map(|set| {
        let first = set.first()?;
        let (_, service) = TRUSTED.iter().find(|(prefix, _)| first.starts_with(prefix))?;
        Some((set, *service)).filter(|(_, service)| is_member && is_trusted(service))
    });
    let mut sets: Vec<(&[&str], &'static str)> = sets.collect();
    let mut found = BTreeSet::new();
    if sets.is_empty() {
        return found;
    }
    let mut spoken = |globs: &[crate::iam::symbolic::globs::Glob]| {
        sets.retain(|(set, service)| {
            let names = |action: &&str| {
                let action = action.to_ascii_lowercase();
                globs.iter().any(|glob| glob.matches(&action))
            };
            if set.iter().all(names) && guardrails_let(model, account, set) {
                found.insert(*service);
                return false;
            }
            true
        });
    };
    if account.coverage == Coverage::Read {
        let own = model.principals_of(&account.handle);
        let own = own.filter(|principal| {
            !principal.arn.contains(":role/aws-service-role/")
                && !is_for_management(model, principal)
        });
        // Most speak of none of these services, which what their patterns begin with shows.
        let services: Vec<&str> = TRUSTED.iter().map(|(prefix, _)| *prefix).collect();
        let own = own.filter(|principal| speaks_of_any(principal, &services));
        own.for_each(|principal| spoken(&allowing(principal)));
    } else {
        spoken(&[crate::iam::symbolic::globs::Glob::like("*")]);
    }
    found
}

/// Whether guardrails let a principal of an account use each of these actions.
fn guardrails_let(model: &AccessModel, account: &AccountNode, actions: &[&str]) -> bool {
    let source = StepSource::Foreign(account.root_arn());
    actions.iter().all(|action| {
        let place = TargetResource {
            owner: account,
            rule: None,
            restrict_public: false,
            unreadable: false,
            actions: vec![Space::One((*action).to_owned())],
            resources: vec![
                Space::One("*".to_owned()),
                Space::Below(format!("arn:{}:", account.partition)),
            ],
        };
        asked_at(model, &source, place).is_none_or(|asked| !is_closed(&asked))
    })
}
