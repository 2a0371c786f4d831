//! Tags of what a right acts on: a condition on them is none for whoever may change them first.
//!
//! Claim: an opening keeps a condition on a tag of its resource only where its holder may not bring the resource to bear
//! that tag, or to lack it. Tags of a principal that is known are what they are, as long as nobody whom the closure has
//! reached may change them (`wanted.rs`). Which actions tag a kind of resource says the catalogue, by their access level.
//!
//! Source: Service Authorization Reference (access level `Tagging`); IAM User Guide, "Controlling access to and for IAM
//! users and roles using tags".

use super::super::crossing::{Right, is_resource_tag, service_of};
use super::held::RightHolder;
use super::questions::Questions;
use crate::iam::catalogue;
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Answers, Opening, Requirement, Space, SymbolicAnswer};

impl Questions<'_> {
    /// Takes out of openings what they ask of tags that the holder can set or take away.
    pub(super) fn without_own_tags(&self, holder: &RightHolder, answers: &mut Answers) {
        self.without_tags_of(holder, &mut answers.before, |answers| answers.before);
        self.without_tags_of(holder, &mut answers.after, |answers| answers.after);
    }

    /// The same on one side.
    fn without_tags_of(
        &self,
        holder: &RightHolder,
        answer: &mut SymbolicAnswer,
        side: fn(Answers) -> SymbolicAnswer,
    ) {
        let SymbolicAnswer::Open(openings) = answer else { return };
        for opening in openings {
            let mut kept = std::mem::take(&mut opening.requirements);
            kept.retain(|requirement| {
                let right = is_resource_tag(&requirement.key)
                    .then(|| tagging(opening, requirement))
                    .flatten();
                let answer = right.map(|right| side(self.asked_for(holder, right, true)));
                !answer.is_some_and(|answer| is_free(&answer))
            });
            opening.requirements = kept;
        }
    }
}

/// Takes out of openings what they ask of tags of what they act on.
pub(super) fn without_resource_tags(answers: &mut Answers) {
    for answer in [&mut answers.before, &mut answers.after] {
        let SymbolicAnswer::Open(openings) = answer else { continue };
        for opening in openings {
            opening.requirements.retain(|requirement| !is_resource_tag(&requirement.key));
        }
    }
}

fn is_free(answer: &SymbolicAnswer) -> bool {
    match answer {
        SymbolicAnswer::Open(openings) => openings.iter().any(|o| o.requirements.is_empty()),
        _ => false,
    }
}

/// The right to bring the resource of an opening to bear a tag as that asks, or to lack it.
fn tagging(opening: &Opening, requirement: &Requirement) -> Option<Right> {
    let resource = &opening.witness.resource;
    let (_, tag) = requirement.key.split_once('/')?;
    let value = opening.witness.context.get(&requirement.key);
    let service = catalogue().find_service(service_of(resource)?)?;
    let tags = catalogue().actions_of(service).filter(|id| {
        let action = catalogue().action(*id);
        let takes_away =
            |name: &str| ["Untag", "Remove", "Delete"].iter().any(|w| name.contains(w));
        action
            .is_some_and(|a| a.access.contains("Tagging") && takes_away(a.name) == value.is_none())
            && catalogue()
                .resource_types(*id)
                .any(|kind| Glob::like(&kind.glob()).matches(resource.as_str()))
    });
    let actions: Vec<String> = tags.filter_map(|id| catalogue().full_name(id)).collect();
    let mut context = vec![("aws:TagKeys".to_owned(), tag.to_owned())];
    if let Some(value) = value.and_then(|value| value.values().first()) {
        context.push((format!("aws:RequestTag/{tag}"), value.clone()));
    }
    let resources = vec![Space::One(resource.clone())];
    (!actions.is_empty()).then(|| Right { actions, resources, context, ..Right::default() })
}
