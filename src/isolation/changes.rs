//! What somebody who got into an account may have changed about a principal there, and what that principal is then
//! asked: the same questions, under what is left of its policies.
//!
//! Changes only ever add: a principal that is permitted more may do no less than before. A policy whose Deny was
//! lifted keeps its Allow, since whoever can rewrite it can keep that. (Whoever may only delete it loses the Allow
//! with the Deny; that one is asked about both ways, see [`Changes::removed`].)

use std::collections::BTreeSet;
use std::sync::Arc;

use super::crossing::{
    Asked, Lift, PathStep, Right, StepSource, StepTarget, answer, asked_alone, from_the_console,
    is_closed, is_resource_tag, newcomer,
};
use crate::access::{AccessModel, NamedPolicy, PART, PrincipalNode};
use crate::iam::symbolic::{Opening, SymbolicAnswer};
use crate::iam::{Document, Effect, Policy};
use crate::ids::Handle;

/// Who acts inside an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// A role or user of the estate, by ARN.
    Known(String),
    /// A principal that somebody made there.
    Made {
        /// Its account.
        account: Handle,
        /// Its ARN, which its maker may give it: one of those that nothing tells apart.
        name: String,
        /// The policy, by ARN, that its maker must set as its boundary.
        bound: Option<String>,
        /// The managed policies and groups, by ARN, that its maker can give it: it is permitted what they permit, and
        /// everything where there is none.
        given: Option<BTreeSet<String>>,
    },
    /// Somebody in an account that was brought into the organization.
    Admitted,
}

impl Actor {
    /// Its ARN, in an account of the estate.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        match self {
            Self::Known(arn) => Some(arn),
            Self::Made { name, .. } => Some(name),
            Self::Admitted => None,
        }
    }
}

/// What has been changed about a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changes {
    /// It was permitted everything.
    pub permitted: bool,
    /// Its boundary was taken away, or swapped for one that leaves everything.
    pub unbound: bool,
    /// Policies, by ARN, each of which may be its boundary in place of its own.
    pub bounds: BTreeSet<String>,
    /// It bears whatever tags one likes.
    pub tagged: bool,
    /// Its trust was rewritten: its sessions bear whatever tags one likes, and a second factor or none.
    pub retrusted: bool,
    /// Whoever assumes it may do so from a session that bears whatever tags one likes, and hands them on.
    pub inherits: bool,
    /// Policies, by name, that were rewritten: what they denied, they deny no longer.
    pub lifted: BTreeSet<String>,
    /// Policies, by name, that may be taken away whole.
    pub removed: BTreeSet<String>,
    /// Groups, by ARN, that it was put into.
    pub groups: BTreeSet<String>,
    /// Managed policies, by ARN, that were attached to it.
    pub attached: BTreeSet<String>,
    /// Names, each a whole ARN, of which it may be given any.
    pub names: BTreeSet<String>,
    /// Its account was moved to another place in the organization.
    pub moved: bool,
}

impl Changes {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them together.
    #[must_use]
    pub fn all<'c>(changes: impl Iterator<Item = &'c Self>) -> Self {
        changes.fold(Self::default(), |mut all, change| {
            all.add(change);
            all
        })
    }

    /// Takes over what else was changed; whether that is news.
    pub fn add(&mut self, other: &Self) -> bool {
        let before = self.clone();
        self.permitted |= other.permitted;
        self.unbound |= other.unbound;
        self.tagged |= other.tagged;
        self.retrusted |= other.retrusted;
        self.inherits |= other.inherits;
        self.moved |= other.moved;
        for (own, more) in [
            (&mut self.lifted, &other.lifted),
            (&mut self.removed, &other.removed),
            (&mut self.groups, &other.groups),
            (&mut self.attached, &other.attached),
            (&mut self.names, &other.names),
            (&mut self.bounds, &other.bounds),
        ] {
            own.extend(more.iter().cloned());
        }
        *self != before
    }

    /// Whether its sessions bear whatever tags one likes.
    fn frees_tags(&self) -> bool {
        self.tagged || self.passes_tags_on()
    }

    /// Whether they hand these on to the sessions that they begin: tags of a session may, those of the role itself do not
    /// (IAM User Guide, "Pass session tags in AWS STS", "Chaining roles with session tags").
    #[must_use]
    pub fn passes_tags_on(&self) -> bool {
        self.retrusted || self.inherits
    }
}

