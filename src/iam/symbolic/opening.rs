//! What is open: a request that shows it, and what that asks of its context, in words.

use std::collections::BTreeSet;

use super::choices::{is_possible, with};
use super::keys::{Chooser, KeySpace, chooser};
use super::question::Question;
use crate::iam::decision::Decision;
use crate::iam::document::Condition;
use crate::iam::eval::evaluate;
use crate::iam::operator::Test;
use crate::iam::request::{ContextValue, Request};

/// What a path needs from its context, readable: `aws:SourceIp in 10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The key, as the policy spells it.
    pub key: String,
    /// The whole requirement as text.
    pub text: String,
    /// A value under which the path is closed, for the replay; `None` is the key's absence.
    pub unmet: Option<Vec<String>>,
}

/// One allowed combination of action and resource region.
#[derive(Clone, Debug)]
pub struct Opening {
    /// A request that the judge allows.
    pub witness: Request,
    /// Its decision.
    pub decision: Decision,
    /// What it needs from its context; empty: nothing, the caller decides alone.
    pub requirements: Vec<Requirement>,
}

/// Of the choices in `from`, the opening that asks least of the context; `shows` says of any choice whether it
/// would do as well, and `allowed` whether it is allowed on its side. Where the sides are `mixed`, not every choice is
/// possible on both.
pub(super) fn open(
    side: &Question<'_>,
    request: &Request,
    spaces: &[KeySpace],
    from: &[Vec<usize>],
    shows: &dyn Fn(&Vec<usize>) -> bool,
    allowed: &dyn Fn(&Vec<usize>) -> bool,
    mixed: bool,
) -> Option<Opening> {
    let around: Vec<usize> = (0..spaces.len())
        .filter(|i| {
            spaces.get(*i).is_some_and(|s| {
                chooser(&s.key) == Chooser::Ambient && !side.chosen.contains(&s.key)
            })
        })
        .collect();
    // What one of several things would do asks for that one, not for nothing: whatever may be left out is.
    let bare = |choice: &Vec<usize>| {
        let mut choice = choice.clone();
        for i in &around {
            let absent = spaces.get(*i).and_then(|s| s.values.iter().position(Option::is_none));
            let mut less = choice.clone();
            if let (Some(absent), Some(at)) = (absent, less.get_mut(*i)) {
                *at = absent;
                if (!mixed || is_possible(side, spaces, &less)) && shows(&less) {
                    choice = less;
                }
            }
        }
        choice
    };
    let needs = |choice: &Vec<usize>| -> Vec<(usize, usize)> {
        around
            .iter()
            .filter_map(|i| {
                let space = spaces.get(*i)?;
                // What the caller need not send, it does not send.
                let value = choice.get(*i).and_then(|at| space.values.get(*at))?.as_ref();
                if value.is_none() && side.optional.contains(&space.key) {
                    return None;
                }
                // Whoever may call at all may call directly (IAM User Guide, `aws:ViaAWSService`).
                let is_direct =
                    |value: &ContextValue| matches!(value.values(), [one] if one == "false");
                if space.key == "aws:viaawsservice" && value.is_some_and(is_direct) {
                    return None;
                }
                let unmet = (0..space.values.len()).find(|other| {
                    let mut flipped = choice.clone();
                    if let Some(at) = flipped.get_mut(*i) {
                        *at = *other;
                    }
                    (!mixed || is_possible(side, spaces, &flipped)) && !allowed(&flipped)
                })?;
                Some((*i, unmet))
            })
            .collect()
    };
    let barest: BTreeSet<Vec<usize>> = from.iter().map(bare).collect();
    let (needs, choice) = barest
        .iter()
        .map(|choice| (needs(choice), choice))
        .min_by_key(|(needs, choice)| (needs.len(), choice.iter().filter(|at| **at > 0).count()))?;
    let witness = with(side, request, spaces, choice);
    let decision = evaluate(&witness, side.policies);
    let requirements = needs
        .into_iter()
        .filter_map(|(i, unmet)| {
            let space = spaces.get(i)?;
            let value = choice.get(i).and_then(|at| space.values.get(*at)).cloned().flatten();
            let unmet = space.values.get(unmet).cloned().flatten();
            Some(requirement(space, value.as_ref(), unmet))
        })
        .collect();
    Some(Opening { witness, decision, requirements })
}

