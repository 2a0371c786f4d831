//! Which tags of principals somebody would want to change, because policies ask for them, and whether it may.
//!
//! Claim: where no change of a tag that is found here is allowed, none that is allowed makes any policy say more than before.
//! The argument: what policies say of tags they say by conditions on `aws:PrincipalTag`, `aws:ResourceTag` and
//! `iam:ResourceTag`, and by variables. Where an allowing statement compares a tag with plain texts, another value of it
//! helps nobody; everything else counts as asking for any value, and for none.
//!
//! A change is asked for with the one tag that is wanted: a further tag helps nobody past a condition that allows for all of a
//! request's tags, or denies for any of them. Where some policy asks otherwise, which tags a request has is left open.
//!
//! Source: Service Authorization Reference (`iam:TagRole`, `iam:UntagRole`); IAM User Guide, "Controlling access to and for
//! IAM users and roles using tags", "Condition operators", "Set operators for multivalued context keys".

use std::collections::{BTreeMap, BTreeSet};

use super::actions::TAGS;
use super::held::{RightHolder, Rights};
use super::questions::{Questions, kind, right};
use crate::access::AccessModel;
use crate::iam::symbolic::question::variable_keys;
use crate::iam::symbolic::{Domain, Space};
use crate::iam::{Condition, ContextValue, Effect, SetPrefix, Statement, Test};

/// What policies ask of a tag of principals.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// Values that it is compared with.
    values: BTreeSet<String>,
    /// Whether any other value, or none, may be asked for too.
    any: bool,
}

/// What policies ask of tags of principals.
#[derive(Clone, Debug, Default)]
pub(super) struct WantedTags {
    /// By the tag's key, in lower case.
    tags: BTreeMap<String, Wanted>,
    /// Keys of tags as conditions on `aws:TagKeys` spell them.
    spelled: BTreeSet<String>,
    /// Whether a request may come to more by a further tag beside the one that is wanted.
    among_several: bool,
}

/// The key of a tag that a condition key is about, in lower case.
fn tag_of(key: &str) -> Option<&str> {
    ["aws:principaltag/", "aws:resourcetag/", "iam:resourcetag/"]
        .into_iter()
        .find_map(|family| key.strip_prefix(family))
}

impl WantedTags {
    fn of(models: [&AccessModel; 2]) -> Self {
        let mut found = Self::default();
        for document in models.into_iter().flat_map(AccessModel::documents) {
            document.statements.iter().for_each(|statement| found.note(statement));
        }
        found
    }

    fn note(&mut self, statement: &Statement) {
        for key in variable_keys(statement) {
            if let Some(tag) = tag_of(&key) {
                self.tags.entry(tag.to_owned()).or_default().any = true;
            }
        }
        for condition in &statement.conditions {
            let key = condition.key.to_ascii_lowercase();
            if key == "aws:tagkeys" {
                // A further key helps nobody past a condition on all keys that allows, or on any key that denies.
                let alone = match statement.effect {
                    Effect::Allow => SetPrefix::ForAllValues,
                    Effect::Deny => SetPrefix::ForAnyValue,
                };
                self.among_several |= condition.operator.prefix != Some(alone);
                let texts = condition.values.iter().map(|v| v.text.symbolic().into_owned());
                self.spelled.extend(texts);
            }
            if let Some(tag) = tag_of(&key) {
                let wanted = self.tags.entry(tag.to_owned()).or_default();
                match plain_values(condition).filter(|_| statement.effect == Effect::Allow) {
                    Some(values) => wanted.values.extend(values),
                    None => wanted.any = true,
                }
            }
        }
    }
}

/// The values with which a condition compares its key, where nothing else meets it.
fn plain_values(condition: &Condition) -> Option<Vec<String>> {
    let operator = condition.operator;
    let texts = condition.values.iter().map(|v| v.text.symbolic().into_owned());
    let texts: Vec<String> = texts.collect();
    let plain = operator.prefix.is_none()
        && !operator.if_exists
        && texts.iter().all(|text| !text.contains("${"))
        && match operator.test {
            Test::StringEquals => true,
            Test::StringLike => texts.iter().all(|text| !text.contains(['*', '?'])),
            _ => false,
        };
    plain.then_some(texts)
}

impl Questions<'_> {
    /// Whether a holder may change a tag of a principal, by ARN, as somebody wants it.
    pub(super) fn retagging(&self, holder: &RightHolder, arn: &str) -> Rights {
        let kind = kind(arn).to_string();
        let all = self.wanted_tags.get_or_init(|| WantedTags::of(self.sides()));
        let ask = |untag: bool, tag: &str, value: Option<&String>| {
            let is_it =
                |action: &&str| action.ends_with(&kind) && action.starts_with("iam:Untag") == untag;
            let actions: Vec<&str> = TAGS.into_iter().filter(is_it).collect();
            let mut asked = right(&actions, vec![Space::One(arn.to_owned())]);
            if !all.among_several {
                asked.domains.push(("aws:tagkeys".to_owned(), all.alone(tag)));
            }
            if let Some(value) = value {
                asked.context.push((format!("aws:RequestTag/{tag}"), value.clone()));
            }
            let mut rights = Rights::default();
            rights.add(self.question(holder, asked));
            rights
        };
        let mut found = Rights::default();
        for (tag, wanted) in &all.tags {
            if wanted.any {
                found.join(ask(false, tag, None));
                found.join(ask(true, tag, None));
            } else {
                wanted.values.iter().for_each(|value| found.join(ask(false, tag, Some(value))));
            }
            if found.suffice(holder) {
                break;
            }
        }
        found
    }
}

impl WantedTags {
    /// The keys of a request that is about that tag alone, however it spells it: keys of IAM's tags do not tell cases apart.
    fn alone(&self, tag: &str) -> Domain {
        let mut first = tag.chars();
        let capital = first.next().map(|c| c.to_uppercase().chain(first).collect::<String>());
        let spelled = self.spelled.iter().filter(|text| text.eq_ignore_ascii_case(tag)).cloned();
        let mut all: BTreeSet<String> = spelled.collect();
        all.extend([tag.to_owned(), tag.to_uppercase()]);
        all.extend(capital);
        let sets = all.into_iter().map(|key| Some(ContextValue::Many(vec![key])));
        Domain::These(sets.collect())
    }
}
