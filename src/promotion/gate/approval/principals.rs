//! Sets of principals, by the two names that every signed request carries: `aws:PrincipalArn` and `aws:userid`. Two sets
//! meet where one principal may be in both.
//!
//! The requests by which people of an identity provider become a role (`sts:AssumeRoleWithWebIdentity` and
//! `sts:AssumeRoleWithSAML`) are not signed and carry neither name, but a subject. A set says of each sort of request
//! who comes by it, and the two sorts never meet.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn>
//!
//! Claim: sets that do not meet have no principal in common. Patterns of one name are intersected by the automaton of
//! [`globs`]. What the name of one kind says of the other kind is known of principals that were read alone; of all
//! others it is taken for possible that both are one principal's.
//!
//! Both names, by type of principal:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>

use std::collections::BTreeMap;

use crate::iam::symbolic::globs::{Glob, Shape, covers, regions};
use crate::iam::symbolic::variables::Piece;

/// Most states of an automaton. Two patterns of names have some hundred; where there are more, they are taken to meet.
const STATES: usize = 10_000;

/// A pattern of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamePattern {
    glob: Glob,
    /// As written; wildcards stand for any text.
    text: String,
    /// Whether it fits its text alone.
    is_exact: bool,
}

impl NamePattern {
    pub(super) fn exact(text: &str) -> Self {
        Self { glob: Glob::exact(text), text: text.to_owned(), is_exact: true }
    }

    /// A pattern with wildcards, which `glob` reads.
    pub(super) fn of(glob: Glob, text: &str) -> Self {
        let is_exact = !text.contains(['*', '?']) && glob == Glob::exact(text);
        Self { glob, text: text.to_owned(), is_exact }
    }

    /// Any text.
    pub(super) fn any() -> Self {
        Self::of(Glob::like("*"), "*")
    }

    /// These pieces one after the other; wildcards in the first five segments of an ARN stay in their segment.
    pub(super) fn arn(pieces: &[Piece]) -> Self {
        let parts = pieces.iter().map(|piece| match piece {
            Piece::Pattern(text) | Piece::Literal(text) => text.as_str(),
        });
        Self::of(Glob::of(pieces, Shape::Arn), &parts.collect::<String>())
    }

    pub(super) fn ignoring_case(self) -> Self {
        Self { glob: self.glob.ignoring_case(), is_exact: false, ..self }
    }

    /// The account of an ARN, where it is one.
    fn account(&self) -> Option<&str> {
        let account = self.text.split(':').nth(4)?;
        let is_id = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        is_id.then_some(account)
    }

    /// The principal's part of a user id (`AROA...` of `AROA...:session`), where it is one.
    fn unique_id(&self) -> Option<&str> {
        let id = self.text.split(':').next()?;
        let is_one = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        // In another case it would be another id.
        (is_one && (self.is_exact || self.glob == Glob::like(&self.text))).then_some(id)
    }
}

/// Principals of which one pattern of every list fits the name; without a list any name does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PrincipalSet {
    /// Whether any of them signs its requests.
    is_signed: bool,
    arns: Vec<Vec<NamePattern>>,
    user_ids: Vec<Vec<NamePattern>>,
    /// The subjects of identity providers among them; absent where there is none.
    subjects: Option<Vec<Vec<NamePattern>>>,
    /// It is one principal, and both names are its own.
    is_one: bool,
}

/// Whether a principal is in two sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// None is.
    Apart,
    /// One may be.
    Possible,
    /// It cannot be told, for this is not known.
    Unknown(String),
}

impl Meeting {
    /// The stronger one of two: it is enough that one is possible.
    pub(super) fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Possible => Self::Possible,
            Self::Apart => other(),
            Self::Unknown(why) => match other() {
                Self::Possible => Self::Possible,
                Self::Apart | Self::Unknown(_) => Self::Unknown(why),
            },
        }
    }
}

impl PrincipalSet {
    /// Everybody, by whatever request.
    pub(super) fn everybody() -> Self {
        Self { subjects: Some(Vec::new()), ..Self::signed() }
    }

