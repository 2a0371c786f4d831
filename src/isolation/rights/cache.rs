//! Answers about rights, each asked once.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::held::{RightHolder, Rights, RightsScope};
use super::names::NewNames;
use super::questions::Questions;
use crate::access::{AccessModel, AccountNode};

/// What says which rights somebody holds.
pub(super) trait RightsSource {
    /// What a holder may do over that, on both sides.
    fn ask(&self, holder: &RightHolder, scope: &RightsScope) -> Rights;

    /// What tells principals apart that are made in an account.
    fn names(&self, account: &AccountNode) -> Rc<NewNames>;

    /// Names, each a whole ARN, that users of an account may be given and that some policy tells from theirs.
    fn other_names(&self, account: &AccountNode) -> BTreeSet<String>;

    /// Managed policies of an account, by ARN, for whose names no other one does.
    fn policies_alone(&self, account: &AccountNode) -> BTreeSet<String>;

    /// Whether the closure is searched without a rule, to see what stands by that alone.
    fn leaves_out(&self, _rule: ClosureRule) -> bool {
        false
    }
}

/// A rule by which the closure comes from some facts to others, beside the rights that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosureRule {
    /// Whoever was reached before is asked what it may change about who is reached now.
    ChangedByOthers,
    /// A user that was made is given another name.
    MadeRenamed,
    /// A principal that was made is given all that it may be given at once.
    AllGiven,
    /// What is made by one is given something by another one.
    Dressed,
    /// A boundary whose text is decided binds nobody who is made under it.
    BoundDecided,
    /// Policies of AWS's that some policy asks for are boundaries too.
    BoundsOfAws,
    /// A policy whose text is decided is attached by another one.
    WrittenAttached,
    /// A policy whose text is decided takes the place of a boundary.
    WrittenBoundary,
    /// Who bears any tags hands them on to the sessions that it begins.
    TagsHandedOn,
    /// What a resource runs is changed by leave of its policy.
    CodeOfOthers,
    /// Whoever writes an issuer's keys issues its tokens.
    TokensIssued,
    /// What is reached by a role that was reached is reached.
    StepsGoneOn,
    /// A principal that was made is given tags, or lets its sessions bear some.
    MadeTagged,
    /// What is acted upon is given tags.
    TargetsTagged,
    /// Two policies that allow as well as deny count as rewritten where they may be taken away.
    MixedRemoved,
    /// A group of which a policy could not be read may permit anything.
    UnreadGroups,
    /// Whoever may leave is asked for beside those who may permit themselves to.
    LeaversPermitted,
}

/// Answers about rights. The closure of power comes back to the same holder by many paths, and a question takes a run of the
/// judge: none is asked twice.
pub struct RightsCache<'w> {
    source: Box<dyn RightsSource + 'w>,
    known: BTreeMap<(RightHolder, RightsScope), Rights>,
}

impl<'w> RightsCache<'w> {
    /// A cache over both sides of a plan.
    #[must_use]
    pub fn new(before: &'w AccessModel, after: &'w AccessModel) -> Self {
        Self::over(Questions::new(before, after))
    }

    /// A cache over whatever answers.
    pub(super) fn over(source: impl RightsSource + 'w) -> Self {
        Self { source: Box::new(source), known: BTreeMap::new() }
    }

    /// How many questions were asked.
    #[must_use]
    pub(in crate::isolation) fn asked(&self) -> usize {
        self.known.len()
    }

    /// What tells principals apart that are made in an account.
    pub fn names(&self, account: &AccountNode) -> Rc<NewNames> {
        self.source.names(account)
    }

    /// Names, each a whole ARN, that users of an account may be given and that some policy tells from theirs.
    pub fn other_names(&self, account: &AccountNode) -> BTreeSet<String> {
        self.source.other_names(account)
    }

    /// Managed policies of an account, by ARN, for whose names no other one does.
    pub fn policies_alone(&self, account: &AccountNode) -> BTreeSet<String> {
        self.source.policies_alone(account)
    }

    /// Whether the closure is searched without a rule.
    pub fn leaves_out(&self, rule: ClosureRule) -> bool {
        self.source.leaves_out(rule)
    }

    /// What a principal, by ARN, may do.
    pub fn of(&mut self, holder: &str, scope: &RightsScope) -> &Rights {
        self.of_holder(&RightHolder::standing(holder), scope)
    }

    /// What somebody may do.
    pub fn of_holder(&mut self, holder: &RightHolder, scope: &RightsScope) -> &Rights {
        let key = (holder.clone(), scope.clone());
        let ask =
            || Rights { one_sided: holder.changed.is_some(), ..self.source.ask(holder, scope) };
        self.known.entry(key).or_insert_with(ask)
    }
}
