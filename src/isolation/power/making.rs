//! Principals that somebody makes in an account: under which names and boundary, and what they can be given.

use std::collections::BTreeSet;

use super::super::changes::{Actor, account};
use super::super::rights::{NewNames, NewPrincipal, RightsScope};
use super::closure::{bare, is_made, named};
use super::facts::{Closure, Fact};
use super::{PowerLink, Search, Way, asks_nothing};
use crate::access::AccountNode;
use crate::iam::symbolic::Opening;
use crate::ids::Handle;

impl Search<'_, '_> {
    /// Making another principal: one of each name that something tells apart.
    pub(super) fn make(&mut self, actor: &Actor, own: &Handle, closure: &mut Closure) {
        let Some(node) = self.model.accounts.get(own) else { return };
        let names = self.rights_cache.names(node);
        let is_free =
            |closure: &Closure| closure.reached.keys().any(|other| is_made(other, own, None));
        if !names.tell_apart() && is_free(closure) {
            return;
        }
        let bounds: Vec<String> = self.model.managed_of(node).cloned().collect();
        for bound in std::iter::once(None).chain(bounds.into_iter().map(Some)) {
            self.make_under(actor, node, &names, bound, closure);
            if !names.tell_apart() && is_free(closure) {
                return;
            }
        }
        self.note_each(actor, &RightsScope::Creating, Fact::Bare, closure);
        self.dress(actor, node, closure);
    }

    /// The same under no boundary, or under this one.
    fn make_under(
        &mut self,
        actor: &Actor,
        own: &AccountNode,
        names: &NewNames,
        bound: Option<String>,
        closure: &mut Closure,
    ) {
        let (way, rights) = self.rights_of(actor, &RightsScope::Naming(bound.clone()), closure);
        let (openings, undecided) = rights.at(self.time);
        let made = |name: &str, given| Actor::Made {
            account: own.handle.clone(),
            name: name.to_owned(),
            bound: bound.clone(),
            given,
        };
        if let (true, Some(why)) = (openings.is_empty(), undecided) {
            let any = format!("arn:{}:iam::{}:role/any", own.partition, own.id);
            let way = way.by(actor, &rights, true, None).in_doubt(why.clone());
            closure.note(Fact::Reached(made(&any, None)), way);
        }
        for alike in names.alike(openings.iter().map(|o| o.witness.resource.clone())) {
            let Some(name) = alike.first() else { continue };
            let is_there = |other: &Actor| {
                let of = [None, bound.as_ref()].into_iter();
                other.arn().is_some_and(|arn| names.are_alike(arn, name))
                    && of.into_iter().any(|bound| is_made(other, &own.handle, bound))
            };
            if closure.reached.keys().any(is_there) {
                continue;
            }
            let creating = openings.iter().filter(|o| alike.contains(&o.witness.resource));
            let creating: Vec<Opening> = creating.cloned().collect();
            let new = NewPrincipal { name: name.clone(), bound: bound.clone() };
            let scope = RightsScope::Making(new.clone());
            if !self.try_making(actor, &scope, made(name, None), &creating, closure) {
                self.make_with(actor, own, &new, &creating, closure);
            }
        }
    }

    /// Whether an actor may make another one, with what that takes.
    fn try_making(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        whom: Actor,
        creating: &[Opening],
        closure: &mut Closure,
    ) -> bool {
        let Some(own) = account(self.model, &whom).cloned() else { return false };
        let (way, rights) = self.rights_of(actor, scope, closure);
        let (openings, undecided) = rights.at(self.time);
        let link = Some(PowerLink::Make(named(actor), own));
        let free = openings.is_empty() || asks_nothing(openings);
        let way = way.by(actor, &rights, free, link).through(creating).through(openings);
        match (openings.is_empty(), undecided) {
            (true, Some(why)) => closure.note(Fact::Reached(whom), way.in_doubt(why.clone())),
            (true, None) => {}
            (false, _) => closure.note(Fact::Reached(whom), way),
        }
        !openings.is_empty()
    }

