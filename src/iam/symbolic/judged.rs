//! The judge, asked once for all choices of key values that every statement answers alike.
//!
//! Claim: choices under one mark get one answer. What the judge sees of the context is what the conditions of statements
//! about the action say of it, the values that variables stand for, and the two keys that tell who calls. A mark is just
//! that: the answer of each statement's conditions together, and the values themselves of keys that variables or the
//! caller are read from, that are compared with variables, or that take another action beside. A thousand choices have about a dozen marks.

use std::collections::{BTreeMap, BTreeSet};

use super::choices::{is_possible, with};
use super::keys::KeySpace;
use super::question::{Question, variable_keys};
use crate::iam::condition::CompiledCondition;
use crate::iam::request::{PrincipalNames, Request, RequestFacts};
use crate::iam::three_valued::Tri;

/// Keys that tell who calls beside the principal.
const CALLER: [&str; 2] = ["aws:userid", "aws:principalarn"];

/// One side of a question about one action on one resource, and the answers so far.
pub(super) struct Judge<'q> {
    side: &'q Question<'q>,
    request: &'q Request,
    spaces: &'q [KeySpace],
    /// Where some keys are possible on one side alone.
    mixed: bool,
    /// Of each statement: the keys that its conditions ask about, and what they say of each value.
    statements: Vec<Vec<(usize, Vec<Tri>)>>,
    /// Keys whose value itself counts.
    values: Vec<usize>,
    /// What the judge said, by mark.
    pub(super) answers: BTreeMap<Vec<usize>, bool>,
}

impl<'q> Judge<'q> {
    pub(super) fn new(
        side: &'q Question<'q>,
        request: &'q Request,
        spaces: &'q [KeySpace],
        mixed: bool,
    ) -> Self {
        let action = request.action.to_ascii_lowercase();
        let documents = side.documents.iter();
        let relevant = || {
            let lines = documents
                .clone()
                .flat_map(|d| d.statements.iter().map(move |statement| (statement, d.version())));
            lines.filter(|(statement, _)| side.concerns(statement, &action))
        };
        let mut read: BTreeSet<String> = CALLER.iter().map(|key| (*key).to_owned()).collect();
        for (statement, _) in relevant() {
            read.extend(variable_keys(statement));
            let filled = statement.conditions.iter().filter(|condition| {
                condition.values.iter().any(|item| item.text.symbolic().contains("${"))
            });
            read.extend(filled.map(|condition| condition.key.to_ascii_lowercase()));
        }
        // Whether one of these is there decides whether another action is asked for.
        let takes = |key: &str| side.beside.iter().any(|other| other.is_needed_for(key));
        let is_read = |space: &KeySpace| read.contains(&space.key) || takes(&space.key);
        let values = (0..spaces.len()).filter(|i| spaces.get(*i).is_some_and(is_read)).collect();
        // The request with one key as it may be: what a condition on that key sees of it.
        let mut seen: Vec<Vec<Request>> = Vec::new();
        for space in spaces {
            let one = std::slice::from_ref(space);
            let values = (0..space.values.len()).map(|at| with(side, request, one, &[at]));
            seen.push(values.collect());
        }
        let statements = relevant().map(|(statement, version)| {
            let mut by_key: BTreeMap<usize, Vec<Tri>> = BTreeMap::new();
            for condition in &statement.conditions {
                let at = spaces.iter().position(|s| s.key.eq_ignore_ascii_case(&condition.key));
                let Some((at, seen)) = at.and_then(|at| Some((at, seen.get(at)?))) else {
                    continue;
                };
                let compiled = CompiledCondition::new(condition, version);
                let says = seen.iter().map(|request| {
                    let caller = PrincipalNames::new(&request.principal, &request.context);
                    let account = request.resource_account.as_deref();
                    compiled.holds(&mut RequestFacts::of(request, &caller, account))
                });
                match by_key.get_mut(&at) {
                    Some(all) => {
                        all.iter_mut().zip(says).for_each(|(all, one)| *all = all.and(one))
                    }
                    None => {
                        by_key.insert(at, says.collect());
                    }
                }
            }
            by_key.into_iter().collect()
        });
        Self {
            side,
            request,
            spaces,
            mixed,
            statements: statements.collect(),
            values,
            answers: BTreeMap::new(),
        }
    }

    /// Whether a choice is possible on this side and the judge allows it.
    pub(super) fn allows(&mut self, choice: &[usize]) -> bool {
        if self.mixed && !is_possible(self.side, self.spaces, choice) {
            return false;
        }
        let mark = self.mark(choice);
        if let Some(known) = self.answers.get(&mark) {
            return *known;
        }
        let request = with(self.side, self.request, self.spaces, choice);
        let allowed = self.side.allows(&request);
        self.answers.insert(mark, allowed);
        allowed
    }

    fn mark(&self, choice: &[usize]) -> Vec<usize> {
        let says = |(key, answers): &(usize, Vec<Tri>)| -> Option<Tri> {
            answers.get(*choice.get(*key)?).copied()
        };
        let of_statement = |conditions: &Vec<(usize, Vec<Tri>)>| {
            let all = conditions.iter().filter_map(says).fold(Tri::YES, Tri::and);
            usize::from(all.may) + usize::from(all.must)
        };
        let values = self.values.iter().filter_map(|key| choice.get(*key).copied());
        self.statements.iter().map(of_statement).chain(values).collect()
    }
}
