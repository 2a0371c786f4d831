//! Answers a question: has one representative of every combination of regions judged.

use std::borrow::Cow;

use super::actions::{Acts, actions};
use super::choices::{choice, key_spaces, number, size, variables};
use super::globs::TooMany;
use super::judged::Judge;
use super::opening::{Opening, open};
use super::question::{Answers, Caps, Question, Space, SymbolicAnswer, in_region, is_fixed};
use super::resources::{ResourceTexts, some_resources};
use super::variables::PolicyVariables;
use super::witness::{OpeningsSeen, WitnessSearch};
use crate::iam::condition::CompiledCondition;
use crate::iam::document::{Document, Item, LanguageVersion};
use crate::iam::request::{PrincipalNames, Request, RequestFacts};

/// Answers a question. Every opening is a request that the judge allows.
#[must_use]
pub fn ask(question: &Question<'_>, caps: Caps) -> SymbolicAnswer {
    ask_both(None, Some(question), caps).after
}

/// Whether the answer is [`SymbolicAnswer::Closed`], without saying what is open where it is not: it stops at the first
/// request that is allowed.
#[must_use]
pub fn is_closed(question: &Question<'_>, caps: Caps) -> bool {
    let documents = awake(question);
    let documents = documents.iter().map(Cow::as_ref).collect();
    let side = Question { documents, ..question.clone() };
    let sides = [&side];
    let variables = variables(&sides, caps);
    let (Ok(actions), Ok(resources)) =
        (actions(&sides, caps), ResourceTexts::of(&sides, &variables, caps))
    else {
        return false;
    };
    let acts = Acts::new(&sides);
    let closed = |action: &String, resource: &String| {
        let Some(action) = acts.on(action, resource) else { return true };
        let here = in_region(&side, &Space::One(resource.clone()));
        let side = here.as_ref().unwrap_or(&side);
        let request = about(side, action, resource);
        let spaces = key_spaces(&[side], action, &variables, caps);
        let mut judge = Judge::new(side, &request, &spaces, false);
        spaces.iter().all(|space| space.complete)
            && size(&spaces, caps)
                .is_some_and(|size| !(0..size).any(|n| judge.allows(&choice(n, &spaces))))
    };
    actions.iter().all(|action| resources.texts.iter().all(|resource| closed(action, resource)))
}