    /// Giving something to principals that somebody has made, whoever that was.
    fn dress(&mut self, actor: &Actor, own: &AccountNode, closure: &mut Closure) {
        let inside = format!(":iam::{}:", own.id);
        let bare: Vec<(String, Way)> = closure
            .bare
            .iter()
            .filter(|(arn, _)| arn.contains(&inside))
            .map(|(arn, way)| (arn.clone(), way.clone()))
            .collect();
        for (arn, making) in bare {
            let made = |given| {
                let (account, name) = (own.handle.clone(), arn.clone());
                Fact::Reached(Actor::Made { account, name, bound: None, given })
            };
            let (_, some) = self.rights_of(actor, &RightsScope::Attaching(arn.clone()), closure);
            let whatever = RightsScope::Permissions(arn.clone());
            if self.try_beside(actor, &whatever, &made(None), &making, closure)
                || some.at(self.time).0.is_empty() && !arn.contains(":user/")
            {
                continue;
            }
            for policy in self.policies_of(own) {
                let scope = RightsScope::Attach(arn.clone(), policy.clone());
                self.try_beside(actor, &scope, &made(Some([policy].into())), &making, closure);
            }
            for (policy, writing) in closure.written_in(&inside) {
                let scope = RightsScope::Attach(arn.clone(), policy);
                let mut both = making.clone();
                both.join(&writing);
                self.try_beside(actor, &scope, &made(None), &both, closure);
            }
            let unknown = RightsScope::AttachUnknown(arn.clone());
            self.try_beside(actor, &unknown, &made(None), &making, closure);
            let groups = self.model.groups_of(&own.handle).map(|group| group.arn.clone());
            let groups: Vec<String> = groups.filter(|_| arn.contains(":user/")).collect();
            for group in groups {
                let scope = RightsScope::Join(group.clone());
                self.try_beside(actor, &scope, &made(Some([group].into())), &making, closure);
            }
        }
    }

    /// Making another principal that can be given some things, where that is not everything.
    fn make_with(
        &mut self,
        actor: &Actor,
        own: &AccountNode,
        new: &NewPrincipal,
        creating: &[Opening],
        closure: &mut Closure,
    ) {
        let (_, some) = self.rights_of(actor, &RightsScope::MakingWithSome(new.clone()), closure);
        if some.at(self.time).0.is_empty() {
            return;
        }
        let made = |given| Actor::Made {
            account: own.handle.clone(),
            name: new.name.clone(),
            bound: new.bound.clone(),
            given,
        };
        let groups = self.model.groups_of(&own.handle);
        let groups: Vec<(String, bool)> =
            groups.map(|group| (group.arn.clone(), group.is_unreadable())).collect();
        let policies = self.policies_of(own).into_iter().map(|arn| (arn, false));
        for (gift, unreadable) in policies.chain(groups) {
            let whom = made(Some([gift.clone()].into()));
            if closure.reached.contains_key(&whom) {
                continue;
            }
            let scope = RightsScope::MakingWith(new.clone(), gift.clone());
            if self.try_making(actor, &scope, whom, creating, closure) && unreadable {
                let why = format!("a policy of the group `{gift}` could not be read");
                closure.note(Fact::Reached(made(None)), closure.way_to(actor).in_doubt(why));
            }
        }
        let scope = RightsScope::MakingWithUnknown(new.clone());
        self.try_making(actor, &scope, made(None), creating, closure);
    }

    /// A principal that is made may be given all that one of its name may be given.
    pub(super) fn give_all(&mut self, whom: &Actor, closure: &mut Closure) {
        let (mut all, mut way) = (BTreeSet::new(), Way::default());
        for (actor, other) in &closure.reached {
            if let Actor::Made { given: Some(given), .. } = actor
                && bare(actor) == bare(whom)
            {
                all.extend(given.iter().cloned());
                way.join(other);
            }
        }
        let Actor::Made { account, name, bound, .. } = whom.clone() else { return };
        let whole = Actor::Made { account, name, bound, given: Some(all) };
        if !closure.reached.contains_key(&whole) {
            closure.note(Fact::Reached(whole), way);
        }
    }
}
