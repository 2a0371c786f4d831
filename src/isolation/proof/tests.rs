//! Proofs of every kind: each is found where the step is closed, and refused on a step that differs in what it rests on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::case::Case;
use super::{GrantExclusion, StepDenial};
use crate::access::{NamedPolicy, PART};
use crate::iam::symbolic::{Domain, Space, Texts};
use crate::iam::{Document, Policies, Policy, Principal, Request, Use};
use crate::isolation::crossing::{Parts, PathStep, StepSource, StepTarget};

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/ci/s";
const ROLE: &str = "arn:aws:iam::333333333333:role/target";
const BUCKET: &str = "arn:aws:s3:::data";

/// A step, and what is known of it.
#[derive(Clone)]
struct Stage {
    source: StepSource,
    request: Request,
    target: StepTarget,
    rules: Vec<NamedPolicy>,
    policies: Policies,
    actions: Vec<Space>,
    resources: Vec<Space>,
    never: BTreeSet<String>,
    refused: BTreeSet<String>,
    domains: BTreeMap<String, Domain>,
}

fn rule(name: &str, statements: Json, role: Use) -> NamedPolicy {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let (document, _) = Document::from_json(&policy, role).expect("valid");
    NamedPolicy {
        policy: Arc::new(Policy::new(format!("{name}{PART}p"), &document)),
        document: Arc::new(document),
    }
}

fn everything() -> Json {
    json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
}

impl Stage {
    fn new(
        target: StepTarget,
        resource: Json,
        actions: Space,
        resources: Vec<Space>,
        role: Use,
    ) -> Self {
        let rules =
            vec![rule("target", resource, role), rule("source", everything(), Use::Identity)];
        let mut request = Request::new(Principal::Arn(SESSION.to_owned()), "", "");
        request.resource_account = Some("333333333333".to_owned());
        Self {
            source: StepSource::Principal(CI.to_owned()),
            request,
            target,
            policies: Policies {
                resource: Some(Arc::clone(&rules[0].policy)),
                identity: vec![Arc::clone(&rules[1].policy)],
                ..Policies::default()
            },
            rules,
            actions: vec![actions],
            resources,
            never: BTreeSet::new(),
            refused: BTreeSet::new(),
            domains: BTreeMap::new(),
        }
    }

    /// Dev's `ci`, which may do everything, assumes a role under this trust policy.
    fn role(trust: Json) -> Self {
        let action = Space::One("sts:AssumeRole".to_owned());
        let resources = vec![Space::One(ROLE.to_owned())];
        Self::new(StepTarget::Role(ROLE.to_owned()), trust, action, resources, Use::Trust)
    }

    /// It reaches a bucket under this policy.
    fn bucket(policy: Json) -> Self {
        let resources = vec![Space::One(BUCKET.to_owned()), Space::Below(format!("{BUCKET}/"))];
        let role = Use::Resource("s3".to_owned());
        let action = Space::Below("s3:".to_owned());
        Self::new(StepTarget::Resource(BUCKET.to_owned()), policy, action, resources, role)
    }

    /// Everybody may read the bucket.
    fn public(more: Json) -> Self {
        Self::bucket(json!([reads(more)]))
    }

    /// `ci` has this boundary.
    fn bounded(mut self, statements: Json) -> Self {
        let boundary = rule("boundary", statements, Use::Identity);
        self.policies.boundary = Some(Arc::clone(&boundary.policy));
        self.rules.push(boundary);
        self
    }

    fn restricted(mut self) -> Self {
        self.policies.restrict_public_buckets = true;
        self
    }

    fn by(mut self, source: StepSource, principal: Principal) -> Self {
        self.source = source;
        self.request.principal = principal;
        self.policies.identity.clear();
        self
    }

    fn anonymous(self) -> Self {
        self.by(StepSource::Anonymous, Principal::Anonymous)
    }

    fn of_service(self) -> Self {
        let name = "logging.s3.amazonaws.com".to_owned();
        self.by(StepSource::Service(name.clone()), Principal::Service(name))
    }

    fn never(mut self, key: &str) -> Self {
        self.never.insert(key.to_owned());
        self
    }

