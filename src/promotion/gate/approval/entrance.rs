//! Whom a trust policy lets in, as far as it tells by names: those that it lists, and of an account, or of
//! everybody, those whom a positive condition on the principal names. An account that is let in as a whole
//! decides by its own policies who comes, which is not told here.

use crate::iam::operator::Test;
use crate::iam::symbolic::globs::Glob;
use crate::iam::{Condition, Document, Effect, PrincipalType, Principals, Statement};

use super::person::role_of;
use super::pinned::only_beside;

/// One way into a role: who comes, and what must hold of the name.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    who: Admitted,
    names: Vec<Names>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Admitted {
    Anybody,
    /// Everybody of the account with this id.
    Account(String),
    /// An ARN or a unique id.
    Named(String),
}

/// A condition that holds for certain names alone.
#[derive(Clone, Debug)]
struct Names {
    key: NameKey,
    /// As written, for people.
    texts: Vec<String>,
    patterns: Vec<Glob>,
    if_exists: bool,
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKey {
    /// `aws:PrincipalArn`: of a session it is its role's.
    PrincipalArn,
    /// `aws:userid`: of a session it is its role's unique id, a colon and its name.
    UserId,
    /// `aws:username`: users alone have one.
    UserName,
}

/// Somebody of whom it is asked whether an entrance lets them in. What is not known is absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Bearer {
    /// Every ARN that names it: a user's own; a session's own and its role's.
    pub(super) arns: Vec<String>,
    /// The unique id, without the name of a session.
    pub(super) id: Option<String>,
    /// The name of a session; absent for a role, whose sessions choose theirs.
    pub(super) session: Option<String>,
}

impl Bearer {
    /// Whom an ARN names.
    pub(super) fn named(arn: &str) -> Self {
        Self { arns: vec![arn.to_owned()], ..Self::default() }
    }

    fn accounts(&self) -> impl Iterator<Item = &str> {
        self.arns.iter().filter_map(|arn| arn.split(':').nth(4))
    }

    /// The name of a user; absent for everybody else.
    fn user_name(&self) -> Option<&str> {
        let users = self.arns.iter().filter(|arn| arn.contains(":user/"));
        users.filter_map(|arn| arn.rsplit('/').next()).next()
    }
}

impl Entrance {
    /// The ways in that a trust policy names.
    pub(super) fn all(trust: &Document) -> Vec<Self> {
        entry_statements(trust).flat_map(Self::of).filter(Self::tells).collect()
    }

    /// The same of a role whose sessions bear the name of the user who comes: `session` alone comes under it.
    pub(super) fn pinned(trust: &Document, session: &str) -> Vec<Self> {
        // Unique ids of users begin so; `${aws:userid}` pins as `${aws:username}` does.
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
        let key = if session.starts_with("AIDA") { NameKey::UserId } else { NameKey::UserName };
        let name = Names {
            key,
            texts: vec![session.to_owned()],
            patterns: vec![Glob::exact(session)],
            if_exists: false,
        };
        let mut all: Vec<Self> = entry_statements(trust).flat_map(Self::of).collect();
        all.iter_mut().for_each(|entrance| entrance.names.push(name.clone()));
        all
    }

    fn of(statement: &Statement) -> Vec<Self> {
        let names: Vec<Names> = statement.conditions.iter().filter_map(Names::of).collect();
        let entrance = |who| Self { who, names: names.clone() };
        match &statement.principals {
            None => Vec::new(),
            Some(Principals::All) => vec![entrance(Admitted::Anybody)],
            Some(Principals::ByType(types)) => {
                let listed = types.get(&PrincipalType::Aws).into_iter().flatten();
                listed
                    .filter_map(|item| item.text.known())
                    .map(Admitted::of)
                    .map(entrance)
                    .collect()
            }
        }
    }

    /// Whether it names anybody: a whole account without a condition does not.
    fn tells(&self) -> bool {
        !matches!(self.who, Admitted::Account(_)) || !self.names.is_empty()
    }

