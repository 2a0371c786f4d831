//! Further cases of kinds of walls that were judged wrong once, each in another service, direction or layer than the
//! one that showed it: whose the resource is, tags that exempt, tags in resources, and tags of what is reached.

use super::hunt::{judge, scp, with};
use super::*;
use crate::isolation::who::{Ask, who_can};

const CI: &str = "arn:aws:iam::111111111111:role/ci";

fn document(statements: Vec<Json>) -> Json {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn assume() -> Json {
    json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
}

fn deny(action: &str, condition: Json) -> Json {
    json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition})
}

/// A bucket of an account whose policy has these statements.
fn bucket(account: &str, statements: Vec<Json>) -> SideObject {
    let attrs =
        json!({"bucket": "data", "policy": document(statements), "block_public_access": {}});
    object("s3_bucket", Some(account), "data", attrs)
}

fn reads(who: &str, resource: &str) -> Json {
    json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:GetObject", "Resource": resource})
}

#[test]
fn whose_a_resource_is_decides_in_every_layer() {
    let roles = |condition: Json| {
        Fixture::new()
            .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
            .both(role("production", "deploy", by("dev", "ci"), None))
            .both(scp("own", "dev", deny("sts:*", condition)))
    };
    let account = |id: &str| json!({"StringNotEquals": {"aws:ResourceAccount": id}});
    let organization = |id: &str| json!({"StringNotEquals": {"aws:ResourceOrgID": id}});
    // From production into dev, bound by the identity policy itself.
    let back = |id: &str| {
        let own = document(vec![
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}),
            deny("s3:*", json!({"StringNotEquals": {"s3:ResourceAccount": id}})),
        ]);
        let app = "arn:aws:iam::333333333333:role/app";
        Fixture::new()
            .both(lambda("production", "app", own))
            .both(bucket("dev", vec![reads(app, "arn:aws:s3:::data/*")]))
    };
    judge(vec![
        (
            "a role of another account",
            roles(account("111111111111")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a role of the account that is let be",
            roles(account("333333333333")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a role of our organization",
            roles(organization("o-aaaaaaaaaa")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a role outside of another organization",
            roles(organization("o-zzzzzzzzzz")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a bucket of another account, by the caller's own policy",
            back("333333333333"),
            "production",
            "dev",
            "isolated",
        ),
        (
            "a bucket of the account that is let be",
            back("111111111111"),
            "production",
            "dev",
            "reachable",
        ),
    ]);
}

#[test]
fn a_tag_exempts_whoever_bears_it() {
    let caller = |tags: Json| with(lambda("dev", "ci", allow("s3:*", "*")), "tags", tags);
    let but = || json!({"StringNotEquals": {"aws:PrincipalTag/perimeter": "excepted"}});
    let by_scp = |tags: Json| {
        Fixture::new()
            .both(caller(tags))
            .both(bucket("production", vec![reads(CI, "arn:aws:s3:::data/*")]))
            .both(scp("perimeter", "dev", deny("s3:*", but())))
    };
    let by_rcp = |tags: Json| {
        let mut statement = deny("s3:*", but());
        statement["Principal"] = json!("*");
        let attrs = json!({"targets": ["333333333333"], "content": document(vec![statement])});
        Fixture::new()
            .both(caller(tags))
            .both(bucket("production", vec![reads(CI, "arn:aws:s3:::data/*")]))
            .both(object("resource_control_policy", None, "perimeter", attrs))
    };
    let (none, other, excepted) =
        (|| json!({}), || json!({"perimeter": "no"}), || json!({"perimeter": "excepted"}));
    judge(vec![
        ("an SCP, without the tag", by_scp(none()), "dev", "production", "isolated"),
        ("an SCP, with another value", by_scp(other()), "dev", "production", "isolated"),
        ("an SCP, with the tag", by_scp(excepted()), "dev", "production", "reachable"),
        ("an RCP, without the tag", by_rcp(none()), "dev", "production", "isolated"),
        ("an RCP, with another value", by_rcp(other()), "dev", "production", "isolated"),
        ("an RCP, with the tag", by_rcp(excepted()), "dev", "production", "reachable"),
    ]);
}

#[test]
fn a_tag_in_a_resource_is_what_the_caller_bears() {
    let own = "arn:aws:s3:::data/${aws:PrincipalTag/team}/*";
    let by_identity = |tags: Json| {
        Fixture::new()
            .both(with(lambda("dev", "ci", allow("s3:*", own)), "tags", tags))
            .both(bucket("production", vec![reads(CI, "arn:aws:s3:::data/ops/*")]))
    };
    let taken_back = |tags: Json| {
        let rest =
            json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": own});
        Fixture::new()
            .both(with(lambda("dev", "ci", allow("s3:*", "*")), "tags", tags))
            .both(bucket("production", vec![reads(CI, "arn:aws:s3:::data/ops/*"), rest]))
    };
    judge(vec![
        (
            "an identity policy, its own team's",
            by_identity(json!({"team": "ops"})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "an identity policy, another team's",
            by_identity(json!({"team": "web"})),
            "dev",
            "production",
            "isolated",
        ),
        ("an identity policy, no team", by_identity(json!({})), "dev", "production", "isolated"),
        (
            "a denial of the rest, its own team's",
            taken_back(json!({"team": "ops"})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a denial of the rest, another team's",
            taken_back(json!({"team": "web"})),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

/// What `who-can` says of a principal.
fn of_who_can(fixture: &Fixture, action: &str, resource: &str, principal: &str) -> String {
    let (_, model) = crate::plan::access::models(&fixture.estate, &fixture.sides());
    let ask = Ask::parse(action, resource, false).expect("a question");
    let found = who_can(&model, &ask).expect("an answer");
    let own = found.principals.iter().find(|entry| entry.principal == principal);
    own.expect("everybody is listed").verdict.name().to_owned()
}

#[test]
fn tags_of_what_is_reached_decide_where_they_are_known_and_are_asked_for_where_not() {
    let roles = |own: Vec<Json>, tags: Json| {
        Fixture::new().both(lambda("dev", "ci", document(own))).both(with(
            role("production", "deploy", by("dev", "ci"), None),
            "tags",
            tags,
        ))
    };
    let asking = || {
        let mut statement = assume();
        statement["Condition"] = json!({"StringEquals": {"iam:ResourceTag/env": "prod"}});
        vec![statement]
    };
    let denying =
        || vec![assume(), deny("sts:*", json!({"StringEquals": {"iam:ResourceTag/env": "prod"}}))];
    // Where it was not read whether a bucket's tags count (ABAC on), both are possible.
    let tagged = |effect: &str, abac: Json, tags: Json| {
        let secret = json!({"StringEquals": {"aws:ResourceTag/class": "secret"}});
        let mut open = reads(CI, "arn:aws:s3:::data/*");
        let mut all = Vec::new();
        if effect == "Allow" {
            open["Condition"] = secret;
        } else {
            let mut statement = deny("s3:*", secret);
            statement["Principal"] = json!("*");
            statement["Resource"] = json!(["arn:aws:s3:::data", "arn:aws:s3:::data/*"]);
            all.push(statement);
        }
        all.push(open);
        let data = with(with(bucket("production", all), "abac", abac), "tags", tags);
        Fixture::new().both(lambda("dev", "ci", allow("s3:*", "*"))).both(data)
    };
    let (secret, open) = (json!({"class": "secret"}), json!({"class": "open"}));
    let (on, off, unread) = (json!(true), json!(false), json!(null));
    let wall = |name, fixture, verdict| (name, fixture, "dev", "production", verdict);
    let asking_any = vec![
        ("reachable", tagged("Allow", on.clone(), secret.clone())),
        ("isolated", tagged("Allow", on.clone(), open.clone())),
        ("isolated", tagged("Deny", on.clone(), secret.clone())),
        ("reachable", tagged("Deny", on.clone(), open.clone())),
        ("isolated", tagged("Allow", off.clone(), secret.clone())),
        ("reachable", tagged("Deny", off.clone(), secret.clone())),
        ("conditional", tagged("Allow", unread.clone(), secret.clone())),
    ];
    for (expected, fixture) in asking_any {
        assert_eq!(of_who_can(&fixture, "s3:GetObject", "arn:aws:s3:::data/*", CI), expected);
    }
    // Of all its tags a witness tells the one that is asked for.
    let many = json!({"class": "secret", "palisade:address": "v2:x", "team": "web"});
    let section = tagged("Allow", on.clone(), many).rule(Vec::new()).analyse();
    let witness = section.violations[0].witness.as_ref().expect("a witness");
    let keys: Vec<&str> = witness.context.iter().map(|(key, _)| key).collect();
    assert!(keys.contains(&"aws:resourcetag/class"), "{keys:?}");
    let others = keys.iter().filter(|key| key.contains("tag/")).count();
    assert_eq!(others, 1, "{keys:?}");
    for (expected, fixture) in [
        ("reachable", roles(asking(), json!({"env": "prod"}))),
        ("isolated", roles(asking(), json!({"env": "dev"}))),
        ("isolated", roles(denying(), json!({"env": "prod"}))),
        ("reachable", roles(denying(), json!({"env": "dev"}))),
    ] {
        let deploy = "arn:aws:iam::333333333333:role/deploy";
        assert_eq!(of_who_can(&fixture, "sts:AssumeRole", deploy, CI), expected);
    }
    judge(vec![
        wall("allowed by it", tagged("Allow", on.clone(), secret.clone()), "reachable"),
        wall("allowed by another", tagged("Allow", on.clone(), open.clone()), "isolated"),
        wall("denied by it", tagged("Deny", on.clone(), secret.clone()), "isolated"),
        wall("denied by another", tagged("Deny", on, open), "reachable"),
        wall("allowed by it, off", tagged("Allow", off.clone(), secret.clone()), "isolated"),
        wall("denied by it, off", tagged("Deny", off, secret.clone()), "reachable"),
        wall(
            "allowed by it, unread",
            tagged("Allow", unread.clone(), secret.clone()),
            "conditional",
        ),
        wall("denied by it, unread", tagged("Deny", unread, secret), "conditional"),
        (
            "a role that bears it",
            roles(asking(), json!({"env": "prod"})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a role that bears another one",
            roles(asking(), json!({"env": "dev"})),
            "dev",
            "production",
            "isolated",
        ),
        ("a role that bears none", roles(asking(), json!({})), "dev", "production", "isolated"),
        (
            "a role that is denied by it",
            roles(denying(), json!({"env": "prod"})),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a role that is not",
            roles(denying(), json!({"env": "dev"})),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}
