//! The estate at a glance: units, accounts, environments, and the edges between them with what stands where.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::address::ResourceAddr;
use crate::eval::estate::Instance;
use crate::promotion::edge;
use crate::schema::{AccessPart, access_of};

use super::error::EngineError;
use super::refresh::PlanInputs;

/// The estate as it is declared, with the releases that are recorded in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeclaredEstate {
    /// Units by their addresses, each with the unit above it.
    pub units: BTreeMap<String, Option<String>>,
    /// The accounts.
    pub accounts: Vec<DeclaredAccount>,
    /// The environments, each behind those that releases come to it from.
    pub environments: Vec<DeclaredEnvironment>,
    /// The edges along which releases move.
    pub edges: Vec<DeclaredEdge>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredAccount {
    /// Its handle.
    pub handle: String,
    /// Its id, once known.
    pub id: Option<String>,
    /// The address of its unit; `None` below the root, and outside the organization.
    pub unit: Option<String>,
    /// Whether an emulator stands in for it.
    pub emulated: bool,
    /// The environments that it serves.
    pub environments: BTreeSet<String>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredEnvironment {
    /// Its name.
    pub name: String,
    /// What stands there.
    pub releases: Vec<DeclaredRelease>,
    /// Why nothing moves in.
    pub hold: Option<String>,
}

/// A release in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredRelease {
    /// Its name.
    pub name: String,
    /// Which one, shortened.
    pub digest: String,
    /// Whether it counts as verified there.
    pub verified: bool,
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredEdge {
    /// Its label.
    pub name: String,
    /// Where releases come from.
    pub from: String,
    /// Where they go.
    pub to: String,
    /// Which ones move along it.
    pub releases: BTreeSet<String>,
    /// How many gates stand on it.
    pub gates: usize,
}

/// The declared estate of what was read.
///
/// # Errors
/// What is wrong with the declared edges.
pub fn of(inputs: &PlanInputs) -> Result<DeclaredEstate, EngineError> {
    let estate = &inputs.estate;
    let part = |address: &ResourceAddr| access_of(&address.kind);
    let unit = |instance: &Instance| {
        let mut above = instance.depends_on.iter();
        above.find(|a| part(a).is_some_and(AccessPart::is_unit)).map(ToString::to_string)
    };
    let units = estate.instances.values();
    let units = units.filter(|i| part(&i.address).is_some_and(AccessPart::is_unit));
    let units = units.map(|i| (i.address.to_string(), unit(i))).collect();
    let accounts = estate.accounts.values().map(|account| DeclaredAccount {
        handle: account.handle.to_string(),
        id: account.id.as_ref().map(ToString::to_string),
        unit: estate.instances.get(&account.address).and_then(unit),
        emulated: account.endpoint_url.is_some(),
        environments: account.environments.clone(),
    });
    let edges = edge::edges(estate)?;
    let environments = edge::in_order(estate.environments.keys(), &edges);
    let environments = environments.into_iter().map(|name| {
        let record = inputs.records.get(name).map(|versioned| &versioned.record);
        let recorded = record.into_iter().flat_map(|record| &record.releases);
        let releases = recorded.filter_map(|(name, recorded)| {
            let current = recorded.current.as_ref()?;
            let verified = recorded.verified.as_ref().map(|v| &v.digest) == Some(&current.digest);
            let digest = current.digest.short().to_string();
            Some(DeclaredRelease { name: name.clone(), digest, verified })
        });
        DeclaredEnvironment {
            name: name.clone(),
            releases: releases.collect(),
            hold: record.and_then(|record| record.hold.as_ref()).map(|hold| hold.why.clone()),
        }
    });
    Ok(DeclaredEstate {
        units,
        accounts: accounts.collect(),
        environments: environments.collect(),
        edges: edges
            .values()
            .map(|edge| DeclaredEdge {
                name: edge.name.clone(),
                from: edge.from.clone(),
                to: edge.to.clone(),
                releases: edge.releases.clone(),
                gates: edge.gates.len(),
            })
            .collect(),
    })
}
