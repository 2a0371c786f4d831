//! The values of keys that a question leaves open, and the request that one choice among them makes.

use std::collections::BTreeSet;

use super::domain::Domain;
use super::keys::{KeySpace, space, tests_by_key};
use super::question::{Caps, Question, fixed, is_fixed, statements, variable_keys};
use super::variables::{PolicyVariables, VariableValues};
use crate::iam::request::{ContextValue, Request};

/// What variables stand for: the value that each side fixes; values to try for what stays open.
pub(super) fn variables(sides: &[&Question<'_>], caps: Caps) -> PolicyVariables {
    let mut found = PolicyVariables::default();
    for key in statements(sides).flat_map(variable_keys) {
        if found.0.contains_key(&key) {
            continue;
        }
        let mut values = VariableValues::default();
        for side in sides {
            if side.never.contains(&key) {
                continue;
            }
            if is_fixed(side, &key) {
                values.texts.extend(fixed(side, &key));
            } else {
                values.open = true;
            }
        }
        found.0.insert(key, values);
    }
    let tests = tests_by_key(statements(sides));
    let nothing = PolicyVariables::default();
    for (key, values) in found.0.iter_mut().filter(|(_, values)| values.open) {
        let tests = tests.get(key).map(Vec::as_slice).unwrap_or_default();
        let domains = domains(sides, key);
        let space = space(key, tests, &nothing, &domains, false, caps.states);
        for value in space.values.into_iter().flatten() {
            if let ContextValue::One(text) = value {
                values.texts.insert(text);
            }
        }
        if domains.is_empty() {
            values.texts.insert("x".to_owned());
        }
    }
    found
}

/// What a key may be on the sides that leave it open; nothing where some side leaves it open wholly.
fn domains<'a>(sides: &[&'a Question<'_>], key: &str) -> Vec<&'a Domain> {
    let open = sides.iter().filter(|side| !side.never.contains(key) && !is_fixed(side, key));
    let domains: Option<Vec<_>> = open.map(|side| side.domains.get(key)).collect();
    domains.unwrap_or_default()
}

pub(super) fn key_spaces(
    sides: &[&Question<'_>],
    action: &str,
    variables: &PolicyVariables,
    caps: Caps,
) -> Vec<KeySpace> {
    let action = action.to_ascii_lowercase();
    // A key is settled when no side leaves it open.
    let open =
        |key: &String| sides.iter().any(|side| !side.never.contains(key) && !is_fixed(side, key));
    // A statement that the action cannot match has no say, nor have its keys.
    let concerns = |statement: &crate::iam::Statement| {
        sides.iter().any(|side| side.concerns(statement, &action))
    };
    let relevant: Vec<&crate::iam::Statement> =
        statements(sides).filter(|statement| concerns(statement)).collect();
    let mut tests = tests_by_key(relevant.iter().copied());
    let named = relevant.into_iter().flat_map(variable_keys);
    for key in named.collect::<BTreeSet<String>>() {
        tests.entry(key).or_default();
    }
    tests
        .into_iter()
        .filter(|(key, _)| open(key))
        .map(|(key, tests)| {
            let mut open = sides.iter().filter(|s| !s.never.contains(&key) && !is_fixed(s, &key));
            let carried = open.all(|side| side.always.contains(&key));
            space(&key, &tests, variables, &domains(sides, &key), carried, caps.states)
        })
        .collect()
}

/// How many choices there are; `None` where they are too many to try.
pub(super) fn size(spaces: &[KeySpace], caps: Caps) -> Option<usize> {
    let size = spaces.iter().try_fold(1_usize, |n, s| n.checked_mul(s.values.len()));
    size.filter(|n| *n <= caps.combinations)
}

pub(super) fn choice(number: usize, spaces: &[KeySpace]) -> Vec<usize> {
    let mut rest = number;
    spaces
        .iter()
        .map(|space| {
            let at = rest % space.values.len();
            rest /= space.values.len();
            at
        })
        .collect()
}

/// The number of a choice.
pub(super) fn number(choice: &[usize], spaces: &[KeySpace]) -> usize {
    choice.iter().zip(spaces).rev().fold(0, |number, (at, space)| number * space.values.len() + at)
}

/// Whether every key is what it may be on this side.
pub(super) fn is_possible(side: &Question<'_>, spaces: &[KeySpace], choice: &[usize]) -> bool {
    side.domains.is_empty()
        || spaces.iter().zip(choice).all(|(space, at)| {
            let domain = side.domains.get(&space.key);
            let value = space.values.get(*at).and_then(Option::as_ref);
            domain.is_none_or(|domain| side.never.contains(&space.key) || domain.has(value))
        })
}

pub(super) fn with(
    side: &Question<'_>,
    request: &Request,
    spaces: &[KeySpace],
    choice: &[usize],
) -> Request {
    let mut request = request.clone();
    for (space, at) in spaces.iter().zip(choice) {
        let settled = side.never.contains(&space.key) || is_fixed(side, &space.key);
        if let (Some(Some(value)), false) = (space.values.get(*at), settled) {
            request.context.set(&space.key, value.clone());
        }
    }
    request
}