/// Answers a question on both sides. The predicates of both sides cut the regions, so that what is
/// gained or lost is exact, not a difference of two approximations. An absent side allows nothing.
#[must_use]
pub fn ask_both(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    caps: Caps,
) -> Answers {
    let documents = [before, after].map(|side| side.map(awake));
    let [before, after] =
        [(before, &documents[0]), (after, &documents[1])].map(|(side, documents)| {
            let documents = documents.as_ref()?.iter().map(Cow::as_ref).collect();
            Some(Question { documents, ..side?.clone() })
        });
    let (before, after) = (before.as_ref(), after.as_ref());
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    if sides.is_empty() {
        return Answers::closed();
    }
    let mut judged = 0;
    let (mut undecided, mut inexact): (Option<String>, Option<String>) = (None, None);
    let (mut is, mut was, mut gained, mut lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let variables = variables(&sides, caps);
    match (actions(&sides, caps), ResourceTexts::of(&sides, &variables, caps)) {
        (Ok(actions), Ok(resources)) => {
            if !resources.complete {
                inexact = Some("the patterns cut texts into too many classes".to_owned());
            }
            let acts = Acts::new(&sides);
            for action in &actions {
                for resource in &resources.texts {
                    let Some(action) = acts.on(action, resource) else { continue };
                    let asked = (action, resource.as_str());
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
        (Ok(actions), Err(TooMany)) => {
            // Witnesses for single patterns: what they show is true, and nothing else is known.
            let why = "the patterns cut texts into too many classes".to_owned();
            let acts = Acts::new(&sides);
            for resource in some_resources(&sides, &variables, caps) {
                for action in &actions {
                    let Some(action) = acts.on(action, &resource) else { continue };
                    let asked = (action, resource.as_str());
                    if let Ok(found) =
                        combination(before, after, asked, &variables, caps, &mut judged)
                    {
                        was.extend(found.was);
                        is.extend(found.is);
                        gained.extend(found.gained);
                        lost.extend(found.lost);
                    }
                }
            }
            undecided = Some(why);
        }
        _ => undecided = Some("the patterns cut texts into too many classes".to_owned()),
    }
    let answer = |side: Option<&Question<'_>>, openings: Vec<Opening>| match (
        side,
        openings.is_empty(),
        &undecided,
    ) {
        (None, ..) | (_, true, None) => SymbolicAnswer::Closed { judged },
        (_, false, _) => SymbolicAnswer::Open(openings),
        (_, true, Some(why)) => SymbolicAnswer::Undecided(why.clone()),
    };
    let inexact = undecided.clone().or(inexact);
    Answers { before: answer(before, was), after: answer(after, is), gained, lost, inexact }
}

/// The documents of a side without the statements that apply to none of its requests: one of their conditions is false
/// whatever is left open, so that nothing else that they ask cuts a region. Guardrails that spare whoever bears no tag
/// ask about a dozen keys of whoever does.
fn awake<'d>(side: &Question<'d>) -> Vec<Cow<'d, Document>> {
    let request = &side.request;
    let caller = PrincipalNames::new(&request.principal, &request.context);
    let mut facts = RequestFacts::of(request, &caller, request.resource_account.as_deref());
    let is_settled = |key: &str| {
        // Of a resource without a known owner the judge looks further.
        (side.never.contains(key) || is_fixed(side, key))
            && (request.resource_account.is_some() || !key.starts_with("aws:resource"))
    };
    let mut is_idle = |statement: &crate::iam::Statement, version: LanguageVersion| {
        statement.conditions.iter().any(|condition| {
            let plain = condition.values.iter().all(|item| !item.text.symbolic().contains("${"));
            plain
                && is_settled(&condition.key.to_ascii_lowercase())
                && !CompiledCondition::new(condition, version).holds(&mut facts).may
        })
    };
    let mut without_idle = |document: &Document| {
        let version = document.version();
        let literal = literal_variables(document);
        let document = literal.as_ref().unwrap_or(document);
        let idle: Vec<bool> =
            document.statements.iter().map(|statement| is_idle(statement, version)).collect();
        if !idle.contains(&true) {
            return literal;
        }
        let mut left = document.clone();
        let mut idle = idle.into_iter();
        left.statements.retain(|_| idle.next() != Some(true));
        Some(left)
    };
    let documents = side.documents.iter();
    documents.map(|d| without_idle(d).map_or(Cow::Borrowed(*d), Cow::Owned)).collect()
}

/// The document with `${` written as version 2012-10-17 writes it where it stands for itself, if its own version takes
/// no variables (IAM User Guide, "IAM JSON policy elements: Version").
fn literal_variables(document: &Document) -> Option<Document> {
    let has = |item: &Item| item.text.symbolic().contains("${");
    let of = |statement: &crate::iam::Statement| {
        let values = statement.conditions.iter().flat_map(|c| &c.values);
        let mut all = statement.resources.iter().chain(&statement.not_resources).chain(values);
        all.any(has)
    };
    if document.version() != LanguageVersion::V2008 || !document.statements.iter().any(of) {
        return None;
    }
    let escape = |item: &mut Item| {
        if has(item) {
            *item = Item::new(item.text.symbolic().replace("${", "${$}{"));
        }
    };
    let mut document = document.clone();
    for statement in &mut document.statements {
        statement.resources.iter_mut().for_each(escape);
        statement.not_resources.iter_mut().for_each(escape);
        statement.conditions.iter_mut().flat_map(|c| &mut c.values).for_each(escape);
    }
    Some(document)
}

/// One action on one resource: every combination of key values, judged on both sides.
fn combination(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    (action, resource): (&str, &str),
    variables: &PolicyVariables,
    caps: Caps,
    judged: &mut usize,
) -> Result<OpeningsSeen, String> {
    // A resource that is known lies in a known region, and is asked for there.
    let known = Space::One(resource.to_owned());
    let here = before.and_then(|side| in_region(side, &known));
    let there = after.and_then(|side| in_region(side, &known));
    let (before, after) = (here.as_ref().or(before), there.as_ref().or(after));
    let request = |side: &Question<'_>| about(side, action, resource);
    let requests = (before.map(request), after.map(request));
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    let spaces = key_spaces(&sides, action, variables, caps);
    // Else the spaces hold what is possible on either side, and nothing more.
    let mixed = before.zip(after).is_some_and(|(a, b)| a.domains != b.domains);
    let Some(size) = size(&spaces, caps) else {
        let search = WitnessSearch { spaces: &spaces, mixed };
        if let Some(found) = search.both((before, &requests.0), (after, &requests.1), judged) {
            return Ok(found);
        }
        return Err(format!(
            "conditions on {} have too many combinations",
            spaces.iter().map(|s| s.key.as_str()).collect::<Vec<_>>().join(", ")
        ));
    };
    // By its number, whether each choice is allowed.
    let judge = |side: Option<&Question<'_>>, request: &Option<Request>| -> Vec<bool> {
        let Some((side, request)) = side.zip(request.as_ref()) else { return vec![false; size] };
        let mut judge = Judge::new(side, request, &spaces, mixed);
        (0..size).map(|number| judge.allows(&choice(number, &spaces))).collect()
    };
    let (was, is) = (judge(before, &requests.0), judge(after, &requests.1));
    *judged += size * sides.len();
    let complete = spaces.iter().all(|s| s.complete);
    let inexact = (!complete)
        .then(|| "a condition compares with values that cannot be enumerated".to_owned());
    if let (false, false, Some(why)) = (was.contains(&true), is.contains(&true), &inexact) {
        return Err(why.clone());
    }
    let without = |all: &[bool], other: &[bool]| -> Vec<bool> {
        all.iter().zip(other).map(|(all, other)| *all && !other).collect()
    };
    let opening = |side: Option<&Question<'_>>,
                   request: &Option<Request>,
                   from: &[bool],
                   all: &[bool]| {
        let among = |choices: &[bool], choice: &[usize]| {
            choices.get(number(choice, &spaces)).copied().unwrap_or_default()
        };
        let these = (0..size).filter(|number| from.get(*number) == Some(&true));
        let these: Vec<Vec<usize>> =
            these.take(SAMPLED).map(|number| choice(number, &spaces)).collect();
        let (shows, allowed) =
            (|choice: &Vec<usize>| among(from, choice), |choice: &Vec<usize>| among(all, choice));
        open(side?, request.as_ref()?, &spaces, &these, &shows, &allowed, mixed)
    };
    Ok(OpeningsSeen {
        was: opening(before, &requests.0, &was, &was),
        is: opening(after, &requests.1, &is, &is),
        gained: opening(after, &requests.1, &without(&is, &was), &is),
        lost: opening(before, &requests.0, &without(&was, &is), &was),
        inexact,
    })
}

