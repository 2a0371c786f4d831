//! What can be made of a foothold: the closure of "may become" and "may permit".
//!
//! Claim: a wall that no path of this closure opens stays shut whatever those who got into an account in between
//! do there, in any order and as often as they like, short of what the proofs say they trust.
//!
//! Argument. The state of the search is a set of facts about principals of accounts that are not the origin's own:
//! *reached* (the origin can act as it) and *changed* (the origin can bring about that it is permitted everything, that
//! its boundary or a Deny binds it no longer, that it or its sessions bear other tags, is in a group, has a policy, that it is
//! called by another name). Facts are only
//! ever added, and there are finitely many, so the search ends. It misses nothing because
//!
//! 1. every API call by which IAM lets one principal alter what another one of its account may do, or who may be that
//!    one, makes one of these facts, and [`RightsScope`] lists those calls: policies (written, attached, re-versioned, taken
//!    away), boundaries, groups, tags, names, trusts, credentials, identity providers, roles that are passed or that code
//!    runs under already, and principals that are made; what a resource's own policy lets somebody change of what runs, in
//!    this account or in another one, is found by that policy (`running.rs`);
//! 2. all facts are tried for every principal that is reached, under everything that is changed about it so far,
//!    and are tried again whenever more is changed about it. A principal that no policy permits any of these calls, and about
//!    which nothing is changed, has none to try; whoever may have some is asked about everybody who is reached beside it,
//!    whichever of the two comes first;
//! 3. a change never takes away: each one leaves a principal with no less than it had (`changes.rs` says why), so it
//!    is enough to keep the union of the changes, and the order in which they are made does not matter;
//! 4. what nobody in the closure can alter stays in every question: SCPs and RCPs over the account, and boundaries
//!    that are still set. A principal that is made is under no boundary, except where nobody may make one without
//!    (`iam:PermissionsBoundary`), decide what that one says, or take it off again; SCPs bind it like anybody.
//!
//! Principals of the origin's own accounts are not changed here, but where the question is who may take such an account
//! out of the organization ([`Search::holders_at_home`]): a wall that only its source side holds shut is told as
//! such (`held_by_source_side`), but the organization's guardrails are not that side's own. Principals without any step to take and without any right that moves walls are left
//! out where somebody is reached there that is permitted everything already: what they could be made into, that one is.
//!
//! What holds under conditions of the surroundings waits until all that holds without is known, so that no condition is
//! told that another way does not ask. What cannot be decided, or leads through a service of which nobody knows what it does with a role, is followed in a
//! last round: whatever only that opens is undetermined, and says why.

use std::collections::{BTreeMap, BTreeSet};

use super::super::changes::{
    Actor, Changes, Crossing, account, boundary_arn, cross, denials, limits, source,
};
use super::super::crossing::{PathStep, StepSource, StepTarget, home, newcomer};
use super::super::paths::{Origin, account_of};
use super::super::rights::{
    ClosureRule, RightHolder, Rights, RightsScope, everything, is_for_management,
    may_change_policies, may_put_objects,
};
use super::facts::{Closure, Fact, Task};
use super::ground::{Ground, asks_session, asks_whom};
use super::{Leaver, Over, PowerLink, Search, Way, asks_nothing};
use crate::access::{AccountNode, PrincipalKind, PrincipalNode};
use crate::iam::Effect;
use crate::iam::symbolic::Opening;
use crate::ids::Handle;

impl Leaver {
    fn is_certain(&self) -> bool {
        self.way.why_undetermined.is_none()
    }
}

impl Search<'_, '_> {
    /// Everything that an origin can come to from whom it reaches by steps alone.
    pub(super) fn close(
        &mut self,
        origin: &Origin,
        ground: &Ground,
        ways: BTreeMap<StepSource, Way>,
    ) -> Closure {
        let mut closure = Closure::default();
        for (source, way) in ways {
            if let StepSource::Principal(arn) = source {
                closure.note(Fact::Reached(Actor::Known(arn)), way);
            }
        }
        loop {
            while let Some(task) = closure.queue.pop_front() {
                closure.queued.remove(&task);
                self.process(origin, ground, task, &mut closure);
            }
            let Some((fact, way)) = closure.conditional.pop().or_else(|| closure.doubtful.pop())
            else {
                return closure;
            };
            closure.learn(fact, &way);
        }
    }

    fn process(&mut self, origin: &Origin, ground: &Ground, task: Task, closure: &mut Closure) {
        let (Task::All(actor) | Task::Change(actor)) = &task;
        let Some(own) = account(self.model, actor).cloned() else {
            // In an account of one's own nobody needs power.
            if matches!(task, Task::All(Actor::Admitted)) {
                self.walk(ground, actor, closure);
            }
            return;
        };
        let inside = ground.exits.contains(&own) && !self.is_home(origin, &own);
        match &task {
            Task::Change(whom) if inside => self.change_by_others(ground, whom, closure),
            Task::Change(_) => {}
            Task::All(actor) => {
                if inside {
                    self.moves(ground, actor, &own, closure);
                }
                self.walk(ground, actor, closure);
            }
        }
    }

