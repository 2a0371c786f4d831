//! What differs between state and live, and what is in AWS that no block manages.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Drift, DriftStatus};
use super::object_plan::ObjectPlan;
use crate::difference::{StoredValues, difference};
use crate::eval::estate::Estate;
use crate::live::{Live, Reading};
use crate::schema::{AccessPart, Category, Home, KindSchema, access_of, kinds};
use crate::state::fingerprint::{is_fingerprint, unchanged};
use crate::state::model::ResourceState;
use crate::value::{Attrs, Plain, Value};

/// Paths on which a live object differs from what state recorded, by meaning. Hidden values are
/// compared by the version of the object that holds them.
#[must_use]
pub fn since(schema: &KindSchema, recorded: &ResourceState, live: &Attrs) -> Vec<String> {
    let (mut was, mut is) = (Attrs::new(), Attrs::new());
    for (name, value) in recorded.attrs.iter().filter(|(_, value)| !is_fingerprint(value)) {
        // What a bulk read does not show (a parameter's tags) is no drift.
        let Some(live) = live.get(name) else { continue };
        was.insert(name.clone(), value.clone());
        is.insert(name.clone(), unchanged(value, live));
    }
    for name in schema.left_out.iter().filter(|name| recorded.attrs.get(name).is_none()) {
        if let Some(live) = live.get(name) {
            was.insert((*name).to_owned(), Value::Null);
            is.insert((*name).to_owned(), live.clone());
        }
    }
    difference(schema, &is, &was, StoredValues::default())
        .changed
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The drift section: managed objects that moved, then objects that nothing manages.
#[must_use]
pub fn drift(estate: &Estate, live: &Live, decisions: &[ObjectPlan<'_>]) -> Vec<Drift> {
    let mut all: Vec<Drift> = decisions.iter().filter_map(of_managed).collect();
    all.extend(unmanaged(estate, live, decisions));
    all
}

fn of_managed(decision: &ObjectPlan<'_>) -> Option<Drift> {
    let (status, changed) = decision.drift.clone()?;
    let recorded = decision.recorded?;
    let roots: BTreeSet<&str> =
        changed.iter().filter_map(|p| p.strip_prefix("$.")?.split(['.', '[']).next()).collect();
    let pick = |attrs: &Attrs| -> Plain {
        let of = |root: &&str| Some(((*root).to_owned(), attrs.get(root)?.to_json()));
        roots.iter().filter_map(of).collect()
    };
    let before = decision.before.as_ref();
    // What is sensitive is told of neither side.
    let before = before.map(|before| Plain::shown(before, &BTreeSet::new()));
    Some(Drift {
        address: decision.address.to_string(),
        kind: decision.kind.schema().kind.to_owned(),
        account: decision.address.account().map_or("org".to_owned(), ToString::to_string),
        environments: decision.environments().iter().map(ToString::to_string).collect(),
        status,
        expected: Some(pick(&recorded.attrs)),
        actual: match status {
            DriftStatus::Missing => None,
            _ => Some(before.as_deref().map(pick).unwrap_or_default()),
        },
        changed,
    })
}

/// Objects of managed kinds, and of kinds that hold power in an account (users, groups), that no
/// block manages. What AWS reserves for itself is none of them.
fn unmanaged(estate: &Estate, live: &Live, decisions: &[ObjectPlan<'_>]) -> Vec<Drift> {
    let mut managed: BTreeMap<(&str, &'static str), BTreeSet<&str>> = BTreeMap::new();
    for decision in decisions {
        if let Some(key) = &decision.key {
            let place = decision.address.account().map_or("org", |a| a.as_str());
            let schema = decision.kind.schema();
            let place = if schema.home == Home::Organization { "org" } else { place };
            managed.entry((place, schema.kind)).or_default().insert(key);
        }
    }
    let places = std::iter::once((None, &live.organization))
        .chain(live.accounts.iter().map(|(handle, reading)| (Some(handle), reading)));
    let entry_roles = entry_roles(estate);
    let management = management(live);
    let mut all = Vec::new();
    for (handle, reading) in places {
        let Reading::Read(index) = reading else { continue };
        let place = handle.map_or("org", |handle| handle.as_str());
        let account = handle.and_then(|handle| estate.accounts.get(handle));
        let environments: Vec<String> =
            account.iter().flat_map(|a| a.environments.iter().cloned()).collect();
        for ((kind, key), object) in &index.inventory().objects {
            let ours = managed.get(&(place, *kind)).is_some_and(|keys| keys.contains(key.as_str()));
            let access = access_of(kind);
            let way_in =
                access.is_some_and(AccessPart::is_assumable) && entry_roles.contains(key.as_str());
            let is_management = access.is_some_and(AccessPart::is_account)
                && management
                    .is_some_and(|id| object.attrs.get("id").and_then(Value::as_str) == Some(id));
            if ours || object.reserved.is_some() || !counts(kind) || way_in || is_management {
                continue;
            }
            all.push(Drift {
                address: format!("{kind}/{key}@{place}"),
                kind: (*kind).to_owned(),
                account: place.to_owned(),
                environments: environments.clone(),
                status: DriftStatus::Unmanaged,
                changed: Vec::new(),
                expected: None,
                actual: None,
            });
        }
    }
    all
}

/// Names of the roles by which Palisade itself enters accounts.
fn entry_roles(estate: &Estate) -> BTreeSet<&str> {
    let provider = &estate.provider;
    let own = estate.accounts.values().flat_map(|a| [&a.access_role, &a.read_role]).flatten();
    let roles = own.chain(&provider.read_role).chain([&provider.access_role]);
    roles.filter_map(|role| role.rsplit('/').next()).collect()
}

/// The id of the management account: the organization stands and falls with it, and nobody has to
/// declare it.
pub(super) fn management(live: &Live) -> Option<&str> {
    let Reading::Read(index) = &live.organization else { return None };
    index.inventory().objects.values().find_map(|object| {
        let organization = access_of(object.kind)?.organization()?;
        object.attrs.get(organization.management_account)?.as_str()
    })
}

/// Whether an unmanaged object of a kind is worth telling: singletons that every account has are not.
pub(super) fn counts(kind: &str) -> bool {
    match kinds::kind(kind) {
        None => true,
        Some(kind) => {
            let schema = kind.schema();
            !schema.adopts || schema.category == Category::Config
        }
    }
}
