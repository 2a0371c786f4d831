//! The actions of IAM that the calls in this layer take, for those who write the policies of whoever plans and applies. Each
//! kind lists its own beside its calls.
//!
//! Source: Service Authorization Reference. Which action a call of S3 takes differs from its name there.

use std::collections::BTreeSet;

use super::actions::{KindActions, strings};
use super::kind::{Bulk, KindProvider};
use super::{administration, iam_read, kinds, organization_read, policies};
use crate::provider::PolicyTypes;
use crate::schema::data::Lookup;

/// What the calls of a kind take; `None` where there is no such kind.
#[must_use]
pub fn of_kind(name: &str) -> Option<KindActions> {
    kinds::kind(name).map(KindProvider::actions)
}

/// What reading the organization takes, whatever is declared.
#[must_use]
pub fn of_organization_read() -> BTreeSet<String> {
    let mut all = strings(&organization_read::TREE_ACTIONS);
    all.extend(bulk(|bulk| matches!(bulk, Bulk::Tree | Bulk::Organization(_))));
    all
}

/// What reading an account takes, whatever is declared in it.
#[must_use]
pub fn of_account_read() -> BTreeSet<String> {
    let mut all = strings(&iam_read::ACTIONS);
    all.extend(bulk(|bulk| matches!(bulk, Bulk::Iam(_) | Bulk::Account(_))));
    all
}

/// What reading the policies on resources of types takes.
#[must_use]
pub fn of_policy_read(types: &PolicyTypes) -> BTreeSet<String> {
    policies::actions(types)
}

/// What a lookup takes; an object's kind says that of its own.
#[must_use]
pub fn of_lookup(lookup: &Lookup) -> BTreeSet<String> {
    match lookup {
        Lookup::Caller => BTreeSet::new(),
        Lookup::Parameter { .. } => strings(&["ssm:GetParameters"]),
        Lookup::EffectivePolicy { .. } => strings(&["organizations:DescribeEffectivePolicy"]),
        Lookup::Administration => strings(&administration::ACTIONS),
        Lookup::Object { kind, .. } => of_kind(kind).unwrap_or_default().reads,
    }
}

fn bulk(is_read: impl Fn(Bulk) -> bool) -> BTreeSet<String> {
    let read = kinds::managed().filter(|kind| is_read(kind.bulk()));
    read.flat_map(|kind| kind.actions().bulk).collect()
}
