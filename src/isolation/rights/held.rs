//! Who is asked for rights over what, and what is held on both sides of a plan.

use std::collections::BTreeMap;

use super::super::changes::{Actor, Changes, PolicySite};
use crate::iam::symbolic::{Answers, Opening, SymbolicAnswer};

/// What a principal's power is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RightsScope {
    /// The walls of its own account: every trust, policy, boundary and bucket policy in it.
    Account,
    /// The organization's guardrails.
    Organization,
    /// Its own account's membership in the organization.
    Membership,
    /// Who is in the organization: it may bring in another account.
    Admission,
    /// Where accounts stand in the organization.
    Placement,
    /// Which member account administers others for a service.
    Delegation,
    /// Member accounts, as their root.
    Root,
    /// What stands in member accounts: stacks, roles of Identity Center.
    Members,
    /// Another principal of its account, by ARN: it can act as that one.
    Become(String),
    /// What a principal of its account may do, by ARN: whatever one likes.
    Permissions(String),
    /// The managed policies of a principal of its account, by ARN, or of its groups: it may attach some of them.
    Attaching(String),
    /// The same, of this policy, by ARN.
    Attach(String, String),
    /// The same, of a policy of AWS's of which it is not known what it permits.
    AttachUnknown(String),
    /// The boundary of a principal of its account, by ARN.
    Boundary(String),
    /// The same: it is taken away, or swapped for one of which nobody knows what it leaves.
    Unbound(String),
    /// The same: it is swapped for this policy, by ARN.
    Rebound(String, String),
    /// What a policy of a principal of its account, by ARN, denies: it may be rewritten.
    Rewrite(String, PolicySite),
    /// The same: it may be taken away, with what it allows.
    Remove(String, PolicySite),
    /// Another principal of its account, of its own making, that it can be and permit what it likes: under no boundary,
    /// or under one.
    Making(NewPrincipal),
    /// The same, and it can give that one some managed policy or group.
    MakingWithSome(NewPrincipal),
    /// The same, and what it can give that one is a managed policy or a group, by ARN.
    MakingWith(NewPrincipal, String),
    /// The same, and it is a policy of AWS's of which it is not known what it permits.
    MakingWithUnknown(NewPrincipal),
    /// Managed policies of its account whose text it decides: one of each region of names.
    Authoring,
    /// A managed policy of its account, by ARN, that nothing bears any longer: it may be deleted.
    Erasing(String),
    /// A managed policy of its account of that ARN, once it was deleted: it may be made again, with another text.
    Recreating(String),
    /// What bears a managed policy, by the policy's ARN and that of a principal or group of its account: it may be detached.
    Detaching(String, String),
    /// The boundary of a principal that was made under one: it may be taken away, or swapped.
    Unbinding(NewPrincipal),
    /// Other principals of its account, of its own making and under no boundary, that it can be: one of each region of
    /// names.
    Creating,
    /// The same under no boundary, or under one, by the ARN of its policy: of each name that it, or a policy that asks who
    /// somebody is, tells apart.
    Naming(Option<String>),
    /// Who is in a group of its account, by ARN.
    Join(String),
    /// The objects of a bucket of its account, by the bucket's ARN.
    Objects(String),
    /// The tags of a principal of its account, by ARN.
    Tags(String),
    /// The name of a user of its account, by ARN: it may be given another one, of each kind that policies tell apart one.
    Rename(String),
    /// The trust of a role of its account, by ARN: whom it lets in, with which tags, with a second factor or without.
    Trust(String),
    /// Sessions of a role of its account, by ARN, whose trust lets it begin some: with whatever tags.
    Session(String),
}

