//! What can be made of a foothold: the closure of "may become" and "may permit".
//!
//! Claim: a wall that no path of this closure opens stays shut whatever those who got into an account in between
//! do there, in any order and as often as they like, short of what the proofs say they trust.
//!
//! Argument. The state of the search is a set of facts about principals of accounts that are not the origin's own:
//! *reached* (the origin can act as it) and *changed* (the origin can bring about that it is permitted everything, that
//! its boundary or a Deny binds it no longer, that it bears other tags, is in a group, has a policy). Facts are only
//! ever added, and there are finitely many, so the search ends. It misses nothing because
//!
//! 1. every API call by which IAM lets one principal alter what another one of its account may do, or who may be that
//!    one, makes one of these facts, and [`RightsScope`] lists those calls: policies (written, attached, re-versioned, taken
//!    away), boundaries, groups, tags, trusts, credentials, identity providers, roles that are passed or that code
//!    runs under already, and principals that are made;
//! 2. all facts are tried for every principal that is reached, under everything that is changed about it so far,
//!    and are tried again whenever more is changed about it;
//! 3. a change never takes away: each one leaves a principal with no less than it had (`changes.rs` says why), so it
//!    is enough to keep the union of the changes, and the order in which they are made does not matter;
//! 4. what nobody in the closure can alter stays in every question: SCPs and RCPs over the account, and boundaries
//!    that are still set. A principal that is made is under no boundary, except where nobody may make one without
//!    (`iam:PermissionsBoundary`); SCPs bind it like anybody.
//!
//! Principals of the origin's own accounts are not changed here: a wall that only its source side holds shut is told as
//! such (`held_by_source_side`). Principals without any step to take and without any right that moves walls are left
//! out where somebody is reached there that is permitted everything already: what they could be made into, that one is.
//!
//! What holds under conditions of the surroundings waits until all that holds without is known, so that no condition is
//! told that another way does not ask. What cannot be decided, or leads through a service of which nobody knows what it does with a role, is followed in a
//! last round: whatever only that opens is undetermined, and says why.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::changes::{Actor, Changes, Crossing, account, cross, denials, source};
use super::super::crossing::{PathStep, StepSource, StepTarget, answer, asked, home};
use super::super::paths::{Origin, account_of};
use super::super::rights::{
    RightHolder, Rights, RightsScope, allows, may_change_policies, may_put_objects,
};
use super::{Over, Power, PowerLink, Search, Way, asks_nothing};
use crate::access::{AccessModel, BUCKET, PrincipalNode};
use crate::iam::symbolic::SymbolicAnswer;
use crate::iam::{Effect, Statement};
use crate::ids::Handle;

/// Everything that an origin has come to.
#[derive(Default)]
pub(super) struct Closure {
    /// Whom it can act as, and how.
    pub(super) reached: BTreeMap<Actor, Way>,
    /// What it can have changed, and how each came about.
    changed: BTreeMap<Actor, Vec<(Changes, Way)>>,
    /// Steps of changed actors that are open only so, and how they came about.
    pub(super) crossed: BTreeMap<(Actor, StepTarget), Way>,
    queue: VecDeque<Task>,
    queued: BTreeSet<Task>,
    /// What is so under conditions only: it waits for what is so without.
    conditional: Vec<(Fact, Way)>,
    /// What may be so, for all that is known: it waits for what is.
    doubtful: Vec<(Fact, Way)>,
}

/// What is to be looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// All that an actor may do.
    All(Actor),
    /// What an actor may change about another one.
    Change(Actor, Actor),
}

/// Something that comes true.
#[derive(Clone)]
enum Fact {
    Reached(Actor),
    Changed(Actor, Changes),
    Crossed(Actor, StepTarget),
}

/// What of one side bears on the closure, found out once.
pub(super) struct Ground {
    /// Accounts from which a step leads out, or might.
    exits: BTreeSet<Handle>,
    /// Accounts of which something lets in some principals and not others.
    choosy: BTreeSet<Handle>,
    /// Principals that take steps or hold power, by account.
    relevant: BTreeMap<Handle, Vec<String>>,
    /// Targets that let in whole accounts, by the ids of these.
    whole: BTreeMap<String, Vec<StepTarget>>,
    /// Targets that let in everybody.
    anybody: Vec<StepTarget>,
    /// Steps that nothing but the target side's tags keep shut.
    tag_held: BTreeMap<String, Vec<StepTarget>>,
    /// Steps that the source side alone holds shut.
    held: BTreeMap<String, Vec<StepTarget>>,
}

