//! One question about a right, asked of both sides of a plan.
//!
//! Claim: a question is skipped only where no policy speaks of any of its actions (`actions.rs`); an opening is believed only
//! once the judge has decided the same about its witness, and a question that cannot be decided says so.
//!
//! The files beside this one ask it: `boundary.rs`, `passing.rs`, `trust.rs`, `renaming.rs` and `giving.rs` about one idea each, and
//! `scopes.rs`, which says for each scope what to ask.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::changes::{self, Actor, Changes, under};
use super::super::crossing::{Asked, Right, answer};
use super::super::plausible::name_resource;
use super::super::replay::replay;
use super::actions::{NEW_VERSION, OLD_VERSION, POLICY, allows, may};
use super::giving::{Authored, Made};
use super::held::{RightHolder, Rights, Time};
use super::names::NewNames;
use super::passing::Services;
use super::renaming::{AskedOfAll, UserNames};
use super::tagging::without_resource_tags;
use super::wanted::WantedTags;
use crate::access::{
    AccessModel, AccountNode, NamedPolicy, PrincipalKind, PrincipalNode, ResourceType,
};
use crate::iam::symbolic::{Answers, Space, SymbolicAnswer};
use crate::ids::{Handle, Partition};

/// Both sides of a plan, to be asked.
pub(super) struct Questions<'w> {
    before: &'w AccessModel,
    after: &'w AccessModel,
    /// Roles by the services that they trust on either side, by account.
    pub(super) services: RefCell<BTreeMap<Handle, Rc<Services>>>,
    /// Policies whose text somebody may decide.
    pub(super) authored: RefCell<BTreeMap<RightHolder, Rc<Authored>>>,
    /// Names that users of an account may be given.
    pub(super) user_names: RefCell<BTreeMap<Handle, Rc<UserNames>>>,
    /// Names of a kind in an account, one of each region that policies of it tell apart.
    pub(super) names: RefCell<Names>,
    /// What tells names of principals apart that are made in an account.
    pub(super) new_names: RefCell<BTreeMap<Handle, Rc<NewNames>>>,
    /// Names of the principals of an account, on each side.
    pub(super) taken_names: RefCell<BTreeMap<Handle, Rc<TakenNames>>>,
    /// Groups of an account, where nobody there may make others.
    pub(super) standing_groups: RefCell<BTreeMap<Handle, Rc<Option<Vec<Space>>>>>,
    /// Principals that somebody may make, by the boundary that they are made under.
    pub(super) made: RefCell<MadeBy>,
    /// What policies ask of tags of principals.
    pub(super) wanted_tags: OnceCell<WantedTags>,
    /// What policies that bear on many ask about who somebody is, on each side.
    asked_of_all: OnceCell<[AskedOfAll; 2]>,
}