    /// All who sign their requests.
    pub(super) fn signed() -> Self {
        let (arns, user_ids) = (Vec::new(), Vec::new());
        Self { is_signed: true, arns, user_ids, subjects: None, is_one: false }
    }

    /// Those of identity providers whose subject fits one of these.
    pub(super) fn of_subjects(patterns: Vec<NamePattern>) -> Self {
        Self { is_signed: false, subjects: Some(vec![patterns]), ..Self::signed() }
    }

    /// One principal: its ARN is one of these, its user id is of this pattern.
    pub(super) fn one(arns: Vec<NamePattern>, user_id: NamePattern) -> Self {
        Self { is_one: true, ..Self::signed() }.with_arns(arns).with_user_ids(vec![user_id])
    }

    /// Those among it who sign their requests.
    pub(super) fn who_sign(self) -> Self {
        Self { subjects: None, ..self }
    }

    /// Those among it of identity providers whose subject fits one of these, and all who sign.
    pub(super) fn with_subjects(mut self, patterns: Vec<NamePattern>) -> Self {
        if let Some(subjects) = &mut self.subjects {
            subjects.push(patterns);
        }
        self
    }

    /// Those among it whose ARN fits one of these, and all who do not sign.
    pub(super) fn with_arns(mut self, patterns: Vec<NamePattern>) -> Self {
        self.arns.push(patterns);
        self
    }

    /// Those among it whose user id fits one of these, and all who do not sign.
    pub(super) fn with_user_ids(mut self, patterns: Vec<NamePattern>) -> Self {
        self.user_ids.push(patterns);
        self
    }

    /// Whether it is everybody who signs.
    pub(super) fn is_everybody(&self) -> bool {
        self.is_signed && self.arns.is_empty() && self.user_ids.is_empty()
    }

    /// The ARNs of all that are in it, where it lists them.
    pub(super) fn listed_arns(&self) -> Option<Vec<&str>> {
        let lists = || self.arns.iter().map(Vec::as_slice);
        let listed = lists().find(|list| list.iter().all(|pattern| pattern.is_exact))?;
        let in_all = |text: &str| lists().all(|list| list.iter().any(|p| p.glob.matches(text)));
        Some(listed.iter().map(|p| p.text.as_str()).filter(|text| in_all(text)).collect())
    }

    /// The unique ids of all that are in it, where it lists them.
    pub(super) fn listed_ids(&self) -> Option<Vec<&str>> {
        self.user_ids.iter().find_map(|list| list.iter().map(NamePattern::unique_id).collect())
    }

    /// The accounts of all that are in it, where its ARNs tell.
    pub(super) fn accounts(&self) -> Option<Vec<&str>> {
        self.arns.iter().find_map(|list| list.iter().map(NamePattern::account).collect())
    }

    /// Whether `pattern` fits the ARN of all that are in it.
    pub(super) fn is_within(&self, pattern: &Glob) -> bool {
        let outer = std::slice::from_ref(pattern);
        self.arns.iter().any(|list| list.iter().all(|p| covers(outer, &p.glob, STATES)))
    }

    /// Whether somebody may be in both sets.
    pub(super) fn meets(&self, other: &Self, ids: &UniqueIds<'_>) -> Meeting {
        if let (Some(own), Some(others)) = (&self.subjects, &other.subjects) {
            let subjects: Vec<&[NamePattern]> =
                own.iter().chain(others).map(Vec::as_slice).collect();
            if may_fit_all(&subjects) {
                return Meeting::Possible;
            }
        }
        if self.is_signed && other.is_signed {
            self.meet_signed(other, ids)
        } else {
            Meeting::Apart
        }
    }

