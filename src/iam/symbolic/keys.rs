//! Regions of context keys: for every key that conditions look at, values that stand for all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::domain::Domain;
use super::globs::{Glob, Shape, TooMany, regions};
use super::variables::PolicyVariables;
use crate::iam::condition::CompiledCondition;
use crate::iam::document::{Condition, Statement};
use crate::iam::operator::Test;
use crate::iam::request::{ContextValue, RequestContext, RequestFacts};
use crate::iam::{LanguageVersion, values};

/// Keys whose values follow from who asks and of whom, so that nobody chooses them.
pub(super) const DERIVED: [&str; 9] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principalorgid",
    "aws:username",
    "aws:resourceaccount",
    "aws:resourceorgid",
];

/// Who decides the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chooser {
    /// The caller, freely: a path that needs it is open.
    Caller,
    /// The context (network, time, MFA, the identity provider): a path that needs it is conditional.
    Ambient,
}

/// Who decides a key, by the AWS documentation of global condition keys.
///
/// Unknown keys count as context: a path is then conditional and the condition is printed,
/// which is more careful than calling it closed and more honest than calling it open.
#[must_use]
pub fn chooser(key: &str) -> Chooser {
    let key = key.to_ascii_lowercase();
    const FREE: &[&str] = &[
        "aws:requestedregion",
        "aws:referer",
        "aws:useragent",
        "aws:securetransport",
        "aws:tagkeys",
        "aws:sourceidentity",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
        "sts:durationseconds",
        "iam:associatedresourcearn",
        "iam:awsservicename",
        "iam:passedtoservice",
        "iam:permissionsboundary",
        "iam:policyarn",
        "organizations:policytype",
        "sts:taskpolicyarn",
        "s3:prefix",
        "s3:delimiter",
        "s3:max-keys",
        "s3:versionid",
        "s3:signatureversion",
        "s3:signatureage",
        "s3:authtype",
        "s3:tlsversion",
        "ec2:osuser",
        "ec2:roledelivery",
        "dynamodb:attributes",
        "dynamodb:leadingkeys",
        "dynamodb:returnconsumedcapacity",
        "dynamodb:returnvalues",
        "dynamodb:select",
        "kms:encryptionalgorithm",
        "kms:grantconstrainttype",
        "kms:granteeprincipal",
        "kms:grantoperations",
        "kms:macalgorithm",
        "kms:messagetype",
        "kms:reencryptonsamekey",
        "kms:retiringprincipal",
        "kms:signingalgorithm",
        "secretsmanager:versionid",
        "secretsmanager:versionstage",
        "sns:endpoint",
        "sns:protocol",
    ];
    let free_family =
        ["aws:requesttag/", "s3:x-amz-", "s3:requestobjecttag", "kms:encryptioncontext"]
            .iter()
            .any(|family| key.starts_with(family));
    if FREE.contains(&key.as_str()) || free_family || asks_for_its_audience(&key) {
        Chooser::Caller
    } else {
        Chooser::Ambient
    }
}

/// Whether a key is the audience of a token which whoever runs a job may ask for with any audience.
fn asks_for_its_audience(key: &str) -> bool {
    const PROVIDERS: [&str; 5] = [
        "agent.buildkite.com",
        "app.terraform.io",
        "gitlab.com",
        "oidc.circleci.com",
        "token.actions.githubusercontent.com",
    ];
    key.strip_suffix(":aud")
        .is_some_and(|provider| PROVIDERS.contains(&provider.split('/').next().unwrap_or_default()))
}

/// The values to try for one key; `None` stands for its absence.
#[derive(Clone, Debug)]
pub struct KeySpace {
    /// The key in lower case.
    pub key: String,
    /// The conditions that look at it.
    pub tests: Vec<Condition>,
    /// Representatives.
    pub values: Vec<Option<ContextValue>>,
    /// Whether the representatives stand for every value that there is.
    pub complete: bool,
}

impl KeySpace {
    /// The first value that meets all of some conditions on the key.
    pub(super) fn meeting(&self, conditions: &[&Condition]) -> Option<usize> {
        self.values.iter().position(|value| {
            let mut context = RequestContext::default();
            if let Some(value) = value {
                context.set(&self.key, value.clone());
            }
            conditions.iter().all(|condition| {
                let compiled = CompiledCondition::new(condition, LanguageVersion::V2012);
                compiled.holds(&mut RequestFacts::new(&context, Vec::new())).may
            })
        })
    }
}

