//! Grade B: power over a wall. Not a request that crosses, but a right by which somebody of another
//! environment can make one possible: over there, in an account in between, over the
//! organization's guardrails, or over the state that decides what is applied.
//!
//! The management account is not asked: it may do anything to its members, and every proof says
//! that it is trusted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::candidates::let_in_whole;
use super::compare::SideResult;
use super::crossing::{Asked, Source, Step, Target, answer, asked, home};
use super::paths::{BySource, Origin, Reach, account_of, belongs_to, origins_of};
use super::rights::{Book, Rights, Scope};
use crate::access::AccessModel;
use crate::iam::symbolic::{Answer, Opening};
use crate::ids::Handle;

mod permits;

/// One link of a chain of power.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// A role is assumed.
    Step(Step),
    /// A principal makes itself another one of its account: both by ARN.
    Become(String, String),
}

/// What the power is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// Everything that guards the entered account from inside.
    Account,
    /// The principal that takes this open step: the holder can become it.
    Principal(Step),
    /// The holder's own policies, or tags, which alone keep it from this step.
    OwnPolicies(Step),
    /// Another principal of the holder's account, which it can be and permit this step.
    Making(Step),
    /// The organization's guardrails, which alone close this step.
    Guardrails(Step),
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
    pub chain: Vec<Link>,
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
    /// Whether neither the way there nor some right asks anything of the surroundings.
    pub unconditional: bool,
}

/// What makes one way to a right the same before and after.
pub type PowerKey = (Origin, String, String, Over);

impl PowerPath {
    /// What makes it the same path before and after a plan.
    #[must_use]
    pub fn key(&self) -> PowerKey {
        (self.from.clone(), self.to.clone(), self.holder.clone(), self.over.clone())
    }
}

/// Which side of the plan is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Before.
    Before,
    /// After.
    After,
}

impl Rights {
    fn at(&self, time: Time) -> (&[Opening], Option<&String>) {
        let [before, after] = &self.undecided;
        match time {
            Time::Before => (&self.before, before.as_ref()),
            Time::After => (&self.after, after.as_ref()),
        }
    }
}

/// What was found on one side.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    /// Ways to rights over walls.
    pub paths: Vec<PowerPath>,
    /// Origins of which some power could not be decided, and why.
    pub undecided: BTreeMap<Origin, String>,
    /// Who of an origin administers the organization, by ARN.
    pub administrators: BTreeMap<Origin, BTreeSet<String>>,
}

/// How a principal comes to be somebody.
#[derive(Clone, Debug, Default)]
struct Way {
    links: Vec<Link>,
    conditional: bool,
    /// The first who made itself another: the holder, and as whom.
    power: Option<(String, String)>,
}

/// Everything that the search looks at.
struct Search<'a, 'w: 'a> {
    model: &'w AccessModel,
    result: &'a SideResult,
    by_source: &'a BySource<'a>,
    book: &'a mut Book<'w>,
    time: Time,
    /// Targets that let in whole accounts, by the ids of these.
    whole: BTreeMap<String, Vec<Target>>,
    /// Principals that take open steps out of their accounts, by account.
    leaving: BTreeMap<&'a Handle, Vec<String>>,
    found: Powers,
}

/// Finds the ways to power on one side.
pub fn powers<'w>(
    model: &'w AccessModel,
    result: &SideResult,
    by_source: &BySource<'_>,
    reach: &Reach,
    book: &mut Book<'w>,
    time: Time,
) -> Powers {
    let whole = let_in_whole(model);
    let leaving = leaving(model, by_source);
    let mut search =
        Search { model, result, by_source, book, time, whole, leaving, found: Powers::default() };
    // Whoever reaches nothing may still hold the guardrail that keeps it in.
    let homes = result.closed.iter().filter_map(|step| home(model, &step.source));
    let mut origins: BTreeSet<Origin> = homes.flat_map(|h| origins_of(model, h)).collect();
    origins.extend(reach.keys().cloned());
    let state = model.state_bucket.iter().flat_map(|arn| keeper(model, arn));
    origins.extend(state.flat_map(|account| origins_of(model, &account)));
    origins.remove(&Origin::Management);
    for origin in &origins {
        let ways = reach
            .get(origin)
            .into_iter()
            .flatten()
            .map(|(source, how)| {
                let links = how.chain.iter().cloned().map(Link::Step).collect();
                (source.clone(), Way { links, conditional: how.conditional > 0, power: None })
            })
            .collect();
        let ways = search.extend(origin, ways);
        search.over_there(origin, &ways);
        search.through_others(origin, &ways);
        search.through_own_policies(origin, &ways);
        search.through_guardrails(origin, &ways);
        search.through_state(origin, &ways);
    }
    search.found
}

impl Search<'_, '_> {
    fn is_home(&self, origin: &Origin, account: &Handle) -> bool {
        belongs_to(self.model, account, origin)
    }

