//! Principals that somebody makes in an account: under which names and boundary, and what they can be given.

use std::collections::BTreeSet;

use super::super::changes::{Actor, account, boundary_arn};
use super::super::crossing::both_readings;
use super::super::rights::{ClosureRule, NewNames, NewPrincipal, RightsScope, everything};
use super::closure::{bare, is_made, named};
use super::facts::{Closure, Fact};
use super::{PowerLink, Search, Way, asks_nothing};
use crate::access::{AccessModel, AccountNode, PART};
use crate::iam::symbolic::Opening;
use crate::ids::Handle;

/// A boundary under which somebody is made.
struct Bounding {
    /// The policy that is named as the boundary, by ARN.
    policy: Option<String>,
    /// The policy that then binds.
    as_text: Option<String>,
    /// How it comes about that it leaves everything.
    leaves_all: Option<Way>,
}

/// What making somebody takes beside the right to give it something.
#[derive(Clone, Copy)]
struct Making<'m> {
    creating: &'m [Opening],
    beside: &'m Way,
}

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
        for bound in self.bounds_for(node, closure) {
            self.make_under(actor, node, &names, bound, closure);
            if !names.tell_apart() && is_free(closure) {
                return;
            }
        }
        self.note_each(actor, &RightsScope::Creating, Fact::Bare, closure);
        self.dress(actor, node, closure);
    }

    /// The boundaries under which somebody may be made in an account: none; policies whose text the closure decides, which
    /// bind nobody; the account's own; and those of AWS's that some policy asks for by name. Of the last it may not be known
    /// what they permit.
    fn bounds_for(&self, own: &AccountNode, closure: &Closure) -> Vec<Bounding> {
        let none = Bounding { policy: None, as_text: None, leaves_all: None };
        let decided = closure.written_in(&format!(":iam::{}:", own.id)).into_iter();
        let decided = decided.map(|(policy, writing)| Bounding {
            policy: Some(policy),
            as_text: None,
            leaves_all: Some(writing),
        });
        let mut decided: Vec<Bounding> = decided.collect();
        if self.rights_cache.leaves_out(ClosureRule::BoundDecided) {
            decided.clear();
        }
        let known = |policy: String| Bounding {
            as_text: Some(policy.clone()),
            policy: Some(policy),
            leaves_all: None,
        };
        let is_decided = |policy: &&String| {
            let writing = closure.written.get(*policy);
            writing.is_none_or(|way| way.conditional || way.why_undetermined.is_some())
        };
        let standing = self.model.managed_of(own).filter(is_decided).cloned().map(known);
        let mut asked_for = bounds_of_aws(self.model, own);
        if self.rights_cache.leaves_out(ClosureRule::BoundsOfAws) {
            asked_for.clear();
        }
        let asked_for = asked_for.into_iter();
        let of_aws = asked_for.map(|policy| match self.model.managed(&policy) {
            Some(_) => known(policy),
            None => {
                let why = format!("what `{policy}` permits, a policy of AWS's, is not known");
                let leaves_all = Some(Way::default().in_doubt(why));
                Bounding { policy: Some(policy), as_text: None, leaves_all }
            }
        });
        std::iter::once(none).chain(decided).chain(standing).chain(of_aws).collect()
    }

    /// Making another managed policy of the name of one that is deleted for that: nobody may bear it any longer.
    pub(super) fn remake(&mut self, actor: &Actor, own: &Handle, closure: &mut Closure) {
        let Some(node) = self.model.accounts.get(own) else { return };
        // Where another name does as well, a new policy of that one is made.
        let standing: BTreeSet<&String> = self.model.managed_of(node).collect();
        let mut all = self.rights_cache.policies_alone(node);
        all.retain(|policy| standing.contains(policy));
        for policy in all {
            if closure.written.contains_key(&policy) {
                continue;
            }
            let mut rights =
                vec![RightsScope::Erasing(policy.clone()), RightsScope::Recreating(policy.clone())];
            rights.extend(self.bearing(own, &policy));
            let mut ways = Vec::new();
            for scope in &rights {
                let Some(way) = self.anybody_there(own, scope, closure) else { break };
                ways.push(way);
            }
            if ways.len() == rights.len() {
                let mut way = closure.way_to(actor);
                ways.iter().for_each(|other| way.join(other));
                closure.note(Fact::Written(policy), way);
            }
        }
    }

    /// What it takes for nobody to bear a managed policy (IAM API Reference, `DeletePolicy`: it is detached first from all
    /// users, groups and roles, and is nobody's boundary).
    fn bearing(&self, own: &Handle, policy: &String) -> BTreeSet<RightsScope> {
        let mut rights = BTreeSet::new();
        for principal in self.model.principals_of(own) {
            if principal.attached().contains(policy) {
                rights.insert(RightsScope::Detaching(policy.clone(), principal.arn.clone()));
            }
            if boundary_arn(self.model, principal).as_ref() == Some(policy) {
                rights.insert(RightsScope::Boundary(principal.arn.clone()));
            }
        }
        for group in self.model.groups_of(own) {
            let mut labels =
                group.identity().iter().filter_map(|p| p.policy.name().split(PART).next());
            if labels.any(|label| self.model.managed_arn(label) == Some(policy)) {
                rights.insert(RightsScope::Detaching(policy.clone(), group.arn.clone()));
            }
        }
        rights
    }

    /// How somebody who was reached in an account comes to a right, if any does: the surest way.
    fn anybody_there(
        &mut self,
        own: &Handle,
        scope: &RightsScope,
        closure: &Closure,
    ) -> Option<Way> {
        let near = |other: &&Actor| account(self.model, other) == Some(own);
        let all: Vec<Actor> = closure.reached.keys().filter(near).cloned().collect();
        let mut found: Option<Way> = None;
        for actor in all {
            let (way, rights) = self.rights_of(&actor, scope, closure);
            let (openings, undecided) = rights.at(self.time);
            let way = match (openings.is_empty(), undecided) {
                (true, None) => continue,
                (true, Some(why)) => way.by(&actor, &rights, true, None).in_doubt(why.clone()),
                (false, _) => {
                    way.by(&actor, &rights, asks_nothing(openings), None).through(openings)
                }
            };
            let rank = |way: &Way| (way.why_undetermined.is_some(), way.conditional);
            if found.as_ref().is_none_or(|known| rank(&way) < rank(known)) {
                found = Some(way);
            }
        }
        found
    }

    /// Taking away the boundary that somebody was made under.
    pub(super) fn unbind(&mut self, actor: &Actor, whom: &Actor, closure: &mut Closure) {
        let Actor::Made { account, name, bound: Some(bound), given } = whom else { return };
        let free = Actor::Made {
            account: account.clone(),
            name: name.clone(),
            bound: None,
            given: given.clone(),
        };
        if closure.reached.contains_key(&free) {
            return;
        }
        let new = NewPrincipal { name: name.clone(), bound: Some(bound.clone()) };
        let making = closure.way_to(whom);
        self.try_beside(
            actor,
            &RightsScope::Unbinding(new),
            &Fact::Reached(free),
            &making,
            closure,
        );
    }

    /// The same under no boundary, or under this one.
    fn make_under(
        &mut self,
        actor: &Actor,
        own: &AccountNode,
        names: &NewNames,
        bounding: Bounding,
        closure: &mut Closure,
    ) {
        let Bounding { policy: bound, as_text, leaves_all } = bounding;
        let beside = leaves_all.unwrap_or_default();
        let (way, rights) = self.rights_of(actor, &RightsScope::Naming(bound.clone()), closure);
        let (openings, undecided) = rights.at(self.time);
        let made = |name: &str, given| Actor::Made {
            account: own.handle.clone(),
            name: name.to_owned(),
            bound: as_text.clone(),
            given,
        };
        if let (true, Some(why)) = (openings.is_empty(), undecided) {
            let any = format!("arn:{}:iam::{}:role/any", own.partition, own.id);
            let mut way = way.by(actor, &rights, true, None).in_doubt(why.clone());
            way.join(&beside);
            closure.note(Fact::Reached(made(&any, None)), way);
        }
        for alike in names.alike(openings.iter().map(|o| o.witness.resource.clone())) {
            let Some(name) = alike.first() else { continue };
            let is_there = |other: &Actor| {
                let of = [None, as_text.as_ref()].into_iter();
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
            let making = Making { creating: &creating, beside: &beside };
            if !self.try_making(actor, &scope, made(name, None), making, closure) {
                self.make_with(actor, own, &new, as_text.as_ref(), making, closure);
            }
        }
    }

    /// Whether an actor may make another one, with what that takes.
    fn try_making(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        whom: Actor,
        making: Making<'_>,
        closure: &mut Closure,
    ) -> bool {
        let Some(own) = account(self.model, &whom).cloned() else { return false };
        let (way, rights) = self.rights_of(actor, scope, closure);
        let (openings, undecided) = rights.at(self.time);
        let link = Some(PowerLink::Make(named(actor), own));
        let free = openings.is_empty() || asks_nothing(openings);
        let mut way = way.by(actor, &rights, free, link).through(making.creating).through(openings);
        way.join(making.beside);
        match (openings.is_empty(), undecided) {
            (true, Some(why)) => closure.note(Fact::Reached(whom), way.in_doubt(why.clone())),
            (true, None) => {}
            (false, _) => closure.note(Fact::Reached(whom), way),
        }
        !openings.is_empty()
    }

    /// Giving something to principals that somebody has made, whoever that was.
    fn dress(&mut self, actor: &Actor, own: &AccountNode, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::Dressed) {
            return;
        }
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
        as_text: Option<&String>,
        making: Making<'_>,
        closure: &mut Closure,
    ) {
        let (_, some) = self.rights_of(actor, &RightsScope::MakingWithSome(new.clone()), closure);
        if some.at(self.time).0.is_empty() {
            return;
        }
        let made = |given| Actor::Made {
            account: own.handle.clone(),
            name: new.name.clone(),
            bound: as_text.cloned(),
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
            if self.try_making(actor, &scope, whom, making, closure) && unreadable {
                let why = format!("a policy of the group `{gift}` could not be read");
                closure.note(Fact::Reached(made(None)), closure.way_to(actor).in_doubt(why));
            }
        }
        let scope = RightsScope::MakingWithUnknown(new.clone());
        self.try_making(actor, &scope, made(None), making, closure);
    }

    /// A principal that is made may be given all that one of its name may be given.
    pub(super) fn give_all(&mut self, whom: &Actor, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::AllGiven) {
            return;
        }
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

