//! What takes another action beside the one that is asked for: tags of a session and its source identity, which whoever
//! passes them has to be allowed too, with the values that it passes.

use super::hunt::{judge, scp, with};
use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const TAG: &str = "sts:TagSession";
const IDENTITY: &str = "sts:SetSourceIdentity";

fn document(all: &[Json]) -> Json {
    json!({"Version": "2012-10-17", "Statement": all})
}

/// Dev's `ci`, which may assume roles and pass what it likes, with further statements of its own.
fn ci(more: &[Json]) -> SideObject {
    let own =
        json!({"Effect": "Allow", "Action": ["sts:AssumeRole", TAG, IDENTITY], "Resource": "*"});
    let mut all = vec![own];
    all.extend_from_slice(more);
    lambda("dev", "ci", document(&all))
}

fn dev() -> Fixture {
    Fixture::new().both(ci(&[]))
}

/// A statement of a trust policy about `ci`.
fn lets(actions: Json, condition: Json) -> Json {
    json!({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": actions, "Condition": condition})
}

fn deploy(trust: &[Json]) -> SideObject {
    role("production", "deploy", document(trust), None)
}

fn team(value: &str) -> Json {
    json!({"StringEquals": {"aws:RequestTag/team": value}})
}

fn named(value: &str) -> Json {
    json!({"StringEquals": {"sts:SourceIdentity": value}})
}

fn tagged() -> SideObject {
    deploy(&[lets(json!(["sts:AssumeRole", TAG]), team("x"))])
}

fn identified() -> SideObject {
    deploy(&[lets(json!(["sts:AssumeRole", IDENTITY]), named("bob"))])
}

fn deny(action: &str, condition: Json) -> Json {
    json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition})
}

fn rcp(statement: Json) -> SideObject {
    let statement = super::altered(statement, &json!({"Principal": "*"}));
    let attrs = json!({"targets": ["333333333333"], "content": document(&[statement])});
    object("resource_control_policy", None, "beside", attrs)
}

#[test]
fn passing_tags_or_an_identity_is_denied_wherever_that_action_is() {
    let none = || json!({});
    let boundary = |actions: Json| {
        let content = document(&[json!({"Effect": "Allow", "Action": actions, "Resource": "*"})]);
        let arn = "arn:aws:iam::111111111111:policy/b";
        let policy = json!({"name": "b", "path": "/", "arn": arn, "content": content});
        Fixture::new().both(object("iam_policy", Some("dev"), "b", policy)).both(with(
            ci(&[]),
            "permissions_boundary",
            json!(arn),
        ))
    };
    judge(vec![
        ("tags", dev().both(tagged()), "dev", "production", "reachable"),
        ("an identity", dev().both(identified()), "dev", "production", "reachable"),
        (
            "tags: by an SCP",
            dev().both(tagged()).both(scp("beside", "dev", deny(TAG, none()))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "an identity: by an SCP",
            dev().both(identified()).both(scp("beside", "dev", deny(IDENTITY, none()))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "the other one: by an SCP",
            dev().both(tagged()).both(scp("beside", "dev", deny(IDENTITY, none()))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "tags: by an RCP",
            dev().both(tagged()).both(rcp(deny(TAG, none()))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "an identity: by an RCP",
            dev().both(identified()).both(rcp(deny(IDENTITY, none()))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags: by itself",
            Fixture::new().both(ci(&[deny(TAG, none())])).both(tagged()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags: by its boundary",
            boundary(json!("sts:AssumeRole")).both(tagged()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags within its boundary",
            boundary(json!("sts:*")).both(tagged()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "no tags are asked for",
            dev().both(deploy(&[lets(json!("sts:AssumeRole"), none())])).both(scp(
                "beside",
                "dev",
                deny(TAG, none()),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "tags that must not be passed",
            dev()
                .both(deploy(&[lets(
                    json!("sts:AssumeRole"),
                    json!({"StringNotEquals": {"aws:RequestTag/team": "x"}}),
                )]))
                .both(scp("beside", "dev", deny(TAG, none()))),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn passing_tags_or_an_identity_is_asked_of_the_same_caller_with_the_same_values() {
    let two = |first: Json, second: Json| dev().both(deploy(&[first, second]));
    let assume = || lets(json!("sts:AssumeRole"), team("x"));
    let other = |action: &str| json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/x"}, "Action": action});
    let looks = json!({"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"});
    let x = || lambda("dev", "x", document(std::slice::from_ref(&looks)));
    let unless = |key: &str, value: &str| json!({"StringNotEquals": {key: value}});
    judge(vec![
        ("another caller's", two(assume(), other(TAG)).both(x()), "dev", "production", "isolated"),
        (
            "another caller's identity",
            two(lets(json!("sts:AssumeRole"), named("bob")), other(IDENTITY)).both(x()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another value",
            two(assume(), lets(json!(TAG), team("y"))),
            "dev",
            "production",
            "isolated",
        ),
        ("its value", two(assume(), lets(json!(TAG), team("x"))), "dev", "production", "reachable"),
        (
            "a value that an SCP denies",
            dev().both(tagged()).both(scp(
                "beside",
                "dev",
                deny(TAG, unless("aws:RequestTag/team", "y")),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a value that an SCP spares",
            dev().both(tagged()).both(scp(
                "beside",
                "dev",
                deny(TAG, unless("aws:RequestTag/team", "x")),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "an identity that an SCP denies",
            dev().both(identified()).both(scp(
                "beside",
                "dev",
                deny(IDENTITY, unless("sts:SourceIdentity", "eve")),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "an identity that an SCP spares",
            dev().both(identified()).both(scp(
                "beside",
                "dev",
                deny(IDENTITY, unless("sts:SourceIdentity", "bob")),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a caller on the way may not",
            Fixture::new()
                .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
                .both(role(
                    "shared",
                    "hub",
                    document(&[lets(json!(["sts:AssumeRole", TAG]), team("x"))]),
                    Some(allow("sts:*", "*")),
                ))
                .both(role("production", "deploy", by("shared", "hub"), None)),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}
