//! Analyses in which a rule of the closure is left out.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};
use std::rc::Rc;

use super::cache::RightsSource;
use super::names::NewNames;
use super::questions::Questions;
use super::{ClosureRule, RightHolder, Rights, RightsCache, RightsScope};
use crate::access::{AccessModel, AccountNode};

/// Answers as ever, but to one kind of scope: there, no right is known. Or the closure is searched without a rule.
struct LeavingOut<'w> {
    questions: Questions<'w>,
    scope: Option<Discriminant<RightsScope>>,
    rule: Option<ClosureRule>,
}

impl RightsSource for LeavingOut<'_> {
    fn ask(&self, holder: &RightHolder, scope: &RightsScope) -> Rights {
        if Some(discriminant(scope)) == self.scope {
            return Rights::default();
        }
        self.questions.ask(holder, scope)
    }

    fn names(&self, account: &AccountNode) -> Rc<NewNames> {
        self.questions.names(account)
    }

    fn other_names(&self, account: &AccountNode) -> BTreeSet<String> {
        self.questions.other_names(account)
    }

    fn policies_alone(&self, account: &AccountNode) -> BTreeSet<String> {
        self.questions.policies_alone(account)
    }

    fn leaves_out(&self, rule: ClosureRule) -> bool {
        self.rule == Some(rule)
    }
}

/// What asks as ever, but for one kind of scope.
pub(in crate::isolation) fn leaving_out<'w>(
    before: &'w AccessModel,
    after: &'w AccessModel,
    scope: &RightsScope,
) -> RightsCache<'w> {
    let questions = Questions::new(before, after);
    RightsCache::over(LeavingOut { questions, scope: Some(discriminant(scope)), rule: None })
}

/// What asks as ever, for a closure that is searched without a rule.
pub(in crate::isolation) fn without_rule<'w>(
    before: &'w AccessModel,
    after: &'w AccessModel,
    rule: ClosureRule,
) -> RightsCache<'w> {
    let questions = Questions::new(before, after);
    RightsCache::over(LeavingOut { questions, scope: None, rule: Some(rule) })
}