    /// Whether somebody comes in by it.
    pub(super) fn lets_in(&self, bearer: &Bearer) -> bool {
        let who = match &self.who {
            Admitted::Anybody => true,
            Admitted::Account(id) => bearer.accounts().any(|account| account == id),
            Admitted::Named(name) => bearer.arns.contains(name) || bearer.id.as_ref() == Some(name),
        };
        who && self.names.iter().all(|names| names.hold(bearer))
    }

    /// Whom it names, for people.
    pub(super) fn described(&self) -> Vec<String> {
        match (&self.who, self.names.first()) {
            (Admitted::Named(name), _) => vec![name.clone()],
            (Admitted::Anybody, None) => vec!["*".to_owned()],
            (Admitted::Account(id), None) => vec![id.clone()],
            (who, Some(names)) => {
                names.texts.iter().map(|text| names.described(text, who)).collect()
            }
        }
    }

    /// The ARNs that it names in full, and the patterns of ARNs.
    pub(super) fn arns(&self) -> Vec<&str> {
        let own = match &self.who {
            Admitted::Named(name) => Some(name.as_str()),
            Admitted::Anybody | Admitted::Account(_) => None,
        };
        let arns = self.names.iter().filter(|names| names.key == NameKey::PrincipalArn);
        own.into_iter().chain(arns.flat_map(|n| n.texts.iter().map(String::as_str))).collect()
    }
}

impl Admitted {
    fn of(text: &str) -> Self {
        let account = text.strip_suffix(":root").and_then(|arn| arn.rsplit(':').next());
        match account {
            _ if text == "*" => Self::Anybody,
            Some(id) => Self::Account(id.to_owned()),
            None if text.bytes().all(|b| b.is_ascii_digit()) => Self::Account(text.to_owned()),
            None => Self::Named(text.to_owned()),
        }
    }
}

impl Names {
    /// A condition that says who it is. With a set prefix it means something else.
    fn of(condition: &Condition) -> Option<Self> {
        let key = [
            ("aws:PrincipalArn", NameKey::PrincipalArn),
            ("aws:userid", NameKey::UserId),
            ("aws:username", NameKey::UserName),
        ];
        let (_, key) = key.into_iter().find(|(key, _)| condition.key.eq_ignore_ascii_case(key))?;
        let operator = condition.operator;
        let read: fn(&str) -> Glob = match operator.test {
            Test::StringEquals => Glob::exact,
            Test::StringEqualsIgnoreCase => |text| Glob::exact(text).ignoring_case(),
            Test::StringLike => Glob::like,
            Test::ArnEquals | Test::ArnLike => Glob::arn,
            _ => return None,
        };
        if operator.prefix.is_some() {
            return None;
        }
        let texts: Option<Vec<String>> =
            condition.values.iter().map(|value| value.text.known().map(str::to_owned)).collect();
        let texts = texts?;
        // Whatever a variable comes to: it is taken for any text.
        let pattern = |text: &String| match text.contains("${") {
            true => Glob::like("*"),
            false => read(text),
        };
        let patterns = texts.iter().map(pattern).collect();
        Some(Self { key, texts, patterns, if_exists: operator.if_exists })
    }

    fn hold(&self, bearer: &Bearer) -> bool {
        let any = |text: &str| self.patterns.iter().any(|pattern| pattern.matches(text));
        match self.key {
            NameKey::PrincipalArn => bearer.arns.iter().any(|arn| any(arn)),
            NameKey::UserName => bearer.user_name().map_or(self.if_exists, any),
            NameKey::UserId => match (&bearer.id, &bearer.session) {
                (None, _) => false,
                (Some(id), Some(session)) => any(&format!("{id}:{session}")),
                // A role's sessions choose the part after the colon.
                (Some(id), None) => {
                    let of_role =
                        |text: &String| text.split_once(':').is_some_and(|(of, _)| of == id);
                    any(id) || any(&format!("{id}:")) || self.texts.iter().any(of_role)
                }
            },
        }
    }

    fn described(&self, text: &str, who: &Admitted) -> String {
        match (self.key, who) {
            (NameKey::UserName, Admitted::Account(id)) => format!("user `{text}` of {id}"),
            (NameKey::UserName, _) => format!("users named `{text}`"),
            (NameKey::PrincipalArn | NameKey::UserId, _) => text.to_owned(),
        }
    }
}

