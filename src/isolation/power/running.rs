//! Deciding what runs under a role by leave of a resource's policy, from another account or from its own.

use super::super::changes::{Actor, Changes, Crossing, account, cross_by};
use super::super::crossing::StepTarget;
use super::super::rights::{ClosureRule, Rights};
use super::super::running::which_role;
use super::closure::named;
use super::facts::{Closure, Fact};
use super::ground::Ground;
use super::{PowerLink, Search, Way, asks_nothing};

impl Search<'_, '_> {
    /// The roles that an actor is where a resource's policy lets it change what that runs. Where one role alone can be
    /// the one that it runs under, that is certain.
    pub(super) fn run_under_others(
        &mut self,
        ground: &Ground,
        actor: &Actor,
        closure: &mut Closure,
    ) {
        if self.rights_cache.leaves_out(ClosureRule::CodeOfOthers) {
            return;
        }
        for (resource, code) in &ground.running {
            let is_there = account(self.model, actor) == Some(&code.account);
            let certain = if is_there { &code.actions } else { &code.for_others };
            let sole = code.roles.len() == 1;
            for (actions, known) in [(certain, true), (&code.actions, certain == &code.actions)] {
                let is_reached =
                    |role: &String| closure.reached.contains_key(&Actor::Known(role.clone()));
                if code.roles.iter().all(is_reached) {
                    break;
                }
                let Some((way, rights, free)) = self.change_code(actor, resource, actions, closure)
                else {
                    continue;
                };
                for role in &code.roles {
                    let link = PowerLink::Become(named(actor), role.clone());
                    let mut way = way.by(actor, &rights, free, Some(link));
                    way = way.through(rights.at(self.time).0);
                    if !(known && sole) {
                        way = way.in_doubt(which_role(resource));
                    }
                    closure.note(Fact::Reached(Actor::Known(role.clone())), way);
                }
                if known {
                    break;
                }
            }
        }
    }

    /// How an actor may take one of some actions upon a resource, with no more of what was changed about it than that
    /// takes; and whether it asks nothing of the surroundings.
    fn change_code(
        &self,
        actor: &Actor,
        resource: &str,
        actions: &[&str],
        closure: &Closure,
    ) -> Option<(Way, Rights, bool)> {
        if actions.is_empty() {
            return None;
        }
        let model = self.model;
        let target = StepTarget::Resource(resource.to_owned());
        self.take(actor, closure, &|changes| cross_by(model, actor, changes, &target, actions))
    }

    /// How an actor takes a step that changes of it bear on, with no more of them than that takes; and whether it asks nothing
    /// of the surroundings.
    pub(super) fn take(
        &self,
        actor: &Actor,
        closure: &Closure,
        found: &dyn Fn(&Changes) -> Crossing,
    ) -> Option<(Way, Rights, bool)> {
        let taken = closure.least(actor, |changes| matches!(found(changes), Crossing::Open(_)));
        let mut way = closure.way_to(actor);
        taken.iter().for_each(|(_, changing)| way.join(changing));
        let outcome = match found(&Changes::all(taken.iter().map(|(change, _)| change))) {
            // No changes open it. Whether that is certain is another question.
            Crossing::Closed => found(&closure.changes(actor)),
            decided => decided,
        };
        match outcome {
            Crossing::Open(openings) => {
                let free = asks_nothing(&openings);
                let (before, after) = (openings.clone(), openings);
                Some((way, Rights { before, after, ..Rights::default() }, free))
            }
            Crossing::Undecided(why) => Some((way.in_doubt(why), Rights::default(), true)),
            Crossing::Closed => None,
        }
    }
}
