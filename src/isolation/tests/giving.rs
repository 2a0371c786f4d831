//! What somebody in an account in between may give to whom, where that is less than everything: by groups, and by
//! users that it makes.

use super::escalation::{document, may};
use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const OP: &str = "arn:aws:iam::222222222222:user/op";
const OPS: &str = "arn:aws:iam::222222222222:group/ops";
const TOPICS: &str = "arn:aws:iam::aws:policy/AmazonSNSFullAccess";
const BUCKETS: &str = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

/// Dev's `ci` is shared's `low`, which has these policies, and a bucket of production's lets in all of shared.
fn in_between(low: Vec<Json>) -> Fixture {
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "low", by("dev", "ci"), Some(document(low))))
        .both(lets_in("222222222222", &json!({})))
}

/// A bucket of production's that lets in a whole account, where a condition holds.
fn lets_in(account: &str, condition: &Json) -> SideObject {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*", "Condition": condition});
    holding(vec![statement])
}

fn holding(all: Vec<Json>) -> SideObject {
    let attrs = json!({"bucket": "data", "policy": document(all), "block_public_access": {}});
    object("s3_bucket", Some("production"), "data", attrs)
}

fn ops(inline: Json) -> SideObject {
    object("iam_group", Some("shared"), "ops", json!({"arn": OPS, "inline_policies": inline}))
}

fn reads_buckets() -> Json {
    json!({"main": document(vec![may("s3:*", "*")])})
}

fn op(groups: Json) -> SideObject {
    with(user("shared", "op", document(vec![may("ec2:DescribeRegions", "*")])), "groups", groups)
}

fn attach_to_ops(policy: &str) -> Json {
    json!({"Effect": "Allow", "Action": "iam:AttachGroupPolicy", "Resource": OPS,
        "Condition": {"ArnEquals": {"iam:PolicyARN": policy}}})
}

#[test]
fn a_user_is_made_and_given_what_a_group_has() {
    let make = || vec![may("iam:CreateUser", "*"), may("iam:AddUserToGroup", OPS)];
    let and = |mut all: Vec<Json>, action: &str| {
        all.push(may(action, "*"));
        all
    };
    judge(vec![
        (
            "with keys",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(reads_buckets())),
            "dev",
            "production",
            "reachable",
        ),
        (
            "with a password",
            in_between(and(make(), "iam:CreateLoginProfile")).both(ops(reads_buckets())),
            "dev",
            "production",
            "reachable",
        ),
        (
            "with nothing to sign in by",
            in_between(make()).both(ops(reads_buckets())),
            "dev",
            "production",
            "isolated",
        ),
        (
            "into a group that has nothing",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(json!({}))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "and a guardrail keeps users from being made",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(reads_buckets())).both(scp(
                "users",
                "shared",
                json!({"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}),
            )),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn a_group_is_given_what_a_user_of_it_then_has() {
    let low = |policy: &str| vec![may("iam:CreateAccessKey", OP), attach_to_ops(policy)];
    let joining = |policy: &str| {
        let mut all = low(policy);
        all.push(may("iam:AddUserToGroup", OPS));
        all
    };
    judge(vec![
        (
            "of a user that is in it",
            in_between(low(BUCKETS)).both(ops(json!({}))).both(op(json!(["ops"]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "of a user that is put into it",
            in_between(joining(BUCKETS)).both(ops(json!({}))).both(op(json!([]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "of a user that is not in it",
            in_between(low(BUCKETS)).both(ops(json!({}))).both(op(json!([]))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "and what it is given is not known",
            in_between(low(TOPICS)).both(ops(json!({}))).both(op(json!(["ops"]))),
            "dev",
            "production",
            "undetermined",
        ),
    ]);
}

/// A policy that denies as well as allows takes away from what another one gives: each may be attached by itself.
#[test]
fn of_policies_that_deny_one_takes_what_one_likes() {
    let low = "arn:aws:iam::222222222222:role/low";
    let own = |name: &str| format!("arn:aws:iam::222222222222:policy/{name}");
    let attach = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| own(name)).collect();
        vec![json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": low,
            "Condition": {"ArnEquals": {"iam:PolicyARN": names}}})]
    };
    let managed = |name: &str, all: Vec<Json>| {
        let attrs = json!({"arn": own(name), "content": document(all)});
        object("iam_policy", Some("shared"), name, attrs)
    };
    let keep = || json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let estate = |names: &[&str]| {
        in_between(attach(names))
            .both(managed("reads", vec![may("s3:*", "*")]))
            .both(managed("keeps", vec![may("sqs:*", "*"), keep()]))
            .both(managed(
                "reads-some",
                vec![
                    may("s3:*", "*"),
                    json!({"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}),
                ],
            ))
    };
    judge(vec![
        ("both", estate(&["reads", "keeps"]), "dev", "production", "reachable"),
        (
            "one that denies something else",
            estate(&["reads-some", "keeps"]),
            "dev",
            "production",
            "reachable",
        ),
        ("the one that denies", estate(&["keeps"]), "dev", "production", "isolated"),
    ]);
}