/// Statements by which somebody may become the role.
fn entry_statements(trust: &Document) -> impl Iterator<Item = &Statement> {
    trust.statements.iter().filter(|s| s.effect == Effect::Allow && !only_beside(s))
}

/// Whether somebody comes in by both, as far as names tell.
pub(super) fn share(one: &[Entrance], other: &[Entrance]) -> bool {
    let through = |one: &[Entrance], other: &[Entrance]| {
        one.iter().flat_map(Entrance::arns).any(|arn| {
            let bearer = Bearer::named(arn);
            one.iter().any(|way| way.lets_in(&bearer))
                && other.iter().any(|way| way.lets_in(&bearer))
        })
    };
    let described =
        |entrances: &[Entrance]| entrances.iter().flat_map(Entrance::described).collect::<Vec<_>>();
    let theirs = described(other);
    through(one, other)
        || through(other, one)
        || described(one).iter().any(|who| who != "*" && theirs.contains(who))
}

/// The account and the name of the role that an ARN, or that of a session, names.
pub(super) fn role_named(arn: &str) -> Option<(&str, &str)> {
    if let Some(((_, account), name)) = role_of(arn) {
        return Some((account, name));
    }
    let (_, path) = arn.split_once(":role/")?;
    let account = arn.split(':').nth(4)?;
    (!path.contains(['*', '?'])).then_some((account, path.rsplit('/').next()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::iam::Use;

    fn entrances(principal: &str, condition: serde_json::Value) -> Vec<Entrance> {
        let text = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal}, "Condition": condition}]});
        let (document, _) = Document::from_json(&text, Use::Trust).expect("a trust policy");
        Entrance::all(&document)
    }

    fn ann() -> Bearer {
        Bearer {
            arns: vec!["arn:aws:iam::111111111111:user/people/ann".to_owned()],
            id: Some("AIDAANN".to_owned()),
            session: None,
        }
    }

    #[test]
    fn conditions_name_whom_an_account_sends() {
        let root = "arn:aws:iam::111111111111:root";
        let admits =
            |condition| entrances(root, condition).iter().any(|entrance| entrance.lets_in(&ann()));
        for yes in [
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/people/ann"}}),
            json!({"ArnLike": {"aws:principalarn": "arn:aws:iam::*:user/people/*"}}),
            json!({"StringLike": {"aws:userid": ["AIDABOB", "AIDAA*"]}}),
            json!({"StringEquals": {"aws:username": "ann"}}),
            json!({"StringEqualsIgnoreCase": {"aws:username": "ANN"}}),
            json!({"StringEqualsIfExists": {"aws:username": "ann"}}),
        ] {
            assert!(admits(yes.clone()), "{yes}");
        }
        for no in [
            json!({}),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/ann"}}),
            json!({"StringEquals": {"aws:username": "bob"}}),
            json!({"StringNotEquals": {"aws:username": "bob"}}),
            json!({"StringEquals": {"aws:username": "ann", "aws:userid": "AIDABOB"}}),
        ] {
            assert!(!admits(no.clone()), "{no}");
        }
        let elsewhere = json!({"StringEquals": {"aws:username": "ann"}});
        assert!(!entrances("222222222222", elsewhere).iter().any(|e| e.lets_in(&ann())));
    }

    #[test]
    fn two_ways_in_are_shared_where_one_name_comes_by_both() {
        let of =
            |name: &str| entrances(&format!("arn:aws:iam::111111111111:user/{name}"), json!({}));
        let like =
            |text: &str| entrances("111111111111", json!({"ArnLike": {"aws:PrincipalArn": text}}));
        assert!(share(&of("ann"), &of("ann")));
        assert!(!share(&of("ann"), &of("bob")));
        assert!(share(&of("ann"), &like("arn:aws:iam::111111111111:user/*")));
        assert!(!share(&of("ann"), &like("arn:aws:iam::111111111111:user/b*")));
        assert!(share(&like("arn:aws:iam::*:role/ops-*"), &like("arn:aws:iam::*:role/ops-*")));
    }
}