    fn refusing(mut self, action: &str) -> Self {
        self.refused.insert(action.to_owned());
        self
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.request.context.set(key, value);
        self
    }

    /// The key is a text below one of these prefixes, matched by none of `except`.
    fn below(mut self, key: &str, prefixes: &[&str], except: &[&str], absent: bool) -> Self {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let texts = Texts { prefixes: texts(prefixes), except: texts(except), absent };
        self.domains.insert(key.to_owned(), Domain::Texts(texts));
        self
    }

    fn case<T>(&self, use_it: impl FnOnce(Case<'_>) -> T) -> T {
        let parts = Parts {
            request: &self.request,
            policies: &self.policies,
            rules: &self.rules,
            actions: &self.actions,
            resources: &self.resources,
            never: &self.never,
            always: &BTreeSet::new(),
            domains: &self.domains,
            refused: &self.refused,
            beside: &[],
        };
        let step = PathStep { source: self.source.clone(), target: self.target.clone() };
        use_it(Case::of(parts, &step))
    }

    fn proof(&self) -> Option<StepDenial> {
        self.case(|case| Case::explain(&[case]))
    }

    fn confirms(&self, claim: &StepDenial) -> bool {
        self.case(|case| case.check(claim))
    }
}

/// A statement that lets everybody read the bucket, but for what `more` changes.
fn reads(more: Json) -> Json {
    let statement = json!({"Sid": "read", "Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": format!("{BUCKET}/*")});
    crate::isolation::tests::altered(statement, &more)
}

/// Everybody may read, and this denies.
fn denying(deny: Json) -> Stage {
    let mut deny = deny;
    deny["Effect"] = json!("Deny");
    for (key, value) in [("Principal", json!("*")), ("Action", json!("s3:*"))] {
        if deny.get(key).is_none() && !(key == "Action" && deny.get("NotAction").is_some()) {
            deny[key] = value;
        }
    }
    if deny.get("Resource").is_none() && deny.get("NotResource").is_none() {
        deny["Resource"] = json!("*");
    }
    Stage::bucket(json!([reads(json!({})), deny]))
}

fn assumes(more: Json) -> Json {
    let mut statement =
        json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": CI}});
    for (key, value) in more.as_object().expect("an object") {
        statement[key] = value.clone();
    }
    json!([statement])
}

fn on_condition(operator: &str, key: &str, value: Json) -> Json {
    json!({"Condition": {operator: {key: value}}})
}

/// Each kind of proof: a step that it closes, and one that is open and differs in just that.
#[test]
fn every_kind_of_proof_is_found_and_is_refused_where_it_is_false() {
    let org = |operator: &str, values: Json| on_condition(operator, "aws:PrincipalOrgID", values);
    let stranger = |stage: Stage| {
        let arn = "arn:aws:iam::000000000000:role/any".to_owned();
        let stage = stage.by(StepSource::Foreign(arn.clone()), Principal::Arn(arn));
        stage.below("aws:principalorgid", &["o-"], &["o-ours"], true).below(
            "aws:principalorgpaths",
            &["o-"],
            &["o-ours/*"],
            true,
        )
    };
    let paths = |value: &str| {
        on_condition("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", json!([value]))
    };
    let user = |stage: Stage| stage.below("aws:userid", &["AROACI:"], &[], false);
    let second_factor =
        |value: &str| on_condition("Bool", "aws:MultiFactorAuthPresent", json!(value));
    let own = |condition: Json| {
        let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        statement["Condition"] = condition["Condition"].clone();
        json!([statement])
    };
    let tagged = |stage: Stage| stage.with("aws:PrincipalTag/team", "web");
    let objects = |text: &str| json!({"Resource": format!("{BUCKET}/{text}")});
    let but = |key: &str, allowed: (&str, &str), denied: (&str, Json)| {
        let mut deny = json!({"Sid": "no", "Effect": "Deny", "Action": "*", "Resource": "*"});
        deny["Condition"] = on_condition(denied.0, key, denied.1)["Condition"].clone();
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        Stage::role(assumes(on_condition(allowed.0, key, json!(allowed.1))))
            .bounded(json!([all, deny]))
    };
    let vpce = |allowed: &str, operator: &str, denied: Json| {
        but("aws:SourceVpce", ("StringLike", allowed), (operator, denied))
    };
    let source = |allowed: &str, operator: &str, denied: &str| {
        but("aws:SourceArn", ("ArnLike", allowed), (operator, json!(denied)))
    };
    for (kind, closed, open) in [
        (
            "another organization's id",
            stranger(Stage::public(org("StringEquals", json!("o-ours")))),
            stranger(Stage::public(org("StringEquals", json!(["o-ours", "o-theirs"])))),
        ),
        (
            "an organization's id, denied to others",
            stranger(denying(org("StringNotEquals", json!("o-ours")))),
            stranger(denying(org("StringNotEquals", json!(["o-ours", "o-theirs"])))),
        ),
        (
            "the path of an organization",
            stranger(Stage::public(paths("o-ours/r-1/ou-1/*"))),
            stranger(Stage::public(paths("o-*/r-1/ou-1/*"))),
        ),
        (
            "NotResource of a grant",
            Stage::public(json!({"Resource": null, "NotResource": [BUCKET, format!("{BUCKET}/*")]})),
            Stage::public(json!({"Resource": null, "NotResource": [BUCKET, format!("{BUCKET}/a*")]})),
        ),
        (
            "NotResource of a denial",
            denying(json!({"NotResource": format!("{BUCKET}-other/*")})),
            denying(json!({"NotResource": format!("{BUCKET}/exports/*")})),
        ),
        (
            "NotResource of a denial beside the grant",
            Stage::bucket(json!([reads(objects("in/*")),
                {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": format!("{BUCKET}/out/*")}])),
            Stage::bucket(json!([reads(objects("*")),
                {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": format!("{BUCKET}/out/*")}])),
        ),
        (
            "NotAction of a denial",
            denying(json!({"NotAction": ["s3:List*"]})),
            denying(json!({"NotAction": ["s3:List*", "s3:Get*"]})),
        ),
        (
            "the caller's unique id",
            user(Stage::public(on_condition("StringNotLike", "aws:userid", json!("AROACI:*")))),
            user(Stage::public(on_condition("StringNotLike", "aws:userid", json!("AROACI:a*")))),
        ),
        (
            "the caller's unique id, denied to the rest",
            user(denying(on_condition("StringNotLike", "aws:userid", json!(["AROAOTHER:*", "AIDA"])))),
            user(denying(on_condition("StringNotLike", "aws:userid", json!(["AROAOTHER:*", "AROACI:deploy"])))),
        ),
        (
            "a tag in a resource",
            tagged(Stage::public(objects("${aws:PrincipalTag/team}/*"))).bounded(
                json!([{"Effect": "Allow", "Action": "s3:*", "Resource": format!("{BUCKET}/data/*")}]),
            ),
            tagged(Stage::public(objects("${aws:PrincipalTag/team}/*"))).bounded(
                json!([{"Effect": "Allow", "Action": "s3:*", "Resource": format!("{BUCKET}/web/*")}]),
            ),
        ),
        (
            "a tag in a resource that is not there",
            Stage::public(objects("${aws:PrincipalTag/team}/*")).never("aws:principaltag/team"),
            Stage::public(objects("${aws:PrincipalTag/team}/*")),
        ),
        (
            "a name in a resource, for a caller without one",
            Stage::public(objects("${aws:username}/*")).anonymous(),
            Stage::public(objects("${aws:PrincipalAccount}/*")).anonymous(),
        ),
        (
            "a public policy that is cut down, for an unsigned request",
            Stage::public(json!({})).anonymous().restricted(),
            Stage::public(json!({})).anonymous(),
        ),
        (
            "a public policy that is cut down, for another account",
            Stage::public(json!({})).restricted(),
            Stage::public(json!({"Principal": {"AWS": CI}})).restricted(),
        ),
        (
            "a public policy that is cut down lets services in",
            Stage::public(json!({})).restricted(),
            Stage::public(json!({})).of_service().restricted(),
        ),
        (
            "actions that no other layer allows",
            Stage::public(json!({})).bounded(json!([{"Effect": "Allow", "Action": "s3:Put*", "Resource": "*"}])),
            Stage::public(json!({})).bounded(json!([{"Effect": "Allow", "Action": "s3:*Object", "Resource": "*"}])),
        ),
        (
            "actions that another layer leaves out",
            Stage::public(json!({})).bounded(json!([{"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}])),
            Stage::public(json!({})).bounded(json!([{"Effect": "Allow", "NotAction": "s3:GetBucket*", "Resource": "*"}])),
        ),
        (
            "conditions that exclude each other",
            Stage::role(assumes(second_factor("true"))).bounded(own(second_factor("false"))),
            Stage::role(assumes(second_factor("true"))).bounded(own(second_factor("true"))),
        ),
        (
            "conditions of one statement that exclude each other",
            Stage::role(assumes(json!({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}, "StringLike": {"aws:SourceVpce": "vpce-2*"}}}))),
            Stage::role(assumes(json!({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-2"}, "StringLike": {"aws:SourceVpce": "vpce-2*"}}}))),
        ),
        (
            "patterns apart from those that a denial leaves out",
            vpce("vpce-1*", "StringNotLikeIfExists", json!("vpce-2*")),
            vpce("vpce-1*", "StringNotLikeIfExists", json!(["vpce-2*", "vpce-1a*"])),
        ),
        (
            "patterns within those that are denied",
            vpce("vpce-1*", "StringLike", json!(["vpc-*", "vpce-*"])),
            vpce("v*-1", "StringLike", json!(["vpc-*", "vpce-*"])),
        ),
        (
            "a pattern of a key, denied to whoever brings it",
            vpce("vpce-1*", "Null", json!("false")),
            vpce("vpce-1*", "Null", json!("true")),
        ),
        (
            "patterns of ARNs apart from those that a denial leaves out",
            source("arn:aws:sns:eu-west-1:111111111111:*", "ArnNotLike", "arn:aws:sns:eu-west-1:222222222222:*"),
            source("arn:aws:sns:eu-west-1:111111111111:*", "ArnNotLike", "arn:aws:sns:*:111111111111:*"),
        ),
        (
            "a condition on a variable without a value",
            Stage::role(assumes(on_condition("StringEquals", "sts:RoleSessionName", json!("${aws:username}")))),
            Stage::role(assumes(on_condition("StringEqualsIfExists", "sts:RoleSessionName", json!("${aws:username}")))),
        ),
        (
            "a tag of the caller against a tag of the role",
            tagged(Stage::role(assumes(on_condition("StringEquals", "aws:ResourceTag/team", json!("${aws:PrincipalTag/team}")))))
                .with("aws:ResourceTag/team", "data"),
            tagged(Stage::role(assumes(on_condition("StringEquals", "aws:ResourceTag/team", json!("${aws:PrincipalTag/team}")))))
                .with("aws:ResourceTag/team", "web"),
        ),
        (
            "a role's ARN with a star that stands for itself",
            stranger(Stage::public(on_condition("StringEquals", "aws:PrincipalArn", json!("arn:aws:iam::*:role/ci"))))
                .below("aws:principalarn", &["arn:aws:iam::000000000000:role/"], &[], false),
            stranger(Stage::public(on_condition("StringLike", "aws:PrincipalArn", json!("arn:aws:iam::*:role/ci"))))
                .below("aws:principalarn", &["arn:aws:iam::000000000000:role/"], &[], false),
        ),
        (
            "two denials, of some objects and of the rest",
            Stage::bucket(json!([reads(json!({})),
                {"Sid": "in", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": format!("{BUCKET}/a*")},
                {"Sid": "out", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": format!("{BUCKET}/a*")}])),
            Stage::bucket(json!([reads(json!({})),
                {"Sid": "in", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": format!("{BUCKET}/ab*")},
                {"Sid": "out", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": format!("{BUCKET}/a*")}])),
        ),
        (
            "a denial of all but some, for one of the rest",
            Stage::bucket(json!([reads(json!({"Principal": {"AWS": CI}})),
                {"Sid": "no", "Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::333333333333:root"}, "Action": "s3:*", "Resource": "*"}])),
            Stage::bucket(json!([reads(json!({"Principal": {"AWS": CI}})),
                {"Sid": "no", "Effect": "Deny", "NotPrincipal": {"AWS": [CI, SESSION, "arn:aws:iam::111111111111:root"]}, "Action": "s3:*", "Resource": "*"}])),
        ),
        (
            "actions that S3 refuses other accounts, by a pattern",
            Stage::public(json!({"Action": "s3:DeleteBucketPol*", "Resource": BUCKET})).refusing("s3:deletebucketpolicy"),
            Stage::public(json!({"Action": "s3:Delete*", "Resource": [BUCKET, format!("{BUCKET}/*")]})).refusing("s3:deletebucketpolicy"),
        ),
        (
            "a pattern of accounts that takes a role's ARN field by field",
            Stage::role(assumes(json!({}))).bounded(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Sid": "no", "Effect": "Deny", "Action": "sts:*", "Resource": "arn:aws:iam::*:role/target"}])),
            Stage::role(assumes(json!({}))).bounded(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Sid": "no", "Effect": "Deny", "Action": "sts:*", "Resource": "arn:aws:iam::*:role/other"}])),
        ),
    ] {
        let claim = closed.proof().unwrap_or_else(|| panic!("{kind}: no proof"));
        assert!(closed.confirms(&claim), "{kind}: {claim:?}");
        assert!(!open.confirms(&claim), "{kind}: {claim:?} is false there");
        assert_eq!(open.proof(), None, "{kind}: open");
    }
}

/// What closes a step to a role need not be what closes it to the session of it that a policy names.
#[test]
fn one_proof_holds_for_a_role_and_for_its_named_sessions() {
    let session = |name: &str| {
        let mut stage = Stage::role(assumes(json!({"Principal": {"AWS": SESSION}})))
            .bounded(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]));
        let arn = format!("arn:aws:sts::111111111111:assumed-role/ci/{name}");
        stage.request.principal = Principal::Arn(arn);
        stage
    };
    let (named, other) = (session("s"), session("t"));
    let claim = other.proof().expect("a proof");
    assert!(!named.confirms(&claim), "the trust policy names that session: {claim:?}");
    let both = named.case(|named| other.case(|other| Case::explain(&[other, named])));
    let both = both.expect("the boundary closes it to both");
    assert!(named.confirms(&both) && other.confirms(&both));
}

/// A proof that is bent in any place is refused.
#[test]
fn a_false_claim_is_refused() {
    let stage = Stage::role(json!([
        {"Sid": "other", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111111111111:role/other"}},
        {"Sid": "org", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*",
         "Condition": {"StringEquals": {"aws:PrincipalAccount": "222222222222"}}}]));
    let claim = stage.proof().expect("a proof");
    let StepDenial::NotAllowed(layer, excluded) = &claim else { panic!("{claim:?}") };
    assert_eq!(layer, "resource policy");
    assert_eq!(excluded[0].2, GrantExclusion::Principal);
    assert_eq!(excluded[1].2, GrantExclusion::Condition("aws:principalaccount".to_owned()));
    assert!(stage.confirms(&claim));
    for bent in [
        StepDenial::NotAllowed(layer.clone(), excluded[..1].to_vec()),
        StepDenial::NotAllowed(layer.clone(), Vec::new()),
        StepDenial::NotAllowed("identity policies".to_owned(), excluded.clone()),
        StepDenial::NotAllowed("no such layer".to_owned(), Vec::new()),
        StepDenial::Denied(excluded[0].0.clone(), excluded[0].1.clone()),
        StepDenial::Denied("nobody".to_owned(), "0".to_owned()),
        StepDenial::Restricted,
    ] {
        assert!(!stage.confirms(&bent), "{bent:?}");
    }
    for (at, why) in [
        (0, GrantExclusion::Action),
        (0, GrantExclusion::Resource),
        (1, GrantExclusion::Principal),
        (0, GrantExclusion::Condition("x".to_owned())),
        (0, GrantExclusion::Elsewhere("identity policies".to_owned())),
        (0, GrantExclusion::Elsewhere("resource policy".to_owned())),
        (0, GrantExclusion::Elsewhere("no such layer".to_owned())),
    ] {
        let mut bent = excluded.clone();
        bent[at].2 = why;
        assert!(!stage.confirms(&StepDenial::NotAllowed(layer.clone(), bent.clone())), "{bent:?}");
    }
}

/// Two versions of the language read a variable unlike: a denial of the old one names a key of that very name.
#[test]
fn a_variable_of_the_old_version_covers_none_of_the_new() {
    let own = format!("{BUCKET}/${{aws:PrincipalTag/team}}/*");
    let deny = json!([{"Sid": "no", "Effect": "Deny", "Action": "s3:*", "Resource": own}]);
    let grant = json!([reads(json!({"Resource": own, "Principal": {"AWS": CI}}))]);
    let bounded = |version: &str| {
        let mut stage = Stage::bucket(grant.clone());
        let mut statements = everything().as_array().expect("a list").clone();
        statements.extend(deny.as_array().expect("a list").clone());
        let policy = json!({"Version": version, "Statement": statements});
        let (document, _) = Document::from_json(&policy, Use::Identity).expect("valid");
        let policy = Arc::new(Policy::new(format!("boundary{PART}p"), &document));
        stage.policies.boundary = Some(Arc::clone(&policy));
        stage.rules.push(NamedPolicy { policy, document: Arc::new(document) });
        stage
    };
    assert!(bounded("2012-10-17").proof().is_some());
    assert_eq!(bounded("2008-10-17").proof(), None);
}

/// AWS refuses to store an incomplete ARN that leaves its service open, and does not say what it would match: what is
/// denied by one alone is not proved.
#[test]
fn a_denial_of_an_arn_that_leaves_its_service_open_proves_nothing() {
    let boundary = |deny: Json| {
        let mut statements = everything().as_array().expect("a list").clone();
        let mut deny = deny;
        deny["Sid"] = json!("no");
        deny["Effect"] = json!("Deny");
        deny["Action"] = json!("*");
        statements.push(deny);
        Stage::role(assumes(json!({}))).bounded(json!(statements))
    };
    assert!(boundary(json!({"Resource": "arn:aws:iam"})).proof().is_some());
    assert!(
        boundary(json!({"NotResource": ["arn:aws:sqs", "arn:aws-cn:*", "b*"]})).proof().is_some()
    );
    assert!(denying(json!({"Resource": "arn:aws:s3:::*"})).proof().is_some());
    for open in ["arn:aws:*", "arn:aws", "arn:*", "*:iam::*:*", "a*"] {
        assert_eq!(boundary(json!({"Resource": open})).proof(), None, "{open}");
        assert_eq!(boundary(json!({"NotResource": open})).proof(), None, "all but {open}");
        assert_eq!(denying(json!({"Resource": open})).proof(), None, "{open}");
    }
}

/// A denial meets an allowance on the same condition, in whatever order and under whatever spelling of the key its
/// values stand.
#[test]
fn a_condition_is_the_same_however_it_is_written() {
    let teams = |key: &str, values: Json| on_condition("StringLike", key, values);
    let stage = |deny: Json| {
        let grant = reads(teams("aws:PrincipalTag/team", json!(["web-*", "ops-*"])));
        let mut deny = deny;
        deny["Sid"] = json!("no");
        deny["Effect"] = json!("Deny");
        deny["Principal"] = json!("*");
        deny["Action"] = json!("s3:*");
        deny["Resource"] = json!("*");
        Stage::bucket(json!([grant, deny]))
    };
    assert!(stage(teams("aws:PrincipalTag/team", json!(["web-*", "ops-*"]))).proof().is_some());
    assert!(stage(teams("aws:principaltag/team", json!(["ops-*", "web-*"]))).proof().is_some());
    assert!(
        stage(teams("aws:PrincipalTag/team", json!(["ops-*", "ops-*", "web-*"]))).proof().is_some()
    );
    assert_eq!(stage(teams("aws:PrincipalTag/team", json!(["ops-*"]))).proof(), None);
    assert_eq!(stage(teams("aws:PrincipalTag/team", json!("web-*"))).proof(), None);
}