/// Where a policy of a principal stands, and so what it takes to change it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicySite {
    /// In the principal itself.
    Inline,
    /// Attached to it: the policy's ARN.
    Managed(String),
    /// In a group of it, by ARN.
    InGroup(String),
    /// Attached to a group of it: the group's ARN and the policy's.
    ToGroup(String, String),
}

/// The policies of a principal that deny anything: where each stands, and its name.
#[must_use]
pub fn denials(model: &AccessModel, principal: &PrincipalNode) -> Vec<(PolicySite, String)> {
    let has = |effect| {
        move |rule: &&NamedPolicy| rule.document.statements.iter().any(|s| s.effect == effect)
    };
    let standing = |name: &str| {
        let label = name.split(PART).next().unwrap_or_default();
        if label == principal.label {
            return PolicySite::Inline;
        }
        let managed = model.managed_arn(label);
        let mut groups = model.groups_of(&principal.account);
        let group = groups.find(|group| {
            principal.groups().contains(&group.arn)
                && group.identity().iter().any(|rule| rule.policy.name() == name)
        });
        match (group, managed) {
            (Some(group), Some(arn)) => PolicySite::ToGroup(group.arn.clone(), arn.clone()),
            (Some(group), None) => PolicySite::InGroup(group.arn.clone()),
            (None, Some(arn)) => PolicySite::Managed(arn.clone()),
            (None, None) => PolicySite::Inline,
        }
    };
    let names = principal.identity().iter().filter(has(Effect::Deny)).map(|r| r.policy.name());
    names.map(|name| (standing(name), name.to_owned())).collect()
}

/// The ARN of a principal's boundary.
#[must_use]
pub fn boundary_arn(model: &AccessModel, principal: &PrincipalNode) -> Option<String> {
    let name = principal.boundary()?.policy.name();
    model.managed_arn(name.split(PART).next()?).cloned()
}

fn allows_only(document: &Document) -> Document {
    let allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
    Document::new(allowing.cloned())
}

/// One of the ways in which changes can be put to use, where not all can at once.
struct Use<'c> {
    /// Whether what may be taken away is.
    removing: bool,
    /// What is attached, and had of groups.
    given: &'c [NamedPolicy],
    /// The name that it goes by; its own otherwise.
    name: Option<&'c str>,
    /// The boundary that it is given; its own otherwise.
    bound: Option<&'c NamedPolicy>,
}

impl Asked {
    /// The same question of a principal that was changed.
    fn changed(mut self, principal: &PrincipalNode, changes: &Changes, way: &Use<'_>) -> Self {
        let is_removed = |name: &str| way.removing && changes.removed.contains(name);
        let policies = principal.identity().iter().filter(|rule| !is_removed(rule.policy.name()));
        let mut own: Vec<Arc<Policy>> = policies
            .map(|rule| {
                let name = rule.policy.name();
                if changes.lifted.contains(name) {
                    Arc::new(Policy::new(name, &allows_only(&rule.document)))
                } else {
                    Arc::clone(&rule.policy)
                }
            })
            .collect();
        own.extend(changes.permitted.then(Asked::anything));
        self.put_identity(own);
        if changes.unbound {
            self.put_boundary(None);
        } else if let Some(bound) = way.bound {
            self.put_boundary(Some(bound.clone()));
        }
        self = self.with_policies(way.given);
        if let Some(name) = way.name {
            self = self.called(name);
        }
        if changes.retrusted {
            self = self.without_second_factor().without_session_name();
        }
        if changes.frees_tags() { self.without_tags() } else { self }
    }
}

/// The account of an actor.
#[must_use]
pub fn account<'w>(model: &'w AccessModel, actor: &'w Actor) -> Option<&'w Handle> {
    match actor {
        Actor::Known(arn) => model.principals.get(arn).map(|p| &p.account),
        Actor::Made { account, .. } => Some(account),
        Actor::Admitted => None,
    }
}

/// An actor as one who takes steps: of one that was made, or admitted, the estate knows nothing but its name.
#[must_use]
pub fn source(model: &AccessModel, actor: &Actor) -> StepSource {
    match actor {
        Actor::Known(arn) => StepSource::Principal(arn.clone()),
        Actor::Made { name, .. } => StepSource::Foreign(name.clone()),
        Actor::Admitted => StepSource::Foreign(newcomer(model)),
    }
}

