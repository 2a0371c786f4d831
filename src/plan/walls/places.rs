//! The lines that paths point at. The analysis knows which object a policy belongs to, and so at which line
//! the object's block begins; a reviewer needs the line of the very statement. A place is made finer only
//! where the statement's block is found; otherwise the object's own place stays.

use std::collections::BTreeMap;

use crate::diag::Loc;
use crate::eval::estate::{Estate, Instance};
use crate::iam::ChangeKind;
use crate::isolation::section::{AccessPath, Finding, Grant, Hop};
use crate::isolation::who::WhoCan;
use crate::plan::model::{PolicyChange, ResourceChange};
use crate::schema::statement_place;

/// Points the grants and the causes of paths, and the statements of findings, at their lines. `changes` are those of the plan that
/// the paths belong to.
pub(super) fn refine<'p>(
    paths: impl IntoIterator<Item = &'p mut AccessPath>,
    findings: &mut [Finding],
    changes: &[ResourceChange],
    estate: &Estate,
) {
    let mut paths = paths.into_iter().peekable();
    if paths.peek().is_none() && findings.is_empty() {
        return;
    }
    let places = Places::of(changes, estate);
    for path in paths {
        places.path(path);
    }
    for finding in findings {
        places.grants(&mut finding.granted_by);
    }
}

/// Points the grants of an answer at the lines of their statements.
pub(super) fn refine_answer(answer: &mut WhoCan, estate: &Estate) {
    let places = Places::of(&[], estate);
    for principal in &mut answer.principals {
        places.hops(&mut principal.via);
    }
}

struct Places<'a> {
    instances: BTreeMap<String, &'a Instance>,
    changed: BTreeMap<&'a str, &'a ResourceChange>,
}

impl<'a> Places<'a> {
    fn of(changes: &'a [ResourceChange], estate: &'a Estate) -> Self {
        Self {
            instances: estate.instances.values().map(|i| (i.address.to_string(), i)).collect(),
            changed: changes.iter().map(|change| (change.display.as_str(), change)).collect(),
        }
    }

    fn hops(&self, via: &mut [Hop]) {
        via.iter_mut().for_each(|hop| self.grants(&mut hop.granted_by));
    }

    fn grants(&self, grants: &mut [Grant]) {
        for grant in grants {
            if let Some(loc) = self.grant(grant) {
                grant.location = Some(loc.to_string());
            }
        }
    }

    fn path(&self, path: &mut AccessPath) {
        self.hops(&mut path.via);
        let Some(locations) = &mut path.locations else { return };
        for (address, location) in locations {
            let grants = path.via.iter().flat_map(|hop| &hop.granted_by);
            let granting = || grants.filter(|g| g.address == *address).find_map(|g| self.grant(g));
            let loc = self.changed(address).or_else(granting).or_else(|| self.argument(address));
            if let Some(loc) = loc {
                *location = loc.to_string();
            }
        }
    }

    fn grant(&self, grant: &Grant) -> Option<&Loc> {
        let (part, statement) = grant.statement.strip_suffix(']')?.split_once('[')?;
        statement_place(&self.instances.get(&grant.address)?.body, part, statement)
    }

    /// The argument that a plan changes: where a guardrail is detached, its `targets`.
    fn argument(&self, address: &str) -> Option<&Loc> {
        let body = &self.instances.get(address)?.body;
        let mut paths = self.changed.get(address)?.changed.iter();
        paths.find_map(|path| {
            let name = path.trim_start_matches(['$', '.']).split(['.', '[']).next()?;
            body.get(name).map(|argument| &argument.loc)
        })
    }

    /// The statement that a plan changes: of several the first that it adds or widens. One that is removed
    /// has no line; the block that it stood in has.
    fn changed(&self, address: &str) -> Option<&Loc> {
        let changes = &self.changed.get(address)?.policy_diff;
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
