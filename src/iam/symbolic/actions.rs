//! Which actions a question is asked about, and which of S3 act on what.

use std::collections::{BTreeMap, BTreeSet};

use super::globs::{Glob, TooMany};
use super::question::{Caps, Question, Space, lower, statements};
use super::resources::cut;
use crate::iam::catalogue;

fn action_globs(sides: &[&Question<'_>]) -> Vec<Glob> {
    let items = |s: &crate::iam::Statement| {
        s.actions.iter().chain(&s.not_actions).map(lower).collect::<Vec<_>>()
    };
    let mut globs: Vec<Glob> =
        statements(sides).flat_map(items).map(|text| Glob::like(&text)).collect();
    globs.sort();
    globs.dedup();
    globs
}

pub(super) fn actions(sides: &[&Question<'_>], caps: Caps) -> Result<Vec<String>, TooMany> {
    let globs = action_globs(sides);
    let lower: Vec<Space> = sides
        .iter()
        .flat_map(|side| &side.actions)
        .map(|space| match space {
            Space::One(action) => Space::One(action.clone()),
            Space::Below(_) | Space::Shaped(_) => space.lower(),
        })
        .collect();
    cut(&lower, &globs, caps)
}

/// Which actions of S3 act on what: an action on objects does not act on a bucket, whatever a pattern matches, and
/// the other way round (Service Authorization Reference, "Actions defined by Amazon S3").
pub(super) struct Acts {
    globs: Vec<Glob>,
    /// Names of known actions, in lower case, by which patterns match them; nothing where it does not matter.
    known: BTreeMap<Vec<bool>, Vec<(String, Vec<&'static str>)>>,
    refused: BTreeSet<String>,
}

impl Acts {
    pub(super) fn new(sides: &[&Question<'_>]) -> Self {
        let of_buckets = |space: &Space| matches!(space, Space::Below(prefix) if prefix == "s3:");
        let refused = sides.iter().flat_map(|side| side.refused.iter().cloned()).collect();
        let mut acts = Self { globs: Vec::new(), known: BTreeMap::new(), refused };
        if !sides.iter().all(|side| side.actions.iter().all(of_buckets)) {
            return acts;
        }
        acts.globs = action_globs(sides);
        let all = catalogue();
        for id in all.find_service("s3").into_iter().flat_map(|service| all.actions_of(service)) {
            let Some(name) = all.full_name(id) else { continue };
            let types = all.resource_types(id).map(|kind| kind.name).collect();
            let entry = acts.known.entry(acts.region(&name)).or_default();
            entry.push((name.to_ascii_lowercase(), types));
        }
        acts
    }

    fn region(&self, action: &str) -> Vec<bool> {
        let action = action.to_ascii_lowercase();
        self.globs.iter().map(|glob| glob.matches(&action)).collect()
    }

    /// An action of the same region that acts on the resource; the action itself where the catalogue knows none
    /// of its region.
    pub(super) fn on<'a>(&'a self, action: &'a str, resource: &str) -> Option<&'a str> {
        if self.known.is_empty() {
            return (!self.refused.contains(action)).then_some(action);
        }
        let Some(region) = self.known.get(&self.region(action)) else { return Some(action) };
        let wanted = if resource.contains('/') { "object" } else { "bucket" };
        let fits = |(name, types): &&(String, Vec<&'static str>)| {
            types.contains(&wanted) && !self.refused.contains(name)
        };
        let own = region.iter().find(|(name, _)| name == action).filter(fits);
        own.or_else(|| region.iter().find(fits)).map(|(name, _)| name.as_str())
    }
}