    /// What an actor may do about the principals of its account.
    fn moves(&mut self, ground: &Ground, actor: &Actor, own: &Handle, closure: &mut Closure) {
        // Without changes, who speaks of no power has none.
        if let Actor::Known(arn) = actor
            && closure.changes(actor).is_empty()
            && !ground.written_by_policy.contains(own)
            && !self.model.principals.get(arn).is_some_and(|p| {
                may_change_policies(p) || ground.keys_in_buckets && may_put_objects(p)
            })
        {
            return;
        }
        closure.note_mover(actor);
        if self.has_a_like(actor, own, closure) {
            return;
        }
        self.write(actor, closure);
        self.remake(actor, own, closure);
        self.make(actor, own, closure);
        self.admit(ground, actor, own, closure);
        match actor {
            Actor::Known(arn) => self.change(ground, actor, arn, closure),
            Actor::Made { given: Some(_), .. } => self.give_all(actor, closure),
            Actor::Made { given: None, .. } | Actor::Admitted => {}
        }
        let relevant = ground.relevant.get(own).cloned().unwrap_or_default();
        self.become_all(actor, relevant, closure);
        let is_everything = |other: &Actor| match other {
            Actor::Made { .. } => is_made(other, own, None),
            Actor::Known(arn) => other == actor && self.is_bound_by_nothing(arn, closure),
            Actor::Admitted => false,
        };
        if ground.choosy.contains(own) || !closure.reached.keys().any(is_everything) {
            let rest = self.model.principals_of(own).map(|p| p.arn.clone()).collect();
            self.become_all(actor, rest, closure);
        }
        let near = |other: &Actor| account(self.model, other) == Some(own);
        let mut whom: BTreeSet<Actor> =
            closure.reached.keys().filter(|other| near(other)).cloned().collect();
        whom.insert(actor.clone());
        for other in whom {
            match &other {
                Actor::Known(arn) => self.change(ground, actor, arn, closure),
                Actor::Made { name, .. } => {
                    self.tag(ground, actor, &other, (own, name), closure);
                    self.rename_made(actor, &other, closure);
                    self.unbind(actor, &other, closure);
                }
                Actor::Admitted => {}
            }
        }
        let tagged = ground.tag_held.values().flatten().map(StepTarget::arn);
        let mut tagged: BTreeSet<String> = tagged
            .filter(|arn| home(self.model, &StepSource::Principal((*arn).to_owned())) == Some(own))
            .map(str::to_owned)
            .collect();
        if ground.asks_tags_of_targets(self.model, own) {
            tagged.extend(self.model.principals_of(own).map(|p| p.arn.clone()));
        }
        for arn in tagged {
            self.retag(actor, &arn, closure);
        }
    }

    /// Whether another principal that was made, under another name, does in the account what this one could: then it is
    /// enough that one of them does.
    fn has_a_like(&self, actor: &Actor, own: &Handle, closure: &Closure) -> bool {
        let names = self.model.accounts.get(own).map(|node| self.rights_cache.names(node));
        let rank = |actor: &Actor| {
            let way = closure.way_to(actor);
            (way.why_undetermined.is_some(), way.conditional)
        };
        let own_rank = (rank(actor), actor);
        is_made(actor, own, None)
            && names.is_some_and(|names| !names.bear_on_rights)
            && closure
                .reached
                .keys()
                .any(|other| is_made(other, own, None) && (rank(other), other) < own_rank)
    }

    /// Whether a principal was permitted everything and nothing of its own holds it back.
    fn is_bound_by_nothing(&self, arn: &str, closure: &Closure) -> bool {
        let changes = closure.changes(&Actor::Known(arn.to_owned()));
        let free = |node: &PrincipalNode| {
            (changes.unbound || node.boundary().is_none())
                && denials(self.model, node).iter().all(|(_, name)| changes.lifted.contains(name))
        };
        changes.permitted && self.model.principals.get(arn).is_some_and(|node| free(node))
    }

    fn become_all(&mut self, actor: &Actor, others: Vec<String>, closure: &mut Closure) {
        for other in others {
            let whom = Actor::Known(other.clone());
            if *actor != whom && !closure.reached.contains_key(&whom) {
                let link = || Some(PowerLink::Become(named(actor), other.clone()));
                let fact = Fact::Reached(whom);
                self.try_to(actor, &RightsScope::Become(other.clone()), &fact, link, closure);
            }
        }
    }

