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
