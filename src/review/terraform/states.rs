//! Terraform states as what stands. A state says what it manages and nothing else: an account that only states describe
//! stays unread, so that nothing there is proved closed; what they say can open a path.
//!
//! Claim: of what dumps or a live reading describe nothing is changed. An object of a state is added where the account
//! has none of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::accounts::is_identity;
use super::overlay::{PlanFile, Work};
use super::plan::Change;
use super::types::{Bearing, bearing};
use crate::diag::Diagnostics;
use crate::ids::{AccountId, Partition};
use crate::review::change_set::{self, ChangeSet};
use crate::review::dumps::{self, Named};
use crate::review::{AccountSnapshot, AccountsSnapshot, NO_DUMP, ONLY_STATES};

/// Adds what states say to what stands. An object whose account is not known is an error.
pub(crate) fn add(
    files: &[PlanFile],
    before: &mut AccountsSnapshot,
    named: Named<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut described = AccountsSnapshot::default();
    for (id, partition) in files.iter().flat_map(|file| accounts(file, before)) {
        let account = described
            .accounts
            .entry(id.to_string())
            .or_insert_with(|| Arc::new(AccountSnapshot::new(&id, crate::ids::Handle::from(&id))));
        Arc::make_mut(account).partition = partition;
    }
    let works: Vec<Work<'_>> =
        files.iter().map(|file| Work::new(file, &described, diagnostics)).collect();
    let sets: Vec<&dyn ChangeSet> = works.iter().map(|work| work as &dyn ChangeSet).collect();
    // What is not judged of it is in accounts that stay unread, or beside what a dump describes.
    let after = change_set::carry_out(&sets, &mut described).after;
    let unjudged = unjudged(&works);
    for (id, account) in after.accounts {
        let Ok(id) = id.parse::<AccountId>() else { continue };
        // An ARN may name an account in which no state holds anything.
        if account.holds_nothing() {
            continue;
        }
        dumps::add_account(before, &id, named);
        let Some(into) = before.account(id.as_str()) else { continue };
        merge(into, Arc::unwrap_or_clone(account));
        let kinds = unjudged.get(id.as_str()).filter(|_| into.is_of_states());
        if let Some(kinds) = kinds {
            into.mark_unread(format!(
                "its states hold objects that can grant access and are not judged: {}",
                kinds.iter().copied().collect::<Vec<_>>().join(", ")
            ));
        }
    }
}

/// The accounts that a state's objects name by their ARNs, or that its providers are given.
fn accounts(file: &PlanFile, before: &AccountsSnapshot) -> BTreeMap<AccountId, Partition> {
    let mut all = BTreeMap::new();
    for id in file.providers.values() {
        let known = before.accounts.get(id.as_str()).map(|account| account.partition);
        all.insert(id.clone(), known.unwrap_or_default());
    }
    let tells = |change: &&Change| change.mode == "managed" || is_identity(change);
    for change in file.plan.changes().iter().filter(tells) {
        let Some(arn) = change.after("arn").filter(|arn| arn.starts_with("arn:")) else { continue };
        if let Some(Ok(id)) = arn.split(':').nth(4).map(str::parse::<AccountId>) {
            all.insert(id, dumps::partition(arn));
        }
    }
    all
}

/// Adds what an account has not.
fn merge(into: &mut AccountSnapshot, from: AccountSnapshot) {
    if let Some(why) = into.unread.iter_mut().find(|why| *why == NO_DUMP) {
        *why = ONLY_STATES.to_owned();
        into.partition = from.partition;
        into.restrict_public = from.restrict_public;
        into.ignores_public_lists = from.ignores_public_lists;
    }
    for (name, role) in from.roles {
        into.roles.entry(name).or_insert(role);
    }
    for (name, user) in from.users {
        into.users.entry(name).or_insert(user);
    }
    for (name, group) in from.groups {
        into.groups.entry(name).or_insert(group);
    }
    for (arn, policy) in from.policies {
        into.policies.entry(arn).or_insert(policy);
    }
    for (arn, resource) in from.resources {
        into.resources.entry(arn).or_insert(resource);
    }
}

/// Types of objects that can grant access and are not in the model, by account.
fn unjudged<'w>(works: &'w [Work<'_>]) -> BTreeMap<String, BTreeSet<&'w str>> {
    let mut all: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for work in works {
        for change in work.changes().iter().filter(|change| change.changes()) {
            let kind = change.r#type.as_str();
            match bearing(&change.provider_name, kind) {
                Bearing::Judged | Bearing::Named | Bearing::None | Bearing::Runs => {}
                Bearing::Policy
                | Bearing::Document
                | Bearing::Principal(_)
                | Bearing::Bears
                | Bearing::Unknown => {
                    if let Some(id) = work.accounts.of(change) {
                        all.entry(id).or_default().insert(kind);
                    }
                }
            }
        }
    }
    all
}
