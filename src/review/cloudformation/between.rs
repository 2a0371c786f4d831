//! What stacks of one review tell each other: what one exports and another imports, what a stack passes to one within it,
//! and the outputs that this has for it.

use std::collections::BTreeMap;

use super::evaluate::{Arguments, Exports, StackPlace};
use super::parameters;
use super::prepared::PreparedStack;
use super::side::StackSide;
use super::value::TemplateValue;
use crate::review::AccountsSnapshot;

/// Most rounds: each follows one more link of a chain from stack to stack.
const MOST_ROUNDS: usize = 12;

/// What is known between stacks, on the standing side (`false`) and the new one.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Between {
    /// By account and Region.
    exports: BTreeMap<(bool, String, Option<String>), Exports>,
    /// Of stacks by their places in the list.
    outputs: BTreeMap<(bool, usize), Exports>,
    /// What stacks within others are given.
    passed: BTreeMap<(bool, usize), PassedTo>,
}

/// What a stack says of one within it.
#[derive(Debug, PartialEq)]
struct PassedTo {
    /// Whether it is there.
    is_there: Result<bool, String>,
    /// Whether it stays in AWS when it is dropped.
    is_retained: bool,
    arguments: Arguments,
}

impl Between {
    /// Follows what stacks tell each other as far as it goes.
    pub(super) fn of(stacks: &[PreparedStack], before: &AccountsSnapshot) -> Self {
        let mut between = Self::default();
        for _ in 0..(2 * stacks.len()).min(MOST_ROUNDS) {
            let next = between.next(stacks, before);
            if next == between {
                break;
            }
            between = next;
        }
        between
    }

    /// What others export where a stack lies.
    pub(super) fn exports(&self, new: bool, place: &StackPlace) -> Option<&Exports> {
        self.exports.get(&(new, place.account.clone(), place.region.clone()))
    }

    /// The outputs of a stack.
    pub(super) fn outputs(&self, new: bool, at: usize) -> Option<&Exports> {
        self.outputs.get(&(new, at))
    }

    /// What a stack is given by the one around it.
    pub(super) fn arguments(&self, new: bool, at: usize) -> Option<&Arguments> {
        self.passed.get(&(new, at)).map(|passed| &passed.arguments)
    }

    /// Whether a stack is there, as far as the one around it tells.
    pub(super) fn is_there(&self, new: bool, at: usize) -> Result<bool, &str> {
        let Some(passed) = self.passed.get(&(new, at)) else { return Ok(true) };
        passed.is_there.as_ref().copied().map_err(String::as_str)
    }

    /// Whether a stack is dropped and stays in AWS as it is.
    pub(super) fn is_kept_by_aws(&self, at: usize) -> bool {
        let is_retained = self.passed.get(&(false, at)).is_some_and(|passed| passed.is_retained);
        is_retained && self.is_there(true, at) == Ok(false)
    }

    fn next(&self, stacks: &[PreparedStack], before: &AccountsSnapshot) -> Self {
        let mut next = Self::default();
        for (at, stack) in stacks.iter().enumerate() {
            stack.sides(self, at, before, |standing, after| {
                if let Some(standing) = standing {
                    next.take(false, at, stacks, standing);
                }
                next.take(true, at, stacks, after);
            });
        }
        next
    }

    /// What one side of one stack tells others.
    fn take(&mut self, new: bool, at: usize, stacks: &[PreparedStack], side: &StackSide<'_>) {
        let place = side.evaluator.place;
        let key = (new, place.account.clone(), place.region.clone());
        let exports = self.exports.entry(key).or_default();
        let outputs = self.outputs.entry((new, at)).or_default();
        for output in side.evaluator.template.section("Outputs") {
            let condition = output.value.get("Condition").and_then(|name| name.as_text());
            let holds = condition.is_none_or(|name| {
                side.evaluator.condition(name, output.line, side) == TemplateValue::Bool(true)
            });
            let Some(value) = output.value.get("Value").filter(|_| holds) else { continue };
            let value = side.evaluator.value(value, side);
            let name = output.value.get("Export").and_then(|export| export.get("Name"));
            if let Some(TemplateValue::Text(name)) =
                name.map(|name| side.evaluator.value(name, side))
            {
                exports.insert(name, value.clone());
            }
            outputs.insert(output.key.clone(), value);
        }
        let Some(stack) = stacks.get(at) else { return };
        for (id, inner) in &stack.nested {
            let declared = side.evaluator.template.resource(id).filter(|one| stack.is_nested(*one));
            let template = stacks.get(*inner).and_then(|inner| inner.template(new));
            let given = declared.map(|one| side.property(one, "Parameters"));
            let given = given.unwrap_or(TemplateValue::Absent);
            let policy = declared.and_then(|one| one.node.get("DeletionPolicy"));
            let policy = policy.map(|node| side.evaluator.value(node, side));
            let policy = policy.as_ref().and_then(TemplateValue::as_text);
            let passed = PassedTo {
                is_retained: policy.is_some_and(|policy| policy.starts_with("Retain")),
                is_there: declared.map_or(Ok(false), |one| side.is_there(one)),
                arguments: template.map(|of| parameters::passed(of, &given)).unwrap_or_default(),
            };
            self.passed.insert((new, *inner), passed);
        }
    }
}
