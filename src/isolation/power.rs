//! Grade B: power over a wall. Not a request that crosses, but a right by which somebody of another
//! environment can make one possible: over there, in an account in between, over the
//! organization's guardrails, or over the state that decides what is applied.
//!
//! The management account is not asked: it may do anything to its members, and every proof says
//! that it is trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::candidates::let_in_whole;
use super::changes::{Actor, Changes, Crossing, account, cross_to_objects, source};
use super::compare::{Pair, SideResult};
use super::crossing::{Asked, PathStep, Right, StepSource, StepTarget, asked, home};
use super::lifting::{Lifting, allowed_without};
use super::paths::{BySource, Origin, Reach, account_of, belongs_to, origins_of};
pub use super::rights::Time;
use super::rights::{Rights, RightsCache, RightsScope, guardrails_let_leave, is_for_management};
use crate::access::{AccessModel, AccountNode, ResourceType};
use crate::iam::Request;
use crate::iam::symbolic::{Opening, Space};
use crate::ids::Handle;

mod closure;
mod facts;
mod ground;
mod issuing;
mod making;
mod running;

use facts::Closure;
use ground::Ground;

/// One link of a chain of power.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PowerLink {
    /// A role is assumed.
    PathStep(PathStep),
    /// A principal makes itself another one of its account: both by ARN.
    Become(String, String),
    /// A principal changes what another one of its account may do: both by ARN.
    Permit(String, String),
    /// A principal, by ARN, makes another one in its account.
    Make(String, Handle),
    /// A principal, by ARN, brings an account into the organization.
    Admit(String),
}

impl PowerLink {
    /// Who takes it, where that is no step.
    #[must_use]
    pub fn holder(&self) -> Option<&String> {
        match self {
            Self::PathStep(_) => None,
            Self::Become(by, _) | Self::Permit(by, _) | Self::Make(by, _) | Self::Admit(by) => {
                Some(by)
            }
        }
    }
}

/// What the power is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// Everything that guards the entered account from inside.
    Account,
    /// The principal that takes this open step: the holder can become it.
    Principal(PathStep),
    /// The holder's own policies, or tags, which alone keep it from this step.
    OwnPolicies(PathStep),
    /// Another principal of the holder's account, which it can be and permit this step.
    Making(PathStep),
    /// An account that the holder brings into the organization, which takes this step.
    Admitted(PathStep),
    /// The organization's guardrails, which alone close this step.
    Guardrails(PathStep),
    /// The account as its root, from the management account.
    Root,
    /// What stands in the account, from the management account: stacks, roles of Identity Center.
    Members,
    /// The estate's state in this bucket, by ARN: whoever writes it decides what is applied there.
    State(String),
}

/// A way to a right over a wall.
#[derive(Clone, Debug)]
pub struct PowerPath {
    /// Where it starts.
    pub from: Origin,
    /// The environment whose wall can be moved.
    pub to: String,
    /// The account that it starts in; `None` for outsiders.
    pub from_account: Option<Handle>,
    /// The account that can be entered.
    pub to_account: Handle,
    /// How the holder is reached.
    pub chain: Vec<PowerLink>,
    /// Who holds the right, by ARN.
    pub holder: String,
    /// What it is over.
    pub over: Over,
    /// The rights, one entry per action and region of resources.
    pub openings: Vec<Opening>,
    /// Whether the plan adds to the rights.
    pub gained: bool,
    /// Whether the plan takes from them.
    pub lost: bool,
    /// Whether the two above say nothing, as the holder was asked about on one side alone.
    pub one_sided: bool,
    /// Whether neither the way there nor some right asks anything of the surroundings.
    pub unconditional: bool,
    /// What the way there asks of them, for people, beside what the steps of the chain ask.
    pub conditions: BTreeSet<String>,
}

/// What makes one way to a right the same before and after.
pub type PowerKey = (Origin, String, String, Over);

impl PowerPath {
    /// What makes it the same path before and after a plan.
    #[must_use]
    pub fn key(&self) -> PowerKey {
        (self.from.clone(), self.to.clone(), self.holder.clone(), self.over.clone())
    }