impl Ground {
    pub(super) fn new(search: &Search<'_, '_>) -> Self {
        let (model, result) = (search.model, search.result);
        let steps =
            || result.edges.keys().chain(result.closed.keys()).chain(result.undecided.keys());
        let mut exits = BTreeSet::new();
        let mut taking: BTreeSet<&str> = BTreeSet::new();
        for step in steps() {
            let (StepSource::Principal(arn), Some(own)) = (&step.source, home(model, &step.source))
            else {
                continue;
            };
            taking.insert(arn);
            if account_of(model, &step.target).is_some_and(|to| to != *own) {
                exits.insert(own.clone());
            }
        }
        let (whole, anybody) = (search.whole.clone(), anybody(model));
        let leads_out = |targets: &[StepTarget], own: &Handle| {
            targets.iter().any(|target| account_of(model, target).is_some_and(|to| to != *own))
        };
        let mut choosy = BTreeSet::new();
        for node in model.accounts.values() {
            let of_whole = whole.get(&node.id).map(Vec::as_slice).unwrap_or_default();
            let manages = node.membership.as_ref().is_some_and(|m| m.management_account);
            let keeps_state = model
                .state_bucket
                .as_ref()
                .is_some_and(|arn| super::bucket_owner(model, arn).as_ref() == Some(&node.handle));
            if manages
                || keeps_state
                || leads_out(of_whole, &node.handle)
                || leads_out(&anybody, &node.handle)
            {
                exits.insert(node.handle.clone());
            }
            // Who it is, or what it bears, may decide whether it is let in.
            if of_whole.iter().chain(&anybody).any(|target| asks_whom(model, target)) {
                choosy.insert(node.handle.clone());
            }
        }
        let relevant = exits
            .iter()
            .map(|account| {
                // The state's bucket may let in a principal of its account whose own policies say nothing of it.
                let lets_in = model.state_bucket.as_ref().is_some_and(|bucket| {
                    let policy = model.resource_policy(bucket);
                    super::bucket_owner(model, bucket).as_ref() == Some(account)
                        && policy
                            .is_some_and(|p| BUCKET.writes.iter().any(|a| allows(&p.document, a)))
                });
                let all = model.principals_of(account).filter(|p| {
                    lets_in
                        || taking.contains(p.arn.as_str())
                        || may_change_policies(p)
                        || may_put_objects(p)
                });
                (account.clone(), all.map(|p| p.arn.clone()).collect())
            })
            .collect();
        let mut tag_held: BTreeMap<String, Vec<StepTarget>> = BTreeMap::new();
        let mut held: BTreeMap<String, Vec<StepTarget>> = BTreeMap::new();
        for step in result.closed.keys() {
            let StepSource::Principal(arn) = &step.source else { continue };
            if result.held_by_source.contains(step) {
                held.entry(arn.clone()).or_default().push(step.target.clone());
            }
            if matches!(step.target, StepTarget::Role(_))
                && asked(model, step).is_some_and(|asked| asked.looks_at_resource_tags())
            {
                let free =
                    asked(model, step).map(super::super::crossing::Asked::without_resource_tags);
                let open = free.map(|asked| answer(None, Some(&asked)).after);
                if matches!(open, Some(SymbolicAnswer::Open(_))) {
                    tag_held.entry(arn.clone()).or_default().push(step.target.clone());
                }
            }
        }
        Self { exits, choosy, relevant, whole, anybody, tag_held, held }
    }

    /// Steps that an actor may take once it, or the target, was changed.
    fn steps(&self, model: &AccessModel, actor: &Actor) -> BTreeSet<StepTarget> {
        let mut found = BTreeSet::new();
        if let Actor::Known(arn) = actor {
            found.extend(self.held.get(arn).into_iter().flatten().cloned());
            found.extend(self.tag_held.get(arn).into_iter().flatten().cloned());
        }
        let id = account(model, actor).and_then(|a| model.accounts.get(a)).map(|a| &a.id);
        found.extend(id.and_then(|id| self.whole.get(id)).into_iter().flatten().cloned());
        found.extend(self.anybody.iter().cloned());
        found.retain(|target| !matches!(actor, Actor::Known(arn) if target.arn() == arn));
        found
    }
}

