//! What callers choose of a request, what their sessions carry, and when they make it.

use super::conditions::{bucket, deploy, dev, holding, reading};
use super::hunt::{judge, with};
use super::power::{ASSUME, statements};
use super::*;

/// IAM User Guide, "Secure API access with MFA"; STS API Reference, `AssumeRole`.
#[test]
fn a_session_that_no_user_begins_carries_no_second_factor() {
    const BASE: &str = "arn:aws:iam::111111111111:role/base";
    let asks = || holding(json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}));
    let begun = |by: Json, action: &str| {
        let trust = trust(json!({"Principal": by, "Action": action}));
        Fixture::new().both(role("dev", "ci", trust, Some(allow("s3:*", "*")))).both(asks())
    };
    let by = |aws: Json| begun(json!({"AWS": aws}), "sts:AssumeRole");
    let oidc = json!({"Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"});
    let saml = json!({"Federated": "arn:aws:iam::111111111111:saml-provider/AWSSSO_x"});
    let op = "arn:aws:iam::111111111111:user/op";
    judge(vec![
        (
            "a web identity",
            begun(oidc, "sts:AssumeRoleWithWebIdentity"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "an assertion, as of Identity Center",
            begun(saml, "sts:AssumeRoleWithSAML"),
            "dev",
            "production",
            "isolated",
        ),
        // Whether a factor stays with the next role AWS does not say.
        ("another role", by(json!(BASE)), "dev", "production", "conditional"),
        (
            "a session of another role",
            by(json!("arn:aws:sts::111111111111:assumed-role/base/x")),
            "dev",
            "production",
            "conditional",
        ),
        ("a user", by(json!(op)), "dev", "production", "conditional"),
        ("another role, or a user", by(json!([BASE, op])), "dev", "production", "conditional"),
        (
            "somebody of the account",
            by(json!("arn:aws:iam::111111111111:root")),
            "dev",
            "production",
            "conditional",
        ),
    ]);
}

