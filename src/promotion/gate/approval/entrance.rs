//! Whom a trust policy lets in, as far as it tells by names: those that it lists, and of an account, or of
//! everybody, those whom a positive condition on the principal names. An account that is let in as a whole
//! decides by its own policies who comes, which is not told here.

use crate::iam::operator::{SetPrefix, Test};
use crate::iam::symbolic::globs::{Glob, Shape};
use crate::iam::symbolic::variables::Piece;
use crate::iam::{Condition, Document, Effect, PrincipalType, Principals, Statement};

use super::person::{federated_in, role_of};
use super::pinned::{names_and_ids, only_beside};
use super::principals::{Meeting, NamePattern, PrincipalSet, UniqueIds, user_ids_of};

/// Most pairs of ways in that are compared for one pair of people.
const MOST_PAIRS: usize = 250_000;

/// One way into a role: who comes, and what must hold of the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entrance {
    who: Admitted,
    /// For people.
    names: Vec<NameCondition>,
    /// All whom it lets in.
    pub(super) principals: PrincipalSet,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Admitted {
    Anybody,
    /// Everybody of the account with this id.
    Account(String),
    /// An ARN or a unique id.
    Named(String),
    /// Whoever an identity provider says it is.
    Provider(String),
}

/// A condition that holds for certain names alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NameCondition {
    key: NameKey,
    /// Of a subject, who calls it so.
    issuer: Option<String>,
    /// As written.
    texts: Vec<String>,
    test: NameTest,
    if_exists: bool,
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameKey {
    /// `aws:PrincipalArn`: of a session it is its role's.
    PrincipalArn,
    /// `aws:userid`: of a session it is its role's unique id, a colon and its name.
    UserId,
    /// `aws:username`: users alone have one.
    UserName,
    /// `ISSUER:sub`: what the provider calls somebody; requests that come by a provider alone have one.
    Subject,
}

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameTest {
    Exact,
    IgnoringCase,
    Like,
    Arn,
}

impl Entrance {
    /// The ways in that a trust policy names.
    pub(super) fn all(trust: &Document) -> Vec<Self> {
        entry_statements(trust).flat_map(Self::of).filter(Self::tells).collect()
    }