    /// The holder's right, shown by a witness, as a question to one side; `None` where the holder, or what the
    /// right is over, is not there.
    pub(super) fn right(&self, model: &AccessModel, witness: &Request) -> Option<Asked> {
        let bucket = witness.resource.split('/').next().unwrap_or_default();
        let target = StepTarget::Resource(bucket.to_owned());
        let source = StepSource::Principal(self.holder.clone());
        if account_of(model, &target).is_some_and(|owner| home(model, &source) != Some(&owner)) {
            return asked(model, &PathStep { source, target });
        }
        let right = Right {
            actions: vec![witness.action.clone()],
            resources: vec![Space::One(witness.resource.clone())],
            policy: model.resource_policy(bucket).cloned(),
            ..Right::default()
        };
        Asked::within(model, &source, &right)
    }
}

/// What was found on one side.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    /// Ways to rights over walls.
    pub paths: Vec<PowerPath>,
    /// Accounts of others that each origin gets into, whatever environments they are in.
    pub entered: BTreeMap<Origin, BTreeSet<Handle>>,
    /// Origins of which some power could not be decided, and why.
    pub undecided: BTreeMap<Origin, String>,
    /// Walls that some power may open, for all that is known, and why that is not certain.
    pub doubtful: BTreeMap<Pair, String>,
    /// Who of an origin administers the organization, by ARN.
    pub administrators: BTreeMap<Origin, BTreeSet<String>>,
    /// Who may take its account out of the organization, by ARN, in accounts of which some step is held shut: as it
    /// stands, or by what principals of that account can be permitted there.
    pub leavers: BTreeMap<Handle, BTreeSet<String>>,
}

/// How a principal comes to be somebody.
#[derive(Clone, Debug, Default)]
struct Way {
    links: Vec<PowerLink>,
    conditional: bool,
    /// What it asks of the surroundings, for people, beside what the steps of its links ask.
    conditions: BTreeSet<String>,
    /// The first right that it takes over others.
    power: Option<Power>,
    /// Why it is not certain.
    why_undetermined: Option<String>,
}

/// A right that a way takes, and who holds it, by ARN.
#[derive(Clone, Debug)]
struct Power {
    holder: String,
    rights: Rights,
}

/// Everything that the search looks at.
struct Search<'a, 'w: 'a> {
    model: &'w AccessModel,
    result: &'a SideResult,
    by_source: &'a BySource<'a>,
    rights_cache: &'a mut RightsCache<'w>,
    time: Time,
    /// Targets that let in whole accounts, by the ids of these.
    whole: BTreeMap<String, Vec<StepTarget>>,
    /// Steps of changed actors that were asked about.
    crossings: BTreeMap<(Actor, Changes, StepTarget, bool), Crossing>,
    /// Who of an account may take it out of the organization, once that has been asked.
    leavers: BTreeMap<Handle, Rc<[Leaver]>>,
    /// Whether guardrails let anybody of an account do so, once that has been asked.
    lets_leave: BTreeMap<Handle, bool>,
    powers: Powers,
}

/// Somebody who may take its account out of the organization, and by which rights of its own.
#[derive(Clone)]
struct Leaver {
    /// By ARN.
    name: String,
    way: Way,
    /// To leave or, where it does not have that yet, to bring it about.
    rights: Rights,
}