/// A resource's type and policy.
type Owned = (&'static ResourceType, Option<NamedPolicy>);

/// Names that principals of an account bear, by what they are, on each side.
type TakenNames = [BTreeSet<(PrincipalKind, String)>; 2];

/// Names of a kind in an account.
type Names = BTreeMap<(Handle, &'static str), Rc<BTreeSet<String>>>;

/// Principals that somebody may make, by the boundary that they are made under.
type MadeBy = BTreeMap<(RightHolder, Option<String>), Rc<Made>>;

impl<'w> Questions<'w> {
    pub(super) fn new(before: &'w AccessModel, after: &'w AccessModel) -> Self {
        Self {
            before,
            after,
            services: RefCell::default(),
            authored: RefCell::default(),
            user_names: RefCell::default(),
            names: RefCell::default(),
            new_names: RefCell::default(),
            made: RefCell::default(),
            taken_names: RefCell::default(),
            standing_groups: RefCell::default(),
            wanted_tags: OnceCell::new(),
            asked_of_all: OnceCell::new(),
        }
    }

    pub(super) fn sides(&self) -> [&'w AccessModel; 2] {
        [self.before, self.after]
    }

    pub(super) fn asked_of_all(&self) -> &[AskedOfAll; 2] {
        self.asked_of_all.get_or_init(|| self.sides().map(AskedOfAll::of))
    }

    /// The account of a holder.
    pub(super) fn home(&self, holder: &RightHolder) -> Option<&'w AccountNode> {
        let handle = match &holder.actor {
            Actor::Known(arn) => {
                let node = self.after.principals.get(arn);
                &node.or_else(|| self.before.principals.get(arn))?.account
            }
            Actor::Made { account, .. } => account,
            Actor::Admitted => return None,
        };
        self.after.accounts.get(handle)
    }

    /// The rights to change managed policies: by a new version, or by an existing one unless all versions are known to be
    /// equivalent.
    pub(super) fn rewriting(&self, holder: &RightHolder, policies: Vec<Space>) -> Vec<Answers> {
        let is_equivalent = |space: &Space| {
            self.sides().into_iter().all(|model| model.has_equivalent_versions(space))
        };
        let open: Vec<Space> =
            policies.iter().filter(|space| !is_equivalent(space)).cloned().collect();
        if open.len() == policies.len() {
            return vec![self.question(holder, right(&POLICY, policies))];
        }
        let mut all = vec![self.question(holder, right(&[NEW_VERSION], policies))];
        if !open.is_empty() {
            all.push(self.question(holder, right(&[OLD_VERSION], open)));
        }
        all
    }

    /// Asks the sides that the holder is there on, unless no statement of it speaks of any of the actions.
    pub(super) fn question(&self, holder: &RightHolder, right: Right) -> Answers {
        self.without_tags(holder, self.asked_for(holder, right, true))
    }

    /// The same without plausible names for resources: each stands for all resources that no policy distinguishes from it, so
    /// that two answers can be compared by resource.
    pub(super) fn unnamed(&self, holder: &RightHolder, right: Right) -> Answers {
        self.without_tags(holder, self.asked_for(holder, right, false))
    }

    /// An answer without conditions on tags that the holder can set.
    fn without_tags(&self, holder: &RightHolder, mut answers: Answers) -> Answers {
        match holder.retagged {
            true => without_resource_tags(&mut answers),
            false => self.without_own_tags(holder, &mut answers),
        }
        answers
    }

    /// The same with all that openings ask of tags.
    pub(super) fn asked_for(&self, holder: &RightHolder, right: Right, is_named: bool) -> Answers {
        let on = |time: Time| holder.changed.as_ref().is_none_or(|(changed, _)| *changed == time);
        let unchanged = Changes::default();
        let changes = holder.changed.as_ref().map_or(&unchanged, |(_, changes)| changes);
        let side = |model: &AccessModel, time: Time| -> Vec<Asked> {
            // In its own account a resource's policy grants by itself, whatever the holder's own policies say.
            let granted = |action: &String| {
                right.policy.as_ref().is_some_and(|policy| allows(&policy.document, action))
            };
            let mut actions = right.actions.iter();
            if !on(time) || !actions.any(|a| granted(a) || speaks(model, holder, a)) {
                return Vec::new();
            }
            let source = changes::source(model, &holder.actor);
            let upon = upon_known_tags(model, holder, &right);
            under(model, &holder.actor, changes, || {
                let asked = Asked::within(model, &source, &right)?;
                Some(match upon {
                    Some(principal) => asked.upon(principal),
                    None => asked,
                })
            })
        };
        let (before, after) = (side(self.before, Time::Before), side(self.after, Time::After));
        // A changed holder may be asked in several ways; any of them will do.
        let ways = before.len().max(after.len());
        let mut found: Option<Answers> = None;
        for way in 0..ways {
            let (before, after) = (before.get(way), after.get(way));
            let mut answers = answer(before, after);
            for (asked, answer) in [(before, &mut answers.before), (after, &mut answers.after)] {
                let Some(asked) = asked else { continue };
                if let (SymbolicAnswer::Open(openings), Some(home), true) =
                    (&mut *answer, self.home(holder), is_named)
                {
                    openings.iter_mut().for_each(|one| name_resource(asked, home, one));
                }
                let why = match &answer {
                    SymbolicAnswer::Open(openings) => {
                        openings.iter().find_map(|o| replay(asked, o).err())
                    }
                    SymbolicAnswer::Closed { .. } => asked.why_undetermined.clone(),
                    SymbolicAnswer::Undecided(_) => None,
                };
                if let Some(why) = why {
                    *answer = SymbolicAnswer::Undecided(why);
                }
            }
            let open = is_open(&answers);
            if open || found.is_none() {
                found = Some(answers);
            }
            if open {
                break;
            }
        }
        found.unwrap_or_else(Answers::closed)
    }

    /// Resources of an account, with their policies as they will be. What a policy that cannot be read says of a
    /// holder is not known; whom it lets in is in doubt without the holder's help.
    pub(super) fn resources(&self, home: &AccountNode) -> BTreeMap<String, Owned> {
        let mut found: BTreeMap<String, Owned> = BTreeMap::new();
        for model in self.sides() {
            let readable = model.resources_of(&home.handle).filter(|r| !r.is_unreadable());
            let owned = readable.map(|r| (r.arn.clone(), (r.kind, r.document().cloned())));
            found.extend(owned);
        }
        found
    }

    pub(super) fn name<'h>(&self, holder: &'h RightHolder) -> &'h str {
        match &holder.actor {
            Actor::Known(arn) => arn,
            Actor::Made { account, .. } => account.as_str(),
            Actor::Admitted => "an account that was brought in",
        }
    }
}