/// The condition keys of statements, with all tests of each.
#[must_use]
pub fn tests_by_key<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
) -> BTreeMap<String, Vec<&'a Condition>> {
    let mut by_key: BTreeMap<String, Vec<&Condition>> = BTreeMap::new();
    for condition in statements.into_iter().flat_map(|s| &s.conditions) {
        let tests = by_key.entry(condition.key.to_ascii_lowercase()).or_default();
        if !tests.contains(&condition) {
            tests.push(condition);
        }
    }
    by_key
}

/// Enumerates a key. A value with a variable is compared with another key: it is filled in as far
/// as `variables` know that one. Where `domains` say what the key may be, it is nothing else; what is `carried` by
/// every request is never absent.
#[must_use]
pub fn space(
    key: &str,
    tests: &[&Condition],
    variables: &PolicyVariables,
    domains: &[&Domain],
    carried: bool,
    cap: usize,
) -> KeySpace {
    let mut texts: Vec<String> = Vec::new();
    let mut complete = true;
    let mut globs: Vec<Glob> = Vec::new();
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    let mut instants: BTreeSet<i64> = BTreeSet::new();
    let mut networks: Vec<IpNet> = Vec::new();
    let mut multivalued = false;
    for condition in tests {
        multivalued |= condition.operator.prefix.is_some();
        for item in &condition.values {
            let text = item.text.symbolic();
            let filled = variables.fill(&text);
            complete &= !filled.open;
            let shaped = |shape| filled.patterns.iter().map(move |p| Glob::of(p, shape));
            match condition.operator.test.positive() {
                Test::StringEquals => globs.extend(shaped(Shape::Exact)),
                Test::StringEqualsIgnoreCase => {
                    globs.extend(shaped(Shape::Exact).map(Glob::ignoring_case));
                }
                Test::StringLike => globs.extend(shaped(Shape::Like)),
                Test::ArnEquals | Test::ArnLike => {
                    globs.extend(shaped(Shape::Arn));
                    globs.extend(shaped(Shape::Like));
                }
                Test::Bool => texts.extend(["true".to_owned(), "false".to_owned()]),
                Test::Null => {}
                Test::IpAddress => networks.extend(values::cidr(&text)),
                Test::BinaryEquals => texts.push(text.to_string()),
                test if is_date(test) => instants.extend(values::instant(&text)),
                _ => {
                    if let Some(number) = values::number(&text) {
                        #[expect(
                            clippy::cast_possible_truncation,
                            reason = "saturates; neighbours are added"
                        )]
                        numbers.insert(number as i64);
                        complete &= number.fract() == 0.0;
                    }
                }
            }
        }
    }
    globs.sort();
    globs.dedup();
    let of = |globs: &[Glob], cap: usize| match domains {
        [] if globs.is_empty() => Ok(Vec::new()),
        [] => regions(globs, "", false, cap),
        domains => domains
            .iter()
            .map(|d| d.representatives(globs, cap))
            .collect::<Result<Vec<_>, _>>()
            .map(|all| all.concat()),
    };
    match of(&globs, bounded(&globs, cap)) {
        Ok(found) => texts.extend(found),
        Err(TooMany) => {
            complete = false;
            texts.extend(of_single_patterns(&globs, |some| of(some, cap)));
        }
    }
    for number in numbers {
        texts.extend(
            [number.saturating_sub(1), number, number.saturating_add(1)].map(|n| n.to_string()),
        );
    }
    for instant in instants {
        let around = [instant.saturating_sub(1), instant, instant.saturating_add(1)];
        let written = around.map(|millis| {
            jiff::Timestamp::from_millisecond(millis).ok().map(|time| time.to_string())
        });
        complete &= written.iter().all(Option::is_some);
        texts.extend(written.into_iter().flatten());
    }
    texts.extend(addresses(&networks));
    // What patterns were filled in with has to be tried here.
    if let Some(probed) = variables.0.get(key).filter(|v| v.open) {
        texts.extend(probed.texts.iter().cloned());
        complete = false;
    }
    if texts.is_empty() {
        texts.push("x".to_owned());
    }
    texts.sort();
    texts.dedup();
    let within = |value: Option<&ContextValue>| {
        domains.is_empty() || domains.iter().any(|domain| domain.has(value))
    };
    texts.retain(|text| within(Some(&text.as_str().into())));
    let compared = tests.iter().flat_map(|c| &c.values).any(|v| v.text.symbolic().contains("${"));
    let alone = !compared && !variables.0.contains_key(key) && domains.len() < 2;
    if multivalued && alone {
        one_of_each_answer(key, tests, &mut texts);
    }
    // Before values that answer alike are thinned out: the absent one may stand for others that have to stay.
    let mut values: Vec<Option<ContextValue>> = if carried { Vec::new() } else { vec![None] };
    if multivalued {
        const SUBSETS: usize = 6;
        complete &= texts.len() <= SUBSETS;
        texts.truncate(SUBSETS);
        for mask in 0..(1_usize << texts.len()) {
            let subset = texts
                .iter()
                .enumerate()
                .filter(|(bit, _)| mask & (1 << bit) != 0)
                .map(|(_, text)| text.clone())
                .collect::<Vec<String>>();
            values.push(Some(ContextValue::Many(subset)));
        }
    } else {
        values.extend(texts.into_iter().map(|t| Some(ContextValue::One(t))));
    }
    values.retain(|value| within(value.as_ref()));
    if alone {
        one_of_each_kind(key, tests, &mut values);
    }
    KeySpace {
        key: key.to_owned(),
        tests: tests.iter().map(|c| (*c).clone()).collect(),
        values,
        complete,
    }
}