fn allowing<'w>(
    model: &'w AccessModel,
    target: &StepTarget,
) -> impl Iterator<Item = &'w Statement> {
    let document = match target {
        StepTarget::Role(arn) => {
            model.principals.get(arn).and_then(|p| p.trust.as_ref()).map(|t| &t.document)
        }
        StepTarget::Resource(arn) => model.resource_policy(arn).map(|policy| &policy.document),
    };
    document.into_iter().flat_map(|d| &d.statements).filter(|s| s.effect == Effect::Allow)
}

fn asks_whom(model: &AccessModel, target: &StepTarget) -> bool {
    allowing(model, target).any(|s| !s.conditions.is_empty())
}

/// Targets that let in everybody.
fn anybody(model: &AccessModel) -> Vec<StepTarget> {
    let roles = model.principals.values().filter(|p| p.trust.is_some());
    let roles = roles.map(|p| StepTarget::Role(p.arn.clone()));
    let resources = model.resource_policies().map(|(r, _)| StepTarget::Resource(r.arn.clone()));
    roles
        .chain(resources)
        .filter(|target| {
            allowing(model, target).any(|s| {
                s.not_principals.is_some()
                    || s.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone)
            })
        })
        .collect()
}

impl Way {
    fn in_doubt(mut self, why: String) -> Self {
        self.why_undetermined.get_or_insert(why);
        self
    }

    /// Goes another way as well: what follows takes both.
    fn join(&mut self, other: &Self) {
        match (self.power.take(), other.power.clone()) {
            (Some(own), Some(more)) if own.holder == more.holder => {
                let rights = own.rights.with(more.rights);
                self.power = Some(Power { holder: own.holder, rights });
            }
            (own, more) => self.power = own.or(more),
        }
        let more = other.links.iter().filter(|link| !self.links.contains(link)).cloned();
        let more: Vec<PowerLink> = more.collect();
        self.links.extend(more);
        self.conditional |= other.conditional;
        if let Some(why) = &other.why_undetermined {
            self.why_undetermined.get_or_insert_with(|| why.clone());
        }
    }