fn requirement(
    space: &KeySpace,
    value: Option<&ContextValue>,
    unmet: Option<ContextValue>,
) -> Requirement {
    let spelled = space.tests.first().map_or(space.key.clone(), |t| t.key.clone());
    let holds = |test: &Condition, value: Option<&ContextValue>| {
        let compiled =
            crate::iam::condition::CompiledCondition::new(test, crate::iam::LanguageVersion::V2012);
        let mut context = crate::iam::request::RequestContext::default();
        if let Some(value) = value {
            context.set(&space.key, value.clone());
        }
        compiled.holds(&mut crate::iam::request::RequestFacts::new(&context, Vec::new())).may
    };
    // What the witness leaves out is not what a test names, though that may pass as well.
    let tests = space.tests.iter().filter(|_| value.is_some());
    let telling: Vec<&Condition> =
        tests.filter(|test| holds(test, value) != holds(test, unmet.as_ref())).collect();
    // What names the value says all that patterns and presence say, and patterns all of the latter.
    let strength = |test: &Condition| match test.operator.test {
        Test::StringEquals | Test::Bool | Test::NumericEquals | Test::DateEquals => 2,
        Test::Null => 0,
        _ => 1,
    };
    let strongest = telling.iter().map(|test| strength(test)).max().unwrap_or_default();
    let texts: BTreeSet<String> = telling
        .into_iter()
        .filter(|test| strength(test) == strongest)
        .map(|test| readable(test, holds(test, value)))
        .collect();
    Requirement {
        text: if texts.is_empty() {
            match value {
                Some(value) => format!("{spelled} = {}", value.values().join(", ")),
                None => format!("{spelled} is absent"),
            }
        } else {
            texts.into_iter().collect::<Vec<_>>().join(" and ")
        },
        key: spelled,
        unmet: unmet.map(|v| v.values().to_vec()),
    }
}

/// A condition for people: `aws:SourceIp in 10.0.0.0/8`, `aws:MultiFactorAuthPresent = true`.
fn readable(test: &Condition, holds: bool) -> String {
    let values: Vec<String> = test.values.iter().map(|v| v.text.symbolic().into_owned()).collect();
    let positive = test.operator.test.negated() != holds;
    let comparison = match (test.operator.test.positive(), positive) {
        (Test::Null, _) => {
            let wants_absent = values.iter().any(|v| v.eq_ignore_ascii_case("true")) == holds;
            return format!("{} is {}", test.key, if wants_absent { "absent" } else { "present" });
        }
        (Test::IpAddress, true) => "in",
        (Test::IpAddress, false) => "not in",
        (Test::NumericLessThan | Test::DateLessThan, true)
        | (Test::NumericGreaterThanEquals | Test::DateGreaterThanEquals, false) => "<",
        (Test::NumericLessThanEquals | Test::DateLessThanEquals, true)
        | (Test::NumericGreaterThan | Test::DateGreaterThan, false) => "<=",
        (Test::NumericGreaterThan | Test::DateGreaterThan, true)
        | (Test::NumericLessThanEquals | Test::DateLessThanEquals, false) => ">",
        (Test::NumericGreaterThanEquals | Test::DateGreaterThanEquals, true)
        | (Test::NumericLessThan | Test::DateLessThan, false) => ">=",
        (Test::StringLike | Test::ArnLike | Test::ArnEquals, true) => "like",
        (Test::StringLike | Test::ArnLike | Test::ArnEquals, false) => "not like",
        (_, true) => "=",
        (_, false) => "!=",
    };
    format!("{} {comparison} {}", test.key, values.join(" or "))
}