/// Finds the ways to power on one side.
pub fn powers<'w>(
    model: &'w AccessModel,
    result: &SideResult,
    by_source: &BySource<'_>,
    reach: &Reach,
    rights_cache: &mut RightsCache<'w>,
    time: Time,
) -> Powers {
    let whole = let_in_whole(model);
    let mut search = Search {
        model,
        result,
        by_source,
        rights_cache,
        time,
        whole,
        crossings: BTreeMap::new(),
        leavers: BTreeMap::new(),
        lets_leave: BTreeMap::new(),
        powers: Powers::default(),
    };
    let ground = Ground::new(&search);
    // Whoever reaches nothing may still hold the guardrail that keeps it in.
    let homes = result.closed.keys().filter_map(|step| home(model, &step.source));
    let mut origins: BTreeSet<Origin> = homes.flat_map(|h| origins_of(model, h)).collect();
    origins.extend(reach.keys().cloned());
    let state = model.state_bucket.iter().flat_map(|arn| bucket_owner(model, arn));
    origins.extend(state.flat_map(|account| origins_of(model, &account)));
    let managing = model.accounts.values().filter(|node| manages(node));
    origins.extend(managing.flat_map(|node| origins_of(model, &node.handle)));
    origins.remove(&Origin::Management);
    for origin in &origins {
        let ways = reach
            .get(origin)
            .into_iter()
            .flatten()
            .map(|(source, how)| {
                let links = how.chain.iter().cloned().map(PowerLink::PathStep).collect();
                (source.clone(), Way { links, conditional: how.conditional > 0, ..Way::default() })
            })
            .collect();
        let closure = search.close(origin, &ground, ways);
        search.enter(origin, closure.reached.keys().filter_map(|actor| account(model, actor)));
        search.over_there(origin, &closure);
        search.through_closure(origin, &closure);
        search.through_tokens(origin, &closure);
        search.through_guardrails(origin, &ground, &closure);
        search.through_state(origin, &closure);
    }
    search.powers
}

impl Search<'_, '_> {
    fn is_home(&self, origin: &Origin, account: &Handle) -> bool {
        belongs_to(self.model, account, origin)
    }

    fn right(&mut self, origin: &Origin, holder: &str, scope: &RightsScope) -> Option<Rights> {
        let rights = self.rights_cache.of(holder, scope);
        let (openings, undecided) = rights.at(self.time);
        if let (true, Some(why)) = (openings.is_empty(), undecided) {
            self.powers.undecided.insert(origin.clone(), why.clone());
        }
        (!openings.is_empty()).then(|| rights.clone())
    }