    /// The same way and one more use of power: what it makes possible is as sure as both.
    fn by(
        &self,
        holder: &Actor,
        rights: &Rights,
        openings_free: bool,
        link: Option<PowerLink>,
    ) -> Self {
        let mut way = self.clone();
        way.conditional |= !openings_free;
        let name = match holder {
            Actor::Known(arn) => arn.clone(),
            Actor::Made { account, .. } => account.to_string(),
        };
        way.power = Some(match way.power.take() {
            None => Power { holder: name, rights: rights.clone() },
            // What one holder does at once is one power; what follows from it follows.
            Some(first) if first.holder == name => {
                Power { holder: name, rights: first.rights.with(rights.clone()) }
            }
            Some(first) => first,
        });
        way.links.extend(link);
        way
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
        let (Task::All(actor) | Task::Change(actor, _)) = &task;
        let Some(own) = account(self.model, actor).cloned() else { return };
        let inside = ground.exits.contains(&own) && !self.is_home(origin, &own);
        match &task {
            Task::Change(actor, Actor::Known(arn)) if inside => {
                self.change(ground, actor, arn, closure);
            }
            Task::Change(..) => {}
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
            && !self.model.principals.get(arn).is_some_and(|p| may_change_policies(p))
        {
            return;
        }
        self.make(actor, own, closure);
        if let Actor::Known(arn) = actor {
            self.change(ground, actor, arn, closure);
        }
        let relevant = ground.relevant.get(own).cloned().unwrap_or_default();
        self.become_all(actor, relevant, closure);
        let is_everything = |other: &Actor| match other {
            Actor::Made { account, bound } => bound.is_none() && account == own,
            Actor::Known(arn) => other == actor && self.is_bound_by_nothing(arn, closure),
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
            if let Actor::Known(arn) = &other {
                self.change(ground, actor, arn, closure);
            }
        }
        let tagged = ground.tag_held.values().flatten().map(StepTarget::arn);
        let tagged: BTreeSet<String> = tagged
            .filter(|arn| home(self.model, &StepSource::Principal((*arn).to_owned())) == Some(own))
            .map(str::to_owned)
            .collect();
        for arn in tagged {
            self.retag(actor, &arn, closure);
        }
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

    /// Making another principal.
    fn make(&mut self, actor: &Actor, own: &Handle, closure: &mut Closure) {
        let made = |bound| Actor::Made { account: own.clone(), bound };
        if closure.reached.contains_key(&made(None)) {
            return;
        }
        let link = || Some(PowerLink::Make(named(actor), own.clone()));
        let fact = Fact::Reached(made(None));
        if self.try_to(actor, &RightsScope::Making, &fact, link, closure) {
            return;
        }
        let Some(node) = self.model.accounts.get(own) else { return };
        let bounds: Vec<String> = self.model.managed_of(node).cloned().collect();
        for bound in bounds {
            let whom = made(Some(bound.clone()));
            if !closure.reached.contains_key(&whom) {
                let fact = Fact::Reached(whom);
                self.try_to(actor, &RightsScope::MakingUnder(bound), &fact, link, closure);
            }
        }
    }

    fn retag(&mut self, actor: &Actor, arn: &str, closure: &mut Closure) {
        let whom = Actor::Known(arn.to_owned());
        if closure.changes(&whom).tagged {
            return;
        }
        let change = Changes { tagged: true, ..Changes::default() };
        self.alter(actor, &whom, &RightsScope::Tags(arn.to_owned()), change, closure);
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
        if node.boundary().is_some() && !closure.changes(&whom).unbound {
            let change = Changes { unbound: true, ..Changes::default() };
            self.alter(actor, &whom, &RightsScope::Boundary(arn.to_owned()), change, closure);
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
            let change = if is_mixed(&node, &name) && mixed < 2 {
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
            || !ground.anybody.is_empty()
            || self.asks_tags(ground, &node.account)
        {
            self.retag(actor, arn, closure);
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
        let policies: Vec<String> = self.model.managed_of(own).cloned().collect();
        for policy in policies {
            if closure.changes(whom).attached.contains(&policy) {
                continue;
            }
            let change = Changes { attached: [policy.clone()].into(), ..Changes::default() };
            let scope = RightsScope::Attach(arn.to_owned(), policy);
            self.alter(actor, whom, &scope, change, closure);
        }
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
            if self.alter(actor, whom, &scope, change, closure) && unreadable {
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
        let way = way.by(actor, &rights, asks_nothing(openings), link());
        closure.note(fact.clone(), way);
        true
    }

    /// What an actor has of a right, with no more of the changes than it takes, and how it comes to that.
    pub(super) fn rights_of(
        &mut self,
        actor: &Actor,
        scope: &RightsScope,
        closure: &Closure,
    ) -> (Way, Rights) {
        let time = self.time;
        let rights_cache = &mut *self.rights_cache;
        let mut rights = |changes: &Changes| {
            rights_cache.of_holder(&RightHolder::new(actor, time, changes), scope).clone()
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
        let step_of = |target: &StepTarget| {
            source(self.model, actor).map(|source| PathStep { source, target: target.clone() })
        };
        // Without power it goes where steps alone lead, which is known.
        if let (Actor::Known(arn), true) =
            (actor, way.power.is_some() || way.why_undetermined.is_some())
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
        let changes = closure.changes(actor);
        let made = matches!(actor, Actor::Made { .. });
        for target in ground.steps(self.model, actor) {
            let retagged = closure.changes(&Actor::Known(target.arn().to_owned())).tagged;
            if changes.is_empty() && !made && !retagged {
                continue;
            }
            let next = match &target {
                StepTarget::Role(arn) => Some(Actor::Known(arn.clone())),
                StepTarget::Resource(_) => None,
            };
            let Some(step) = step_of(&target) else { continue };
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
                let found = self.crossing(actor, changes, &target, retagged);
                matches!(found, Crossing::Open(_)) || !is_open
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
                Crossing::Open(openings) => {
                    way.conditional |= !asks_nothing(&openings);
                }
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
                self.cross_over(origin, way, &to, over);
            }
        }
        for ((actor, target), way) in &closure.crossed {
            let (Some(to), Some(own)) =
                (account_of(self.model, target), account(self.model, actor))
            else {
                continue;
            };
            let Some(power) = way.power.as_ref().filter(|_| to != *own) else { continue };
            let by_itself = closure.reached.get(actor).is_some_and(|way| way.power.is_none());
            let source = match actor {
                Actor::Known(arn) => arn.clone(),
                Actor::Made { .. } => power.holder.clone(),
            };
            let step = PathStep { source: StepSource::Principal(source), target: target.clone() };
            let over = if by_itself { Over::OwnPolicies(step) } else { Over::Making(step) };
            self.cross_over(origin, way, &to, over);
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

impl Closure {
    /// What has been changed about somebody.
    pub(super) fn changes(&self, actor: &Actor) -> Changes {
        Changes::all(self.changed.get(actor).into_iter().flatten().map(|(change, _)| change))
    }

    /// The fewest of the changes of an actor under which something is still open.
    fn least(
        &self,
        actor: &Actor,
        mut is_open: impl FnMut(&Changes) -> bool,
    ) -> Vec<(Changes, Way)> {
        let mut taken = self.changed.get(actor).cloned().unwrap_or_default();
        if taken.is_empty() || is_open(&Changes::default()) {
            return Vec::new();
        }
        if !is_open(&Changes::all(taken.iter().map(|(change, _)| change))) {
            return Vec::new();
        }
        for at in (0..taken.len()).rev() {
            let rest = taken.iter().enumerate().filter(|(i, _)| *i != at);
            if is_open(&Changes::all(rest.map(|(_, (change, _))| change))) {
                taken.remove(at);
            }
        }
        taken
    }

    fn way_to(&self, actor: &Actor) -> Way {
        self.reached.get(actor).cloned().unwrap_or_default()
    }

    /// How an actor is reached, with what was changed about it: both it takes.
    pub(super) fn way_of(&self, actor: &Actor) -> Way {
        let mut way = self.way_to(actor);
        let changes = self.changed.get(actor).into_iter().flatten();
        changes.for_each(|(_, changing)| way.join(changing));
        way
    }

    /// Takes a fact over: now, if it is certain and asks nothing of the surroundings; else once all that is so
    /// is known.
    fn note(&mut self, fact: Fact, way: Way) {
        if way.why_undetermined.is_some() {
            self.doubtful.push((fact, way));
        } else if way.conditional {
            self.conditional.push((fact, way));
        } else {
            self.learn(fact, &way);
        }
    }

    fn learn(&mut self, fact: Fact, way: &Way) {
        match fact {
            Fact::Reached(actor) => {
                if self.reached.contains_key(&actor) {
                    return;
                }
                self.reached.insert(actor.clone(), way.clone());
                let near = |other: &&Actor| place(other) == place(&actor) && **other != actor;
                let others: Vec<Actor> = self.reached.keys().filter(near).cloned().collect();
                for other in others {
                    self.enqueue(Task::Change(other, actor.clone()));
                }
                self.enqueue(Task::All(actor));
            }
            Fact::Changed(actor, change) => {
                if !self.changes(&actor).add(&change) {
                    return;
                }
                self.changed.entry(actor.clone()).or_default().push((change.clone(), way.clone()));
                if change.tagged {
                    // It may be what somebody asks of the role that it assumes.
                    let near = |other: &&Actor| place(other) == place(&actor);
                    let others: Vec<Actor> = self.reached.keys().filter(near).cloned().collect();
                    for other in others {
                        self.enqueue(Task::All(other));
                    }
                }
                if self.reached.contains_key(&actor) {
                    self.enqueue(Task::All(actor));
                }
            }
            Fact::Crossed(actor, target) => {
                self.crossed.entry((actor, target)).or_insert_with(|| way.clone());
            }
        }
    }

    fn enqueue(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.queue.push_back(task);
        }
    }
}

/// Whether a policy of a principal allows as well as denies.
fn is_mixed(node: &PrincipalNode, name: &str) -> bool {
    let mut rules = node.identity().iter().filter(|rule| rule.policy.name() == name);
    rules.any(|rule| rule.document.statements.iter().any(|s| s.effect == Effect::Allow))
}

fn place(actor: &Actor) -> &str {
    match actor {
        Actor::Known(arn) => arn.split(':').nth(4).unwrap_or_default(),
        Actor::Made { account, .. } => account.as_str(),
    }
}

fn named(actor: &Actor) -> String {
    match actor {
        Actor::Known(arn) => arn.clone(),
        Actor::Made { account, .. } => format!("a principal made in `{account}`"),
    }
}