    /// The same of those who sign their requests.
    fn meet_signed(&self, other: &Self, ids: &UniqueIds<'_>) -> Meeting {
        let arns: Vec<&[NamePattern]> =
            self.arns.iter().chain(&other.arns).map(Vec::as_slice).collect();
        let user_ids: Vec<&[NamePattern]> =
            self.user_ids.iter().chain(&other.user_ids).map(Vec::as_slice).collect();
        if !may_fit_all(&arns) || !may_fit_all(&user_ids) {
            return Meeting::Apart;
        }
        if arns.is_empty() || user_ids.is_empty() || self.is_one || other.is_one {
            return Meeting::Possible;
        }
        let mut unknown = None;
        if let Some(listed) = arns.iter().find(|list| list.iter().all(|p| p.is_exact)) {
            for pattern in *listed {
                let one: &[NamePattern] = std::slice::from_ref(pattern);
                if !may_fit_all(&[arns.as_slice(), &[one]].concat()) {
                    continue;
                }
                match ids.of(&pattern.text) {
                    Some(id) => {
                        let of_it = user_ids_of(id);
                        if may_fit_all(&[user_ids.as_slice(), &[&of_it]].concat()) {
                            return Meeting::Possible;
                        }
                    }
                    None => {
                        unknown.get_or_insert_with(|| {
                            by_two_names(&format!(
                                "the unique id of `{}` is not known",
                                pattern.text
                            ))
                        });
                    }
                }
            }
            return unknown.map_or(Meeting::Apart, Meeting::Unknown);
        }
        let listed = user_ids.iter().find(|list| list.iter().all(|p| p.unique_id().is_some()));
        let Some(listed) = listed else { return Meeting::Possible };
        for pattern in *listed {
            let one: &[NamePattern] = std::slice::from_ref(pattern);
            let Some(id) = pattern.unique_id() else { continue };
            if !may_fit_all(&[user_ids.as_slice(), &[one]].concat()) {
                continue;
            }
            match ids.owner(id) {
                Some(arn) => {
                    let named = [NamePattern::exact(arn)];
                    if may_fit_all(&[arns.as_slice(), &[&named]].concat()) {
                        return Meeting::Possible;
                    }
                }
                None => {
                    unknown.get_or_insert_with(|| {
                        by_two_names(&format!("it is not known whose unique id `{id}` is"))
                    });
                }
            }
        }
        unknown.map_or(Meeting::Apart, Meeting::Unknown)
    }
}

fn by_two_names(why: &str) -> String {
    format!("trust policies name people by ARN and by unique id, and {why}")
}

/// The user ids of whoever has this unique id: its own, and those of its sessions.
pub(super) fn user_ids_of(id: &str) -> Vec<NamePattern> {
    vec![NamePattern::exact(id), sessions_of(id)]
}

/// The user ids of a role's sessions, which choose the part after the colon.
pub(super) fn sessions_of(id: &str) -> NamePattern {
    let pieces = [Piece::Literal(format!("{id}:")), Piece::Pattern("*".to_owned())];
    NamePattern::of(Glob::of(&pieces, Shape::Like), &format!("{id}:*"))
}

/// Whether one text may fit a pattern of every list.
fn may_fit_all(lists: &[&[NamePattern]]) -> bool {
    let mut lists = lists.to_vec();
    // Texts are compared before patterns are intersected.
    lists.sort_by_key(|list| (!list.iter().all(|p| p.is_exact), list.len()));
    may_fit_with(&mut Vec::new(), &lists)
}

/// The same of a text that fits these as well. As deep as there are lists, which are conditions of two statements.
fn may_fit_with<'p>(chosen: &mut Vec<&'p NamePattern>, lists: &[&'p [NamePattern]]) -> bool {
    let Some((list, rest)) = lists.split_first() else { return true };
    list.iter().any(|pattern| {
        chosen.push(pattern);
        let fits = have_text(chosen) && may_fit_with(chosen, rest);
        chosen.pop();
        fits
    })
}

/// Whether one text fits all of these patterns.
fn have_text(patterns: &[&NamePattern]) -> bool {
    if patterns.len() < 2 {
        return true;
    }
    if let Some(exact) = patterns.iter().find(|pattern| pattern.is_exact) {
        return patterns.iter().all(|pattern| pattern.glob.matches(&exact.text));
    }
    let globs: Vec<Glob> = patterns.iter().map(|pattern| pattern.glob.clone()).collect();
    let fits_all = |text: &String| globs.iter().all(|glob| glob.matches(text));
    // More states than can be looked at: they may meet.
    regions(&globs, "", false, STATES).map_or(true, |texts| texts.iter().any(fits_all))
}

