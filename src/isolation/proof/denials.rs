//! Whether a denial takes back all of a step, or all of it that another statement allows.
//!
//! Claim: where [`Case::denies`] says yes, the judge refuses every such request. The denial covers the actions and the
//! resources of the step, or those of the statement; it names whoever asks; and each of its conditions is true of every
//! such request, because it is constant or because the statement allows only where it is true.

use super::case::{Case, ReadStatement};
use super::conditions::{is_plain, is_single, open_statement, say_the_same};
use super::texts::{all_apart, covers, disjoint, lower, within};
use crate::iam::matching::{completed, is_malformed};
use crate::iam::symbolic::Space;
use crate::iam::symbolic::globs::Glob;
use crate::iam::{Condition, Effect, Item, Principals, Statement, Test};

impl Case<'_> {
    /// Whether two denials take back all that a statement allows: one some requests, and one all others.
    pub(super) fn divide(
        &self,
        one: &ReadStatement<'_>,
        other: &ReadStatement<'_>,
        allowed: &ReadStatement<'_>,
    ) -> bool {
        self.divide_resources(one, other, allowed) || self.divide_by_key(one, other, allowed)
    }

    /// The same where a key tells which of them does.
    fn divide_by_key(
        &self,
        one: &ReadStatement<'_>,
        other: &ReadStatement<'_>,
        allowed: &ReadStatement<'_>,
    ) -> bool {
        let Some((with, without)) = divided_by(one.statement, other.statement) else {
            return false;
        };
        [(one, with), (other, without)].into_iter().all(|(line, but)| {
            self.denies_everywhere(line, Some(allowed))
                && self.denies_where(line, Some(allowed), Some(but))
        })
    }

    /// The same where one of them takes some resources, and the other leaves those out.
    fn divide_resources(
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
        self.denies_where(line, allowed, None)
    }

    /// The same where one of its conditions holds.
    fn denies_where(
        &self,
        line: &ReadStatement<'_>,
        allowed: Option<&ReadStatement<'_>>,
        holding: Option<&Condition>,
    ) -> bool {
        let denial = line.statement;
        let lower_all = |items: &[Item]| items.iter().map(lower).collect::<Vec<_>>();
        let narrow = allowed.map(|other| lower_all(&other.statement.actions));
        let narrow = narrow.filter(|texts| !texts.is_empty());
        let spaces: Vec<Space> = self.parts.actions.iter().map(Space::lower).collect();
        let about_actions = if denial.actions.is_empty() {
            let left = lower_all(&denial.not_actions);
            disjoint(&left, &spaces)
                || narrow.as_ref().is_some_and(|narrow| all_apart(narrow, &left))
        } else {
            let actions = lower_all(&denial.actions);
            spaces.iter().all(|space| actions.iter().any(|action| covers(action, space)))
                || narrow.as_ref().is_some_and(|narrow| within(narrow, &actions))
        };
        let is_asked = |spared: &str| match &narrow {
            Some(narrow) => narrow.iter().any(|text| Glob::like(text).matches(spared)),
            None => spaces.iter().any(|space| space.contains(spared)),
        };
        let spares = line.spares.iter().any(|spared| is_asked(&spared.to_ascii_lowercase()));
        denial.effect == Effect::Deny
            && about_actions
            && !spares
            && (!line.named || self.is_hit(denial))
            && denial.conditions.iter().all(|condition| {
                holding.is_some_and(|held| std::ptr::eq(held, condition))
                    || self.constant(line.version, condition) == Some(true)
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

/// The conditions of two statements of which one or the other holds of every request: one takes some values of a key that
/// has one value, the other all but some of those, and requests without the key (IAM User Guide, "IAM JSON policy
/// elements: Condition operators"); or one asks for the key, and the other for its absence.
pub(super) fn divided_by<'s>(
    one: &'s Statement,
    other: &'s Statement,
) -> Option<(&'s Condition, &'s Condition)> {
    let texts = |condition: &Condition| -> Vec<String> {
        condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect()
    };
    let divide = |with: &Condition, without: &Condition| {
        let (taken, left) = (texts(with), texts(without));
        let key = with.key.to_ascii_lowercase();
        let plain = with.operator.prefix.is_none() && without.operator.prefix.is_none();
        let alike = key == without.key.to_ascii_lowercase() && plain;
        alike
            && match (with.operator.test, without.operator.test) {
                (Test::Null, Test::Null) => {
                    let says = |texts: &[String], word: &str| {
                        texts.iter().any(|text| text.eq_ignore_ascii_case(word))
                    };
                    says(&taken, "true") && says(&left, "false")
                }
                (
                    test @ (Test::StringEquals
                    | Test::StringEqualsIgnoreCase
                    | Test::StringLike
                    | Test::IpAddress),
                    negated,
                ) => {
                    negated.negated()
                        && negated.positive() == test
                        && is_single(&key)
                        && is_plain(with)
                        && is_plain(without)
                        && left.iter().all(|text| taken.contains(text))
                }
                _ => false,
            }
    };
    one.conditions.iter().find_map(|with| {
        let mut others = other.conditions.iter();
        others.find(|without| divide(with, without)).map(|without| (with, without))
    })
}

/// Whether texts mean the same in two statements: two versions of the language read a variable unlike.
pub(super) fn are_read_alike(
    texts: &[String],
    one: &ReadStatement<'_>,
    other: &ReadStatement<'_>,
) -> bool {
    one.version == other.version || texts.iter().all(|text| !text.contains("${"))
}