/// How many states patterns may have together. Those that begin with a wildcard live long, and of many of these there is soon
/// no end; of all others there are as many as characters.
fn bounded(globs: &[Glob], cap: usize) -> usize {
    const FEW: usize = 4;
    const LEAST: usize = 500;
    let living = globs.iter().filter(|glob| glob.begins_open()).count();
    let plain: usize = globs.iter().map(Glob::length).sum();
    let most = cap.saturating_mul(FEW) / living.max(FEW);
    most.max(LEAST + plain).min(cap)
}

/// Where patterns cut texts into too many classes: a text that each of them matches and one that it does not, and a text for
/// two of the first of them. They stand for nothing else, and each is a value that the key may have.
fn of_single_patterns(
    globs: &[Glob],
    of: impl Fn(&[Glob]) -> Result<Vec<String>, TooMany>,
) -> BTreeSet<String> {
    const PATTERNS: usize = 128;
    const PAIRED: usize = 8;
    let single = globs.iter().take(PATTERNS).map(std::slice::from_ref);
    let mut found: BTreeSet<String> = single.flat_map(&of).flatten().collect();
    let first = globs.get(..PAIRED.min(globs.len())).unwrap_or_default();
    for (at, one) in first.iter().enumerate() {
        for other in first.iter().skip(at + 1) {
            found.extend(of(&[one.clone(), other.clone()]).into_iter().flatten());
        }
    }
    found
}

/// A condition as either version of the policy language reads it.
fn in_both_versions(test: &Condition) -> [CompiledCondition; 2] {
    [LanguageVersion::V2008, LanguageVersion::V2012].map(|v| CompiledCondition::new(test, v))
}

/// What each of some tests says of a request.
fn answers(tests: &[[CompiledCondition; 2]], context: &RequestContext) -> Vec<[bool; 2]> {
    let each = tests.iter().flatten().map(|test| {
        let told = test.holds(&mut RequestFacts::new(context, Vec::new()));
        [told.may, told.must]
    });
    each.collect()
}

/// Keeps one of the texts that every test compares alike. A test of a multivalued key asks whether all, or any, of the
/// texts of a request compare with one of its values, so of texts that answer alike one stands for any number.
fn one_of_each_answer(key: &str, tests: &[&Condition], texts: &mut Vec<String>) {
    let of_one_text = |test: &&Condition| {
        let mut each = (*test).clone();
        each.operator.prefix = None;
        in_both_versions(&each)
    };
    let compiled: Vec<_> = tests.iter().map(of_one_text).collect();
    let mut seen = BTreeSet::new();
    texts.retain(|text| {
        seen.insert(answers(&compiled, &RequestContext::default().with(key, text.as_str())))
    });
}

/// Keeps one of the values that no test tells apart: policies look at a key through their tests alone.
fn one_of_each_kind(key: &str, tests: &[&Condition], values: &mut Vec<Option<ContextValue>>) {
    let compiled: Vec<_> = tests.iter().map(|test| in_both_versions(test)).collect();
    let mut seen = BTreeSet::new();
    values.retain(|value| {
        let mut context = RequestContext::default();
        if let Some(value) = value {
            context.set(key, value.clone());
        }
        seen.insert(answers(&compiled, &context))
    });
}

