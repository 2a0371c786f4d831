//! The lines that paths point at. The analysis knows which object a policy belongs to, and so at which line
//! the object's block begins; a reviewer needs the line of the very statement. A place is made finer only
//! where the statement's block is found; otherwise the object's own place stays.

use std::collections::BTreeMap;

use crate::diag::Loc;
use crate::eval::estate::{Estate, Instance};
use crate::iam::ChangeKind;
use crate::isolation::section::{AccessPath, Grant};
use crate::plan::model::{PolicyChange, ResourceChange};
use crate::schema::statement_place;

/// Points the grants and the causes of paths at the lines of their statements. `changes` are those of the plan that
/// the paths belong to.
pub(super) fn refine<'p>(
    paths: impl IntoIterator<Item = &'p mut AccessPath>,
    changes: &[ResourceChange],
    estate: &Estate,
) {
    let mut paths = paths.into_iter().peekable();
    if paths.peek().is_none() {
        return;
    }
    let places = Places {
        instances: estate.instances.values().map(|i| (i.address.to_string(), i)).collect(),
        changed: changes
            .iter()
            .filter(|change| !change.policy_diff.is_empty())
            .map(|change| (change.display.as_str(), change.policy_diff.as_slice()))
            .collect(),
    };
    for path in paths {
        places.path(path);
    }
}

struct Places<'a> {
    instances: BTreeMap<String, &'a Instance>,
    changed: BTreeMap<&'a str, &'a [PolicyChange]>,
}

impl Places<'_> {
    fn path(&self, path: &mut AccessPath) {
        for grant in path.via.iter_mut().flat_map(|hop| &mut hop.granted_by) {
            if let Some(loc) = self.grant(grant) {
                grant.location = Some(loc.to_string());
            }
        }
        let Some(locations) = &mut path.locations else { return };
        for (address, location) in locations {
            let grants = path.via.iter().flat_map(|hop| &hop.granted_by);
            let granting = || grants.filter(|g| g.address == *address).find_map(|g| self.grant(g));
            if let Some(loc) = self.changed(address).or_else(granting) {
                *location = loc.to_string();
            }
        }
    }

    fn grant(&self, grant: &Grant) -> Option<&Loc> {
        let (part, statement) = grant.statement.strip_suffix(']')?.split_once('[')?;
        statement_place(&self.instances.get(&grant.address)?.body, part, statement)
    }

    /// The statement that a plan changes: of several the first that it adds or widens. One that is removed
    /// has no line; the block that it stood in has.
    fn changed(&self, address: &str) -> Option<&Loc> {
        let changes = self.changed.get(address)?;
        let widens = |change: &&PolicyChange| change.widens != Some(false);
        let change = changes.iter().find(widens).or(changes.first())?;
        let body = &self.instances.get(address)?.body;
        if change.change == ChangeKind::Removed {
            return Some(&body.loc);
        }
        let part = change.path.rsplit(['.', '$']).next().unwrap_or_default();
        let statement = change.statement.trim_start_matches('[').trim_end_matches(']');
        statement_place(body, part.trim_matches(['"', '[', ']']), statement)
    }
}
