//! Conditions as they really are: keys that a request may lack and keys that it always carries, keys that follow from
//! what is asked for, keys that only some may set, and what S3 does whatever policies say.

use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";

fn statement(base: Json, more: Json) -> Json {
    let mut statement = base;
    for (key, value) in more.as_object().expect("an object") {
        statement[key] = value.clone();
    }
    statement
}

/// Dev's `ci` may read and write objects: it cannot even leave the organization.
fn narrow() -> Fixture {
    Fixture::new().both(lambda("dev", "ci", allow("s3:*", "*")))
}

pub(super) fn dev() -> Fixture {
    Fixture::new().both(with(
        lambda("dev", "ci", allow("*", "*")),
        "unique_id",
        json!("AROADEVDEVDEVDEVDEV12"),
    ))
}

pub(super) fn bucket(all: Vec<Json>, block: Json) -> SideObject {
    let policy = json!({"Version": "2012-10-17", "Statement": all});
    let attrs = json!({"bucket": "data", "policy": policy, "block_public_access": block});
    object("s3_bucket", Some("production"), "data", attrs)
}

/// A bucket that `ci` may read, or whoever `more` says.
pub(super) fn reading(more: Json) -> Json {
    statement(
        json!({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}),
        more,
    )
}

pub(super) fn holding(more: Json) -> SideObject {
    bucket(vec![reading(more)], json!({}))
}

pub(super) fn deploy(more: Json) -> SideObject {
    let trust = json!({"Version": "2012-10-17", "Statement": [statement(
        json!({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "sts:AssumeRole"}), more)]});
    role("production", "deploy", trust, None)
}