/// How many choices are looked at for the one that asks least: any allowed choice is a true witness.
const SAMPLED: usize = 512;

/// The request of a side about an action on a resource.
fn about(side: &Question<'_>, action: &str, resource: &str) -> Request {
    let mut request = side.request.clone();
    action.clone_into(&mut request.action);
    resource.clone_into(&mut request.resource);
    request
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use serde_json::json;

    use super::super::choices::with;
    use super::*;
    use crate::iam::request::Principal;
    use crate::iam::{Policies, Policy, Use, evaluate};

    fn document(json: serde_json::Value, role: Use) -> Document {
        Document::from_json(&json, role).expect("valid").0
    }

    /// Asks whether dev's role `ci` can read below the bucket, given both policies' conditions.
    fn bucket(
        resource_condition: serde_json::Value,
        deny: Option<serde_json::Value>,
    ) -> SymbolicAnswer {
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
                optional: BTreeSet::new(),
                always: BTreeSet::new(),
                chosen: BTreeSet::new(),
                refused: BTreeSet::new(),
                beside: Vec::new(),
            },
            Caps::default(),
        )
    }

    fn opening(answer: SymbolicAnswer) -> Opening {
        match answer {
            SymbolicAnswer::Open(mut openings) => openings.remove(0),
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

    /// Variables in values and in resources, a key that tells who calls, sets, and keys that are settled.
    #[test]
    fn choices_that_no_statement_tells_apart_get_the_answer_that_each_would() {
        let resource = document(
            json!({"Version": "2012-10-17", "Statement": [
                {"Sid": "own", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
                 "Action": "s3:*", "Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
                 "Condition": {"StringEquals": {"aws:SourceVpce": "${aws:PrincipalTag/vpce}"}}},
                {"Sid": "known", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
                 "Condition": {"StringLike": {"aws:userid": "AROACI:*"}, "Bool": {"aws:SecureTransport": "true"}}},
                {"Sid": "tags", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": ["a*", "b"]},
                               "StringNotEqualsIfExists": {"aws:PrincipalTag/team": "admin"}}},
                {"Sid": "network", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"},
                               "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"},
                               "BoolIfExists": {"aws:ViaAWSService": "false"},
                               "StringEquals": {"aws:PrincipalTag/network": "true"}}}]}),
            Use::Resource("s3".to_owned()),
        );
        let identity = document(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
            Use::Identity,
        );
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &identity))],
            resource: Some(Arc::new(Policy::new("bucket", &resource))),
            ..Policies::default()
        };
        let ci = "arn:aws:sts::111111111111:assumed-role/ci/any".to_owned();
        let mut request = Request::new(Principal::Arn(ci), "s3:GetObject", "arn:aws:s3:::data/a/x");
        request.resource_account = Some("333333333333".to_owned());
        let question = Question {
            request: request.clone(),
            policies: &policies,
            documents: vec![&identity, &resource],
            actions: vec![Space::One("s3:GetObject".to_owned())],
            resources: vec![Space::One("arn:aws:s3:::data/a/x".to_owned())],
            never: BTreeSet::new(),
            free: BTreeSet::new(),
            domains: BTreeMap::new(),
            optional: BTreeSet::new(),
            always: BTreeSet::new(),
            chosen: BTreeSet::new(),
            refused: BTreeSet::new(),
            beside: Vec::new(),
        };
        let caps = Caps::default();
        let variables = variables(&[&question], caps);
        let spaces = key_spaces(&[&question], "s3:getobject", &variables, caps);
        let mut judge = Judge::new(&question, &request, &spaces, false);
        let size = size(&spaces, Caps { combinations: 1 << 20, ..caps }).expect("not too many");
        let (mut open, mut shut) = (0, 0);
        for number in 0..size {
            let choice = choice(number, &spaces);
            assert_eq!(super::number(&choice, &spaces), number);
            let alone = with(&question, &request, &spaces, &choice);
            let allowed = evaluate(&alone, &policies).is_allowed();
            assert_eq!(judge.allows(&choice), allowed, "{alone:?}");
            *(if allowed { &mut open } else { &mut shut }) += 1;
        }
        assert!(open > 0 && shut > 0 && judge.answers.len() * 4 < size, "{open} {shut} {size}");
    }

    /// Keys that are asked of nobody but those who bear a tag cut nothing for one who does not.
    #[test]
    fn a_statement_that_a_settled_key_rules_out_asks_about_nothing() {
        let documents = [document(
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                {"Effect": "Deny", "Action": "s3:*", "Resource": "*",
                 "Condition": {"StringEquals": {"aws:PrincipalTag/network": "true"},
                               "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}]}),
            Use::Identity,
        )];
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &documents[0]))],
            ..Policies::default()
        };
        let ci = Principal::Arn("arn:aws:iam::111111111111:role/ci".to_owned());
        let mut question = Question {
            request: Request::new(ci, "", ""),
            policies: &policies,
            documents: documents.iter().collect(),
            actions: vec![Space::One("s3:GetObject".to_owned())],
            resources: vec![Space::One("arn:aws:s3:::data/a/x".to_owned())],
            never: BTreeSet::from(["aws:principaltag/network".to_owned()]),
            free: BTreeSet::new(),
            domains: BTreeMap::new(),
            optional: BTreeSet::new(),
            always: BTreeSet::new(),
            chosen: BTreeSet::new(),
            refused: BTreeSet::new(),
            beside: Vec::new(),
        };
        assert_eq!(awake(&question)[0].statements.len(), 1);
        assert!(opening(ask(&question, Caps::default())).requirements.is_empty());
        assert!(!is_closed(&question, Caps::default()));
        question.never.clear();
        assert_eq!(awake(&question)[0].statements.len(), 2);
    }

    /// A queue is asked for in its own region, whatever region the policies would like better.
    #[test]
    fn a_resource_is_asked_for_in_its_region() {
        let asked = |region: &str| {
            let (identity, arn) = (
                document(
                    json!({"Version": "2012-10-17", "Statement": [
                        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
                        {"Effect": "Deny", "Action": "*", "Resource": "*",
                         "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}),
                    Use::Identity,
                ),
                format!("arn:aws:sqs:{region}:111111111111:jobs"),
            );
            let policies = Policies {
                identity: vec![Arc::new(Policy::new("identity", &identity))],
                ..Policies::default()
            };
            let ci = Principal::Arn("arn:aws:iam::111111111111:user/ci".to_owned());
            let question = Question {
                request: Request::new(ci, "", ""),
                policies: &policies,
                documents: vec![&identity],
                actions: vec![Space::One("sqs:SendMessage".to_owned())],
                resources: vec![Space::One(arn)],
                never: BTreeSet::new(),
                free: BTreeSet::new(),
                domains: BTreeMap::new(),
                optional: BTreeSet::new(),
                always: BTreeSet::new(),
                chosen: BTreeSet::new(),
                refused: BTreeSet::new(),
                beside: Vec::new(),
            };
            ask(&question, Caps::default())
        };
        let witness = opening(asked("eu-west-1")).witness;
        assert_eq!(witness.contradiction(), None);
        assert!(matches!(asked("eu-central-1"), SymbolicAnswer::Closed { .. }));
    }

    /// A choice that meets both would be allowed without either, and asks for something all the same.
    #[test]
    fn what_either_of_two_things_opens_asks_for_one_of_them() {
        let other = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/exports/*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}});
        let network = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        let opening = opening(bucket(network, Some(other)));
        assert_eq!(opening.requirements.len(), 1, "{:?}", opening.requirements);
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
        assert!(
            matches!(bucket(nobody, None), SymbolicAnswer::Closed { .. }),
            "a role has no user name"
        );
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
        assert!(matches!(bucket(json!({}), Some(deny)), SymbolicAnswer::Closed { .. }));
    }

    #[test]
    fn conditions_that_exclude_each_other_close() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                          "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
        let answer = bucket(json!({"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}), Some(deny));
        assert!(matches!(answer, SymbolicAnswer::Closed { .. }), "{answer:?}");
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/exports/secret*"});
        assert_eq!(opening(bucket(json!({}), Some(deny))).requirements, []);
    }
}
