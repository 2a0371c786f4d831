//! One question: can this principal do anything to this resource?

use std::collections::{BTreeMap, BTreeSet};

use super::domain::Domain;
use super::globs::{Glob, Shape, TooMany, regions};
use super::keys::{DERIVED, KeySpace, space, tests_by_key};
use super::opening::{Opening, open};
use super::variables::{self, Values, Variables};
use crate::iam::document::{Document, Item};
use crate::iam::eval::{Policies, evaluate};
use crate::iam::request::{Caller, ContextValue, Facts, Request};

/// Bounds of one question; past them the answer is [`Answer::Undecided`].
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// States of one automaton.
    pub states: usize,
    /// Combinations of key values for one action on one resource.
    pub combinations: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { states: 20_000, combinations: 20_000 }
    }
}

/// The texts that an action or resource may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Space {
    /// This one.
    One(String),
    /// Everything that starts with this and is longer.
    Below(String),
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Principal, accounts, organizations and the context keys that the model fixes; action and
    /// resource are filled in from the spaces.
    pub request: Request,
    /// The policies, compiled for the judge.
    pub policies: &'a Policies,
    /// The same policies as documents: whose predicates cut the regions.
    pub documents: Vec<&'a Document>,
    /// Actions asked about.
    pub actions: Vec<Space>,
    /// Resources asked about.
    pub resources: Vec<Space>,
    /// Keys, in lower case, that a request of this principal can never carry.
    pub never: BTreeSet<String>,
    /// Keys, in lower case, that would follow from the principal and are left open: it stands for
    /// many.
    pub free: BTreeSet<String>,
    /// The same for keys, in lower case, of which it is known what they may be.
    pub domains: BTreeMap<String, Domain>,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// No request is allowed: so many representatives were judged.
    Closed {
        /// How many.
        judged: usize,
    },
    /// These are.
    Open(Vec<Opening>),
    /// It could not be decided.
    Undecided(String),
}

/// Answers a question. Every opening is a request that the judge allows.
#[must_use]
pub fn ask(question: &Question<'_>, caps: Caps) -> Answer {
    ask_both(None, Some(question), caps).after
}

/// A question asked on both sides of a change, over the same regions.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The answer before.
    pub before: Answer,
    /// The answer after.
    pub after: Answer,
    /// Requests that are allowed after and were not before.
    pub gained: Vec<Opening>,
    /// Requests that were allowed before and are not after.
    pub lost: Vec<Opening>,
    /// Why something may be missing from `gained` and `lost`; `None` when they are complete.
    pub inexact: Option<String>,
}

/// Answers a question on both sides. The predicates of both sides cut the regions, so that what is
/// gained or lost is exact, not a difference of two approximations. An absent side allows nothing.
#[must_use]
pub fn ask_both(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    caps: Caps,
) -> Answers {
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    let mut judged = 0;
    let (mut undecided, mut inexact): (Option<String>, Option<String>) = (None, None);
    let (mut is, mut was, mut gained, mut lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let variables = variables(&sides, caps);
    match (actions(&sides, caps), resources(&sides, &variables, caps)) {
        (Ok(actions), Ok(resources)) => {
            for action in &actions {
                for resource in &resources {
                    let asked = (action.as_str(), resource.as_str());
                    match combination(before, after, asked, &variables, caps, &mut judged) {
                        Ok(found) => {
                            was.extend(found.was);
                            is.extend(found.is);
                            gained.extend(found.gained);
                            lost.extend(found.lost);
                            inexact = inexact.or(found.inexact);
                        }
                        Err(why) => undecided = Some(why),
                    }
                }
            }
        }
        _ => undecided = Some("the patterns cut texts into too many regions".to_owned()),
    }
    let answer = |side: Option<&Question<'_>>, openings: Vec<Opening>| match (
        side,
        openings.is_empty(),
        &undecided,
    ) {
        (None, ..) | (_, true, None) => Answer::Closed { judged },
        (_, false, _) => Answer::Open(openings),
        (_, true, Some(why)) => Answer::Undecided(why.clone()),
    };
    let inexact = undecided.clone().or(inexact);
    Answers { before: answer(before, was), after: answer(after, is), gained, lost, inexact }
}