/// What somebody may have who is given some of these managed policies and groups, by ARN, as one likes: all that only
/// allow, and beside them each that denies as well.
fn choices<'g>(
    model: &AccessModel,
    account: &Handle,
    given: impl Iterator<Item = &'g String>,
) -> Vec<Vec<NamedPolicy>> {
    let policies = |arn: &String| match model.groups_of(account).find(|group| group.arn == *arn) {
        Some(group) => group.identity().to_vec(),
        None => model.managed(arn).into_iter().collect(),
    };
    let denies = |policies: &Vec<NamedPolicy>| {
        let mut all = policies.iter().flat_map(|policy| &policy.document.statements);
        all.any(|statement| statement.effect == Effect::Deny)
    };
    let (mixed, allowing): (Vec<_>, Vec<_>) = given.map(policies).partition(denies);
    let allowing: Vec<NamedPolicy> = allowing.into_iter().flatten().collect();
    let beside = |more: Vec<NamedPolicy>| allowing.iter().cloned().chain(more).collect();
    std::iter::once(allowing.clone()).chain(mixed.into_iter().map(beside)).collect()
}

/// A question as each of the ways asks it in which changes can be put to use.
pub(super) fn under(
    model: &AccessModel,
    actor: &Actor,
    changes: &Changes,
    ask: impl Fn() -> Option<Asked>,
) -> Vec<Asked> {
    match actor {
        Actor::Made { account, name, bound, given } => {
            let ways = match given {
                Some(given) => {
                    choices(model, account, given.iter()).into_iter().map(Some).collect()
                }
                None => vec![None],
            };
            let asked = ways.into_iter().filter_map(|given| {
                let mut asked = ask()?.made(name);
                if let Some(bound) = bound {
                    asked.put_boundary(model.managed(bound));
                }
                if let Some(given) = given {
                    asked.put_identity(Vec::new());
                    asked = asked.with_policies(&given);
                }
                Some(if changes.frees_tags() { asked.without_tags() } else { asked })
            });
            asked.collect()
        }
        Actor::Admitted => {
            let asked = ask().and_then(|asked| asked.admitted(model));
            let moved = |asked: Asked| match changes.moved {
                true => asked.lifted(Lift::Places),
                false => asked,
            };
            asked.map(moved).into_iter().collect()
        }
        Actor::Known(arn) => {
            let Some(principal) = model.principals.get(arn) else { return Vec::new() };
            if changes.is_empty() {
                return ask().into_iter().collect();
            }
            let given = changes.groups.iter().chain(&changes.attached);
            let removing: &[bool] =
                if changes.removed.is_empty() { &[false] } else { &[false, true] };
            let given = choices(model, &principal.account, given);
            let names = || std::iter::once(None).chain(changes.names.iter().map(Some));
            let bounds: Vec<NamedPolicy> =
                changes.bounds.iter().filter_map(|arn| model.managed(arn)).collect();
            let bounds = || std::iter::once(None).chain(bounds.iter().map(Some));
            let ways = removing.iter().flat_map(|removing| {
                let removing = *removing;
                given.iter().flat_map(move |given| {
                    names().flat_map(move |name| {
                        let name = name.map(String::as_str);
                        bounds().map(move |bound| Use { removing, given, name, bound })
                    })
                })
            });
            ways.filter_map(|way| Some(ask()?.changed(principal, changes, &way))).collect()
        }
    }
}

/// What a principal that was made is limited by, or has: the boundary that it is under, and what it was given.
pub(super) fn limits(model: &AccessModel, actor: &Actor) -> Vec<NamedPolicy> {
    let Actor::Made { account, bound, given, .. } = actor else { return Vec::new() };
    let given = choices(model, account, given.iter().flatten()).into_iter().flatten();
    bound.iter().filter_map(|arn| model.managed(arn)).chain(given).collect()
}

/// What permits an actor something, beside what was written for it; `None` where that is everything.
fn permitting(model: &AccessModel, actor: &Actor, changes: &Changes) -> Option<Vec<NamedPolicy>> {
    let all = |account: &Handle, given: &BTreeSet<String>| {
        choices(model, account, given.iter()).into_iter().flatten().collect::<Vec<_>>()
    };
    match actor {
        Actor::Admitted => None,
        Actor::Made { account, given, .. } => Some(all(account, given.as_ref()?)),
        Actor::Known(_) if changes.permitted => None,
        Actor::Known(arn) => {
            let node = model.principals.get(arn)?;
            let given = changes.groups.union(&changes.attached).cloned().collect();
            Some(node.identity().iter().cloned().chain(all(&node.account, &given)).collect())
        }
    }
}