#[test]
fn a_key_that_a_request_may_lack_is_left_out() {
    let anyone = |condition: Json| holding(json!({"Principal": "*", "Condition": condition}));
    judge(vec![
        ("unsigned: the version of a signature", dev().both(anyone(json!({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}))), "$anonymous", "production", "isolated"),
        ("unsigned: no version of a signature", dev().both(anyone(json!({"StringNotEquals": {"s3:signatureversion": "AWS"}}))), "$anonymous", "production", "reachable"),
        ("unsigned: the age of a signature", dev().both(anyone(json!({"NumericLessThan": {"s3:signatureAge": "600000"}}))), "$anonymous", "production", "isolated"),
        ("unsigned: paths of an organization", dev().both(anyone(json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": ["o-zzzzzzzzzz/*"]}}))), "$anonymous", "production", "reachable"),
        ("unsigned: an organization", dev().both(anyone(json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}}))), "$anonymous", "production", "reachable"),
        ("unsigned: a tag", dev().both(anyone(json!({"StringEqualsIfExists": {"aws:PrincipalTag/team": "ops"}}))), "$anonymous", "production", "reachable"),
        ("unsigned: a second factor", dev().both(anyone(json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}))), "$anonymous", "production", "reachable"),
        ("unsigned: who it must be", dev().both(anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}}))), "$anonymous", "production", "isolated"),
        ("signed: a member's organization is compared", narrow().both(anyone(json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}}))), "dev", "production", "isolated"),
        ("signed: so is its ARN", dev().both(anyone(json!({"ForAllValues:ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/other"}}))), "dev", "production", "isolated"),
        ("signed: no endpoint", dev().both(holding(json!({"Condition": {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}}))), "dev", "production", "reachable"),
        ("signed: an endpoint", dev().both(holding(json!({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}))), "dev", "production", "conditional"),
        ("a user without a second factor", Fixture::new().both(user("dev", "op", allow("*", "*"))).both(holding(json!({"Principal": {"AWS": "arn:aws:iam::111111111111:user/op"},
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}))), "dev", "production", "reachable"),
    ]);
}

#[test]
fn keys_of_a_session_take_a_right_of_their_own() {
    let tag = || json!({"StringEquals": {"aws:RequestTag/env": "prod"}});
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    let narrow = || Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME])));
    judge(vec![
        ("a tag without TagSession", dev().both(deploy(json!({"Condition": tag()}))), "dev", "production", "isolated"),
        ("a tag with it", dev().both(deploy(json!({"Action": both, "Condition": tag()}))), "dev", "production", "reachable"),
        ("a tag that the caller may not set", narrow().both(deploy(json!({"Action": both, "Condition": tag()}))), "dev", "production", "isolated"),
        ("names of tags", dev().both(deploy(json!({"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": ["env"]}}}))), "dev", "production", "isolated"),
        ("a source identity without SetSourceIdentity", dev().both(deploy(json!({"Condition": {"StringLike": {"sts:SourceIdentity": "*"}}}))), "dev", "production", "isolated"),
        ("a source identity with it", dev().both(deploy(json!({"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"], "Condition": {"StringLike": {"sts:SourceIdentity": "*"}}}))), "dev", "production", "reachable"),
        ("an external id takes none", dev().both(deploy(json!({"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}))), "dev", "production", "reachable"),
    ]);
}

#[test]
fn what_is_known_of_both_ends_is_no_condition() {
    let deny = |condition: Json| json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition});
    let tagged = |own: Json, theirs: Json, condition: Json| {
        let assume = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition});
        let ci = lambda("dev", "ci", json!({"Version": "2012-10-17", "Statement": [assume]}));
        Fixture::new().both(with(ci, "tags", own)).both(with(deploy(json!({})), "tags", theirs))
    };
    let same = || json!({"StringEquals": {"aws:ResourceTag/env": "${aws:PrincipalTag/env}"}});
    let userid = |operator: &str, id: &str| {
        bucket(
            vec![
                reading(json!({"Principal": {"AWS": "111111111111"}})),
                statement(
                    deny(json!({operator: {"aws:userid": id}})),
                    json!({"Principal": "*", "Action": "s3:*"}),
                ),
            ],
            json!({}),
        )
    };
    judge(vec![
        ("S3's name of the owner, in an SCP", narrow().both(holding(json!({}))).both(scp("own", "dev", statement(deny(json!({"StringNotEquals": {"s3:ResourceAccount": "111111111111"}})), json!({"Action": "s3:*"})))), "dev", "production", "isolated"),
        ("which lets the owner's be", narrow().both(holding(json!({}))).both(scp("own", "dev", statement(deny(json!({"StringNotEquals": {"s3:ResourceAccount": "333333333333"}})), json!({"Action": "s3:*"})))), "dev", "production", "reachable"),
        ("the role's tags", tagged(json!({"env": "dev"}), json!({"env": "prod"}), same()), "dev", "production", "isolated"),
        ("the same tags", tagged(json!({"env": "dev"}), json!({"env": "dev"}), same()), "dev", "production", "reachable"),
        ("a tag that it does not bear", tagged(json!({}), json!({}), json!({"Null": {"iam:ResourceTag/env": "false"}})), "dev", "production", "isolated"),
        ("an id that is another one's", dev().both(userid("StringNotLike", "AROAPRODPRODPRODPROD1:*")), "dev", "production", "isolated"),
        ("its own id", dev().both(userid("StringNotLike", "AROADEVDEVDEVDEVDEV12:*")), "dev", "production", "reachable"),
        ("its own id, denied", dev().both(userid("StringLike", "AROADEVDEVDEVDEVDEV12:*")), "dev", "production", "isolated"),
        ("a tag that exempts, in an SCP", dev().both(deploy(json!({}))).both(scp("tag", "dev", deny(json!({"StringNotEquals": {"aws:PrincipalTag/breakglass": "true"}})))), "dev", "production", "isolated"),
        ("a tag that its own policy asks for", Fixture::new().both(lambda("dev", "ci", json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "ops"}}}]}))).both(deploy(json!({}))), "dev", "production", "isolated"),
        ("a tag in a resource that nobody bears", dev().both(holding(json!({"Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"}))), "dev", "production", "isolated"),
        ("a tag in a resource", Fixture::new().both(with(lambda("dev", "ci", allow("*", "*")), "tags", json!({"team": "ops"}))).both(holding(json!({"Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"}))), "dev", "production", "reachable"),
        ("a key of another service", dev().both(deploy(json!({"Condition": {"StringEquals": {"s3:prefix": "x"}}}))), "dev", "production", "isolated"),
    ]);
}

#[test]
fn an_action_of_s3_acts_on_its_own_kind_of_resource_and_not_for_everybody() {
    let on = |action: &str, resource: &str| {
        dev().both(holding(json!({"Action": action, "Resource": resource})))
    };
    judge(vec![
        (
            "objects, on a bucket",
            on("s3:GetObject", "arn:aws:s3:::data"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "objects, by a pattern without a slash that takes one",
            on("s3:GetObject", "arn:aws:s3:::dat*"),
            "dev",
            "production",
            "reachable",
        ),
        (
            "objects by a pattern of actions, on a bucket",
            on("s3:PutObject*", "arn:aws:s3:::data"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a bucket, on objects",
            on("s3:ListBucket", "arn:aws:s3:::data/*"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "everything, on a bucket",
            on("s3:*", "arn:aws:s3:::data"),
            "dev",
            "production",
            "reachable",
        ),
        (
            "its policy",
            on("s3:PutBucketPolicy", "arn:aws:s3:::data"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "its policy, by a pattern",
            on("s3:DeleteBucketPol*", "arn:aws:s3:::data"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "its policy and more",
            on("s3:PutBucketP*", "arn:aws:s3:::data"),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn a_policy_that_names_a_known_party_is_not_public() {
    let restricted = |condition: Json| {
        let open = json!({"Sid": "open", "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*", "Condition": condition});
        dev().both(bucket(vec![open, reading(json!({}))], json!({"restrict_public_buckets": true})))
    };
    judge(vec![
        (
            "a service",
            restricted(
                json!({"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}}),
            ),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a path of an organization",
            restricted(
                json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-zzzzzzzzzz/r-ab12/ou-ab12-1/*"}}),
            ),
            "dev",
            "production",
            "reachable",
        ),
        (
            "any organization",
            restricted(json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "*/r-ab12/*"}})),
            "dev",
            "production",
            "isolated",
        ),
        (
            "sessions of a role by its id",
            restricted(json!({"StringLike": {"aws:userid": "AROAZZZZZZZZZZZZZZZZZ:*"}})),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a user by its id",
            restricted(json!({"StringEquals": {"aws:userid": "AIDAZZZZZZZZZZZZZZZZZ"}})),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn a_certificate_lets_somebody_in_from_outside() {
    let trusting = |name: &str| {
        role(
            "production",
            "agent",
            trust(json!({"Principal": {"Service": name}})),
            Some(allow("*", "*")),
        )
    };
    let section = Fixture::new().both(trusting("rolesanywhere.amazonaws.com")).analyse();
    assert_eq!(after(&section, "$external", "production"), "conditional");
    assert_eq!(after(&section, "dev", "production"), "isolated");
    let other = Fixture::new().both(trusting("codebuild.amazonaws.com")).analyse();
    assert_eq!(after(&other, "$external", "production"), "isolated");
}

#[test]
fn whoever_calls_may_call_directly() {
    let via = |value: &str| json!({"Bool": {"aws:ViaAWSService": value}});
    let deny = |value: &str| json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*", "Condition": via(value)});
    let denied = |value: &str| bucket(vec![reading(json!({})), deny(value)], json!({}));
    judge(vec![
        (
            "asked for",
            dev().both(deploy(json!({"Condition": via("false")}))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a service's call asked for",
            dev().both(deploy(json!({"Condition": via("true")}))),
            "dev",
            "production",
            "conditional",
        ),
        ("a service's call denied", dev().both(denied("true")), "dev", "production", "reachable"),
        ("denied", dev().both(denied("false")), "dev", "production", "conditional"),
    ]);
}

#[test]
fn an_id_of_the_estate_is_nobody_elses() {
    let named = |operator: &str, id: &str| {
        holding(json!({"Principal": "*", "Condition": {operator: {"aws:userid": id}}}))
    };
    let own = "AROADEVDEVDEVDEVDEV12:*";
    judge(vec![
        ("the role's", dev().both(named("StringLike", own)), "dev", "production", "reachable"),
        (
            "the role's, from elsewhere",
            dev().both(named("StringLike", own)),
            "$external",
            "production",
            "isolated",
        ),
        (
            "somebody's, from elsewhere",
            dev().both(named("StringLike", "AROAELSEELSEELSEELSE1:*")),
            "$external",
            "production",
            "conditional",
        ),
        (
            "all others', from elsewhere",
            dev().both(named("StringNotLike", own)),
            "$external",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn a_service_is_judged_by_whom_it_may_act_for() {
    let told = |condition: Json| -> Vec<String> {
        let grant = json!({"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Condition": condition});
        let section = dev().both(holding(grant)).analyse();
        let all = findings(&section, FindingKind::ConfusedDeputy);
        all.into_iter().map(str::to_owned).collect()
    };
    let open = [
        json!({}),
        json!({"StringLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*"}}),
        json!({"StringNotEquals": {"aws:SourceAccount": "777777777777"}}),
        json!({"StringEqualsIfExists": {"aws:SourceAccount": "333333333333"}}),
        json!({"StringLike": {"aws:SourceOrgID": "o-*"}}),
    ];
    for condition in open {
        assert_eq!(told(condition.clone()).len(), 1, "{condition}");
    }
    let shut = [
        json!({"StringEquals": {"aws:SourceAccount": "333333333333"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:333333333333:trail/*"}}),
        json!({"StringEquals": {"aws:SourceOrgID": "o-aaaaaaaaaa"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::inventory"}}),
    ];
    for condition in shut {
        assert_eq!(told(condition.clone()), Vec::<String>::new(), "{condition}");
    }
    // A guardrail that takes all that acts for somebody else, wherever the request says for whom.
    let guarded = |condition: Json, ours: &str| {
        let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": "*", "Condition": {"StringNotEqualsIfExists": {"aws:SourceOrgID": ours},
            "Null": {"aws:SourceAccount": "false"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}}]});
        let attrs = json!({"targets": ["333333333333"], "content": deny});
        let grant = json!({"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Condition": condition});
        let rcp = object("resource_control_policy", None, "deputies", attrs);
        let section = dev().both(holding(grant)).both(rcp).analyse();
        findings(&section, FindingKind::ConfusedDeputy).len()
    };
    assert_eq!(guarded(json!({}), "o-aaaaaaaaaa"), 0, "AWS's own guardrail");
    assert_eq!(guarded(json!({}), "o-zzzzzzzzzz"), 1, "of another organization");
    let named = json!({"StringNotEquals": {"aws:SourceAccount": "777777777777"}});
    assert_eq!(guarded(named, "o-aaaaaaaaaa"), 0);
    let left_out = json!({"StringEqualsIfExists": {"aws:SourceAccount": "333333333333"}});
    assert_eq!(guarded(left_out, "o-aaaaaaaaaa"), 1, "a request that does not say");
    let of_dev = told(json!({"StringEquals": {"aws:SourceAccount": "111111111111"}}));
    assert!(of_dev.len() == 1 && of_dev[0].contains("for the account `dev`"), "{of_dev:?}");
}

/// IAM User Guide, "AWS global condition context keys" (`aws:PrincipalArn`) and "Compare AWS STS credentials".
#[test]
fn root_users_and_federated_users_of_elsewhere_are_somebody() {
    let asked = |operator: &str, arn: &str| json!({operator: {"aws:PrincipalArn": arn}});
    let partner = |condition: Json| {
        holding(json!({"Principal": {"AWS": "555555555555"}, "Condition": condition}))
    };
    let anyone = |condition: Json| holding(json!({"Principal": "*", "Condition": condition}));
    let entered = |condition: Json| {
        deploy(json!({"Principal": {"AWS": "555555555555"}, "Condition": condition}))
    };
    let root = asked("ArnEquals", "arn:aws:iam::555555555555:root");
    let federated = asked("ArnLike", "arn:aws:sts::*:federated-user/*");
    let session = asked("ArnLike", "arn:aws:sts::*:assumed-role/*");
    judge(vec![
        (
            "the root user of an account",
            dev().both(partner(root.clone())),
            "$external",
            "production",
            "conditional",
        ),
        (
            "a federated user of an account",
            dev().both(partner(federated.clone())),
            "$external",
            "production",
            "conditional",
        ),
        (
            "a federated user of any account",
            dev().both(anyone(federated.clone())),
            "$external",
            "production",
            "reachable",
        ),
        (
            "an organization that may be left out",
            dev().both(anyone(
                json!({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-acme000000"}}),
            )),
            "$external",
            "production",
            "reachable",
        ),
        (
            "an endpoint that may be left out",
            dev().both(partner(json!({"Null": {"aws:SourceVpce": "true"}}))),
            "$external",
            "production",
            "reachable",
        ),
        (
            "a source that no identity names",
            dev().both(anyone(
                json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111111111111:t"}}),
            )),
            "$external",
            "production",
            "isolated",
        ),
        (
            "no root user assumes a role",
            dev().both(entered(root)),
            "$external",
            "production",
            "isolated",
        ),
        (
            "nor does a federated user",
            dev().both(entered(federated)),
            "$external",
            "production",
            "isolated",
        ),
        (
            "the key is the role's, not its session's",
            dev().both(anyone(session)),
            "$external",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn what_is_open_is_found_however_much_there_is_to_try() {
    let globs: Vec<String> =
        (0..12).map(|n| format!("arn:aws:s3:::data/*a{n}*b{n}*c{n}*")).collect();
    let tags: serde_json::Map<String, Json> =
        (0..16).map(|n| (format!("s3:RequestObjectTag/k{n}"), json!(["a", "b", "c"]))).collect();
    let many: Vec<String> = (0..300).map(|n| format!("arn:aws:s3:::data/team{n}/*")).collect();
    judge(vec![
        ("patterns that cross", dev().both(holding(json!({"Resource": globs}))), "dev", "production", "reachable"),
        ("sixteen keys", dev().both(holding(json!({"Action": "s3:PutObject", "Condition": {"StringEquals": tags}}))), "dev", "production", "reachable"),
        ("300 prefixes", dev().both(holding(json!({"Resource": many}))), "dev", "production", "reachable"),
        ("300 prefixes for another one", dev().both(holding(json!({"Principal": {"AWS": "arn:aws:iam::333333333333:role/app"}, "Resource": many}))), "dev", "production", "isolated"),
    ]);
    // What is added behind a wall that was open already is told as such.
    let section = dev()
        .both(holding(json!({"Resource": globs})))
        .rule(Vec::new())
        .then(bucket(vec![reading(json!({"Resource": globs})), reading(json!({"Principal": {"AWS": "111111111111"}, "Action": "s3:*", "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]}))], json!({})))
        .analyse();
    assert!(!section.changes.is_empty(), "{:?}", section.matrix);
}

/// IAM User Guide, "Compare AWS STS credentials": such a session calls no STS operation by API or CLI, and from the console
/// it switches to a role that lets it.
#[test]
fn a_session_of_get_federation_token_switches_roles_in_the_console_alone() {
    let named = |principal: &str| {
        Fixture::new()
            .both(role(
                "production",
                "deploy",
                trust(json!({"Principal": {"AWS": principal}})),
                None,
            ))
            .analyse()
    };
    // In an account that was read it takes a user who may begin one.
    let dev = "arn:aws:sts::111111111111:federated-user/guest";
    let by = |begins: SideObject| {
        let trust = trust(json!({"Principal": {"AWS": dev}}));
        let section =
            Fixture::new().both(role("production", "deploy", trust, None)).both(begins).analyse();
        after(&section, "dev", "production")
    };
    assert_eq!(after(&named(dev), "dev", "production"), "isolated");
    let rights = || statements(&[("sts:GetFederationToken", "*"), ("sts:AssumeRole", "*")]);
    assert_eq!(by(user("dev", "ann", rights())), "conditional");
    assert_eq!(by(user("dev", "ann", statements(&[("sts:AssumeRole", "*")]))), "isolated");
    assert_eq!(by(lambda("dev", "ci", rights())), "isolated");
    let section = named("arn:aws:sts::444444444444:federated-user/guest");
    assert_eq!(after(&section, "$external", "production"), "conditional");
    let section = named("arn:aws:iam::444444444444:user/guest");
    assert_eq!(after(&section, "$external", "production"), "reachable");
}

/// IAM User Guide, "IAM identifiers": an identity policy's ARN with fewer than six fields goes on with stars.
#[test]
fn an_incomplete_arn_of_an_identity_policy_is_completed() {
    let crossing = |resource: &str| {
        let section = Fixture::new()
            .both(lambda("dev", "ci", allow("sts:AssumeRole", resource)))
            .both(role("production", "deploy", by("dev", "ci"), None))
            .analyse();
        after(&section, "dev", "production").to_owned()
    };
    assert_eq!(crossing("arn:aws:iam"), "reachable");
    assert_eq!(crossing("arn:aws:iam::333333333333"), "reachable");
    assert_eq!(crossing("arn:aws:iam::111111111111"), "isolated");
    assert_eq!(crossing("arn:aws:s3"), "isolated");
    let denied = |resource: &str| {
        let section = Fixture::new()
            .both(lambda(
                "dev",
                "ci",
                json!({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
                    {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": resource}]}),
            ))
            .both(role("production", "deploy", by("dev", "ci"), None))
            .analyse();
        after(&section, "dev", "production").to_owned()
    };
    assert_eq!(denied("arn:aws:iam"), "isolated");
    assert_eq!(denied("arn:aws:iam::222222222222"), "reachable");
}

/// Roles of Identity Center are origins like any other, and SCPs bind them; those of services are exempt (Organizations
/// User Guide, "Service control policies").
#[test]
fn only_service_linked_roles_are_exempt_from_guardrails() {
    let lock = || scp("lock", "dev", json!({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}));
    let from = |path: &str, locked: bool| {
        let arn = format!("arn:aws:iam::111111111111:role{path}admin");
        let own = with(lambda("dev", "admin", statements(&[ASSUME])), "arn", json!(arn));
        let fixture = Fixture::new().both(own).both(role(
            "production",
            "deploy",
            trust(json!({"Principal": {"AWS": arn}})),
            None,
        ));
        let section = if locked { fixture.both(lock()) } else { fixture }.analyse();
        after(&section, "dev", "production").to_owned()
    };
    assert_eq!(from("/aws-reserved/sso.amazonaws.com/", false), "reachable");
    assert_eq!(from("/aws-reserved/sso.amazonaws.com/", true), "isolated");
    assert_eq!(from("/aws-service-role/x.amazonaws.com/", true), "reachable");
}

/// A key that every such request carries is compared; one that a request may lack is left out (IAM User Guide, "AWS global
/// condition context keys", the availability of each key).
#[test]
fn a_key_that_every_request_carries_is_compared_and_never_left_out() {
    let crossing = |operator: &str, key: &str, value: &str| {
        let mut conditioned = by("dev", "ci");
        conditioned["Statement"][0]["Condition"] = json!({operator: {key: value}});
        let section = Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .then(role("production", "deploy", conditioned, None))
            .analyse();
        let told = section.changes.iter().find(|c| c.from.environment == "dev");
        let told = told.map(|change| change.conditions.join("; ")).unwrap_or_default();
        (after(&section, "dev", "production").to_owned(), told)
    };
    let told = |text: &str| ("conditional".to_owned(), text.to_owned());
    let free = || ("reachable".to_owned(), String::new());
    let shut = || ("isolated".to_owned(), String::new());
    // Carried: the value decides.
    let until = ("aws:CurrentTime", "2030-01-01T00:00:00Z");
    assert_eq!(
        crossing("DateLessThanIfExists", until.0, until.1),
        told("aws:CurrentTime < 2030-01-01T00:00:00Z")
    );
    assert_eq!(crossing("Null", "aws:CurrentTime", "true"), shut());
    assert_eq!(crossing("Null", "aws:TokenIssueTime", "true"), shut());
    assert_eq!(crossing("Null", "sts:RoleSessionName", "true"), shut());
    assert_eq!(crossing("Null", "aws:userid", "true"), shut());
    assert_eq!(
        crossing("ForAllValues:ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/other"),
        shut()
    );
    assert_eq!(crossing("StringEqualsIfExists", "aws:PrincipalAccount", "222222222222"), shut());
    // The caller chooses what it carries.
    assert_eq!(crossing("StringEqualsIfExists", "aws:RequestedRegion", "eu-west-1"), free());
    // Not carried by every request: left out.
    assert_eq!(crossing("StringEqualsIfExists", "aws:SourceVpce", "vpce-1"), free());
    assert_eq!(crossing("ForAllValues:StringEquals", "aws:TagKeys", "team"), free());
    assert_eq!(crossing("StringEqualsIfExists", "sts:ExternalId", "blue"), free());
    assert_eq!(crossing("Null", "sts:ExternalId", "true"), free());
}

/// Session keys of one service stand in requests to every other one (IAM User Guide, "Properties of a role session").
#[test]
fn keys_of_credentials_stand_in_requests_to_any_service() {
    let from = |service: &str, condition: Json| {
        let job = role(
            "dev",
            "job",
            trust(json!({"Principal": {"Service": service}})),
            Some(allow("s3:*", "*")),
        );
        let anyone = json!({"Principal": {"AWS": "111111111111"}, "Condition": condition});
        Fixture::new().both(job).both(holding(anyone))
    };
    let project =
        json!({"ArnLike": {"codebuild:ProjectArn": "arn:aws:codebuild:*:111111111111:project/x"}});
    let build =
        json!({"ArnLike": {"codebuild:BuildArn": "arn:aws:codebuild:*:111111111111:build/x:*"}});
    let glue = json!({"StringEquals": {"glue:RoleAssumedBy": "glue.amazonaws.com"}});
    let function = json!({"ArnLike": {"lambda:SourceFunctionArn": "arn:aws:lambda:*:111111111111:function:x"}});
    // A key of the service's own requests, which says nothing of credentials.
    let image = json!({"StringEquals": {"codebuild:projectVisibility": "PRIVATE"}});
    let layer = json!({"StringEquals": {"lambda:Layer": "x"}});
    judge(vec![
        ("a project", from("codebuild.amazonaws.com", project), "dev", "production", "conditional"),
        ("a build", from("codebuild.amazonaws.com", build), "dev", "production", "conditional"),
        (
            "a Glue job",
            from("glue.amazonaws.com", glue.clone()),
            "dev",
            "production",
            "conditional",
        ),
        ("a function", from("lambda.amazonaws.com", function), "dev", "production", "conditional"),
        (
            "what a project is",
            from("codebuild.amazonaws.com", image),
            "dev",
            "production",
            "isolated",
        ),
        ("a layer", from("lambda.amazonaws.com", layer), "dev", "production", "isolated"),
        (
            "unsigned",
            Fixture::new().both(holding(json!({"Principal": "*", "Condition": glue}))),
            "$anonymous",
            "production",
            "isolated",
        ),
    ]);
}

/// Version 2008-10-17 knows no variables, and a default stands in for a key that is not there (IAM User Guide, "IAM JSON
/// policy elements: Version", "Variables and tags").
#[test]
fn variables_are_literal_in_the_old_version_and_have_defaults() {
    let versioned = |version: &str, condition: Json| {
        let policy = json!({"Version": version, "Statement": [
            reading(json!({"Principal": {"AWS": "111111111111"}})),
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*", "Condition": condition},
        ]});
        let attrs = json!({"bucket": "data", "policy": policy, "block_public_access": {}});
        narrow().both(object("s3_bucket", Some("production"), "data", attrs))
    };
    let own = || json!({"StringNotEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}});
    let same = || json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}});
    let below = |pattern: &str, identity: &str| {
        Fixture::new()
            .both(lambda("dev", "ci", allow("s3:GetObject", identity)))
            .both(holding(json!({"Principal": {"AWS": "111111111111"}, "Resource": pattern})))
    };
    let team = "arn:aws:s3:::data/${aws:PrincipalTag/team, 'public'}/*";
    judge(vec![
        (
            "never what it stands for",
            versioned("2008-10-17", own()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "always what it stands for",
            versioned("2012-10-17", own()),
            "dev",
            "production",
            "reachable",
        ),
        ("never itself", versioned("2008-10-17", same()), "dev", "production", "reachable"),
        ("always itself", versioned("2012-10-17", same()), "dev", "production", "isolated"),
        ("a default", below(team, "arn:aws:s3:::data/public/*"), "dev", "production", "reachable"),
        (
            "another than the default",
            below(team, "arn:aws:s3:::data/ops/*"),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

/// A source identity takes the role's trust, at every step of a chain (IAM User Guide, "Monitor and control actions taken
/// with assumed roles").
#[test]
fn a_source_identity_is_what_the_trust_lets_one_set() {
    let ci = |trust: Json| role("dev", "ci", trust, Some(allow("*", "*")));
    let actions = |actions: Json| {
        trust(json!({"Principal": {"AWS": "arn:aws:iam::111111111111:user/op"}, "Action": actions}))
    };
    let alice = || holding(json!({"Condition": {"StringEquals": {"aws:SourceIdentity": "alice"}}}));
    let nobody = || {
        holding(json!({"Condition": {"StringNotEqualsIfExists": {"aws:SourceIdentity": "alice"}}}))
    };
    let by_lambda = || trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}}));
    let set = || json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let person = || json!({"Principal": {"AWS": "arn:aws:iam::111111111111:user/op"}, "Condition": {"StringEquals": {"aws:SourceIdentity": "alice"}}});
    judge(vec![
        (
            "set by whoever assumes it",
            Fixture::new().both(ci(actions(set()))).both(alice()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "not let by the trust",
            Fixture::new().both(ci(actions(json!("sts:AssumeRole")))).both(alice()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "assumed by a service",
            Fixture::new().both(ci(by_lambda())).both(alice()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a user bears none",
            Fixture::new().both(user("dev", "op", allow("s3:*", "*"))).both(holding(person())),
            "dev",
            "production",
            "isolated",
        ),
        (
            "asked to be another one, or none",
            Fixture::new().both(ci(by_lambda())).both(nobody()),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

/// What a caller leaves out, or asks for: STS API Reference, `AssumeRole` (`ProvidedContexts`); IAM User Guide, "AWS global condition
/// context keys", `aws:AssumedRoot`; "Compare AWS STS credentials".
#[test]
fn what_a_caller_leaves_out_or_asks_for_is_no_condition() {
    let to = |condition: Json| {
        let trust = trust(json!({"Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
            "Action": ["sts:AssumeRole", "sts:SetContext"], "Condition": condition}));
        Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
            "production",
            "deploy",
            trust,
            None,
        ))
    };
    let provider = "arn:aws:iam::aws:contextProvider/IdentityCenter";
    let contexts = |test: &str| to(json!({test: {"sts:RequestContextProviders": provider}}));
    let case = |name, fixture, right| (name, fixture, "dev", "production", right);
    judge(vec![
        case("no context is passed", contexts("ForAllValues:ArnEquals"), "reachable"),
        case("one is asked for", contexts("ForAnyValue:ArnEquals"), "conditional"),
        case("a role is no root", to(json!({"Null": {"aws:AssumedRoot": "true"}})), "reachable"),
        case("nor is it one", to(json!({"Bool": {"aws:AssumedRoot": "true"}})), "isolated"),
    ]);
    let outside = |condition: Json| {
        let trust = trust(json!({"Principal": {"AWS": "*"}, "Condition": condition}));
        let section = Fixture::new().both(role("production", "deploy", trust, None)).analyse();
        after(&section, "$external", "production")
    };
    for condition in [
        json!({"StringLike": {"aws:PrincipalAccount": "9999*"}}),
        json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
        json!({"StringLike": {"aws:userid": "*:ci"}}),
    ] {
        assert_eq!(outside(condition.clone()), "reachable", "{condition}");
    }
}
