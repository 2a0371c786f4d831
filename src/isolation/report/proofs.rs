//! What is said of a proof: the grants that it considers, and whom it relies on.

use std::collections::{BTreeMap, BTreeSet};

use super::super::compare::{Comparison, SideResult};
use super::super::crossing::StepSource;
use super::super::paths::Path;
use super::super::proof::ProofEntry;
use super::super::section::ConsideredGrant;
use crate::access::AccessModel;

/// Whether the checker has confirmed all of a proof.
pub(super) fn verified(entries: &[ProofEntry]) -> bool {
    entries.iter().all(|entry| entry.denied.is_some())
}

/// Whom every proof relies on.
pub(super) fn trusted(model: &AccessModel, result: &SideResult, to: &str) -> Vec<String> {
    let mut base = vec!["AWS services that roles and resources name".to_owned()];
    base.push("administrators that the organization has delegated to".to_owned());
    base.extend(
        model
            .organization
            .iter()
            .map(|o| format!("the management account {}", o.management_account)),
    );
    base.push("root users of the accounts on both sides".to_owned());
    // Whom an account that nobody reads lets in, nobody can tell.
    let paths = result.paths.iter().filter(|path| path.to == to);
    let first =
        |path: &'_ Path| path.chain.first().map_or(path.last.source.clone(), |s| s.source.clone());
    let outsiders: BTreeSet<String> = paths
        .filter_map(|path| match first(path) {
            StepSource::Foreign(arn) => {
                Some(format!("{arn}, which {to} lets in, and whom it lets in"))
            }
            _ => None,
        })
        .collect();
    base.extend(outsiders);
    let services = model.organization.iter().flat_map(|o| o.trusted_services.iter().flatten());
    base.extend(services.map(|name| format!("trusted access of {name}")));
    base
}

/// How many grants a proof names one by one.
pub(super) const GRANTS_LISTED: usize = 50;

/// A grant that a proof considers, and what kills it.
pub(super) fn considered_grant(entry: &ProofEntry) -> ConsideredGrant {
    ConsideredGrant {
        denied_by: entry.denied.as_ref().map(super::super::proof::StepDenial::lines),
        principal: entry.step.source.name().to_owned(),
        resource: entry.step.target.arn().to_owned(),
    }
}

/// Grants in the accounts of each environment to somebody outside the account of the grant.
pub(super) fn grants(comparison: &Comparison<'_>) -> BTreeMap<String, usize> {
    let (model, result) = &comparison.after;
    let mut grants = BTreeMap::new();
    for step in result.closed.keys().chain(result.edges.keys()) {
        let to = super::super::paths::account_of(model, &step.target);
        let from = super::super::crossing::home(model, &step.source);
        let account =
            to.as_ref().filter(|to| from != Some(*to)).and_then(|to| model.accounts.get(to));
        for environment in account.iter().flat_map(|a| &a.environments) {
            *grants.entry(environment.clone()).or_default() += 1;
        }
    }
    grants
}
