//! The answer to a question: on both sides, in every guise that the source can ask in.

use std::collections::BTreeSet;

use crate::iam::symbolic::{Answers, Caps, Opening, Question, SymbolicAnswer, ask_both};

use super::Asked;
use super::guises::Guise;
use super::keys::{is_resource_tag, keys_of};

impl Asked {
    /// The question where no tag of what is reached is told but these, in lower case.
    fn question_of_tags<'a>(&'a self, guise: &Guise, tags: &BTreeSet<String>) -> Question<'a> {
        let mut question = self.question(guise);
        question.request.context.retain(|key| !is_resource_tag(key) || tags.contains(key));
        question
    }

    fn question(&self, guise: &Guise) -> Question<'_> {
        let facts = self.facts_as(guise);
        Question {
            request: facts.request,
            policies: &self.policies,
            documents: self.documents.iter().map(AsRef::as_ref).collect(),
            actions: self.actions.clone(),
            resources: self.resources.clone(),
            never: facts.never,
            free: BTreeSet::new(),
            domains: facts.domains,
            optional: facts.optional,
            always: facts.always,
            chosen: facts.chosen,
            refused: self.refused.clone(),
            beside: self.beside.clone(),
        }
    }
}

/// Asks one step on both sides.
#[must_use]
pub fn answer(before: Option<&Asked>, after: Option<&Asked>) -> Answers {
    let guises: BTreeSet<Guise> =
        before.iter().chain(&after).flat_map(|asked| asked.guises()).collect();
    // Tags of what is reached that neither side asks for decide nothing, and would fill every witness.
    let documents = before.iter().chain(&after).flat_map(|asked| keys_of(&asked.documents));
    let tags: BTreeSet<String> = documents.filter(|key| is_resource_tag(key)).collect();
    let ask = |guise: &Guise| {
        let before = before.filter(|asked| asked.goes_by(guise));
        let after = after.filter(|asked| asked.goes_by(guise));
        let before = before.map(|asked| asked.question_of_tags(guise, &tags));
        let after = after.map(|asked| asked.question_of_tags(guise, &tags));
        ask_both(before.as_ref(), after.as_ref(), Caps::default())
    };
    let mut answers = ask(&Guise::Itself);
    for guise in guises.iter().filter(|guise| **guise != Guise::Itself) {
        let mut more = ask(guise);
        if matches!(guise, Guise::Federated(_)) {
            more.gained.retain(|one| !shows_as_much(&answers.gained, one));
            more.lost.retain(|one| !shows_as_much(&answers.lost, one));
        }
        answers.before = joined(answers.before, more.before);
        answers.after = joined(answers.after, more.after);
        answers.gained.extend(more.gained);
        answers.lost.extend(more.lost);
        answers.inexact = answers.inexact.or(more.inexact);
    }
    // A witness shows what the policies that were read allow, and a boundary that was not may deny all of it.
    for (asked, answer) in [(before, &mut answers.before), (after, &mut answers.after)] {
        let unread = asked.and_then(|asked| asked.unread_bound.as_ref());
        if let (Some(why), SymbolicAnswer::Open(_)) = (unread, &*answer) {
            *answer = SymbolicAnswer::Undecided(why.clone());
            answers.gained.clear();
            answers.lost.clear();
        }
    }
    answers
}

/// Whether no request of a step is allowed, which is less work than to say what is.
#[must_use]
pub fn is_closed(asked: &Asked) -> bool {
    let closed =
        |guise: &Guise| crate::iam::symbolic::is_closed(&asked.question(guise), Caps::default());
    asked.guises().iter().all(closed)
}

/// Whether one of some openings shows the same without asking anything.
fn shows_as_much(shown: &[Opening], more: &Opening) -> bool {
    shown.iter().any(|opening| {
        opening.requirements.is_empty()
            && opening.witness.action == more.witness.action
            && opening.witness.resource == more.witness.resource
    })
}

/// The answer to two questions at once.
fn joined(one: SymbolicAnswer, other: SymbolicAnswer) -> SymbolicAnswer {
    match (one, other) {
        (SymbolicAnswer::Open(mut all), SymbolicAnswer::Open(mut more)) => {
            more.retain(|one| !shows_as_much(&all, one));
            all.extend(more);
            SymbolicAnswer::Open(all)
        }
        (open @ SymbolicAnswer::Open(_), _) | (_, open @ SymbolicAnswer::Open(_)) => open,
        (undecided @ SymbolicAnswer::Undecided(_), _)
        | (_, undecided @ SymbolicAnswer::Undecided(_)) => undecided,
        (SymbolicAnswer::Closed { judged: a }, SymbolicAnswer::Closed { judged: b }) => {
            SymbolicAnswer::Closed { judged: a + b }
        }
    }
}