impl RightsScope {
    /// The principal that the right is over, by ARN, where it is over one.
    #[must_use]
    pub fn over(&self) -> Option<&str> {
        match self {
            Self::Become(arn)
            | Self::Permissions(arn)
            | Self::Attaching(arn)
            | Self::Attach(arn, _)
            | Self::AttachUnknown(arn)
            | Self::Boundary(arn)
            | Self::Unbound(arn)
            | Self::Rebound(arn, _)
            | Self::Rewrite(arn, _)
            | Self::Remove(arn, _)
            | Self::Tags(arn)
            | Self::Rename(arn)
            | Self::Trust(arn)
            | Self::Session(arn) => Some(arn),
            _ => None,
        }
    }
}

/// A principal that somebody makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewPrincipal {
    /// An ARN that stands for all that nothing tells from it.
    pub name: String,
    /// The policy, by ARN, that is its boundary.
    pub bound: Option<String>,
}

/// Which side of the plan is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Before.
    Before,
    /// After.
    After,
}

/// Who is asked for rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RightHolder {
    /// Who.
    pub actor: Actor,
    /// What was changed about it, on which side; nothing, on both.
    pub changed: Option<(Time, Changes)>,
    /// Whether the principal that it acts on may bear whatever tags one likes.
    pub retagged: bool,
}

impl RightHolder {
    /// A principal as it stands, by ARN.
    #[must_use]
    pub fn standing(arn: &str) -> Self {
        Self { actor: Actor::Known(arn.to_owned()), changed: None, retagged: false }
    }

    /// An actor on one side.
    #[must_use]
    pub fn new(actor: &Actor, time: Time, changes: &Changes) -> Self {
        let plain = changes.is_empty() && matches!(actor, Actor::Known(_));
        let changed = (!plain).then(|| (time, changes.clone()));
        Self { actor: actor.clone(), changed, retagged: false }
    }

    /// The same, where the principal that it acts on may bear whatever tags one likes.
    #[must_use]
    pub fn upon_any_tags(self, retagged: bool) -> Self {
        Self { retagged, ..self }
    }

    /// Whether it is that principal.
    pub(super) fn is(&self, arn: &str) -> bool {
        matches!(&self.actor, Actor::Known(own) if own == arn)
    }
}

/// What a principal may do about a wall, on both sides of a plan.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Before the plan.
    pub before: Vec<Opening>,
    /// After it.
    pub after: Vec<Opening>,
    /// Whether the plan adds to them.
    pub gained: bool,
    /// Whether the plan takes from them.
    pub lost: bool,
    /// Whether a holder was asked about on one side alone, so that the two above say nothing of the plan.
    pub one_sided: bool,
    /// Why the question could not be decided, before and after.
    pub undecided: [Option<String>; 2],
}

/// The sides, before and after, on which something holds. What a right is over may hold on one side alone, and then the
/// right is worth something on that side alone: a path that the plan opens by it is added, and does not stand.
pub(super) type OnSides = [bool; 2];

/// Things with the sides on which they hold.
pub(super) type Sided<T> = BTreeMap<T, OnSides>;

/// Notes that something holds on a side: 0 before, 1 after.
pub(super) fn note<T: Ord>(found: &mut Sided<T>, thing: T, side: usize) {
    let on = found.entry(thing).or_default();
    if let Some(here) = on.get_mut(side) {
        *here = true;
    }
}

/// Things by the sides on which they hold.
pub(super) fn alike<T>(found: Sided<T>) -> BTreeMap<OnSides, Vec<T>> {
    let mut groups: BTreeMap<OnSides, Vec<T>> = BTreeMap::new();
    for (thing, on) in found {
        groups.entry(on).or_default().push(thing);
    }
    groups
}