fn is_date(test: Test) -> bool {
    matches!(
        test,
        Test::DateEquals
            | Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateGreaterThan
            | Test::DateGreaterThanEquals
    )
}

/// The ends of every range and their neighbours: each region between ends holds one of them.
fn addresses(networks: &[IpNet]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for network in networks {
        let (first, last) = (network.network(), network.broadcast());
        found.extend([first, last]);
        match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                found.extend(u32::from(a).checked_sub(1).map(|n| IpAddr::V4(Ipv4Addr::from(n))));
                found.extend(u32::from(b).checked_add(1).map(|n| IpAddr::V4(Ipv4Addr::from(n))));
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                found.extend(u128::from(a).checked_sub(1).map(|n| IpAddr::V6(Ipv6Addr::from(n))));
                found.extend(u128::from(b).checked_add(1).map(|n| IpAddr::V6(Ipv6Addr::from(n))));
            }
            _ => {}
        }
    }
    if !networks.is_empty() {
        // A family that no range speaks of.
        found.insert(IpAddr::V4(Ipv4Addr::new(0, 0, 0, 0)));
        found.insert(IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
    found.into_iter().map(|a| a.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Operator;
    use crate::iam::document::Item;

    /// Every kind of test is true of some representative and false of another.
    #[test]
    fn representatives_stand_on_both_sides_of_every_test() {
        for (operator, value) in [
            ("DateLessThan", "2027-01-01T00:00:00Z"),
            ("DateGreaterThan", "1830000000"),
            ("DateEquals", "1970"),
            ("NumericLessThan", "3600"),
            ("NumericGreaterThanEquals", "-5"),
            ("IpAddress", "10.0.0.0/8"),
            ("NotIpAddress", "2001:db8::/32"),
            ("Bool", "true"),
            ("Null", "true"),
            ("StringEquals", "a"),
            ("StringNotLike", "a*"),
            ("ArnLike", "arn:aws:iam::*:role/x"),
            ("BinaryEquals", "QmluYXJ5"),
            ("ForAllValues:StringEquals", "a"),
            ("ForAnyValue:StringLike", "a*"),
        ] {
            let (parsed, _) = Operator::parse(operator).expect("known");
            let condition = Condition::new(parsed, "k", [Item::new(value)]);
            let space = space("k", &[&condition], &PolicyVariables::default(), &[], false, 1_000);
            let compiled = CompiledCondition::new(&condition, LanguageVersion::V2012);
            let answers: BTreeSet<bool> = space
                .values
                .iter()
                .map(|value| {
                    let mut context = RequestContext::default();
                    if let Some(value) = value {
                        context.set("k", value.clone());
                    }
                    compiled.holds(&mut RequestFacts::new(&context, Vec::new())).may
                })
                .collect();
            assert_eq!(answers.len(), 2, "{operator} {value}: {:?}", space.values);
        }
    }

    /// Eight tag keys are two kinds of texts: those that the policy lists, and all others.
    #[test]
    fn texts_of_a_multivalued_key_that_compare_alike_are_one() {
        let (operator, _) = Operator::parse("ForAllValues:StringEquals").expect("known");
        let listed = ["a", "b", "c", "d", "e", "f", "g", "h"].map(Item::new);
        let one = Condition::new(operator, "aws:TagKeys", listed);
        let (operator, _) = Operator::parse("ForAnyValue:StringLike").expect("known");
        let other = Condition::new(operator, "aws:TagKeys", [Item::new("a*")]);
        let space =
            space("aws:tagkeys", &[&one, &other], &PolicyVariables::default(), &[], false, 10_000);
        assert!(space.complete);
        let holds = |condition: &Condition, value: &[&str]| {
            let all: Vec<String> = value.iter().map(|v| (*v).to_owned()).collect();
            let context = RequestContext::default().with("aws:TagKeys", all);
            let compiled = CompiledCondition::new(condition, LanguageVersion::V2012);
            compiled.holds(&mut RequestFacts::new(&context, Vec::new())).may
        };
        let answers: BTreeSet<(bool, bool)> = space
            .values
            .iter()
            .map(|value| {
                let given = value.as_ref().map(|v| v.values().to_vec()).unwrap_or_default();
                let texts: Vec<&str> = given.iter().map(String::as_str).collect();
                (holds(&one, &texts), holds(&other, &texts))
            })
            .collect();
        let all = [(false, false), (false, true), (true, false), (true, true)];
        assert_eq!(answers, all.into());
    }
}
