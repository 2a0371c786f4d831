//! The search for witnesses where there are too many combinations to try.

use super::choices::{is_possible, with};
use super::keys::KeySpace;
use super::opening::{Opening, open};
use super::question::Question;
use crate::iam::request::Request;

/// A witness for each answer about one action on one resource.
pub(super) struct OpeningsSeen {
    pub(super) was: Option<Opening>,
    pub(super) is: Option<Opening>,
    pub(super) gained: Option<Opening>,
    pub(super) lost: Option<Opening>,
    pub(super) inexact: Option<String>,
}

/// Looks for witnesses where there are too many combinations to try: what some statement asks for, and from there
/// one key at a time. What it finds is true; that it finds nothing says nothing.
pub(super) struct WitnessSearch<'a> {
    pub(super) spaces: &'a [KeySpace],
    pub(super) mixed: bool,
}

impl WitnessSearch<'_> {
    /// Most requests that are judged.
    const REQUESTS: usize = 4_000;

    pub(super) fn both(
        &self,
        before: (Option<&Question<'_>>, &Option<Request>),
        after: (Option<&Question<'_>>, &Option<Request>),
        judged: &mut usize,
    ) -> Option<OpeningsSeen> {
        let was = self.one(before, judged);
        let is = self.one(after, judged);
        let inexact = Some("conditions have too many combinations to try them all".to_owned());
        type AskedSide<'q> = (Option<&'q Question<'q>>, &'q Option<Request>);
        let allows = |(side, request): AskedSide<'_>, choice: &Vec<usize>| {
            side.zip(request.as_ref()).is_some_and(|(s, r)| self.allows(s, r, choice))
        };
        // A choice that one side allows; and, where the other is asked for, the other does not.
        let opening =
            |own: AskedSide<'_>, other: Option<AskedSide<'_>>, choice: &Option<Vec<usize>>| {
                let shows = |choice: &Vec<usize>| {
                    allows(own, choice) && !other.is_some_and(|other| allows(other, choice))
                };
                let choice = choice.clone().filter(&shows)?;
                let allowed = |choice: &Vec<usize>| allows(own, choice);
                let (side, request) = (own.0?, own.1.as_ref()?);
                open(side, request, self.spaces, &[choice], &shows, &allowed, self.mixed)
            };
        (was.is_some() || is.is_some()).then(|| OpeningsSeen {
            gained: opening(after, Some(before), &is),
            lost: opening(before, Some(after), &was),
            was: opening(before, None, &was),
            is: opening(after, None, &is),
            inexact,
        })
    }

    fn allows(&self, side: &Question<'_>, request: &Request, choice: &[usize]) -> bool {
        (!self.mixed || is_possible(side, self.spaces, choice))
            && side.allows(&with(side, request, self.spaces, choice))
    }

    fn one(
        &self,
        (side, request): (Option<&Question<'_>>, &Option<Request>),
        judged: &mut usize,
    ) -> Option<Vec<usize>> {
        let (side, request) = (side?, request.as_ref()?);
        let mut left = Self::REQUESTS;
        for start in self.starts(side) {
            let mut choice = start;
            loop {
                let allowed = self.allows(side, request, &choice);
                *judged += 1;
                left = left.checked_sub(1)?;
                if allowed {
                    return Some(choice);
                }
                // One key away.
                let mut near = (0..self.spaces.len()).flat_map(|key| {
                    let values = self.spaces.get(key).map_or(0, |space| space.values.len());
                    (0..values).map(move |value| (key, value))
                });
                let next = near.find_map(|(key, value)| {
                    let mut other = choice.clone();
                    *other.get_mut(key)? = value;
                    *judged += 1;
                    left = left.checked_sub(1)?;
                    self.allows(side, request, &other).then_some(other)
                });
                match next {
                    Some(found) => choice = found,
                    None => break,
                }
            }
        }
        None
    }

    /// What statements ask for: each one, and each with one of every other policy.
    fn starts(&self, side: &Question<'_>) -> Vec<Vec<usize>> {
        let plain = vec![0; self.spaces.len()];
        let meets = |from: &[usize], statement: &crate::iam::Statement| -> Vec<usize> {
            let mut choice = from.to_vec();
            for (space, chosen) in self.spaces.iter().zip(&mut choice) {
                let asked: Vec<_> = statement
                    .conditions
                    .iter()
                    .filter(|c| c.key.eq_ignore_ascii_case(&space.key))
                    .collect();
                if let Some(value) = space.meeting(&asked).filter(|_| !asked.is_empty()) {
                    *chosen = value;
                }
            }
            choice
        };
        let allowing = || {
            let all = side.documents.iter().flat_map(|d| &d.statements);
            all.filter(|s| s.effect == crate::iam::Effect::Allow && !s.conditions.is_empty())
        };
        let mut starts = vec![plain.clone()];
        for statement in allowing().take(32) {
            let one = meets(&plain, statement);
            starts.extend(allowing().take(32).map(|other| meets(&one, other)));
            starts.push(one);
        }
        starts.sort();
        starts.dedup();
        starts
    }
}