    /// Bringing an account into the organization, where something lets in whoever is of that.
    fn admit(&mut self, ground: &Ground, actor: &Actor, own: &Handle, closure: &mut Closure) {
        let node = self.model.accounts.get(own).and_then(|node| node.membership.as_ref());
        if !node.is_some_and(|of| of.management_account) || ground.anybody.is_empty() {
            return;
        }
        let link = || Some(PowerLink::Admit(named(actor)));
        if !closure.reached.contains_key(&Actor::Admitted) {
            let fact = Fact::Reached(Actor::Admitted);
            self.try_to(actor, &RightsScope::Admission, &fact, link, closure);
        }
        if !closure.changes(&Actor::Admitted).moved {
            let fact =
                Fact::Changed(Actor::Admitted, Changes { moved: true, ..Changes::default() });
            self.try_to(actor, &RightsScope::Placement, &fact, link, closure);
        }
    }

    /// Deciding what policies say, whoever then attaches them.
    fn write(&mut self, actor: &Actor, closure: &mut Closure) {
        self.note_each(actor, &RightsScope::Authoring, Fact::Written, closure);
    }

    /// Notes a fact about each resource, by ARN, over which an actor has a right.
    pub(super) fn note_each(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        fact: impl Fn(String) -> Fact,
        closure: &mut Closure,
    ) {
        let (way, rights) = self.rights_of(actor, scope, closure);
        let (openings, _) = rights.at(self.time);
        let resources: BTreeSet<String> =
            openings.iter().map(|opening| opening.witness.resource.clone()).collect();
        for resource in resources {
            let rights = rights.on(&resource);
            let free = asks_nothing(rights.at(self.time).0);
            let way = way.by(actor, &rights, free, None).through(rights.at(self.time).0);
            closure.note(fact(resource), way);
        }
    }

    /// Whether an actor has a right, and what follows from it beside something that came about another way.
    pub(super) fn try_beside(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        fact: &Fact,
        beside: &Way,
        closure: &mut Closure,
    ) -> bool {
        let (mut way, rights) = self.rights_of(actor, scope, closure);
        let (openings, undecided) = rights.at(self.time);
        way.join(beside);
        let free = openings.is_empty() || asks_nothing(openings);
        let way = way.by(actor, &rights, free, None).through(openings);
        match (openings.is_empty(), undecided) {
            (true, Some(why)) => closure.note(fact.clone(), way.in_doubt(why.clone())),
            (true, None) => {}
            (false, _) => closure.note(fact.clone(), way),
        }
        !openings.is_empty()
    }

    /// Managed policies that somebody in an account can be given, by ARN: its own, and AWS's that are known, but for the
    /// one that permits everything, which is asked for before.
    pub(super) fn policies_of(&self, own: &AccountNode) -> Vec<String> {
        let mut of_aws = self.model.managed_by_aws(own.partition);
        of_aws.remove(&everything(own.partition));
        self.model.managed_of(own).cloned().chain(of_aws).collect()
    }