fn actions(sides: &[&Question<'_>], caps: Caps) -> Result<Vec<String>, TooMany> {
    let items = |s: &crate::iam::Statement| {
        s.actions.iter().chain(&s.not_actions).map(lower).collect::<Vec<_>>()
    };
    let mut globs: Vec<Glob> =
        statements(sides).flat_map(items).map(|text| Glob::like(&text)).collect();
    globs.sort();
    globs.dedup();
    let lower: Vec<Space> = sides
        .iter()
        .flat_map(|side| &side.actions)
        .map(|space| match space {
            Space::One(action) => Space::One(action.clone()),
            Space::Below(prefix) => Space::Below(prefix.to_ascii_lowercase()),
        })
        .collect();
    cut(&lower, &globs, caps)
}

/// The keys that the variables of a statement name, in lower case.
pub fn variable_keys(statement: &crate::iam::Statement) -> BTreeSet<String> {
    let resources = statement.resources.iter().chain(&statement.not_resources);
    let values = statement.conditions.iter().flat_map(|c| &c.values);
    resources.chain(values).flat_map(|item| variables::keys(&item.text.symbolic())).collect()
}

/// What variables stand for: the value that each side fixes; values to try for what stays open.
fn variables(sides: &[&Question<'_>], caps: Caps) -> Variables {
    let mut found = Variables::default();
    for key in statements(sides).flat_map(variable_keys) {
        if found.0.contains_key(&key) {
            continue;
        }
        let mut values = Values::default();
        for side in sides {
            if side.never.contains(&key) {
                continue;
            }
            if is_fixed(side, &key) {
                values.texts.extend(fixed(side, &key));
            } else {
                values.open = true;
            }
        }
        found.0.insert(key, values);
    }
    let tests = tests_by_key(sides.iter().flat_map(|side| side.documents.iter().copied()));
    let nothing = Variables::default();
    for (key, values) in found.0.iter_mut().filter(|(_, values)| values.open) {
        let tests = tests.get(key).map(Vec::as_slice).unwrap_or_default();
        let domains = domains(sides, key);
        let space = space(key, tests, &nothing, &domains, caps.states);
        for value in space.values.into_iter().flatten() {
            if let ContextValue::One(text) = value {
                values.texts.insert(text);
            }
        }
        if domains.is_empty() {
            values.texts.insert("x".to_owned());
        }
    }
    found
}

/// What a key may be on the sides that leave it open; nothing where some side leaves it open wholly.
fn domains<'a>(sides: &[&'a Question<'_>], key: &str) -> Vec<&'a Domain> {
    let open = sides.iter().filter(|side| !side.never.contains(key) && !is_fixed(side, key));
    let domains: Option<Vec<_>> = open.map(|side| side.domains.get(key)).collect();
    domains.unwrap_or_default()
}

/// The value that a side's request gives a key.
fn fixed(side: &Question<'_>, key: &str) -> Option<String> {
    let caller = Caller::new(&side.request.principal, &side.request.context);
    let account = side.request.resource_account.as_deref();
    Facts::of(&side.request, &caller, account).variable(key).map(str::to_owned)
}

fn resources(
    sides: &[&Question<'_>],
    variables: &Variables,
    caps: Caps,
) -> Result<Vec<String>, TooMany> {
    let mut globs: Vec<Glob> = statements(sides)
        .flat_map(|s| s.resources.iter().chain(&s.not_resources))
        .flat_map(|item| {
            let patterns = variables.fill(&item.text.symbolic()).patterns.into_iter();
            patterns.flat_map(|p| [Glob::of(&p, Shape::Like), Glob::of(&p, Shape::Arn)])
        })
        .collect();
    globs.sort();
    globs.dedup();
    let spaces: Vec<Space> = sides.iter().flat_map(|side| side.resources.clone()).collect();
    cut(&spaces, &globs, caps)
}

fn lower(item: &Item) -> String {
    item.text.symbolic().to_ascii_lowercase()
}

fn statements<'a>(
    sides: &'a [&Question<'_>],
) -> impl Iterator<Item = &'a crate::iam::Statement> + 'a {
    sides.iter().flat_map(|side| &side.documents).flat_map(|d| &d.statements)
}

fn cut(spaces: &[Space], globs: &[Glob], caps: Caps) -> Result<Vec<String>, TooMany> {
    let mut all = Vec::new();
    for space in spaces {
        match space {
            Space::One(text) => all.push(text.clone()),
            Space::Below(prefix) => all.extend(regions(globs, prefix, true, caps.states)?),
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

#[derive(Default)]
struct Found {
    was: Option<Opening>,
    is: Option<Opening>,
    gained: Option<Opening>,
    lost: Option<Opening>,
    inexact: Option<String>,
}

/// One action on one resource: every combination of key values, judged on both sides.
fn combination(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    (action, resource): (&str, &str),
    variables: &Variables,
    caps: Caps,
    judged: &mut usize,
) -> Result<Found, String> {
    let request = |side: &Question<'_>| {
        let mut request = side.request.clone();
        action.clone_into(&mut request.action);
        resource.clone_into(&mut request.resource);
        request
    };
    let requests = (before.map(request), after.map(request));
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    let spaces = key_spaces(&sides, action, variables, caps);
    // Else the spaces hold what is possible on either side, and nothing more.
    let mixed = before.zip(after).is_some_and(|(a, b)| a.domains != b.domains);
    let size = spaces.iter().try_fold(1_usize, |n, s| n.checked_mul(s.values.len()));
    let Some(size) = size.filter(|n| *n <= caps.combinations) else {
        return Err(format!(
            "conditions on {} have too many combinations",
            spaces.iter().map(|s| s.key.as_str()).collect::<Vec<_>>().join(", ")
        ));
    };
    let (mut was, mut is): (Vec<Vec<usize>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    for number in 0..size {
        let choice = choice(number, &spaces);
        for (side, request, allowed) in
            [(before, &requests.0, &mut was), (after, &requests.1, &mut is)]
        {
            if let (Some(side), Some(request)) = (side, request) {
                if mixed && !is_possible(side, &spaces, &choice) {
                    continue;
                }
                *judged += 1;
                let request = with(side, request, &spaces, &choice);
                if evaluate(&request, side.policies).is_allowed() {
                    allowed.push(choice.clone());
                }
            }
        }
    }
    let complete = spaces.iter().all(|s| s.complete);
    let inexact = (!complete)
        .then(|| "a condition compares with values that cannot be enumerated".to_owned());
    if let (true, true, Some(why)) = (was.is_empty(), is.is_empty(), &inexact) {
        return Err(why.clone());
    }
    let without = |all: &[Vec<usize>], other: &[Vec<usize>]| -> Vec<Vec<usize>> {
        let other: BTreeSet<&Vec<usize>> = other.iter().collect();
        all.iter().filter(|c| !other.contains(c)).cloned().collect()
    };
    let opening = |side: Option<&Question<'_>>,
                   request: &Option<Request>,
                   from: &[Vec<usize>],
                   all: &[Vec<usize>]| {
        open(side?, request.as_ref()?, &spaces, (from, all), mixed)
    };
    Ok(Found {
        was: opening(before, &requests.0, &was, &was),
        is: opening(after, &requests.1, &is, &is),
        gained: opening(after, &requests.1, &without(&is, &was), &is),
        lost: opening(before, &requests.0, &without(&was, &is), &was),
        inexact,
    })
}

fn key_spaces(
    sides: &[&Question<'_>],
    action: &str,
    variables: &Variables,
    caps: Caps,
) -> Vec<KeySpace> {
    let action = action.to_ascii_lowercase();
    // A key is settled when no side leaves it open.
    let open =
        |key: &String| sides.iter().any(|side| !side.never.contains(key) && !is_fixed(side, key));
    // A statement that the action cannot match has no say, nor have its keys.
    let relevant: Vec<Document> = sides
        .iter()
        .flat_map(|side| &side.documents)
        .map(|document| {
            Document::new(document.statements.iter().filter(|s| concerns(s, &action)).cloned())
        })
        .collect();
    let mut tests = tests_by_key(&relevant);
    let named = relevant.iter().flat_map(|d| &d.statements).flat_map(variable_keys);
    for key in named.collect::<BTreeSet<String>>() {
        tests.entry(key).or_default();
    }
    tests
        .into_iter()
        .filter(|(key, _)| open(key))
        .map(|(key, tests)| space(&key, &tests, variables, &domains(sides, &key), caps.states))
        .collect()
}

/// Whether a statement is about an action, in lower case.
#[must_use]
pub fn concerns(statement: &crate::iam::Statement, action: &str) -> bool {
    let matches = |item: &Item| {
        crate::iam::matching::Pattern::new(
            &lower(item),
            crate::iam::matching::Wildcards::Active,
            crate::iam::Version::V2008,
        )
        .matches_plain(action)
    };
    if statement.actions.is_empty() {
        !statement.not_actions.iter().any(matches)
    } else {
        statement.actions.iter().any(matches)
    }
}

/// Keys whose value follows from the request, or was fixed by the model.
fn is_fixed(side: &Question<'_>, key: &str) -> bool {
    !side.free.contains(key)
        && !side.domains.contains_key(key)
        && (DERIVED.contains(&key) || side.request.context.get(key).is_some())
}

fn choice(number: usize, spaces: &[KeySpace]) -> Vec<usize> {
    let mut rest = number;
    spaces
        .iter()
        .map(|space| {
            let at = rest % space.values.len();
            rest /= space.values.len();
            at
        })
        .collect()
}

/// Whether every key is what it may be on this side.
pub(super) fn is_possible(side: &Question<'_>, spaces: &[KeySpace], choice: &[usize]) -> bool {
    side.domains.is_empty()
        || spaces.iter().zip(choice).all(|(space, at)| {
            let domain = side.domains.get(&space.key);
            let value = space.values.get(*at).and_then(Option::as_ref);
            domain.is_none_or(|domain| side.never.contains(&space.key) || domain.has(value))
        })
}

pub(super) fn with(
    side: &Question<'_>,
    request: &Request,
    spaces: &[KeySpace],
    choice: &[usize],
) -> Request {
    let mut request = request.clone();
    for (space, at) in spaces.iter().zip(choice) {
        let settled = side.never.contains(&space.key) || is_fixed(side, &space.key);
        if let (Some(Some(value)), false) = (space.values.get(*at), settled) {
            request.context.set(&space.key, value.clone());
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::iam::Policy;
    use crate::iam::Use;
    use crate::iam::request::Principal;

    fn document(json: serde_json::Value, role: Use) -> Document {
        Document::from_json(&json, role).expect("valid").0
    }

    /// Asks whether dev's role `ci` can read below the bucket, given both policies' conditions.
    fn bucket(resource_condition: serde_json::Value, deny: Option<serde_json::Value>) -> Answer {
        let mut statements = vec![
            json!({"Sid": "ci", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/exports/*", "Condition": resource_condition}),
        ];
        statements.extend(deny);
        let resource = document(
            json!({"Version": "2012-10-17", "Statement": statements}),
            Use::Resource("s3".to_owned()),
        );
        let identity = document(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}),
            Use::Identity,
        );
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &identity))],
            resource: Some(Arc::new(Policy::new("bucket", &resource))),
            ..Policies::default()
        };
        let mut request = Request::new(
            Principal::Arn("arn:aws:sts::111111111111:assumed-role/ci/any".to_owned()),
            "",
            "",
        );
        request.resource_account = Some("333333333333".to_owned());
        ask(
            &Question {
                request,
                policies: &policies,
                documents: vec![&identity, &resource],
                actions: vec![Space::Below("s3:".to_owned())],
                resources: vec![
                    Space::One("arn:aws:s3:::data".to_owned()),
                    Space::Below("arn:aws:s3:::data/".to_owned()),
                ],
                never: BTreeSet::new(),
                free: BTreeSet::new(),
                domains: BTreeMap::new(),
            },
            Caps::default(),
        )
    }

    fn opening(answer: Answer) -> Opening {
        match answer {
            Answer::Open(mut openings) => openings.remove(0),
            other => panic!("not open: {other:?}"),
        }
    }

    #[test]
    fn an_open_path_has_a_witness_and_asks_nothing() {
        let opening = opening(bucket(json!({}), None));
        assert_eq!(opening.witness.action, "s3:getobject");
        assert!(opening.witness.resource.starts_with("arn:aws:s3:::data/exports/"));
        assert!(opening.requirements.is_empty());
    }

    #[test]
    fn a_condition_on_the_network_is_named() {
        let opening = opening(bucket(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), None));
        assert_eq!(opening.requirements[0].text, "aws:SourceIp in 10.0.0.0/8");
    }

    #[test]
    fn variables_stand_for_their_values() {
        let own = |key: &str| {
            json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "NotResource": format!("arn:aws:s3:::data/exports/${{{key}}}/*")})
        };
        let fixed = opening(bucket(json!({}), Some(own("aws:PrincipalAccount"))));
        assert!(fixed.witness.resource.starts_with("arn:aws:s3:::data/exports/111111111111/"));
        let open = opening(bucket(json!({}), Some(own("aws:PrincipalTag/team"))));
        assert!(open.witness.resource.starts_with("arn:aws:s3:::data/exports/"), "{open:?}");
        let nobody = json!({"StringEquals": {"s3:prefix": "${aws:username}"}});
        assert!(matches!(bucket(nobody, None), Answer::Closed { .. }), "a role has no user name");
    }

    #[test]
    fn what_the_caller_chooses_is_no_condition() {
        let opening = opening(bucket(json!({"StringEquals": {"s3:VersionId": "7"}}), None));
        assert!(opening.requirements.is_empty(), "{:?}", opening.requirements);
    }

    #[test]
    fn a_deny_on_the_rest_closes() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                          "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "333333333333"}}});
        assert!(matches!(bucket(json!({}), Some(deny)), Answer::Closed { .. }));
    }

    #[test]
    fn conditions_that_exclude_each_other_close() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                          "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
        let answer = bucket(json!({"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}), Some(deny));
        assert!(matches!(answer, Answer::Closed { .. }), "{answer:?}");
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/exports/secret*"});
        assert_eq!(opening(bucket(json!({}), Some(deny))).requirements, []);
    }
}
