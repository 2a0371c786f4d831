//! Regions of context keys: for every key that conditions look at, values that stand for all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::globs::{Glob, regions};
use crate::iam::document::{Condition, Document};
use crate::iam::operator::Test;
use crate::iam::request::ContextValue;
use crate::iam::values;

/// Who decides the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chooser {
    /// The caller, freely: a path that needs it is open.
    Caller,
    /// The surroundings (network, time, MFA, the identity provider): a path that needs it is conditional.
    Surroundings,
}

/// Who decides a key, by the AWS documentation of global condition keys.
///
/// Unknown keys count as surroundings: a path is then conditional and the condition is printed,
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
        "iam:passedtoservice",
        "s3:prefix",
        "s3:delimiter",
        "s3:max-keys",
        "s3:versionid",
        "s3:signatureversion",
        "s3:signatureage",
        "s3:authtype",
    ];
    let free_family =
        ["aws:requesttag/", "s3:x-amz-", "s3:requestobjecttag", "kms:encryptioncontext"]
            .iter()
            .any(|family| key.starts_with(family));
    if FREE.contains(&key.as_str()) || free_family {
        Chooser::Caller
    } else {
        Chooser::Surroundings
    }
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

/// The condition keys of documents, with all tests of each.
#[must_use]
pub fn tests_by_key<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
) -> BTreeMap<String, Vec<&'a Condition>> {
    let mut by_key: BTreeMap<String, Vec<&Condition>> = BTreeMap::new();
    for condition in documents.into_iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions) {
        let tests = by_key.entry(condition.key.to_ascii_lowercase()).or_default();
        if !tests.contains(&condition) {
            tests.push(condition);
        }
    }
    by_key
}

/// Enumerates a key.
#[must_use]
pub fn space(key: &str, tests: &[&Condition], cap: usize) -> KeySpace {
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
            // A variable in a value is compared with another key: no region is known for it here.
            if text.contains("${") && !text.contains("${*}") {
                complete = false;
            }
            match condition.operator.test.positive() {
                Test::StringEquals => globs.push(Glob::exact(&text)),
                Test::StringEqualsIgnoreCase => globs.push(Glob::exact(&text).ignoring_case()),
                Test::StringLike => globs.push(Glob::like(&text)),
                Test::ArnEquals | Test::ArnLike => {
                    globs.push(Glob::arn(&text));
                    globs.push(Glob::like(&text));
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
    if !globs.is_empty() {
        match regions(&globs, "", false, cap) {
            Ok(found) => texts.extend(found),
            Err(_) => complete = false,
        }
    }
    for number in numbers {
        texts.extend(
            [number.saturating_sub(1), number, number.saturating_add(1)].map(|n| n.to_string()),
        );
    }
    for instant in instants {
        // Seconds since 1970 are an accepted spelling of a date.
        texts.extend(
            [instant.saturating_sub(1), instant, instant.saturating_add(1)].map(|n| n.to_string()),
        );
    }
    texts.extend(addresses(&networks));
    if texts.is_empty() {
        texts.push("x".to_owned());
    }
    texts.sort();
    texts.dedup();
    let mut values: Vec<Option<ContextValue>> = vec![None];
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
    KeySpace {
        key: key.to_owned(),
        tests: tests.iter().map(|c| (*c).clone()).collect(),
        values,
        complete,
    }
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