/// Which principal has which unique id, as far as AWS told. What it told first counts.
#[derive(Clone, Debug, Default)]
pub(super) struct UniqueIds<'a> {
    by_arn: BTreeMap<&'a str, &'a str>,
    by_id: BTreeMap<&'a str, &'a str>,
}

impl<'a> UniqueIds<'a> {
    pub(super) fn add(&mut self, arn: &'a str, id: &'a str) {
        self.by_arn.entry(arn).or_insert(id);
        self.by_id.entry(id).or_insert(arn);
    }

    fn of(&self, arn: &str) -> Option<&'a str> {
        self.by_arn.get(arn).copied()
    }

    /// The ARN of the principal with this id.
    pub(super) fn owner(&self, id: &str) -> Option<&'a str> {
        self.by_id.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arns(texts: &[&str]) -> PrincipalSet {
        let patterns = texts.iter().map(|text| NamePattern::of(Glob::arn(text), text)).collect();
        PrincipalSet::signed().with_arns(patterns)
    }

    fn ids(texts: &[&str]) -> PrincipalSet {
        let patterns = texts.iter().map(|text| NamePattern::of(Glob::like(text), text)).collect();
        PrincipalSet::signed().with_user_ids(patterns)
    }

    const ANN: &str = "arn:aws:iam::111111111111:user/ann";

    #[test]
    fn patterns_of_one_name_are_intersected() {
        let none = UniqueIds::default();
        for (one, other, meet) in [
            ("arn:aws:iam::*:user/a*", "arn:aws:iam::*:user/*n", true),
            ("arn:aws:iam::*:user/a*", "arn:aws:iam::*:user/b*", false),
            ("arn:aws:iam::*:user/*", "arn:aws:iam::*:role/*", false),
            ("arn:aws:iam::1*:user/*", "arn:aws:iam::*2:user/x", true),
            (ANN, "arn:aws:iam::*:user/a??", true),
            (ANN, "arn:aws:iam::222222222222:user/*", false),
        ] {
            let met = arns(&[one]).meets(&arns(&[other]), &none);
            assert_eq!(met == Meeting::Possible, meet, "{one} {other}");
        }
        let among = arns(&["arn:aws:iam::*:role/x", ANN]);
        assert_eq!(among.meets(&arns(&["arn:aws:iam::*:user/*"]), &none), Meeting::Possible);
        assert_eq!(ids(&["AROAX:*"]).meets(&ids(&["*:ann"]), &none), Meeting::Possible);
        assert_eq!(ids(&["AIDAX"]).meets(&ids(&["AIDAY"]), &none), Meeting::Apart);
    }

    #[test]
    fn names_of_two_kinds_are_one_principals_unless_its_id_is_known() {
        let none = UniqueIds::default();
        let unknown = |met: Meeting| matches!(met, Meeting::Unknown(_));
        assert!(unknown(arns(&[ANN]).meets(&ids(&["AIDAANN"]), &none)));
        assert!(unknown(arns(&["arn:aws:iam::*:user/a*"]).meets(&ids(&["AIDAANN"]), &none)));
        let mut known = UniqueIds::default();
        known.add(ANN, "AIDAANN");
        known.add("arn:aws:iam::111111111111:user/bob", "AIDABOB");
        for (one, other, met) in [
            (ANN, "AIDAANN", Meeting::Possible),
            (ANN, "AIDABOB", Meeting::Apart),
            ("arn:aws:iam::*:user/a*", "AIDAANN", Meeting::Possible),
            ("arn:aws:iam::*:user/a*", "AIDABOB", Meeting::Apart),
            ("arn:aws:iam::*:user/a*", "AIDA*", Meeting::Possible),
        ] {
            assert_eq!(arns(&[one]).meets(&ids(&[other]), &known), met, "{one} {other}");
        }
    }
}