    fn right(&mut self, origin: &Origin, holder: &str, scope: &Scope) -> Option<Rights> {
        let rights = self.book.of(holder, scope);
        let (openings, undecided) = rights.at(self.time);
        if let (true, Some(why)) = (openings.is_empty(), undecided) {
            self.found.undecided.insert(origin.clone(), why.clone());
        }
        (!openings.is_empty()).then(|| rights.clone())
    }

    /// Adds whom the reached principals can make themselves in accounts in between.
    fn extend(
        &mut self,
        origin: &Origin,
        mut ways: BTreeMap<Source, Way>,
    ) -> BTreeMap<Source, Way> {
        let mut queue: VecDeque<Source> = ways.keys().cloned().collect();
        while let Some(source) = queue.pop_front() {
            let (Some(way), Source::Principal(arn)) = (ways.get(&source).cloned(), &source) else {
                continue;
            };
            let Some(account) = home(self.model, &source).cloned() else { continue };
            if !self.is_home(origin, &account) {
                for other in self.leaving.get(&account).cloned().unwrap_or_default() {
                    let next = Source::Principal(other.clone());
                    if ways.contains_key(&next) {
                        continue;
                    }
                    let scope = Scope::Become(other.clone());
                    let Some(rights) = self.right(origin, arn, &scope) else { continue };
                    let mut way = way.clone();
                    way.links.push(Link::Become(arn.clone(), other.clone()));
                    way.conditional |= !asks_nothing(rights.at(self.time).0);
                    way.power.get_or_insert((arn.clone(), other));
                    ways.insert(next.clone(), way);
                    queue.push_back(next);
                }
            }
            if way.power.is_none() {
                continue;
            }
            for edge in self.by_source.get(&source).into_iter().flatten() {
                let Target::Role(role) = &edge.step.target else { continue };
                let next = Source::Principal(role.clone());
                if !ways.contains_key(&next) {
                    let mut way = way.clone();
                    way.links.push(Link::Step(edge.step.clone()));
                    way.conditional |= !edge.is_unconditional();
                    ways.insert(next.clone(), way);
                    queue.push_back(next);
                }
            }
        }
        ways
    }

    /// Environments of an account that an origin may not enter.
    fn entered(&self, origin: &Origin, account: &Handle) -> Vec<String> {
        if self.is_home(origin, account) {
            return Vec::new();
        }
        let node = self.model.accounts.get(account);
        node.into_iter().flat_map(|a| a.environments.iter().cloned()).collect()
    }

    /// Rights of those who got in.
    fn over_there(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        for (source, way) in ways {
            let Source::Principal(arn) = source else { continue };
            let Some(account) = home(self.model, source).cloned() else { continue };
            let entered = self.entered(origin, &account);
            if entered.is_empty() {
                continue;
            }
            if let Some(rights) = self.right(origin, arn, &Scope::Account) {
                self.add(origin, way, &account, arn, &Over::Account, &rights);
            }
        }
    }

    /// Open steps of those whom a reached principal can make itself.
    fn through_others(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        for (source, way) in ways {
            let Some((holder, other)) = way.power.clone() else { continue };
            let own = home(self.model, source).cloned();
            for edge in self.by_source.get(source).into_iter().flatten() {
                let to =
                    account_of(self.model, &edge.step.target).filter(|to| Some(to) != own.as_ref());
                let Some(to) = to else { continue };
                let Some(rights) = self.right(origin, &holder, &Scope::Become(other.clone()))
                else {
                    continue;
                };
                let over = Over::Principal(edge.step.clone());
                self.add(origin, way, &to, &holder, &over, &rights);
            }
        }
    }

    /// Steps that only the organization's guardrails close, where the origin may take them away.
    fn through_guardrails(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        let mut administrators: Vec<(String, Way, Rights, Option<Handle>)> = Vec::new();
        for (source, way) in ways {
            let (Source::Principal(arn), Some(account)) = (source, home(self.model, source)) else {
                continue;
            };
            let managing = self
                .model
                .accounts
                .get(account)
                .is_some_and(|a| a.membership.as_ref().is_some_and(|m| m.management_account));
            let (scope, bound) = if managing {
                (Scope::Organization, None)
            } else {
                (Scope::Membership, Some(account.clone()))
            };
            if let Some(rights) = self.right(origin, arn, &scope) {
                if managing {
                    let all = self.found.administrators.entry(origin.clone()).or_default();
                    all.insert(arn.clone());
                }
                administrators.push((arn.clone(), way.clone(), rights, bound));
            }
        }
        for step in &self.result.closed {
            let Some(own) = home(self.model, &step.source).cloned() else { continue };
            let Some(to) = account_of(self.model, &step.target) else { continue };
            let at_home = self.is_home(origin, &own);
            if !(at_home || ways.contains_key(&step.source)) || own == to {
                continue;
            }
            if let (true, Source::Principal(arn)) = (at_home, &step.source)
                && !ways.contains_key(&step.source)
                && let Some(rights) = self.right(origin, arn, &Scope::Membership)
                && opens(self.model, step, Asked::outside_organization)
            {
                let over = Over::Guardrails(step.clone());
                self.add(origin, &Way::default(), &to, arn, &over, &rights);
            }
            for (arn, way, rights, bound) in &administrators {
                let opened = match bound {
                    None => opens(self.model, step, Asked::without_guardrails),
                    Some(account) => {
                        *account == own && opens(self.model, step, Asked::outside_organization)
                    }
                };
                if opened {
                    self.add(origin, way, &to, arn, &Over::Guardrails(step.clone()), rights);
                }
            }
        }
    }