/// IAM User Guide, "Pass session tags in AWS STS", "Chaining roles with session tags".
#[test]
fn a_tag_of_a_session_is_what_the_trust_leaves() {
    const BASE: &str = "arn:aws:iam::111111111111:role/base";
    let passing = |whom: &str, conditions: Json| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": whom}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": whom}, "Action": "sts:TagSession", "Condition": conditions}]})
    };
    let asks = |tag: &str, value: &str| {
        holding(json!({"Condition": {"StringEquals": {format!("aws:PrincipalTag/{tag}"): value}}}))
    };
    let ci =
        |conditions: Json| role("dev", "ci", passing(BASE, conditions), Some(allow("s3:*", "*")));
    let base = || lambda("dev", "base", statements(&[ASSUME, ("sts:TagSession", "*")]));
    let between = |conditions: Json| Fixture::new().both(base()).both(ci(conditions));
    let team = || json!({"StringEquals": {"aws:RequestTag/team": "dev"}});
    let alone = || json!({"StringEquals": {"aws:RequestTag/team": "dev"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}});
    let whole = || {
        role(
            "dev",
            "ci",
            passing("arn:aws:iam::111111111111:root", team()),
            Some(allow("s3:*", "*")),
        )
    };
    let tagged = || {
        role(
            "dev",
            "base",
            passing("arn:aws:iam::111111111111:user/op", json!({})),
            Some(statements(&[ASSUME])),
        )
    };
    judge(vec![
        ("another tag", between(alone()).both(asks("adm", "yes")), "dev", "production", "isolated"),
        (
            "another value",
            between(team()).both(asks("team", "prod")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "in other letters",
            between(team()).both(asks("Team", "prod")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another value, of two",
            between(json!({"StringEquals": {"aws:RequestTag/team": ["dev", "ops"]}}))
                .both(asks("team", "prod")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "that value",
            between(team()).both(asks("team", "dev")),
            "dev",
            "production",
            "conditional",
        ),
        (
            "another tag, of which it says nothing",
            between(team()).both(asks("adm", "yes")),
            "dev",
            "production",
            "conditional",
        ),
        (
            "a pattern of values",
            between(json!({"StringLike": {"aws:RequestTag/team": "*"}})).both(asks("team", "prod")),
            "dev",
            "production",
            "conditional",
        ),
        (
            "the role's own tag",
            Fixture::new()
                .both(base())
                .both(with(ci(alone()), "tags", json!({"adm": "yes"})))
                .both(asks("adm", "yes")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "what it inherits from a role that takes any tag",
            Fixture::new().both(tagged()).both(ci(team())).both(asks("team", "prod")),
            "dev",
            "production",
            "conditional",
        ),
        (
            "what it inherits from whatever role of an account",
            Fixture::new().both(base()).both(whole()).both(asks("team", "prod")),
            "dev",
            "production",
            "conditional",
        ),
    ]);
}

/// Fixtures are judged on 2026-11-23. IAM User Guide, "AWS global condition context keys", "Revoke IAM role temporary
/// security credentials".
#[test]
fn what_conditions_say_of_days_that_have_passed_is_settled() {
    let when =
        |operator: &str, key: &str, at: Json| holding(json!({"Condition": {operator: {key: at}}}));
    let now = |operator: &str, at: &str| dev().both(when(operator, "aws:CurrentTime", json!(at)));
    let epoch = |operator: &str, at: i64| {
        dev().both(when(operator, "aws:EpochTime", json!(at.to_string())))
    };
    let revoked = |before: &str| {
        let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}}});
        let all = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        Fixture::new()
            .both(lambda("dev", "ci", json!({"Version": "2012-10-17", "Statement": [all, deny]})))
            .both(holding(json!({})))
    };
    judge(vec![
        (
            "a day that has ended",
            now("DateLessThan", "2020-01-01T00:00:00Z"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "the night before",
            now("DateLessThanEquals", "2026-11-22T23:59:59Z"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a moment of today",
            now("DateLessThan", "2026-11-23T10:00:00Z"),
            "dev",
            "production",
            "conditional",
        ),
        (
            "a day to come",
            now("DateLessThan", "2027-01-01T00:00:00Z"),
            "dev",
            "production",
            "conditional",
        ),
        (
            "since a day that has passed",
            now("DateGreaterThan", "2020-01-01T00:00:00Z"),
            "dev",
            "production",
            "reachable",
        ),
        (
            "from a day to come on",
            now("DateGreaterThan", "2027-01-01T00:00:00Z"),
            "dev",
            "production",
            "conditional",
        ),
        (
            "seconds that have passed",
            epoch("NumericLessThan", 1_577_836_800),
            "dev",
            "production",
            "isolated",
        ),
        (
            "the same, as a date",
            epoch("DateLessThan", 1_577_836_800),
            "dev",
            "production",
            "isolated",
        ),
        (
            "since seconds that have passed",
            epoch("NumericGreaterThan", 1_577_836_800),
            "dev",
            "production",
            "reachable",
        ),
        (
            "revoked: a new session is begun",
            revoked("2026-01-01T00:00:00Z"),
            "dev",
            "production",
            "reachable",
        ),
        ("revoked today", revoked("2026-11-23T09:00:00Z"), "dev", "production", "reachable"),
        (
            "until a day to come",
            revoked("2027-01-01T00:00:00Z"),
            "dev",
            "production",
            "conditional",
        ),
        (
            "a session that began long ago",
            dev().both(when("DateLessThan", "aws:TokenIssueTime", json!("2026-11-20T00:00:00Z"))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "one that may last still",
            dev().both(when("DateLessThan", "aws:TokenIssueTime", json!("2026-11-22T18:00:00Z"))),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

/// S3 User Guide, "Bucket policy examples using condition keys"; Amazon EC2 User Guide, "Example policies to control access
/// to the Amazon EC2 API".
#[test]
fn a_caller_chooses_its_connection_and_how_it_fetches_its_credentials() {
    let deny = |condition: Json| {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"], "Condition": condition});
        bucket(vec![reading(json!({})), deny], json!({}))
    };
    let instance = || {
        let trust = trust(json!({"Principal": {"Service": "ec2.amazonaws.com"}}));
        Fixture::new().both(role("dev", "ci", trust, Some(allow("s3:*", "*"))))
    };
    let version = |operator: &str| json!({operator: {"ec2:RoleDelivery": "2.0"}});
    judge(vec![
        (
            "TLS",
            dev().both(deny(json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "TLS, allowed",
            dev().both(holding(
                json!({"Condition": {"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}}),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a network is no choice",
            dev().both(deny(json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))),
            "dev",
            "production",
            "conditional",
        ),
        (
            "an instance",
            instance().both(deny(version("NumericLessThan"))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "an instance, allowed",
            instance().both(holding(json!({"Condition": version("NumericEquals")}))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "what is no instance",
            dev().both(holding(json!({"Condition": version("NumericEquals")}))),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

/// Whoever has an account makes what it likes in it.
#[test]
fn what_an_outsider_chooses_of_itself_is_no_condition() {
    let anyone =
        |condition: Json| dev().both(holding(json!({"Principal": "*", "Condition": condition})));
    let partner = |condition: Json| {
        dev().both(holding(json!({"Principal": {"AWS": "555555555555"}, "Condition": condition})))
    };
    let entered = |condition: Json| {
        dev().both(deploy(json!({"Principal": {"AWS": "*"}, "Condition": condition})))
    };
    let tag = || json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}});
    let arn = |arn: &str| json!({"ArnLike": {"aws:PrincipalArn": arn}});
    let factor = || json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let told = |fixture: Fixture| {
        fixture
            .rule(Vec::new())
            .analyse()
            .violations
            .into_iter()
            .flat_map(|path| path.conditions)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(anyone(tag())), Vec::<String>::new());
    judge(vec![
        (
            "a role of any name",
            entered(arn("arn:aws:iam::*:role/ci")),
            "$external",
            "production",
            "reachable",
        ),
        ("a tag", anyone(tag()), "$external", "production", "reachable"),
        ("a second factor", anyone(factor()), "$external", "production", "reachable"),
        (
            "a user of that name",
            anyone(json!({"StringEquals": {"aws:username": "ann"}})),
            "$external",
            "production",
            "reachable",
        ),
        (
            "a tag, of somebody in one account",
            partner(tag()),
            "$external",
            "production",
            "conditional",
        ),
        (
            "a role of one account",
            anyone(arn("arn:aws:iam::555555555555:role/ci")),
            "$external",
            "production",
            "conditional",
        ),
        (
            "one account",
            anyone(json!({"StringEquals": {"aws:PrincipalAccount": "555555555555"}})),
            "$external",
            "production",
            "reachable",
        ),
        (
            "our own account",
            anyone(json!({"StringEquals": {"aws:PrincipalAccount": "111111111111"}})),
            "$external",
            "production",
            "isolated",
        ),
        (
            "another organization",
            anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}})),
            "$external",
            "production",
            "conditional",
        ),
    ]);
}

/// Amazon SQS Developer Guide and Amazon SNS Developer Guide: policies of queues name everybody and ask for the topic.
#[test]
fn a_service_that_is_let_in_by_a_condition_alone_is_a_deputy() {
    let told = |condition: Json| -> Vec<String> {
        let section =
            dev().both(holding(json!({"Principal": "*", "Condition": condition}))).analyse();
        let all = findings(&section, FindingKind::ConfusedDeputy);
        all.into_iter().map(str::to_owned).collect()
    };
    let one = |condition: Json, service: &str, whose: &str| {
        let found = told(condition.clone());
        assert_eq!(found.len(), 1, "{condition}: {found:?}");
        assert!(
            found[0].contains(&format!("`{service}`")) && found[0].contains(whose),
            "{found:?}"
        );
    };
    let topic = |account: &str| json!({"ArnEquals": {"aws:SourceArn": format!("arn:aws:sns:eu-west-1:{account}:t")}});
    one(topic("111111111111"), "sns.amazonaws.com", "the account `dev`");
    one(
        json!({"StringEquals": {"aws:SourceAccount": "111111111111"}}),
        "any AWS service",
        "the account `dev`",
    );
    one(
        json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        "any AWS service",
        "asks for none of",
    );
    one(
        json!({"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}}),
        "cloudtrail.amazonaws.com",
        "asks for none of",
    );
    one(topic("777777777777"), "sns.amazonaws.com", "nobody here knows");
    for condition in [
        topic("333333333333"),
        json!({"Bool": {"aws:PrincipalIsAWSService": "true"}, "StringEquals": {"aws:SourceOrgID": "o-aaaaaaaaaa"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}),
        json!({"StringNotEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}}),
    ] {
        assert_eq!(told(condition.clone()), Vec::<String>::new(), "{condition}");
    }
}

/// What the caller hands in with its call, or need not, is no condition.
#[test]
fn what_a_caller_leaves_out_or_asks_for_is_no_condition() {
    let ci = "arn:aws:iam::111111111111:role/ci";
    let all = statements(&[("sts:AssumeRole", "*"), ("sts:SetContext", "*")]);
    let lets = |actions: Json, condition: Json| {
        trust(json!({"Principal": {"AWS": ci}, "Action": actions, "Condition": condition}))
    };
    let contexts = lets(
        json!(["sts:AssumeRole", "sts:SetContext"]),
        json!({"ForAllValues:ArnEquals": {"sts:RequestContextProviders": ["arn:aws:iam::aws:contextProvider/IdentityCenter"]}}),
    );
    let mut no_root = lets(json!("sts:AssumeRole"), json!({}));
    no_root["Statement"].as_array_mut().expect("statements").push(json!({
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"Null": {"aws:AssumedRoot": "false"}},
    }));
    let named = trust(json!({"Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"StringLike": {"aws:userid": "*:ci"}}}));
    let guessed = trust(json!({"Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"StringLike": {"aws:userid": "AROAXXXXXXXXXXXXXXXXX:*"}}}));
    let cases = [
        ("signed contexts", "dev", contexts, "reachable"),
        ("root sessions", "dev", no_root, "reachable"),
        ("the name of a session", "$external", named, "reachable"),
        ("somebody's id", "$external", guessed, "conditional"),
    ];
    let cases = cases.map(|(name, from, deploy, right)| {
        let fixture = Fixture::new().both(lambda("dev", "ci", all.clone())).both(role(
            "production",
            "deploy",
            deploy,
            None,
        ));
        (name, fixture, from, "production", right)
    });
    judge(cases.into());
}
