//! What the checker of proofs sees by comparing texts: patterns within patterns, actions that act on nothing of what is
//! named, and denials that divide what they take back between them.

use super::conditions::{bucket, reading};
use super::hunt::{judge, scp};
use super::*;

/// Dev's `ci` with these statements of its own.
fn ci(all: Vec<Json>) -> Fixture {
    Fixture::new().both(lambda("dev", "ci", document(&all)))
}

fn document(all: &[Json]) -> Json {
    json!({"Version": "2012-10-17", "Statement": all})
}

fn says(effect: &str, action: Json, resource: Json) -> Json {
    json!({"Effect": effect, "Action": action, "Resource": resource})
}

fn everything() -> Json {
    says("Allow", json!("s3:*"), json!("*"))
}

/// A bucket whose policy lets `ci` do this.
fn lets(action: Json, resource: Json) -> SideObject {
    bucket(vec![reading(json!({"Action": action, "Resource": resource}))], json!({}))
}

#[test]
fn a_denial_with_stars_inside_its_pattern_takes_back_what_it_matches() {
    let own = |denied: &str| ci(vec![everything(), says("Deny", json!("s3:*"), json!(denied))]);
    let both = || json!(["arn:aws:s3:::data", "arn:aws:s3:::data/*"]);
    let data = || lets(json!("s3:*"), both());
    let objects = || lets(json!("s3:GetObject"), json!("arn:aws:s3:::data/exports/*"));
    let guarded = |denied: &str| {
        ci(vec![everything()]).both(scp("stars", "dev", says("Deny", json!("s3:*"), json!(denied))))
    };
    let deploy = || role("production", "deploy", by("dev", "ci"), None);
    let assuming = |denied: &str| {
        ci(vec![
            says("Allow", json!("sts:AssumeRole"), json!("*")),
            says("Deny", json!("sts:*"), json!(denied)),
        ])
    };
    judge(vec![
        (
            "in front and behind",
            own("arn:aws:s3:::*at*").both(data()),
            "dev",
            "production",
            "isolated",
        ),
        ("several", own("arn:aws:s3:::d*t*a*").both(data()), "dev", "production", "isolated"),
        (
            "around the slash, for objects",
            own("arn:aws:s3:::*/*").both(objects()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "around the slash leaves the bucket",
            own("arn:aws:s3:::*/*").both(data()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "one that ends",
            own("arn:aws:s3:::*/exports/*.csv").both(objects()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a question mark",
            own("arn:aws:s3:::dat?/exp*").both(objects()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another text",
            own("arn:aws:s3:::*prod*").both(objects()),
            "dev",
            "production",
            "reachable",
        ),
        ("in an SCP", guarded("arn:aws:s3:::*ata*").both(data()), "dev", "production", "isolated"),
        (
            "in an SCP, another one",
            guarded("arn:aws:s3:::*atb*").both(data()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a role",
            assuming("arn:aws:iam::*:role/dep*y*").both(deploy()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another role",
            assuming("arn:aws:iam::*:role/dep*x*").both(deploy()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "patterns of actions",
            ci(vec![everything(), says("Deny", json!(["s3:*Object"]), json!("arn:aws:s3:::*/*"))])
                .both(objects()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "what several statements allow, each by patterns",
            ci(vec![
                says("Allow", json!("s3:*"), json!("arn:aws:s3:::*-alpha-*/*")),
                says("Allow", json!("s3:*"), json!("arn:aws:s3:::d*/*")),
                says("Deny", json!("s3:*"), json!("arn:aws:s3:::*ata*")),
            ])
            .both(data()),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn actions_that_both_sides_allow_act_on_what_both_name() {
    let only = |action: Json, resource: &str| ci(vec![says("Allow", action, json!(resource))]);
    let objects = "arn:aws:s3:::data/*";
    let itself = "arn:aws:s3:::data";
    judge(vec![
        (
            "listing, on objects",
            only(json!("s3:ListBucket"), "*").both(lets(json!("s3:*"), json!(objects))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "listings, on objects",
            only(json!("s3:List*"), "*")
                .both(lets(json!(["s3:ListBucket", "s3:GetObject"]), json!(objects))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "reading, on the bucket",
            only(json!(["s3:GetObject", "s3:GetObjectVersion"]), "*")
                .both(lets(json!(["s3:Get*", "s3:List*"]), json!(itself))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "reading, on the bucket and below it",
            only(json!("s3:GetObject"), "*").both(lets(json!("s3:Get*"), json!([itself, objects]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "the other way round",
            only(json!("s3:*"), objects)
                .both(lets(json!("s3:ListBucket"), json!([itself, objects]))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "listing, on the bucket",
            only(json!("s3:List*"), "*").both(lets(json!("s3:*"), json!(itself))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "objects to one statement, listing to another",
            Fixture::new().both(two_statements()).both(lets(json!("s3:*"), json!(objects))),
            "dev",
            "production",
            "isolated",
        ),
    ]);
    fn two_statements() -> SideObject {
        lambda(
            "dev",
            "ci",
            document(&[
                says("Allow", json!("s3:Get*"), json!("arn:aws:s3:::data")),
                says("Allow", json!("s3:ListBucket*"), json!("*")),
            ]),
        )
    }
}

#[test]
fn two_denials_that_divide_a_key_take_back_everything() {
    let denied = |operator: &str, key: &str, values: Json| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*",
            "Condition": {operator: {key: values}}})
    };
    let two = |one: Json, other: Json| {
        ci(vec![everything()]).both(bucket(vec![reading(json!({})), one, other], json!({})))
    };
    let tag = "s3:ExistingObjectTag/a";
    judge(vec![
        (
            "a value, and all others",
            two(
                denied("StringEquals", tag, json!("1")),
                denied("StringNotEquals", tag, json!("1")),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "more values than are left",
            two(
                denied("StringNotEquals", tag, json!("1")),
                denied("StringEquals", tag, json!(["1", "2"])),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "fewer values than are left",
            two(
                denied("StringNotEquals", tag, json!(["1", "2"])),
                denied("StringEquals", tag, json!("1")),
            ),
            "dev",
            "production",
            "conditional",
        ),
        (
            "another key",
            two(
                denied("StringNotEquals", tag, json!("1")),
                denied("StringEquals", "s3:ExistingObjectTag/b", json!("1")),
            ),
            "dev",
            "production",
            "conditional",
        ),
        (
            "there or not",
            two(
                denied("Null", "s3:VersionId", json!("true")),
                denied("Null", "s3:VersionId", json!("false")),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "networks",
            two(
                denied("IpAddress", "aws:SourceIp", json!(["10.0.0.0/8", "203.0.113.0/24"])),
                denied("NotIpAddress", "aws:SourceIp", json!("10.0.0.0/8")),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "networks that leave one",
            two(
                denied("IpAddress", "aws:SourceIp", json!("203.0.113.0/24")),
                denied("NotIpAddress", "aws:SourceIp", json!(["203.0.113.0/24", "10.0.0.0/8"])),
            ),
            "dev",
            "production",
            "conditional",
        ),
    ]);
}