/// Policies of AWS's, by ARN, that some policy asks for as the boundary of whoever is made in an account, where not every
/// boundary will do.
fn bounds_of_aws(model: &AccessModel, own: &AccountNode) -> BTreeSet<String> {
    let of_principals =
        model.principals_of(&own.handle).flat_map(|p| p.identity().iter().chain(p.boundary()));
    let groups = model.groups_of(&own.handle).flat_map(|group| group.identity());
    let over = own.service_control.iter().flat_map(|(_, policies)| policies);
    let standing = of_principals.chain(groups).chain(over).map(|p| p.document.clone());
    let managed = model.managed_of(own).filter_map(|arn| Some(model.managed(arn)?.document));
    let all = everything(own.partition);
    let known = model.managed_by_aws(own.partition);
    let mut found = BTreeSet::new();
    for document in standing.chain(managed) {
        let conditions = document.statements.iter().flat_map(|s| &s.conditions);
        let asking = conditions.filter(|c| c.key.eq_ignore_ascii_case("iam:PermissionsBoundary"));
        for value in asking.flat_map(|condition| &condition.values) {
            let globs = both_readings(value);
            let matches = |arn: &String| globs.iter().any(|glob| glob.matches(arn));
            if matches(&all) {
                continue;
            }
            found.extend(known.iter().filter(|arn| matches(arn)).cloned());
            let text = value.text.symbolic();
            if text.split(':').nth(4) == Some("aws") {
                let one = text.replace(['*', '?'], "x");
                found.extend(Some(one).filter(|arn| matches(arn)));
            }
        }
    }
    found
}