/// The principal that a right is over, if its tags stand as they are. Conditions on tags of a role that is passed are not
/// relied on: AWS says that their results are not reliable (IAM User Guide, "Grant a user permissions to pass a role to an
/// AWS service").
fn upon_known_tags<'w>(
    model: &'w AccessModel,
    holder: &RightHolder,
    right: &Right,
) -> Option<&'w PrincipalNode> {
    let [Space::One(arn)] = right.resources.as_slice() else { return None };
    let passes = right.actions.iter().any(|action| action.eq_ignore_ascii_case("iam:PassRole"));
    let principal = model.principals.get(arn).filter(|_| !(passes || holder.retagged));
    principal.map(AsRef::as_ref)
}

pub(super) fn right(actions: &[&str], resources: Vec<Space>) -> Right {
    let actions = actions.iter().map(|action| (*action).to_owned()).collect();
    Right { actions, resources, ..Right::default() }
}

/// What IAM holds of a kind in an account.
pub(super) fn below(home: &AccountNode, kind: &str) -> Space {
    Space::Below(format!("arn:{}:iam::{}:{kind}/", home.partition, home.id))
}

/// What an ARN names; a session counts as its role.
pub(super) fn kind(arn: &str) -> PrincipalKind {
    if arn.contains(":user/") { PrincipalKind::User } else { PrincipalKind::Role }
}

/// Roles that AWS alone can change: those of its services, and those of Identity Center (IAM User Guide, "Use
/// service-linked roles"; IAM Identity Center User Guide, "Referencing permission sets in resource policies").
pub(in crate::isolation) fn is_reserved(arn: &str) -> bool {
    arn.contains(":role/aws-service-role/") || arn.contains(":role/aws-reserved/")
}

/// The policy that stands for whatever one likes to attach, by its ARN in a partition.
pub(in crate::isolation) fn everything(partition: Partition) -> String {
    format!("arn:{partition}:iam::aws:policy/AdministratorAccess")
}

pub(super) fn is_open(answers: &Answers) -> bool {
    [&answers.before, &answers.after].into_iter().any(|a| matches!(a, SymbolicAnswer::Open(_)))
}

/// What is open, by the resource of the witness.
pub(super) fn by_resource(all: &[&Answers]) -> BTreeMap<String, Rights> {
    let mut found: BTreeMap<String, Rights> = BTreeMap::new();
    let openings = |answer: &SymbolicAnswer| match answer {
        SymbolicAnswer::Open(openings) => openings.clone(),
        _ => Vec::new(),
    };
    for answers in all {
        for opening in openings(&answers.before) {
            let resource = opening.witness.resource.clone();
            found.entry(resource).or_default().before.push(opening);
        }
        for opening in openings(&answers.after) {
            let resource = opening.witness.resource.clone();
            found.entry(resource).or_default().after.push(opening);
        }
    }
    found
}

/// Whether a holder may be permitted an action at all on one side: a quick, generous look.
pub(super) fn speaks(model: &AccessModel, holder: &RightHolder, action: &str) -> bool {
    let Actor::Known(arn) = &holder.actor else { return true };
    let changes = holder.changed.as_ref().map(|(_, changes)| changes);
    let more =
        changes.is_some_and(|c| c.permitted || !c.groups.is_empty() || !c.attached.is_empty());
    more || model.principals.get(arn).is_some_and(|p| p.is_unreadable() || may(p, action))
}