    fn retag(&mut self, actor: &Actor, arn: &str, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::TargetsTagged) {
            return;
        }
        let whom = Actor::Known(arn.to_owned());
        if closure.changes(&whom).tagged {
            return;
        }
        let change = Changes { tagged: true, ..Changes::default() };
        self.alter(actor, &whom, &RightsScope::Tags(arn.to_owned()), change, closure);
    }

    /// What may be changed about the tags of a principal that was made, by its account and ARN.
    fn tag(
        &mut self,
        ground: &Ground,
        actor: &Actor,
        whom: &Actor,
        (own, arn): (&Handle, &str),
        closure: &mut Closure,
    ) {
        if self.rights_cache.leaves_out(ClosureRule::MadeTagged) {
            return;
        }
        let known = closure.changes(whom);
        let matter = !ground.anybody.is_empty()
            || self.asks_tags(ground, own)
            || ground.asks_of_sessions(own)
            || limits(self.model, whom).iter().any(|policy| asks_session(&policy.document));
        if !matter || known.tagged || known.retrusted {
            return;
        }
        let change = Changes { tagged: true, ..Changes::default() };
        if self.alter(actor, whom, &RightsScope::Tags(arn.to_owned()), change, closure)
            || arn.contains(":user/")
        {
            return;
        }
        // Its trust is its maker's, who may have let anybody of the account tag its sessions.
        let change = Changes { retrusted: true, ..Changes::default() };
        let fact = Fact::Changed(whom.clone(), change);
        let making = closure.way_to(whom);
        self.try_beside(actor, &RightsScope::Session(arn.to_owned()), &fact, &making, closure);
    }

    /// Rewriting a role's trust, so that its sessions bear what one likes.
    fn retrust(&mut self, actor: &Actor, role: &PrincipalNode, closure: &mut Closure) {
        let whom = Actor::Known(role.arn.clone());
        if role.kind == PrincipalKind::User || closure.changes(&whom).retrusted {
            return;
        }
        let change = Changes { retrusted: true, ..Changes::default() };
        self.alter(actor, &whom, &RightsScope::Trust(role.arn.clone()), change, closure);
    }

    /// What those who were reached before may change about somebody. Who comes later looks at everybody itself.
    fn change_by_others(&mut self, ground: &Ground, whom: &Actor, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::ChangedByOthers) {
            return;
        }
        for actor in closure.movers_beside(whom) {
            match whom {
                Actor::Known(arn) => self.change(ground, &actor, arn, closure),
                Actor::Made { account, name, .. } => {
                    self.tag(ground, &actor, whom, (account, name), closure);
                    self.unbind(&actor, whom, closure);
                }
                Actor::Admitted => {}
            }
        }
    }

    /// What may be changed about a principal.
    fn change(&mut self, ground: &Ground, actor: &Actor, arn: &str, closure: &mut Closure) {
        let whom = Actor::Known(arn.to_owned());
        let Some(node) = self.model.principals.get(arn).cloned() else { return };
        if !closure.changes(&whom).permitted {
            let change = Changes { permitted: true, ..Changes::default() };
            if !self.alter(actor, &whom, &RightsScope::Permissions(arn.to_owned()), change, closure)
            {
                self.attach(actor, &whom, arn, closure);
                self.join(actor, &whom, arn, closure);
            }
        }
        if node.kind == PrincipalKind::User {
            self.rename(actor, &whom, arn, closure);
        }
        if node.boundary().is_some() && !closure.changes(&whom).unbound {
            let change = Changes { unbound: true, ..Changes::default() };
            let scope = RightsScope::Unbound(arn.to_owned());
            if !self.alter(actor, &whom, &scope, change, closure) {
                self.rebind(actor, &node, closure);
            }
        }
        let denials = denials(self.model, &node);
        let mixed = denials.iter().filter(|(_, name)| is_mixed(&node, name)).count();
        for (standing, name) in denials {
            let known = closure.changes(&whom);
            if known.lifted.contains(&name) {
                continue;
            }
            let lift = Changes { lifted: [name.clone()].into(), ..Changes::default() };
            let rewrite = RightsScope::Rewrite(arn.to_owned(), standing.clone());
            if self.alter(actor, &whom, &rewrite, lift.clone(), closure) {
                continue;
            }
            // Taking away two policies that allow as well as deny can be done in more ways than are asked about:
            // then both count as rewritten.
            let few = mixed < 2 || self.rights_cache.leaves_out(ClosureRule::MixedRemoved);
            let change = if is_mixed(&node, &name) && few {
                Changes { removed: [name.clone()].into(), ..Changes::default() }
            } else {
                lift
            };
            if !known.removed.contains(&name) {
                self.alter(
                    actor,
                    &whom,
                    &RightsScope::Remove(arn.to_owned(), standing),
                    change,
                    closure,
                );
            }
        }
        if ground.held.contains_key(arn)
            || ground.heirs.contains_key(arn)
            || !ground.anybody.is_empty()
            || self.asks_tags(ground, &node.account)
            || ground.sessions_matter(&node)
        {
            self.retag(actor, arn, closure);
            self.retrust(actor, &node, closure);
        }
    }

    /// Swapping a principal's boundary for each policy of its account of which it is known what it leaves, or for one whose text
    /// the closure decides.
    fn rebind(&mut self, actor: &Actor, node: &PrincipalNode, closure: &mut Closure) {
        let whom = Actor::Known(node.arn.clone());
        let Some(own) = self.model.accounts.get(&node.account) else { return };
        let current = boundary_arn(self.model, node);
        let standing: Vec<String> = self.model.managed_of(own).cloned().collect();
        for policy in standing.into_iter().filter(|policy| Some(policy) != current.as_ref()) {
            let scope = RightsScope::Rebound(node.arn.clone(), policy.clone());
            if let Some(writing) = closure.written.get(&policy).cloned()
                && !self.rights_cache.leaves_out(ClosureRule::WrittenBoundary)
            {
                let change = Changes { unbound: true, ..Changes::default() };
                let fact = Fact::Changed(whom.clone(), change);
                if self.try_beside(actor, &scope, &fact, &writing, closure) {
                    return;
                }
            }
            if !closure.changes(&whom).bounds.contains(&policy) {
                let change = Changes { bounds: [policy].into(), ..Changes::default() };
                self.alter(actor, &whom, &scope, change, closure);
            }
        }
    }

    /// Giving a user names by which policies tell it from others.
    fn rename(&mut self, actor: &Actor, whom: &Actor, arn: &str, closure: &mut Closure) {
        let scope = RightsScope::Rename(arn.to_owned());
        let (way, rights) = self.rights_of(actor, &scope, closure);
        let (openings, undecided) = rights.at(self.time);
        let known = closure.changes(whom).names;
        if let (true, Some(why)) = (openings.is_empty(), undecided)
            && let Some(home) = account(self.model, whom).and_then(|a| self.model.accounts.get(a))
        {
            // Any of them, for all that is known.
            let names = self.rights_cache.other_names(home);
            let change = Changes { names, ..Changes::default() };
            let way = way.by(actor, &rights, true, None).in_doubt(why.clone());
            closure.note(Fact::Changed(whom.clone(), change), way);
            return;
        }
        for free in [true, false] {
            let of_these = |o: &&Opening| o.requirements.is_empty() == free;
            let these: Vec<Opening> = openings.iter().filter(of_these).cloned().collect();
            let names = these.iter().map(|o| o.witness.resource.clone());
            let names: BTreeSet<String> = names.filter(|name| !known.contains(name)).collect();
            if !names.is_empty() {
                let change = Changes { names, ..Changes::default() };
                let way = way.by(actor, &rights, free, None).through(&these);
                closure.note(Fact::Changed(whom.clone(), change), way);
            }
        }
    }

    /// Giving a user that was made another name.
    fn rename_made(&mut self, actor: &Actor, whom: &Actor, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::MadeRenamed) {
            return;
        }
        let Actor::Made { account, name, bound, given } = whom else { return };
        if !name.contains(":user/") {
            return;
        }
        let (mut way, rights) = self.rights_of(actor, &RightsScope::Rename(name.clone()), closure);
        way.join(&closure.way_to(whom));
        for opening in rights.at(self.time).0 {
            let renamed = Actor::Made {
                account: account.clone(),
                name: opening.witness.resource.clone(),
                bound: bound.clone(),
                given: given.clone(),
            };
            let these = std::slice::from_ref(opening);
            let way = way.by(actor, &rights, asks_nothing(these), None).through(these);
            closure.note(Fact::Reached(renamed), way);
        }
    }

    fn asks_tags(&self, ground: &Ground, account: &Handle) -> bool {
        let id = self.model.accounts.get(account).map(|a| &a.id);
        let whole = id.and_then(|id| ground.whole.get(id)).into_iter().flatten();
        whole.into_iter().any(|target| asks_whom(self.model, target))
    }

    /// Attaching what may be attached where that is not everything.
    fn attach(&mut self, actor: &Actor, whom: &Actor, arn: &str, closure: &mut Closure) {
        let (_, some) = self.rights_of(actor, &RightsScope::Attaching(arn.to_owned()), closure);
        if some.at(self.time).0.is_empty() {
            return;
        }
        let Some(own) = account(self.model, whom).and_then(|a| self.model.accounts.get(a)) else {
            return;
        };
        for policy in self.policies_of(own) {
            if closure.changes(whom).attached.contains(&policy) {
                continue;
            }
            let change = Changes { attached: [policy.clone()].into(), ..Changes::default() };
            let scope = RightsScope::Attach(arn.to_owned(), policy);
            self.alter(actor, whom, &scope, change, closure);
        }
        let change = Changes { permitted: true, ..Changes::default() };
        let permitted = Fact::Changed(whom.clone(), change.clone());
        let mut written = closure.written_in(&format!(":iam::{}:", own.id));
        if self.rights_cache.leaves_out(ClosureRule::WrittenAttached) {
            written.clear();
        }
        for (policy, writing) in written {
            let scope = RightsScope::Attach(arn.to_owned(), policy);
            if self.try_beside(actor, &scope, &permitted, &writing, closure) {
                return;
            }
        }
        self.alter(actor, whom, &RightsScope::AttachUnknown(arn.to_owned()), change, closure);
    }

    /// Putting a user into groups.
    fn join(&mut self, actor: &Actor, whom: &Actor, arn: &str, closure: &mut Closure) {
        let Some(user) = self.model.principals.get(arn).filter(|p| p.arn.contains(":user/")) else {
            return;
        };
        let own = user.groups();
        let others: Vec<(String, bool)> = self
            .model
            .groups_of(&user.account)
            .filter(|group| !own.contains(&group.arn))
            .map(|group| (group.arn.clone(), group.is_unreadable()))
            .collect();
        for (group, unreadable) in others {
            if closure.changes(whom).groups.contains(&group) {
                continue;
            }
            let change = Changes { groups: [group.clone()].into(), ..Changes::default() };
            let scope = RightsScope::Join(group.clone());
            if self.alter(actor, whom, &scope, change, closure)
                && unreadable
                && !self.rights_cache.leaves_out(ClosureRule::UnreadGroups)
            {
                let why = format!("a policy of the group `{group}` could not be read");
                let permitted = Changes { permitted: true, ..Changes::default() };
                let way = closure.way_to(actor).in_doubt(why);
                closure.note(Fact::Changed(whom.clone(), permitted), way);
            }
        }
    }

    /// Changes something about a principal, if the actor may. Whether it may.
    fn alter(
        &mut self,
        actor: &Actor,
        whom: &Actor,
        scope: &RightsScope,
        change: Changes,
        closure: &mut Closure,
    ) -> bool {
        let has_power = closure.way_to(actor).power.is_some();
        let link = || has_power.then(|| PowerLink::Permit(named(actor), named(whom)));
        self.try_to(actor, scope, &Fact::Changed(whom.clone(), change), link, closure)
    }

    /// Whether an actor has a right, and what follows from it.
    fn try_to(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        fact: &Fact,
        link: impl Fn() -> Option<PowerLink>,
        closure: &mut Closure,
    ) -> bool {
        let (way, rights) = self.rights_of(actor, scope, closure);
        let (openings, undecided) = rights.at(self.time);
        if openings.is_empty() {
            if let Some(why) = undecided {
                let way = way.by(actor, &rights, true, link()).in_doubt(why.clone());
                closure.note(fact.clone(), way);
            }
            return false;
        }
        let way = way.by(actor, &rights, asks_nothing(openings), link()).through(openings);
        closure.note(fact.clone(), way);
        true
    }

    /// Who of an account holds a right, by the rights that its principals have there already: to that, or to change
    /// what somebody of the account may do. The first of these that are found are all: who may already, then who may
    /// permit itself, then who may permit another one. Who acts by leave of the management account alone is left out.
    pub(super) fn holders_at_home(
        &mut self,
        ground: &Ground,
        own: &Handle,
        scope: &RightsScope,
    ) -> Vec<Leaver> {
        let mut closure = Closure::default();
        let mut changing: Vec<String> = Vec::new();
        let all = self.model.principals_of(own);
        for principal in all.filter(|principal| !is_for_management(self.model, principal)) {
            let actor = Actor::Known(principal.arn.clone());
            closure.note(Fact::Reached(actor), Way::default());
            if may_change_policies(principal) {
                changing.push(principal.arn.clone());
            }
        }
        let found = self.holders(scope, &closure);
        if found.iter().any(Leaver::is_certain)
            || self.rights_cache.leaves_out(ClosureRule::LeaversPermitted)
        {
            return found;
        }
        for arn in &changing {
            let actor = Actor::Known(arn.clone());
            self.change(ground, &actor, arn, &mut closure);
        }
        let found = self.holders(scope, &closure);
        if found.iter().any(Leaver::is_certain) {
            return found;
        }
        loop {
            while let Some(task) = closure.queue.pop_front() {
                closure.queued.remove(&task);
                match &task {
                    Task::All(actor) => self.moves(ground, actor, own, &mut closure),
                    Task::Change(whom) => self.change_by_others(ground, whom, &mut closure),
                }
            }
            let Some((fact, way)) = closure.conditional.pop().or_else(|| closure.doubtful.pop())
            else {
                return self.holders(scope, &closure);
            };
            closure.learn(fact, &way);
        }
    }

    /// Everybody reached who holds a right.
    fn holders(&mut self, scope: &RightsScope, closure: &Closure) -> Vec<Leaver> {
        let mut found = Vec::new();
        for actor in closure.reached.keys() {
            let (mut way, rights) = self.rights_of(actor, scope, closure);
            let (openings, undecided) = rights.at(self.time);
            match (openings.is_empty(), undecided) {
                (true, None) => continue,
                (true, Some(why)) => way = way.in_doubt(why.clone()),
                (false, _) => way = way.through(openings),
            }
            // What it holds as it stands is shown: the rest follows.
            let (name, rights) = match way.power.clone() {
                Some(power) => (power.holder, power.rights),
                None => (named(actor), rights),
            };
            // One way of each is enough.
            if !found.iter().any(|known: &Leaver| known.is_certain() && known.name == name) {
                found.push(Leaver { name, way, rights });
            }
        }
        found
    }

    /// What an actor has of a right, with no more of the changes than it takes, and how it comes to that.
    pub(super) fn rights_of(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        closure: &Closure,
    ) -> (Way, Rights) {
        let standing = self.rights_upon(actor, scope, closure, false);
        let changed = scope.over().and_then(|arn| {
            let changes = closure.changed.get(&Actor::Known(arn.to_owned()))?;
            changes.iter().find(|(change, _)| change.tagged)
        });
        let Some((_, tagging)) = changed.filter(|_| standing.1.at(self.time).0.is_empty()) else {
            return standing;
        };
        let (mut way, rights) = self.rights_upon(actor, scope, closure, true);
        if rights.at(self.time).0.is_empty() {
            return standing;
        }
        way.join(tagging);
        (way, rights)
    }

    /// The same over a principal that bears the tags that are known of it, or whatever tags one likes.
    fn rights_upon(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        closure: &Closure,
        retagged: bool,
    ) -> (Way, Rights) {
        let time = self.time;
        let rights_cache = &mut *self.rights_cache;
        let mut rights = |changes: &Changes| {
            let holder = RightHolder::new(actor, time, changes).upon_any_tags(retagged);
            rights_cache.of_holder(&holder, scope).clone()
        };
        let taken = closure.least(actor, |changes| !rights(changes).at(time).0.is_empty());
        let changes = Changes::all(taken.iter().map(|(change, _)| change));
        let mut way = closure.way_to(actor);
        taken.iter().for_each(|(_, changing)| way.join(changing));
        (way, rights(&changes))
    }

    /// The steps of an actor, as it stands or changed.
    fn walk(&mut self, ground: &Ground, actor: &Actor, closure: &mut Closure) {
        let way = closure.way_to(actor);
        let step_of = |target: &StepTarget| PathStep {
            source: source(self.model, actor),
            target: target.clone(),
        };
        // Without power it goes where steps alone lead, which is known.
        if let (Actor::Known(arn), true) =
            (actor, way.power.is_some() || way.why_undetermined.is_some())
            && !self.rights_cache.leaves_out(ClosureRule::StepsGoneOn)
        {
            let source = StepSource::Principal(arn.clone());
            for edge in self.by_source.get(&source).into_iter().flatten() {
                let StepTarget::Role(role) = &edge.step.target else { continue };
                let mut way = way.clone();
                way.links.push(PowerLink::PathStep(edge.step.clone()));
                way.conditional |= !edge.is_unconditional();
                closure.note(Fact::Reached(Actor::Known(role.clone())), way);
            }
        }
        self.run_under_others(ground, actor, closure);
        self.issue_tokens(ground, actor, closure);
        let changes = closure.changes(actor);
        self.hand_tags_on(ground, actor, &changes, closure);
        let made = matches!(actor, Actor::Made { .. } | Actor::Admitted);
        for target in ground.steps(self.model, actor) {
            let retagged = closure.changes(&Actor::Known(target.arn().to_owned())).tagged;
            if changes.is_empty() && !made && !retagged {
                continue;
            }
            let next = match &target {
                StepTarget::Role(arn) => Some(Actor::Known(arn.clone())),
                StepTarget::Resource(_) => None,
            };
            let step = step_of(&target);
            let known = next.as_ref().is_some_and(|next| closure.reached.contains_key(next));
            let own = account(self.model, actor);
            let crossed = closure
                .crossed
                .keys()
                .any(|(other, known)| *known == target && account(self.model, other) == own);
            if known || crossed || self.result.edges.contains_key(&step) {
                continue;
            }
            let found = self.crossing(actor, &changes, &target, retagged);
            if matches!(found, Crossing::Closed) {
                continue;
            }
            let is_open = matches!(found, Crossing::Open(_));
            // No more of the changes than it takes.
            let taken = closure.least(actor, |changes| {
                self.crossing(actor, changes, &target, retagged).is_as_open_as(&found)
            });
            let changes = Changes::all(taken.iter().map(|(change, _)| change));
            let found = self.crossing(actor, &changes, &target, retagged);
            let mut way = closure.way_to(actor);
            taken.iter().for_each(|(_, changing)| way.join(changing));
            let plain = !retagged
                || match self.crossing(actor, &changes, &target, false) {
                    Crossing::Open(_) => true,
                    _ => !is_open,
                };
            if !plain {
                let tags = closure.changed.get(&Actor::Known(target.arn().to_owned()));
                let tagging = tags.into_iter().flatten().find(|(change, _)| change.tagged);
                tagging.into_iter().for_each(|(_, tagging)| way.join(tagging));
            }
            let fact = Fact::Crossed(actor.clone(), target.clone());
            match found {
                Crossing::Open(openings) => way = way.through(&openings),
                Crossing::Undecided(why) => way = way.in_doubt(why),
                Crossing::Closed => continue,
            }
            closure.note(fact, way.clone());
            if let Some(next) = next {
                way.links.push(PowerLink::PathStep(step));
                closure.note(Fact::Reached(next), way);
            }
        }
    }

    /// Who is let in with whatever tags one likes hands them on to the sessions that it begins, whatever conditions say of
    /// tags that are passed.
    fn hand_tags_on(
        &mut self,
        ground: &Ground,
        actor: &Actor,
        changes: &Changes,
        closure: &mut Closure,
    ) {
        if self.rights_cache.leaves_out(ClosureRule::TagsHandedOn) {
            return;
        }
        let Actor::Known(arn) = actor else { return };
        let Some(heirs) = ground.heirs.get(arn).filter(|_| changes.passes_tags_on()) else {
            return;
        };
        for heir in heirs {
            let whom = Actor::Known(heir.clone());
            if closure.changes(&whom).inherits {
                continue;
            }
            let step = PathStep {
                source: source(self.model, actor),
                target: StepTarget::Role(heir.clone()),
            };
            let as_it_stands = self.result.edges.get(&step).map(|edge| edge.openings.clone());
            let mut way = closure.way_to(actor);
            let changing = closure.changed.get(actor).into_iter().flatten();
            // As it stands it takes the step once its tags are free; else it takes all that was changed about it.
            let taken =
                changing.filter(|(change, _)| as_it_stands.is_none() || change.passes_tags_on());
            taken.for_each(|(_, changing)| way.join(changing));
            let found = match as_it_stands {
                Some(openings) => Crossing::Open(openings),
                None => self.crossing(actor, changes, &step.target, false),
            };
            let way = match found {
                Crossing::Open(openings) => way.through(&openings),
                Crossing::Undecided(why) => way.in_doubt(why),
                Crossing::Closed => continue,
            };
            let change = Changes { inherits: true, ..Changes::default() };
            closure.note(Fact::Changed(whom, change), way);
        }
    }

    /// A step of a changed actor, asked about once.
    fn crossing(
        &mut self,
        actor: &Actor,
        changes: &Changes,
        target: &StepTarget,
        retagged: bool,
    ) -> Crossing {
        let key = (actor.clone(), changes.clone(), target.clone(), retagged);
        let model = self.model;
        let found = self.crossings.entry(key);
        found.or_insert_with(|| cross(model, actor, changes, target, retagged)).clone()
    }

    /// What crosses by power: steps of those whom an origin can make itself, or has changed.
    pub(super) fn through_closure(&mut self, origin: &Origin, closure: &Closure) {
        for (actor, way) in &closure.reached {
            let Actor::Known(arn) = actor else { continue };
            if way.power.is_none() {
                continue;
            }
            let own = account(self.model, actor);
            for edge in
                self.by_source.get(&StepSource::Principal(arn.clone())).into_iter().flatten()
            {
                let to = account_of(self.model, &edge.step.target).filter(|to| Some(to) != own);
                let Some(to) = to else { continue };
                let over = Over::Principal(edge.step.clone());
                self.cross_over(origin, &way.clone().through(&edge.openings), &to, over);
            }
        }
        for ((actor, target), way) in &closure.crossed {
            let Some(to) = account_of(self.model, target) else { continue };
            let Some(power) = way.power.as_ref() else { continue };
            if matches!(actor, Actor::Admitted) {
                let source = StepSource::Foreign(newcomer(self.model));
                let over = Over::Admitted(PathStep { source, target: target.clone() });
                self.cross_over(origin, way, &to, over);
                continue;
            }
            if account(self.model, actor).is_none_or(|own| *own == to) {
                continue;
            }
            let by_itself = closure.reached.get(actor).is_some_and(|way| way.power.is_none());
            let source = match actor {
                Actor::Known(arn) => arn.clone(),
                Actor::Made { .. } | Actor::Admitted => power.holder.clone(),
            };
            let step = PathStep { source: StepSource::Principal(source), target: target.clone() };
            let over = if by_itself { Over::OwnPolicies(step) } else { Over::Making(step) };
            self.cross_over(origin, way, &to, over);
        }
    }

    /// What crosses by tokens that an origin issues.
    pub(super) fn through_tokens(&mut self, origin: &Origin, closure: &Closure) {
        for ((actor, step), way) in &closure.issued {
            let to = account_of(self.model, &step.target);
            if let Some(to) = to.filter(|to| account(self.model, actor) != Some(to)) {
                self.cross_over(origin, way, &to, Over::Principal(step.clone()));
            }
        }
    }

    fn cross_over(&mut self, origin: &Origin, way: &Way, to: &Handle, over: Over) {
        if let Some(why) = &way.why_undetermined {
            for environment in self.entered(origin, to) {
                let pair = (origin.clone(), environment);
                self.powers.doubtful.entry(pair).or_insert_with(|| why.clone());
            }
            return;
        }
        let Some(power) = way.power.clone() else { return };
        self.add(origin, way, to, &power.holder, &over, &power.rights);
    }
}

/// Whether a policy of a principal allows as well as denies.
fn is_mixed(node: &PrincipalNode, name: &str) -> bool {
    let mut rules = node.identity().iter().filter(|rule| rule.policy.name() == name);
    rules.any(|rule| rule.document.statements.iter().any(|s| s.effect == Effect::Allow))
}

/// Whether an actor was made in an account and permitted everything, under no boundary or under this one.
pub(super) fn is_made(actor: &Actor, own: &Handle, of: Option<&String>) -> bool {
    matches!(actor, Actor::Made { account, bound, given: None, .. }
        if account == own && bound.as_ref() == of)
}

/// A principal that was made, without what it was given.
pub(super) fn bare(actor: &Actor) -> Option<(&String, Option<&String>)> {
    match actor {
        Actor::Made { name, bound, .. } => Some((name, bound.as_ref())),
        Actor::Known(_) | Actor::Admitted => None,
    }
}

pub(super) fn named(actor: &Actor) -> String {
    match actor {
        Actor::Known(arn) => arn.clone(),
        Actor::Made { account, .. } => format!("a principal made in `{account}`"),
        Actor::Admitted => "a principal of an account that was brought in".to_owned(),
    }
}
