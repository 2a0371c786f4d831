//! Steps that only the policies of an account in between keep somebody from, and those who got in there and
//! may permit themselves, or another one that they can be, to take them.

use std::collections::BTreeMap;

use super::super::crossing::{Asked, Source, Step, Target, answer, home};
use super::super::paths::{Origin, account_of};
use super::super::rights::{Rights, Scope};
use super::{Over, Search, Way, opens};
use crate::iam::symbolic::Answer;

impl Search<'_, '_> {
    /// Steps that principals in between are kept from by policies which somebody who got in there may change.
    pub(super) fn through_own_policies(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        for step in &self.result.held_by_source {
            let Source::Principal(arn) = &step.source else { continue };
            let Some(own) = home(self.model, &step.source).cloned() else { continue };
            let Some(to) = account_of(self.model, &step.target) else { continue };
            // Whoever administers its own side is told in the finding `held_by_source_side`.
            if self.is_home(origin, &own) || own == to || self.entered(origin, &to).is_empty() {
                continue;
            }
            // It itself first; whoever else got into the account may do it for that one, or be that one.
            let near = |other: &Source| home(self.model, other) == Some(&own);
            let mut near: Vec<(&Source, &Way)> =
                ways.iter().filter(|(other, _)| near(other)).collect();
            near.sort_by_key(|(other, _)| **other != step.source);
            if near.is_empty() {
                continue;
            }
            let scopes = if opens(self.model, step, Asked::without_own_policies) {
                let joins = self.joins(origin, step);
                std::iter::once(Scope::Permissions(arn.clone())).chain(joins).collect()
            } else if opens(self.model, step, Asked::without_tags) {
                vec![Scope::Tags(arn.clone())]
            } else {
                continue;
            };
            let reached = ways.contains_key(&step.source);
            for (holder, way) in near {
                let Source::Principal(holder) = holder else { continue };
                let found = scopes.iter().find_map(|scope| self.right(origin, holder, scope));
                let Some(mut rights) = found else { continue };
                let mut over = Over::OwnPolicies(step.clone());
                if !reached {
                    let Some(be) = self.right(origin, holder, &Scope::Become(arn.clone())) else {
                        continue;
                    };
                    rights = be.and(rights);
                    over = Over::Making(step.clone());
                }
                self.add(origin, way, &to, holder, &over, &rights);
                break;
            }
        }
        self.through_whole_accounts(origin, ways);
    }

    /// Groups of a user's account that it is not in, and that would permit it a step.
    fn joins(&mut self, origin: &Origin, step: &Step) -> Vec<Scope> {
        let Source::Principal(arn) = &step.source else { return Vec::new() };
        let Some(user) = self.model.principals.get(arn).filter(|p| p.arn.contains(":user/")) else {
            return Vec::new();
        };
        let own = user.groups();
        let others = self.model.groups_of(&user.account).filter(|group| !own.contains(&group.arn));
        let mut joins = Vec::new();
        for group in others {
            if opens(self.model, step, |asked| asked.with_policies(group.identity())) {
                joins.push(Scope::Join(group.arn.clone()));
            } else if group.is_unreadable() {
                let why = format!("a policy of the group `{}` could not be read", group.arn);
                self.found.undecided.insert(origin.clone(), why);
            }
        }
        joins
    }

    /// Targets that let in whatever an account in between permits, where somebody who got in there may
    /// permit itself.
    fn through_whole_accounts(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        for (source, way) in ways {
            let (Source::Principal(arn), Some(own)) = (source, home(self.model, source)) else {
                continue;
            };
            let own = own.clone();
            let Some(id) = self.model.accounts.get(&own).map(|a| a.id.clone()) else { continue };
            if self.is_home(origin, &own) {
                continue;
            }
            for target in self.whole.get(&id).cloned().unwrap_or_default() {
                let step = Step { source: source.clone(), target };
                let asked = self.result.edges.contains_key(&step)
                    || self.result.closed.contains(&step)
                    || self.result.undecided.contains_key(&step);
                let Some(to) = account_of(self.model, &step.target) else { continue };
                if asked || to == own || self.entered(origin, &to).is_empty() {
                    continue;
                }
                let anybody = Asked::anybody(self.model, &own, &step.target);
                let open = anybody.map(|asked| answer(None, Some(&asked)).after);
                if !matches!(open, Some(Answer::Open(_))) {
                    continue;
                }
                let scopes = std::iter::once(Scope::Permissions(arn.clone()))
                    .chain(self.joins(origin, &step))
                    .find_map(|scope| self.right(origin, arn, &scope));
                let found = match scopes {
                    Some(rights) => Some((Over::OwnPolicies(step.clone()), rights)),
                    None => self
                        .right(origin, arn, &Scope::Making)
                        .or_else(|| self.made_one_of(origin, arn, &step.target))
                        .map(|rights| (Over::Making(step.clone()), rights)),
                };
                if let Some((over, rights)) = found {
                    self.add(origin, way, &to, arn, &over, &rights);
                }
            }
        }
    }

    /// Rights over a group that permits a step, of one who can also be a user of its account.
    fn made_one_of(&mut self, origin: &Origin, holder: &str, target: &Target) -> Option<Rights> {
        let account = home(self.model, &Source::Principal(holder.to_owned()))?;
        let users: Vec<String> = self
            .model
            .principals_of(account)
            .filter(|other| other.arn.contains(":user/") && other.arn != holder)
            .map(|other| other.arn.clone())
            .collect();
        users.into_iter().find_map(|user| {
            let be = self.right(origin, holder, &Scope::Become(user.clone()))?;
            let step = Step { source: Source::Principal(user), target: target.clone() };
            let joins = self.joins(origin, &step);
            joins.iter().find_map(|join| self.right(origin, holder, join)).map(|join| be.and(join))
        })
    }
}