    /// Notes that an origin gets into accounts.
    fn enter<'h>(&mut self, origin: &Origin, accounts: impl Iterator<Item = &'h Handle>) {
        let others: Vec<Handle> =
            accounts.filter(|account| !self.is_home(origin, account)).cloned().collect();
        if !others.is_empty() {
            self.powers.entered.entry(origin.clone()).or_default().extend(others);
        }
    }

    /// Environments of an account that an origin may not enter.
    fn entered(&self, origin: &Origin, account: &Handle) -> Vec<String> {
        if self.is_home(origin, account) {
            return Vec::new();
        }
        let node = self.model.accounts.get(account).filter(|account| !account.is_closed());
        node.into_iter().flat_map(|a| a.environments.iter().cloned()).collect()
    }

    /// Rights of those who got in.
    fn over_there(&mut self, origin: &Origin, closure: &Closure) {
        for (actor, way) in &closure.reached {
            let Actor::Known(arn) = actor else { continue };
            let Some(account) = account(self.model, actor).cloned() else { continue };
            if way.why_undetermined.is_some() || self.entered(origin, &account).is_empty() {
                continue;
            }
            if let Some(rights) = self.right(origin, arn, &RightsScope::Account) {
                self.add(origin, way, &account, arn, &Over::Account, &rights);
            }
        }
    }

    /// What an actor that was reached may do, as it was changed. Where nobody can tell whether it was, nobody can tell
    /// what the origin may do.
    fn held(
        &mut self,
        origin: &Origin,
        actor: &Actor,
        closure: &Closure,
        scope: &RightsScope,
    ) -> Option<(Way, Rights)> {
        let (way, rights) = self.may_hold(origin, actor, closure, scope)?;
        match &way.why_undetermined {
            Some(why) => {
                self.powers.undecided.insert(origin.clone(), why.clone());
                None
            }
            None => Some((way, rights)),
        }
    }

    /// The same, also of one that may not have been reached.
    fn may_hold(
        &mut self,
        origin: &Origin,
        actor: &Actor,
        closure: &Closure,
        scope: &RightsScope,
    ) -> Option<(Way, Rights)> {
        let (way, rights) = self.rights_of(actor, scope, closure);
        let (openings, undecided) = rights.at(self.time);
        if let (true, Some(why)) = (openings.is_empty(), undecided) {
            self.powers.undecided.insert(origin.clone(), why.clone());
        }
        (!openings.is_empty()).then_some((way, rights))
    }

    /// Steps that only the organization's guardrails close, where the origin may take them away.
    fn through_guardrails(&mut self, origin: &Origin, ground: &Ground, closure: &Closure) {
        let mut administrators: Vec<(String, Way, Rights, Option<Handle>)> = Vec::new();
        let ways: BTreeSet<StepSource> =
            closure.reached.keys().map(|actor| source(self.model, actor)).collect();
        let mut holders: BTreeSet<Actor> = closure.reached.keys().cloned().collect();
        holders.extend(self.managing_at_home(origin));
        for actor in &holders {
            let Some(account) = account(self.model, actor).cloned() else { continue };
            let managing = self.model.accounts.get(&account).is_some_and(manages);
            let (scope, bound) = if managing {
                (RightsScope::Organization, None)
            } else {
                (RightsScope::Membership, Some(account.clone()))
            };
            // Who may leave with an account of the origin's own is asked below.
            let leaves_home = !managing && self.is_home(origin, &account);
            if !leaves_home
                && let Some((way, rights)) = self.may_hold(origin, actor, closure, &scope)
            {
                if managing && way.why_undetermined.is_none() {
                    let all = self.powers.administrators.entry(origin.clone()).or_default();
                    all.insert(holder_of(actor, &way));
                }
                administrators.push((holder_of(actor, &way), way, rights, bound));
            }
            if managing
                && let Some((way, rights)) = self.held(origin, actor, closure, &RightsScope::Root)
            {
                self.as_root(origin, &holder_of(actor, &way), &way, &rights);
            }
            if managing
                && let Some((way, rights)) =
                    self.held(origin, actor, closure, &RightsScope::Members)
            {
                self.of_members(origin, &holder_of(actor, &way), &way, &rights);
            }
        }
        self.through_delegation(origin, closure);
        for step in self.result.closed.keys() {
            let Some(own) = home(self.model, &step.source).cloned() else { continue };
            let Some(to) = account_of(self.model, &step.target) else { continue };
            let at_home = self.is_home(origin, &own);
            if !(at_home || ways.contains(&step.source)) || own == to {
                continue;
            }
            if at_home {
                self.by_leaving(origin, ground, step, &own, &to);
            }
            let mut lifting = Lifting::new(self.model, step);
            for (arn, way, rights, bound) in &administrators {
                if bound.as_ref().is_some_and(|account| *account != own) {
                    continue;
                }
                match (lifting.by(rights, self.time), rights.at(self.time).1) {
                    (Some(rights), _) => match &way.why_undetermined {
                        Some(why) => self.doubt(origin, &to, why),
                        None => {
                            let over = Over::Guardrails(step.clone());
                            self.add(origin, way, &to, arn, &over, &rights);
                        }
                    },
                    // A right of which nobody can tell might be the one that opens it.
                    (None, Some(why)) => self.doubt(origin, &to, why),
                    (None, None) => {}
                }
            }
        }
    }

    /// The principals of the management account, where that is one of an environment: nobody has to get in there to hold what
    /// it holds over all others. Roles that AWS links to its services are used by these alone.
    fn managing_at_home(&self, origin: &Origin) -> Vec<Actor> {
        let model = self.model;
        if !matches!(origin, Origin::Environment(_)) {
            return Vec::new();
        }
        let accounts = model.accounts.values();
        let accounts = accounts.filter(|node| manages(node) && self.is_home(origin, &node.handle));
        let all = accounts.flat_map(|node| model.principals_of(&node.handle));
        let all = all.filter(|one| !one.arn.contains(":role/aws-service-role/"));
        all.map(|one| Actor::Known(one.arn.clone())).collect()
    }

    /// What somebody of a member account may do in all of them, once it is made to administer them by whom the origin reaches
    /// in the management account.
    fn through_delegation(&mut self, origin: &Origin, closure: &Closure) {
        let manages = |model: &AccessModel, actor: &Actor| {
            let node = account(model, actor).and_then(|own| model.accounts.get(own));
            node.and_then(|node| node.membership.as_ref()).map(|of| of.management_account)
        };
        let mut delegating: Vec<Way> = Vec::new();
        let home = self.managing_at_home(origin);
        let managing = closure.reached.keys().filter(|a| manages(self.model, a) == Some(true));
        let managing: BTreeSet<Actor> = managing.cloned().chain(home).collect();
        for actor in &managing {
            if let Some((way, rights)) = self.held(origin, actor, closure, &RightsScope::Delegation)
            {
                let openings = rights.at(self.time).0;
                delegating
                    .push(way.by(actor, &rights, asks_nothing(openings), None).through(openings));
            }
        }
        let Some(delegating) = delegating.into_iter().min_by_key(|way| way.conditional) else {
            return;
        };
        // The origin's own need take no step for this; who acts for the management account is none of them.
        let model = self.model;
        let homes: Vec<&Handle> =
            model.accounts.keys().filter(|account| self.is_home(origin, account)).collect();
        let own = homes.iter().flat_map(|account| model.principals_of(account));
        let (acting, own): (Vec<_>, Vec<_>) = own.partition(|p| is_for_management(model, p));
        let acting: BTreeSet<&str> = acting.iter().map(|p| p.arn.as_str()).collect();
        let mut members: BTreeSet<Actor> = closure.reached.keys().cloned().collect();
        members.extend(own.iter().map(|principal| Actor::Known(principal.arn.clone())));
        members.retain(|actor| {
            manages(model, actor) == Some(false)
                && !actor.arn().is_some_and(|arn| acting.contains(arn))
        });
        for actor in &members {
            for scope in [RightsScope::Root, RightsScope::Members] {
                let Some((mut way, rights)) = self.held(origin, actor, closure, &scope) else {
                    continue;
                };
                way.join(&delegating);
                let holder = holder_of(actor, &way);
                match scope {
                    RightsScope::Root => self.as_root(origin, &holder, &way, &rights),
                    _ => self.of_members(origin, &holder, &way, &rights),
                }
            }
        }
    }

    /// A step of the origin's own that is open once its account has left the organization.
    fn by_leaving(
        &mut self,
        origin: &Origin,
        ground: &Ground,
        step: &PathStep,
        own: &Handle,
        to: &Handle,
    ) {
        let opens = !self.entered(origin, to).is_empty()
            && self.lets_leave(own)
            && allowed_without(self.model, step, Asked::outside_organization);
        // Who may leave is found out where that opens the step, or where a finding tells it: guardrails alone hold it.
        if !opens && !self.is_held_by_guardrails(step, own) {
            return;
        }
        let all = self.leavers(ground, own);
        let name = step.source.name();
        // Whoever may do both needs nobody else.
        let mut leavers: Vec<Leaver> =
            all.iter().filter(|leaver| leaver.name == name).cloned().collect();
        let itself = !leavers.is_empty();
        if !itself {
            leavers.extend(all.iter().cloned());
        }
        let may_open = itself || self.result.held_by_source.contains(step);
        if leavers.is_empty() || !may_open || !opens {
            return;
        }
        let over = Over::Guardrails(step.clone());
        for leaver in leavers {
            match &leaver.way.why_undetermined {
                Some(why) => self.doubt(origin, to, why),
                None => self.add(origin, &leaver.way, to, &leaver.name, &over, &leaver.rights),
            }
        }
    }

    /// Whether guardrails let somebody of an account take it out of the organization.
    fn lets_leave(&mut self, account: &Handle) -> bool {
        let model = self.model;
        let lets = || {
            let node = model.accounts.get(account);
            node.is_some_and(|node| guardrails_let_leave(model, node))
        };
        *self.lets_leave.entry(account.clone()).or_insert_with(lets)
    }

    /// Whether guardrails of its source hold a step shut that nothing else of that side does.
    fn is_held_by_guardrails(&mut self, step: &PathStep, own: &Handle) -> bool {
        let without_own =
            |asked: Asked| asked.without_own_policies().without_tags().without_second_factor();
        self.result.held_by_source.contains(step)
            && !self.leavers.contains_key(own)
            && self.lets_leave(own)
            && !allowed_without(self.model, step, without_own)
    }

    /// Who may take an account out of the organization.
    fn leavers(&mut self, ground: &Ground, account: &Handle) -> Rc<[Leaver]> {
        if let Some(known) = self.leavers.get(account) {
            return Rc::clone(known);
        }
        let all = match self.lets_leave(account) {
            true => self.holders_at_home(ground, account, &RightsScope::Membership),
            false => Vec::new(),
        };
        let names: BTreeSet<String> = all.iter().map(|leaver| leaver.name.clone()).collect();
        if !names.is_empty() {
            self.powers.leavers.insert(account.clone(), names);
        }
        let all: Rc<[Leaver]> = all.into();
        self.leavers.insert(account.clone(), Rc::clone(&all));
        all
    }

    /// Member accounts into which somebody in the management account may put what it likes.
    fn of_members(&mut self, origin: &Origin, holder: &str, way: &Way, rights: &Rights) {
        let manages =
            |node: &AccountNode| node.membership.as_ref().is_none_or(|m| m.management_account);
        let members = self.model.accounts.values().filter(|node| !manages(node));
        let members: Vec<Handle> = members.map(|node| node.handle.clone()).collect();
        for account in members {
            self.add(origin, way, &account, holder, &Over::Members, rights);
        }
    }

    /// Member accounts whose root somebody in the management account can act as.
    fn as_root(&mut self, origin: &Origin, holder: &str, way: &Way, rights: &Rights) {
        let roots: Vec<(Handle, String)> = self
            .model
            .accounts
            .values()
            .map(|account| (account.handle.clone(), account.root_arn()))
            .collect();
        for (account, root) in roots {
            let rights = rights.on(&root);
            if !rights.at(self.time).0.is_empty() {
                self.add(origin, way, &account, holder, &Over::Root, &rights);
            }
        }
    }

    /// The objects that decide what is applied to every environment.
    fn through_state(&mut self, origin: &Origin, closure: &Closure) {
        let Some(bucket) = self.model.state_bucket.clone() else { return };
        let target = StepTarget::Resource(bucket.clone());
        let Some(place) = bucket_owner(self.model, &bucket) else { return };
        let mut holders: BTreeSet<Actor> = closure.reached.keys().cloned().collect();
        if self.is_home(origin, &place) {
            let own = self.model.principals_of(&place);
            holders.extend(own.map(|principal| Actor::Known(principal.arn.clone())));
        }
        let everywhere: BTreeSet<Handle> =
            self.model.accounts.values().map(|account| account.handle.clone()).collect();
        for actor in holders {
            let found = if account(self.model, &actor) == Some(&place) {
                let scope = RightsScope::Objects(bucket.clone());
                let found = self.held(origin, &actor, closure, &scope);
                let stands = matches!(&actor, Actor::Known(arn)
                    if !self.rights_cache.of(arn, &scope).at(self.time).0.is_empty());
                found.map(|(way, rights)| (way, rights, stands))
            } else {
                self.writes_objects(origin, &actor, closure, &target)
            };
            let Some((way, rights, stands)) = found else { continue };
            // What somebody can do only once it was changed, or made, is the power of who did that.
            let (holder, rights) = match (&actor, &way.power) {
                (Actor::Known(arn), _) if stands => (arn.clone(), rights),
                (_, Some(power)) => (power.holder.clone(), power.rights.clone()),
                (Actor::Known(arn), None) => (arn.clone(), rights),
                (Actor::Made { .. } | Actor::Admitted, None) => continue,
            };
            for account in &everywhere {
                self.add(origin, &way, account, &holder, &Over::State(bucket.clone()), &rights);
            }
        }
    }

    /// Writing objects into a bucket of another account, with no more of what was changed about an actor than it takes; and
    /// whether it takes nothing.
    fn writes_objects(
        &mut self,
        origin: &Origin,
        actor: &Actor,
        closure: &Closure,
        bucket: &StepTarget,
    ) -> Option<(Way, Rights, bool)> {
        let model = self.model;
        let writes = ResourceType::of_arn(bucket.arn()).map_or(&[][..], |kind| kind.writes);
        let found = |changes: &Changes| cross_to_objects(model, actor, changes, bucket, writes);
        let taken = closure.least(actor, |changes| matches!(found(changes), Crossing::Open(_)));
        let mut via = closure.way_to(actor);
        taken.iter().for_each(|(_, changing)| via.join(changing));
        let outcome = match found(&Changes::all(taken.iter().map(|(change, _)| change))) {
            // No changes open it. Whether that is certain is another question.
            Crossing::Closed => found(&closure.changes(actor)),
            decided => decided,
        };
        let why = match (outcome, &via.why_undetermined) {
            (Crossing::Open(openings), None) => {
                via = via.through(&openings);
                let stands = taken.is_empty() && matches!(actor, Actor::Known(_));
                let (before, after) = (openings.clone(), openings);
                return Some((via, Rights { before, after, ..Rights::default() }, stands));
            }
            (Crossing::Open(_), Some(why)) => why.clone(),
            (Crossing::Undecided(why), _) => why,
            (Crossing::Closed, _) => return None,
        };
        for account in model.accounts.keys() {
            self.doubt(origin, account, &why);
        }
        None
    }

    /// Nobody can tell whether an origin comes into the environments of an account.
    fn doubt(&mut self, origin: &Origin, to: &Handle, why: &str) {
        for environment in self.entered(origin, to) {
            let pair = (origin.clone(), environment);
            self.powers.doubtful.entry(pair).or_insert_with(|| why.to_owned());
        }
    }

    fn add(
        &mut self,
        origin: &Origin,
        way: &Way,
        to: &Handle,
        holder: &str,
        over: &Over,
        rights: &Rights,
    ) {
        let first = match way.links.first() {
            Some(PowerLink::PathStep(step)) => step.source.clone(),
            Some(link) => {
                StepSource::Principal(link.holder().cloned().unwrap_or_else(|| holder.to_owned()))
            }
            None => StepSource::Principal(holder.to_owned()),
        };
        let openings = rights.at(self.time).0;
        self.enter(origin, std::iter::once(to));
        for environment in self.entered(origin, to) {
            self.powers.paths.push(PowerPath {
                from: origin.clone(),
                to: environment,
                from_account: home(self.model, &first).cloned(),
                to_account: to.clone(),
                chain: way.links.clone(),
                holder: holder.to_owned(),
                over: over.clone(),
                openings: openings.to_vec(),
                gained: rights.gained && !rights.one_sided,
                lost: rights.lost && !rights.one_sided,
                one_sided: rights.one_sided,
                unconditional: !way.conditional && asks_nothing(openings),
                conditions: way.conditions.clone(),
            });
        }
    }
}

/// Whether an account is the organization's management account.
fn manages(node: &AccountNode) -> bool {
    node.membership.as_ref().is_some_and(|of| of.management_account)
}

/// Whose right it is that an actor uses, for people.
fn holder_of(actor: &Actor, way: &Way) -> String {
    match (actor, &way.power) {
        (Actor::Known(arn), _) => arn.clone(),
        (Actor::Made { .. }, Some(power)) => power.holder.clone(),
        (Actor::Made { account, .. }, None) => account.to_string(),
        (Actor::Admitted, _) => String::new(),
    }
}

/// The account that a bucket lies in, as far as the estate knows.
pub(super) fn bucket_owner(model: &AccessModel, bucket: &str) -> Option<Handle> {
    model.resources.get(bucket).map(|bucket| bucket.account.clone())
}

/// Whether some opening asks nothing of the surroundings.
fn asks_nothing(openings: &[Opening]) -> bool {
    openings.iter().any(|o| o.requirements.is_empty())
}