    /// The same of a role whose sessions bear the name, or the unique id, of the user who comes: `session` alone
    /// comes under it.
    pub(super) fn pinned(trust: &Document, session: &str) -> Vec<Self> {
        let condition = |key| {
            let texts = vec![session.to_owned()];
            NameCondition { key, issuer: None, texts, test: NameTest::Exact, if_exists: false }
        };
        entry_statements(trust)
            .flat_map(|statement| {
                let (names, ids) = names_and_ids(statement);
                let keys = [names.then_some(NameKey::UserName), ids.then_some(NameKey::UserId)];
                let each = |way: Self| {
                    keys.into_iter().flatten().map(move |key| way.clone().beside(condition(key)))
                };
                Self::of(statement).into_iter().flat_map(each).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The same for those alone for whom this holds too.
    fn beside(mut self, name: NameCondition) -> Self {
        self.principals = name.narrow(self.principals, None);
        self.names.push(name);
        self
    }

    /// Who may be behind a federated user: any user of its account, or the account itself, asks for its session and
    /// chooses its name. <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>
    pub(super) fn of_federated_user(arn: &str) -> Option<Self> {
        let account = federated_in(arn)?;
        let of_account = |resource: &str| {
            let text = format!("arn:*:iam::{account}:{resource}");
            NamePattern::arn(&[Piece::Pattern(text)])
        };
        let who = Admitted::Account(account.to_owned());
        let principals =
            PrincipalSet::signed().with_arns(vec![of_account("user/*"), of_account("root")]);
        Some(Self { who, names: Vec::new(), principals })
    }

    fn of(statement: &Statement) -> Vec<Self> {
        let names: Vec<NameCondition> =
            statement.conditions.iter().filter_map(NameCondition::of).collect();
        let entrance = |who: Admitted| {
            let narrowed = |set, name: &NameCondition| name.narrow(set, who.provider());
            let principals = names.iter().fold(who.principals(), narrowed);
            // For people: what says of these who they are.
            let says = |name: &&NameCondition| name.says_of(who.provider());
            let names = names.iter().filter(says).cloned().collect();
            Self { who, names, principals }
        };
        match &statement.principals {
            // Everybody but those whom `NotPrincipal` names.
            None => statement.not_principals.iter().map(|_| entrance(Admitted::Anybody)).collect(),
            Some(Principals::All) => vec![entrance(Admitted::Anybody)],
            Some(Principals::ByType(types)) => {
                let listed = |ty| {
                    let items = types.get(&ty).into_iter().flatten();
                    items.filter_map(|item| item.text.known())
                };
                let providers = listed(PrincipalType::Federated)
                    .map(|provider| Admitted::Provider(provider.to_owned()));
                listed(PrincipalType::Aws)
                    .map(Admitted::of)
                    .chain(providers)
                    .map(entrance)
                    .collect()
            }
        }
    }

    /// Whether it names anybody: a whole account without a condition does not.
    fn tells(&self) -> bool {
        !matches!(self.who, Admitted::Account(_)) || !self.names.is_empty()
    }

    /// Whether one of these comes in by it.
    pub(super) fn lets_in(&self, principals: &PrincipalSet, ids: &UniqueIds<'_>) -> Meeting {
        self.principals.meets(principals, ids)
    }

    /// Whom it names, for people.
    pub(super) fn described(&self) -> Vec<String> {
        match (&self.who, self.names.first()) {
            (Admitted::Named(name), _) | (Admitted::Provider(name), None) => vec![name.clone()],
            (Admitted::Anybody, None) => vec!["*".to_owned()],
            (Admitted::Account(id), None) => vec![id.clone()],
            (who, Some(names)) => {
                names.texts.iter().map(|text| names.described(text, who)).collect()
            }
        }
    }

    /// The roles among those whom it lets in, by account and name, where it lists them by ARN.
    pub(super) fn listed_roles(&self) -> Option<Vec<(&str, &str)>> {
        if let Admitted::Named(name) = &self.who
            && name.starts_with("arn:")
        {
            return Some(role_named(name).into_iter().collect());
        }
        Some(self.principals.listed_arns()?.into_iter().filter_map(role_named).collect())
    }

    /// Whether its principal is a unique id. IAM shows the ARN of every principal that exists, so this one does not.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    pub(super) fn names_a_deleted_principal(&self) -> bool {
        matches!(&self.who, Admitted::Named(name) if !name.starts_with("arn:"))
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

    /// The identity provider that it names.
    fn provider(&self) -> Option<&str> {
        match self {
            Self::Provider(provider) => Some(provider),
            Self::Anybody | Self::Account(_) | Self::Named(_) => None,
        }
    }

    fn principals(&self) -> PrincipalSet {
        let signed = PrincipalSet::signed();
        match self {
            Self::Anybody => PrincipalSet::everybody(),
            Self::Account(id) => {
                let text = format!("arn:*:*::{id}:*");
                signed.with_arns(vec![NamePattern::arn(&[Piece::Pattern(text)])])
            }
            Self::Named(name) if name.starts_with("arn:") => {
                match (role_of(name), session_of(name)) {
                    (Some((home, role)), Some(session)) => {
                        let name =
                            [Piece::Pattern("*:".to_owned()), Piece::Literal(session.to_owned())];
                        let named =
                            NamePattern::of(Glob::of(&name, Shape::Like), &format!("*:{session}"));
                        signed.with_arns(role_arns(home, role)).with_user_ids(vec![named])
                    }
                    _ => signed.with_arns(vec![NamePattern::exact(name)]),
                }
            }
            Self::Named(id) => signed.with_user_ids(user_ids_of(id)),
            Self::Provider(provider) => PrincipalSet::of_subjects(vec![subject_of(
                provider,
                Piece::Pattern("*".to_owned()),
            )]),
        }
    }
}

/// Whether an issuer, as a condition key names it (`ISSUER:sub`), is this identity provider. Those that AWS knows by
/// itself have no ARN. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>
fn is_issuer(issuer: &str, provider: &str) -> bool {
    let own = match provider.split_once(":oidc-provider/") {
        Some((_, url)) => url,
        None if provider.contains(":saml-provider/") => "saml",
        None => provider,
    };
    own.trim_end_matches('/').eq_ignore_ascii_case(issuer.trim_end_matches('/'))
}

/// Somebody of an identity provider: its ARN and what it calls them.
fn subject_of(provider: &str, subject: Piece) -> NamePattern {
    let text = match &subject {
        Piece::Pattern(text) | Piece::Literal(text) => format!("{provider}#{text}"),
    };
    let pieces = [Piece::Literal(format!("{provider}#")), subject];
    NamePattern::of(Glob::of(&pieces, Shape::Like), &text)
}

/// The ARNs that a role of this name may have: its path is not known.
pub(super) fn role_arns((partition, account): (&str, &str), name: &str) -> Vec<NamePattern> {
    let below = |path: &str| {
        NamePattern::arn(&[
            Piece::Literal(format!("arn:{partition}:iam::{account}:role/")),
            Piece::Pattern(path.to_owned()),
            Piece::Literal(name.to_owned()),
        ])
    };
    vec![below(""), below("*/")]
}

/// The name of the session whose ARN this is.
fn session_of(arn: &str) -> Option<&str> {
    Some(arn.split_once(":assumed-role/")?.1.split_once('/')?.1)
}

impl NameCondition {
    /// A condition that says who it is. The keys have one value: with a set prefix it means the same where there is
    /// one, and where there is none `ForAllValues` holds.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
    fn of(condition: &Condition) -> Option<Self> {
        let key = [
            ("aws:PrincipalArn", NameKey::PrincipalArn),
            ("aws:userid", NameKey::UserId),
            ("aws:username", NameKey::UserName),
        ];
        let key = key.into_iter().find(|(key, _)| condition.key.eq_ignore_ascii_case(key));
        let issuer = || {
            let (issuer, name) = condition.key.rsplit_once(':')?;
            name.eq_ignore_ascii_case("sub").then(|| issuer.to_owned())
        };
        let (key, issuer) = match key {
            Some((_, key)) => (key, None),
            None => (NameKey::Subject, Some(issuer()?)),
        };
        let operator = condition.operator;
        let test = match operator.test {
            Test::StringEquals => NameTest::Exact,
            Test::StringEqualsIgnoreCase => NameTest::IgnoringCase,
            Test::StringLike => NameTest::Like,
            Test::ArnEquals | Test::ArnLike => NameTest::Arn,
            _ => return None,
        };
        let if_exists = operator.if_exists || operator.prefix == Some(SetPrefix::ForAllValues);
        let texts: Option<Vec<String>> =
            condition.values.iter().map(|value| value.text.known().map(str::to_owned)).collect();
        Some(Self { key, issuer, texts: texts?, test, if_exists })
    }

    /// Whether it says who they are whom this provider sends, or, without one, who sign their requests.
    fn says_of(&self, provider: Option<&str>) -> bool {
        match (&self.issuer, provider) {
            (Some(issuer), Some(provider)) => is_issuer(issuer, provider),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Those of a set for whom it holds, or may hold; `provider` is the one that sends them. Where a condition asks for a
    /// name only if there is one, it holds for all who have none.
    fn narrow(&self, set: PrincipalSet, provider: Option<&str>) -> PrincipalSet {
        if self.key == NameKey::Subject {
            return match provider {
                Some(provider) if self.says_of(Some(provider)) && !self.if_exists => {
                    let subjects = self.texts.iter().map(|text| self.subject(provider, text));
                    set.with_subjects(subjects.collect())
                }
                _ => set,
            };
        }
        let each = |read: fn(&Self, &str) -> Vec<NamePattern>| {
            self.texts.iter().flat_map(|text| read(self, text)).collect::<Vec<_>>()
        };
        // A request that is not signed has none of these names.
        let set = if self.if_exists || provider.is_some() { set } else { set.who_sign() };
        match self.key {
            NameKey::Subject => set,
            NameKey::PrincipalArn => set.with_arns(each(Self::pattern)),
            NameKey::UserId => set.with_user_ids(each(Self::pattern)),
            NameKey::UserName => {
                let mut arns = each(Self::users);
                if self.if_exists {
                    // Of those who sign, nobody else has none.
                    let others = ["arn:*:*::*:role/*", "arn:*:*::*:root"];
                    arns.extend(others.map(|o| NamePattern::arn(&[Piece::Pattern(o.to_owned())])));
                }
                set.with_arns(arns)
            }
        }
    }

    fn subject(&self, provider: &str, text: &str) -> NamePattern {
        let subject = match self.test {
            _ if text.contains("${") => Piece::Pattern("*".to_owned()),
            NameTest::Exact => Piece::Literal(text.to_owned()),
            NameTest::Like | NameTest::Arn => Piece::Pattern(text.to_owned()),
            // Whether two texts differ in more than case is not looked at.
            NameTest::IgnoringCase => Piece::Pattern("*".to_owned()),
        };
        subject_of(provider, subject)
    }

    fn pattern(&self, text: &str) -> Vec<NamePattern> {
        // Whatever a variable comes to: it is taken for any text.
        if text.contains("${") {
            return vec![NamePattern::any()];
        }
        vec![match self.test {
            NameTest::Exact => NamePattern::exact(text),
            NameTest::IgnoringCase => NamePattern::exact(text).ignoring_case(),
            NameTest::Like => NamePattern::of(Glob::like(text), text),
            NameTest::Arn => NamePattern::of(Glob::arn(text), text),
        }]
    }

    /// The ARNs of the users of such a name, whatever their path.
    fn users(&self, text: &str) -> Vec<NamePattern> {
        let name = match self.test {
            _ if text.contains("${") => Piece::Pattern("*".to_owned()),
            NameTest::Exact | NameTest::IgnoringCase => Piece::Literal(text.to_owned()),
            NameTest::Like | NameTest::Arn => Piece::Pattern(text.to_owned()),
        };
        let below = |path: &str| {
            let users = Piece::Pattern(format!("arn:*:iam::*:user/{path}"));
            let pattern = NamePattern::arn(&[users, name.clone()]);
            if self.test == NameTest::IgnoringCase { pattern.ignoring_case() } else { pattern }
        };
        vec![below(""), below("*/")]
    }

    fn described(&self, text: &str, who: &Admitted) -> String {
        match (self.key, who) {
            (NameKey::UserName, Admitted::Account(id)) => format!("user `{text}` of {id}"),
            (NameKey::UserName, _) => format!("users named `{text}`"),
            (NameKey::Subject, Admitted::Provider(provider)) => format!("`{text}` of {provider}"),
            (NameKey::PrincipalArn | NameKey::UserId | NameKey::Subject, _) => text.to_owned(),
        }
    }
}

/// Statements by which somebody may become the role.
fn entry_statements(trust: &Document) -> impl Iterator<Item = &Statement> {
    trust.statements.iter().filter(|s| s.effect == Effect::Allow && !only_beside(s))
}

/// Whether somebody comes in by both.
pub(super) fn share(one: &[Entrance], other: &[Entrance], ids: &UniqueIds<'_>) -> Meeting {
    if one.len().saturating_mul(other.len()) > MOST_PAIRS {
        let (one, other) = (one.len(), other.len());
        return Meeting::Unknown(format!(
            "{one} ways lead to the one and {other} to the other, too many to compare"
        ));
    }
    let each = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    each.fold(Meeting::Apart, |met, (a, b)| met.or(|| a.principals.meets(&b.principals, ids)))
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

    fn ann() -> PrincipalSet {
        let arn = NamePattern::exact("arn:aws:iam::111111111111:user/people/ann");
        PrincipalSet::one(vec![arn], NamePattern::exact("AIDAANN"))
    }

    fn admits_ann(entrances: &[Entrance]) -> bool {
        let none = UniqueIds::default();
        entrances.iter().any(|way| way.lets_in(&ann(), &none) == Meeting::Possible)
    }

    #[test]
    fn conditions_name_whom_an_account_sends() {
        let root = "arn:aws:iam::111111111111:root";
        let admits = |condition| admits_ann(&entrances(root, condition));
        for yes in [
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/people/ann"}}),
            json!({"ArnLike": {"aws:principalarn": "arn:aws:iam::*:user/people/*"}}),
            json!({"StringLike": {"aws:userid": ["AIDABOB", "AIDAA*"]}}),
            json!({"StringEquals": {"aws:username": "ann"}}),
            json!({"StringEqualsIgnoreCase": {"aws:username": "ANN"}}),
            json!({"StringEqualsIfExists": {"aws:username": "ann"}}),
            json!({"ForAnyValue:ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/people/ann"}}),
            json!({"ForAllValues:StringLike": {"aws:userid": "AIDAA*"}}),
        ] {
            assert!(admits(yes.clone()), "{yes}");
        }
        for no in [
            json!({}),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/ann"}}),
            json!({"StringEquals": {"aws:username": "bob"}}),
            json!({"StringNotEquals": {"aws:username": "bob"}}),
            json!({"StringEquals": {"aws:username": "ann", "aws:userid": "AIDABOB"}}),
            json!({"ForAnyValue:StringEquals": {"aws:username": "bob"}}),
        ] {
            assert!(!admits(no.clone()), "{no}");
        }
        let elsewhere = json!({"StringEquals": {"aws:username": "ann"}});
        assert!(!admits_ann(&entrances("222222222222", elsewhere)));
    }

    /// Whoever a provider sends signs nothing: no ARN and no unique id is theirs.
    #[test]
    fn people_of_a_provider_are_nobody_that_signs() {
        const GITHUB: &str = "token.actions.githubusercontent.com";
        let arn = |provider: &str| format!("arn:aws:iam::111111111111:oidc-provider/{provider}");
        let by = |principal: serde_json::Value, condition: serde_json::Value| {
            let text = json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": principal, "Condition": condition,
                "Action": ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]}]});
            let (document, _) = Document::from_json(&text, Use::Trust).expect("a trust policy");
            Entrance::all(&document)
        };
        let met = |one: &[Entrance], other: &[Entrance]| share(one, other, &UniqueIds::default());
        let sub = |operator: &str, text: &str| json!({operator: {format!("{GITHUB}:sub"): text}});
        let github = |condition| by(json!({"Federated": arn(GITHUB)}), condition);
        let shop = github(sub("StringEquals", "repo:acme/shop:ref:refs/heads/main"));
        let infra = github(sub("StringLike", "repo:acme/infra:*"));
        let everybody = || json!("*");
        let userid = |operator: &str| json!({operator: {"aws:userid": "AIDA*"}});
        for (other, meets) in [
            (by(json!({"AWS": "AIDAGONE"}), json!({})), false),
            (by(json!({"AWS": "111111111111"}), userid("StringLike")), false),
            (by(everybody(), userid("StringLike")), false),
            (
                by(everybody(), json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}})),
                false,
            ),
            (by(everybody(), json!({"StringEquals": {"aws:username": "ann"}})), false),
            (infra.clone(), false),
            // Whoever has no such name comes in where it is asked for only if it exists.
            (by(everybody(), userid("StringLikeIfExists")), true),
            (by(everybody(), userid("ForAllValues:StringLike")), true),
            (by(everybody(), json!({"StringEqualsIfExists": {"aws:username": "ann"}})), true),
            (github(sub("StringLikeIfExists", "repo:acme/infra:*")), true),
            (github(json!({"StringEquals": {"gitlab.example:sub": "infra"}})), true),
            (github(json!({})), true),
        ] {
            let wanted = if meets { Meeting::Possible } else { Meeting::Apart };
            assert_eq!(met(&shop, &other), wanted, "{other:?}");
            assert_eq!(met(&other, &shop), wanted, "{other:?}");
        }
        // One statement, two providers: what the one calls somebody does not bind the other's people.
        let both = json!({"Federated": [arn(GITHUB), arn("gitlab.example")]});
        let gitlab = by(json!({"Federated": arn("gitlab.example")}), json!({}));
        let loose = by(both, sub("StringEqualsIfExists", "repo:acme/infra:x"));
        assert_eq!(met(&gitlab, &loose), Meeting::Possible);
    }

    #[test]
    fn two_ways_in_are_shared_where_one_name_comes_by_both() {
        let of =
            |name: &str| entrances(&format!("arn:aws:iam::111111111111:user/{name}"), json!({}));
        let like =
            |text: &str| entrances("111111111111", json!({"ArnLike": {"aws:PrincipalArn": text}}));
        let met = |one: &[Entrance], other: &[Entrance]| share(one, other, &UniqueIds::default());
        let shared = |one: &[Entrance], other: &[Entrance]| met(one, other) == Meeting::Possible;
        assert!(shared(&of("ann"), &of("ann")));
        assert!(!shared(&of("ann"), &of("bob")));
        assert!(shared(&of("ann"), &like("arn:aws:iam::111111111111:user/*")));
        assert!(!shared(&of("ann"), &like("arn:aws:iam::111111111111:user/b*")));
        assert!(shared(&like("arn:aws:iam::*:role/ops-*"), &like("arn:aws:iam::*:role/ops-*")));
        // Both let `ann` in, and neither matches the text of the other.
        let ending = like("arn:aws:iam::111111111111:user/*n");
        assert!(shared(&like("arn:aws:iam::111111111111:user/a*"), &ending));
        assert!(!shared(&like("arn:aws:iam::111111111111:user/a*b"), &ending));
        let named =
            |text: &str| entrances("111111111111", json!({"StringLike": {"aws:username": text}}));
        assert!(shared(&of("people/ann"), &named("an?")));
        assert!(!shared(&of("people/ann"), &named("peopl?")));
        // Whose id it is, nobody knows.
        let by_id = entrances("111111111111", json!({"StringLike": {"aws:userid": "AIDAANN"}}));
        assert!(matches!(met(&of("ann"), &by_id), Meeting::Unknown(_)));
        assert!(shared(&named("ann"), &named("a*")));
    }
}
