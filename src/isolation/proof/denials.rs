//! Whether a denial takes back all of a step, or all of it that another statement allows.
//!
//! Claim: where [`Case::denies`] says yes, the judge refuses every such request. The denial covers the actions and the
//! resources of the step, or those of the statement; it names whoever asks; and each of its conditions is true of every
//! such request, because it is constant or because the statement allows only where it is true.

use super::case::{Case, ReadStatement};
use super::conditions::{is_plain, open_statement, say_the_same};
use super::texts::{all_apart, covers, disjoint, lower, within};
use crate::iam::matching::{completed, is_malformed};
use crate::iam::symbolic::Space;
use crate::iam::{Effect, Item, Principals, Statement};

impl Case<'_> {
    /// Whether two denials take back all that a statement allows: one some resources, and one all others.
    pub(super) fn divide(
        &self,
        inside: &ReadStatement<'_>,
        outside: &ReadStatement<'_>,
        allowed: &ReadStatement<'_>,
    ) -> bool {
        let left = &outside.statement.not_resources;
        let left: Vec<String> = left.iter().map(|item| item.text.symbolic().into_owned()).collect();
        !left.is_empty()
            && left.iter().all(|text| !text.contains("${"))
            && within(&left, &self.patterns(inside, &inside.statement.resources))
            && self.denies_within(inside, Some(allowed))
            && self.denies_within(outside, Some(allowed))
    }

    /// Whether a statement surely denies all of the step, or all of it that `allowed` allows.
    pub(super) fn denies(
        &self,
        line: &ReadStatement<'_>,
        allowed: Option<&ReadStatement<'_>>,
    ) -> bool {
        self.denies_everywhere(line, allowed) && self.denies_within(line, allowed)
    }

    /// Whether a denial takes in all resources of the step, or all of those that `allowed` allows.
    pub(super) fn denies_everywhere(
        &self,
        line: &ReadStatement<'_>,
        allowed: Option<&ReadStatement<'_>>,
    ) -> bool {
        let denial = line.statement;
        let narrow = allowed
            .map(|other| (other, self.patterns(other, &other.statement.resources)))
            .filter(|(other, texts)| !texts.is_empty() && are_read_alike(texts, line, other))
            .map(|(_, texts)| texts);
        if !denial.not_resources.is_empty() {
            // A variable without a value might make the whole statement void, so here it is not taken for nothing.
            let left = denial.not_resources.iter().flat_map(|item| {
                let text = item.text.symbolic();
                let whole = completed(&text).into_owned();
                // What such a text leaves out, AWS does not say: all that it might.
                let as_it_stands = is_malformed(&text).then(|| text.into_owned());
                as_it_stands.into_iter().chain([whole])
            });
            let left = left.map(|text| self.filled(line.version, text.clone()).unwrap_or(text));
            let left: Vec<String> = left.collect();
            return disjoint(&left, self.parts.resources)
                || narrow.is_some_and(|narrow| all_apart(&narrow, &left));
        }
        if denial.resources.is_empty() {
            return line.named;
        }
        let patterns = self.patterns(line, &denial.resources);
        let mut spaces = self.parts.resources.iter();
        spaces.all(|space| patterns.iter().any(|pattern| covers(pattern, space)))
            || narrow.is_some_and(|narrow| within(&narrow, &patterns))
    }

    /// Whether a denial, on the resources that it takes in, denies all of the step, or all of it that `allowed` allows.
    pub(super) fn denies_within(
        &self,
        line: &ReadStatement<'_>,
        allowed: Option<&ReadStatement<'_>>,
    ) -> bool {
        let denial = line.statement;
        let lower_all = |items: &[Item]| items.iter().map(lower).collect::<Vec<_>>();
        let narrow = allowed.map(|other| lower_all(&other.statement.actions));
        let narrow = narrow.filter(|texts| !texts.is_empty());
        let spaces: Vec<Space> = self.parts.actions.iter().map(Space::lower).collect();
        let about_actions = if denial.actions.is_empty() {
            let left = lower_all(&denial.not_actions);
            disjoint(&left, &spaces) || narrow.is_some_and(|narrow| all_apart(&narrow, &left))
        } else {
            let actions = lower_all(&denial.actions);
            spaces.iter().all(|space| actions.iter().any(|action| covers(action, space)))
                || narrow.is_some_and(|narrow| within(&narrow, &actions))
        };
        denial.effect == Effect::Deny
            && about_actions
            && (!line.named || self.is_hit(denial))
            && denial.conditions.iter().all(|condition| {
                self.constant(line.version, condition) == Some(true)
                    || allowed.is_some_and(|other| {
                        let alike = other.version == line.version || is_plain(condition);
                        let mut given = other.statement.conditions.iter();
                        given.any(|c| {
                            (alike && say_the_same(c, condition))
                                || self.decided_by(c, condition) == Some(true)
                        })
                    })
            })
    }

    /// Whether the principal element of a denial names the one who asks, by the judge.
    pub(super) fn is_hit(&self, denial: &Statement) -> bool {
        // One request stands for all of an account, of which `NotPrincipal` may leave some out.
        if denial.principals.is_none() && self.parts.domains.contains_key("aws:principalarn") {
            return false;
        }
        let mut bare = open_statement();
        bare.effect = Effect::Deny;
        bare.principals.clone_from(&denial.principals);
        bare.not_principals.clone_from(&denial.not_principals);
        let mut all = open_statement();
        all.principals = Some(Principals::All);
        let (allowed, agreed) =
            Self::judged(self.parts.request.clone(), [all, bare], "000000000002");
        !allowed && agreed
    }

    /// Whether a statement's principal element names the one who asks, by the judge.
    pub(super) fn names(&self, statement: &Statement) -> bool {
        let mut bare = open_statement();
        bare.principals.clone_from(&statement.principals);
        bare.not_principals.clone_from(&statement.not_principals);
        Self::passes(self.parts.request.clone(), bare, "000000000002").0
    }
}

/// Whether texts mean the same in two statements: two versions of the language read a variable unlike.
pub(super) fn are_read_alike(
    texts: &[String],
    one: &ReadStatement<'_>,
    other: &ReadStatement<'_>,
) -> bool {
    one.version == other.version || texts.iter().all(|text| !text.contains("${"))
}