    /// The objects that decide what is applied to every environment.
    fn through_state(&mut self, origin: &Origin, ways: &BTreeMap<Source, Way>) {
        let Some(bucket) = self.model.state_bucket.clone() else { return };
        let target = Target::Resource(bucket.clone());
        let Some(place) = keeper(self.model, &bucket) else { return };
        let mut holders: BTreeMap<String, Way> = BTreeMap::new();
        if self.is_home(origin, &place) {
            let own = self.model.principals_of(&place);
            holders.extend(own.map(|p| (p.arn.clone(), Way::default())));
        }
        for (source, way) in ways {
            if let Source::Principal(arn) = source {
                holders.entry(arn.clone()).or_insert_with(|| way.clone());
            }
        }
        let everywhere: BTreeSet<Handle> =
            self.model.accounts.values().map(|account| account.handle.clone()).collect();
        for (arn, way) in holders {
            let source = Source::Principal(arn.clone());
            let rights = if home(self.model, &source) == Some(&place) {
                self.right(origin, &arn, &Scope::Objects(bucket.clone()))
            } else {
                self.written(source, &target)
            };
            let Some(rights) = rights else { continue };
            for account in &everywhere {
                self.add(origin, &way, account, &arn, &Over::State(bucket.clone()), &rights);
            }
        }
    }

    /// What an open step into a bucket of another account writes there.
    fn written(&self, source: Source, target: &Target) -> Option<Rights> {
        let step = Step { source, target: target.clone() };
        let (edge, asked) = (self.result.edges.get(&step)?, asked(self.model, &step)?);
        let mut rights = Rights::default();
        for opening in &edge.openings {
            let mut opening = opening.clone();
            "s3:PutObject".clone_into(&mut opening.witness.action);
            if opening.witness.resource.contains('/') {
                opening.decision = asked.judge(&opening.witness);
                if opening.decision.is_allowed() {
                    rights.before.push(opening.clone());
                    rights.after.push(opening);
                }
            }
        }
        (!rights.after.is_empty()).then_some(rights)
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
            Some(Link::Step(step)) => step.source.clone(),
            Some(Link::Become(by, _)) => Source::Principal(by.clone()),
            None => Source::Principal(holder.to_owned()),
        };
        let openings = rights.at(self.time).0;
        for environment in self.entered(origin, to) {
            self.found.paths.push(PowerPath {
                from: origin.clone(),
                to: environment,
                from_account: home(self.model, &first).cloned(),
                to_account: to.clone(),
                chain: way.links.clone(),
                holder: holder.to_owned(),
                over: over.clone(),
                openings: openings.to_vec(),
                gained: rights.gained,
                lost: rights.lost,
                unconditional: !way.conditional && asks_nothing(openings),
            });
        }
    }
}

/// Principals that take open steps out of their accounts, by account.
fn leaving<'w>(
    model: &'w AccessModel,
    by_source: &BySource<'_>,
) -> BTreeMap<&'w Handle, Vec<String>> {
    let mut found: BTreeMap<&Handle, Vec<String>> = BTreeMap::new();
    for (source, edges) in by_source {
        let (Source::Principal(arn), Some(account)) = (source, home(model, source)) else {
            continue;
        };
        let out = |step: &Step| account_of(model, &step.target).is_some_and(|to| to != *account);
        if edges.iter().any(|edge| out(&edge.step)) {
            found.entry(account).or_default().push(arn.clone());
        }
    }
    found
}

/// The account that a bucket lies in, as far as the estate knows.
pub(super) fn keeper(model: &AccessModel, bucket: &str) -> Option<Handle> {
    model.resources.get(bucket).map(|bucket| bucket.account.clone())
}

/// Whether some opening asks nothing of the surroundings.
fn asks_nothing(openings: &[Opening]) -> bool {
    openings.iter().any(|o| o.requirements.is_empty())
}

/// Whether a closed step opens once something is taken away.
pub(super) fn opens(
    model: &AccessModel,
    step: &Step,
    without: impl FnOnce(Asked) -> Asked,
) -> bool {
    asked(model, step)
        .map(|asked| answer(None, Some(&without(asked))).after)
        .is_some_and(|answer| matches!(answer, Answer::Open(_)))
}