impl Rights {
    /// Whether there is nothing to tell, on either side.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.undecided == [None, None]
    }

    /// Whether something is held on every side that the holder is asked about.
    pub(super) fn suffice(&self, holder: &RightHolder) -> bool {
        let (before, after) = (!self.before.is_empty(), !self.after.is_empty());
        match holder.changed {
            Some((Time::Before, _)) => before,
            Some((Time::After, _)) => after,
            None => before && after,
        }
    }

    /// What of it is worth something where what it is over is there on these sides alone.
    pub(super) fn only(mut self, there: OnSides) -> Self {
        let [before, after] = there;
        let [was, is] = &mut self.undecided;
        if !before {
            self.gained |= !self.after.is_empty();
            self.before.clear();
            *was = None;
        }
        if !after {
            self.lost |= !self.before.is_empty();
            self.after.clear();
            *is = None;
        }
        self
    }

    /// What takes two rights: the second, on the sides where the first is held as well.
    #[must_use]
    pub fn and(self, second: Self) -> Self {
        // Whoever does the one as easily as can be still has to meet what that asks for.
        let held = |first: &[Opening], second: Vec<Opening>| {
            let Some(least) = first.iter().min_by_key(|o| o.requirements.len()) else {
                return Vec::new();
            };
            let both = |mut opening: Opening| {
                let more = least.requirements.iter();
                let more = more.filter(|one| !opening.requirements.contains(one));
                let more: Vec<_> = more.cloned().collect();
                opening.requirements.extend(more);
                opening
            };
            second.into_iter().map(both).collect()
        };
        let before = held(&self.before, second.before);
        let after = held(&self.after, second.after);
        let [one, other] = [self.undecided, second.undecided];
        let [first, last] = one;
        let [also_first, also_last] = other;
        Self {
            gained: !after.is_empty() && (before.is_empty() || self.gained || second.gained),
            lost: !before.is_empty() && (after.is_empty() || self.lost || second.lost),
            one_sided: self.one_sided || second.one_sided,
            before,
            after,
            undecided: [first.or(also_first), last.or(also_last)],
        }
    }

    /// Both rights, if they are held over the same resource and in the same Region.
    #[must_use]
    pub(super) fn and_over_the_same(self, second: Self) -> Self {
        const REGION: &str = "aws:RequestedRegion";
        let meets = |one: &Opening, other: &Opening| {
            let regions = [one, other].map(|o| o.witness.context.get(REGION));
            one.witness.resource == other.witness.resource
                && !matches!(regions, [Some(one), Some(other)] if one != other)
        };
        let of = |all: &[Opening], others: &[Opening]| -> Vec<Opening> {
            all.iter().filter(|one| others.iter().any(|o| meets(one, o))).cloned().collect()
        };
        let first = Self {
            before: of(&self.before, &second.before),
            after: of(&self.after, &second.after),
            ..self
        };
        let second = Self {
            before: of(&second.before, &first.before),
            after: of(&second.after, &first.after),
            ..second
        };
        first.and(second)
    }

    /// The part of it over resources of a kind.
    #[must_use]
    pub(super) fn over(mut self, is_of_it: impl Fn(&str) -> bool) -> Self {
        for openings in [&mut self.before, &mut self.after] {
            openings.retain(|opening| is_of_it(&opening.witness.resource));
        }
        self
    }

    /// Notes a role that may be handed to a service of which the data does not know what it does with it.
    pub(super) fn unknown(&mut self, handed: Answers, holder: &str, service: &str) {
        for (answer, undecided) in
            [handed.before, handed.after].into_iter().zip(&mut self.undecided)
        {
            if let SymbolicAnswer::Open(openings) = answer
                && let Some(first) = openings.first()
            {
                let role = &first.witness.resource;
                *undecided = Some(format!(
                    "`{holder}` may pass `{role}` to `{service}`, and what can be run there is not known"
                ));
            }
        }
    }

    /// Turns the right to attach something of which nobody knows what it permits into why something is not decided.
    pub(super) fn doubt(&mut self, holder: &str) {
        for (openings, undecided) in
            [&mut self.before, &mut self.after].into_iter().zip(&mut self.undecided)
        {
            if let Some(first) = openings.drain(..).next() {
                let whom = &first.witness.resource;
                let policy = first.witness.context.get("iam:policyarn");
                let policy = policy.map_or("any policy".to_owned(), |arn| arn.values().join(", "));
                *undecided = Some(format!(
                    "`{holder}` may attach `{policy}` to `{whom}`, and what that policy of AWS's permits is not known"
                ));
            }
        }
        (self.gained, self.lost) = (false, false);
    }

    /// What is held on one side, and why the question could not be decided there.
    #[must_use]
    pub fn at(&self, time: Time) -> (&[Opening], Option<&String>) {
        let [before, after] = &self.undecided;
        match time {
            Time::Before => (&self.before, before.as_ref()),
            Time::After => (&self.after, after.as_ref()),
        }
    }

    /// What of it is over that resource.
    #[must_use]
    pub fn on(&self, resource: &str) -> Self {
        let on = |openings: &[Opening]| -> Vec<Opening> {
            openings.iter().filter(|o| o.witness.resource == resource).cloned().collect()
        };
        Self { before: on(&self.before), after: on(&self.after), ..self.clone() }
    }

    /// What takes two rights, with both of them, on the sides where both are held.
    #[must_use]
    pub fn with(self, second: Self) -> Self {
        let first = self.clone();
        let mut both = self.and(second);
        for (found, first) in [(&mut both.before, first.before), (&mut both.after, first.after)] {
            if !found.is_empty() {
                let more = std::mem::replace(found, first);
                // Ways come together again and again: told twice, what both have would double at each meeting.
                let is_known = |opening: &Opening| {
                    found.iter().any(|own| {
                        own.witness == opening.witness && own.requirements == opening.requirements
                    })
                };
                let new: Vec<Opening> = more.into_iter().filter(|o| !is_known(o)).collect();
                found.extend(new);
            }
        }
        both
    }

    /// Adds what is held as well.
    pub(super) fn join(&mut self, other: Self) {
        self.before.extend(other.before);
        self.after.extend(other.after);
        self.gained |= other.gained;
        self.lost |= other.lost;
        self.one_sided |= other.one_sided;
        for (undecided, why) in self.undecided.iter_mut().zip(other.undecided) {
            *undecided = undecided.take().or(why);
        }
    }

    /// Adds rights that are held if any of these questions is open.
    pub(super) fn add_all(&mut self, all: Vec<Answers>) {
        all.into_iter().for_each(|answers| self.add(answers));
    }

    pub(super) fn add(&mut self, answers: Answers) {
        self.gained |= !answers.gained.is_empty();
        self.lost |= !answers.lost.is_empty();
        let [before, after] = &mut self.undecided;
        for (answer, openings, undecided) in
            [(answers.before, &mut self.before, before), (answers.after, &mut self.after, after)]
        {
            match answer {
                SymbolicAnswer::Open(found) => openings.extend(found),
                SymbolicAnswer::Undecided(why) => *undecided = Some(why),
                SymbolicAnswer::Closed { .. } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Policies, Principal, Request, evaluate};

    #[test]
    fn what_two_ways_have_in_common_does_not_double_where_they_meet() {
        let opening = |resource: &str| {
            let who = Principal::Arn("arn:aws:iam::111111111111:role/ci".to_owned());
            let witness = Request::new(who, "iam:PutRolePolicy", resource);
            let decision = evaluate(&witness, &Policies::default());
            Opening { witness, decision, requirements: Vec::new() }
        };
        let held = |resources: &[&str]| {
            let all: Vec<Opening> = resources.iter().map(|resource| opening(resource)).collect();
            Rights { before: all.clone(), after: all, ..Rights::default() }
        };
        let mut way = held(&["a", "b"]);
        for _ in 0..64 {
            way = way.clone().with(way);
        }
        assert_eq!((way.before.len(), way.after.len()), (2, 2));
        let met = way.with(held(&["b", "c"]));
        let whom: Vec<&str> = met.after.iter().map(|o| o.witness.resource.as_str()).collect();
        assert_eq!(whom, ["a", "b", "c"]);
    }
}