/// The questions of a step of an actor that was changed, as it asks them itself and as a session that it begins.
fn stepping(
    model: &AccessModel,
    actor: &Actor,
    changes: &Changes,
    step: &PathStep,
    retagged: bool,
) -> Vec<Asked> {
    let ask = || {
        let asked = asked_alone(model, step)?;
        Some(if retagged { asked.without_resource_tags() } else { asked })
    };
    let all = under(model, actor, changes, ask);
    let home = account(model, actor).and_then(|own| model.accounts.get(own));
    let Some(home) = home.filter(|_| actor.arn().is_some_and(|arn| arn.contains(":user/"))) else {
        return all;
    };
    let own = permitting(model, actor, changes);
    let documents: Option<Vec<&Document>> =
        own.as_ref().map(|own| own.iter().map(|policy| policy.document.as_ref()).collect());
    let may = |right: &Right| {
        let within = || Asked::within(model, &step.source, right);
        under(model, actor, changes, within).iter().any(|asked| !is_closed(asked))
    };
    all.into_iter().map(|asked| asked.federating_by(home, documents.as_deref(), &may)).collect()
}

/// What a step of an actor came to.
#[derive(Clone, Debug)]
pub(super) enum Crossing {
    /// Its openings.
    Open(Vec<Opening>),
    /// Why it is not decided.
    Undecided(String),
    /// It is closed, or there is no such step.
    Closed,
}

impl Crossing {
    /// Whether it is no less open than another one, and asks no more of the surroundings.
    pub(super) fn is_as_open_as(&self, other: &Self) -> bool {
        let rank = |crossing: &Self| match crossing {
            Self::Closed => 0,
            Self::Undecided(_) => 1,
            Self::Open(openings) => match openings.iter().any(|o| o.requirements.is_empty()) {
                false => 2,
                true => 3,
            },
        };
        rank(self) >= rank(other)
    }
}

/// Asks whether an actor takes a step once it was changed; `retagged` where the target's tags may be whatever
/// one likes.
pub(super) fn cross(
    model: &AccessModel,
    actor: &Actor,
    changes: &Changes,
    target: &StepTarget,
    retagged: bool,
) -> Crossing {
    let step = PathStep { source: source(model, actor), target: target.clone() };
    come_to(stepping(model, actor, changes, &step, retagged), changes, retagged)
}

/// The same of a step that takes one of these actions upon an object in a bucket.
pub(super) fn cross_to_objects(
    model: &AccessModel,
    actor: &Actor,
    changes: &Changes,
    bucket: &StepTarget,
    actions: &[&str],
) -> Crossing {
    let step = PathStep { source: source(model, actor), target: bucket.clone() };
    let asked = stepping(model, actor, changes, &step, false).into_iter();
    come_to(asked.filter_map(|asked| asked.upon_objects(actions)), changes, false)
}

/// The same of a step that takes one of these actions.
pub(super) fn cross_by(
    model: &AccessModel,
    actor: &Actor,
    changes: &Changes,
    target: &StepTarget,
    actions: &[&str],
) -> Crossing {
    let step = PathStep { source: source(model, actor), target: target.clone() };
    let asked = stepping(model, actor, changes, &step, false).into_iter();
    come_to(asked.map(|asked| asked.taking(actions)), changes, false)
}

/// The first of some questions that is open; else why one is not decided.
fn come_to(
    questions: impl IntoIterator<Item = Asked>,
    changes: &Changes,
    retagged: bool,
) -> Crossing {
    let mut found = Crossing::Closed;
    for asked in questions {
        match answer(None, Some(&asked)).after {
            SymbolicAnswer::Open(mut openings) => {
                from_the_console(&mut openings);
                // Tags and places of one's own choice are no condition.
                for opening in &mut openings {
                    opening.requirements.retain(|requirement| {
                        let key = requirement.key.to_ascii_lowercase();
                        !(changes.frees_tags() && key.starts_with("aws:principaltag/")
                            || retagged && is_resource_tag(&key)
                            || changes.moved && key == "aws:principalorgpaths")
                    });
                }
                return Crossing::Open(openings);
            }
            SymbolicAnswer::Undecided(why) => found = Crossing::Undecided(why),
            SymbolicAnswer::Closed { .. } => {
                if let (Some(why), Crossing::Closed) = (&asked.why_undetermined, &found) {
                    found = Crossing::Undecided(why.clone());
                }
            }
        }
    }
    found
}
