//! Users and groups that are given another name: what policies know them by changes, and nothing else of them.

use super::escalation::{LOW, document, may};
use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const SHARED: &str = "222222222222";

fn named(user: &str) -> String {
    format!("arn:aws:iam::{SHARED}:user/{user}")
}

/// Dev's `ci` is shared's `low`, which may make keys for users and has these rights beside; shared's user `u` may do
/// anything with S3 and with roles.
fn users(low: &[Json]) -> Fixture {
    let mut all = vec![may("iam:CreateAccessKey", &named("u"))];
    all.extend(low.iter().cloned());
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "low", by("dev", "ci"), Some(document(all))))
        .both(user("shared", "u", document(vec![may("s3:*", "*"), may("sts:AssumeRole", "*")])))
}

/// A bucket of production that lets in what shared permits, where this holds.
fn asking(condition: Json) -> SideObject {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": SHARED}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*",
        "Condition": condition}]});
    object(
        "s3_bucket",
        Some("production"),
        "data",
        json!({"bucket": "data", "policy": policy, "block_public_access": {}}),
    )
}

fn trusting(condition: Json) -> SideObject {
    role(
        "production",
        "deploy",
        trust(json!({"Principal": {"AWS": SHARED}, "Condition": condition})),
        None,
    )
}

#[test]
fn a_user_that_is_renamed_is_whom_policies_ask_for() {
    let ops = || json!({"ArnLike": {"aws:PrincipalArn": named("ops/*")}});
    let any = || may("iam:UpdateUser", "*");
    let only = |from: &str, to: &str| {
        [may("iam:UpdateUser", &named(from)), may("iam:UpdateUser", &named(to))]
    };
    let no_ops =
        || json!({"Effect": "Deny", "Action": "iam:UpdateUser", "Resource": named("ops/*")});
    let breakglass = || {
        scp(
            "narrow",
            "shared",
            json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/breakglass*"}}}),
        )
    };
    let tagged = || {
        let deploy =
            trusting(json!({"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}));
        with(deploy, "tags", json!({"owner": "alice"}))
    };
    let (yes, no) = ("reachable", "isolated");
    let case = |name, fixture, expected| (name, fixture, "dev", "production", expected);
    judge(vec![
        case("by its path", users(&[any()]).both(asking(ops())), yes),
        case("which nobody may change", users(&[]).both(asking(ops())), no),
        case("by its name", users(&[any()]).both(asking(json!({"StringLike": {"aws:username": "ops-*"}}))), yes),
        case("by both", users(&[any()]).both(asking(json!({"StringEquals": {"aws:username": "alice"}, "ArnLike": {"aws:PrincipalArn": named("ops/*")}}))), yes),
        case("by a trust", users(&[any()]).both(trusting(json!({"StringEquals": {"aws:username": "alice"}}))), yes),
        case("by a tag that tells its name", users(&[any()]).both(tagged()), yes),
        case("by a tag, where nobody may rename it", users(&[]).both(tagged()), no),
        case("past a guardrail", users(&[any()]).both(asking(json!({}))).both(breakglass()), yes),
        case("past a guardrail, by nobody", users(&[]).both(asking(json!({}))).both(breakglass()), no),
        case("both names permitted", users(&only("u", "ops/*")).both(asking(ops())), yes),
        case("the new name permitted alone", users(&only("other", "ops/*")).both(asking(ops())), no),
        case("other names permitted alone", users(&only("u", "dev/*")).both(asking(ops())), no),
        case("the new name denied", users(&[any(), no_ops()]).both(asking(ops())), no),
        case("another user", users(&only("v", "ops/*")).both(asking(ops())), no),
        // Production asks for a role: no user is one, whatever its name.
        case("a role", users(&[any()]).both(asking(json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{SHARED}:role/ops*")}}))), no),
        case("another direction", users(&[any()]).both(asking(ops())).both(trusting(json!({"StringEquals": {"aws:username": "alice"}}))), yes),
    ]);
    let section = users(&[any()]).both(asking(ops())).analyse();
    assert_eq!(after(&section, "production", "dev"), no);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
}

/// A policy that names the user goes on naming it: AWS holds its unique id.
#[test]
fn policies_that_name_the_user_follow_it() {
    let named_by_arn = |statement: Json| {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        object(
            "s3_bucket",
            Some("production"),
            "data",
            json!({"bucket": "data", "policy": policy, "block_public_access": {}}),
        )
    };
    let lets = named_by_arn(
        json!({"Effect": "Allow", "Principal": {"AWS": named("u")}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*",
        "Condition": {"StringEquals": {"aws:username": "alice"}}}),
    );
    let rename = || may("iam:UpdateUser", "*");
    judge(vec![
        (
            "and asks for another name",
            users(&[rename()]).both(lets.clone()),
            "dev",
            "production",
            "reachable",
        ),
        ("which it is not given", users(&[]).both(lets), "dev", "production", "isolated"),
    ]);
}

/// Rights over ARNs are rights over whoever can be called so.
#[test]
fn whoever_may_be_called_so_falls_under_a_right() {
    let admin = || user("shared", "admin", statements(&[ASSUME]));
    let deploy =
        || role("production", "deploy", trust(json!({"Principal": {"AWS": named("admin")}})), None);
    let open = |low: Vec<Json>| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(low))))
            .both(admin())
            .both(deploy())
    };
    let key = || may("iam:CreateAccessKey", &named("low-*"));
    let group = "arn:aws:iam::222222222222:group/";
    let joins = |rename: Json| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role(
                "shared",
                "low",
                by("dev", "ci"),
                Some(document(vec![
                    may("iam:CreateAccessKey", &named("u")),
                    may("iam:AddUserToGroup", &format!("{group}low-*")),
                    rename,
                ])),
            ))
            .both(user("shared", "u", document(vec![may("s3:ListAllMyBuckets", "*")])))
            .both(object(
                "iam_group",
                Some("shared"),
                "operators",
                json!({"arn": format!("{group}operators"),
                "inline_policies": {"main": statements(&[ASSUME])}}),
            ))
            .both(role(
                "production",
                "deploy",
                trust(json!({"Principal": {"AWS": named("u")}})),
                None,
            ))
            .both(scp(
                "narrow",
                "shared",
                json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*",
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": [LOW, named("u")]}}}),
            ))
    };
    judge(vec![
        (
            "its keys",
            open(vec![key(), may("iam:UpdateUser", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        ("without another name", open(vec![key()]), "dev", "production", "isolated"),
        (
            "of another name",
            open(vec![
                key(),
                may("iam:UpdateUser", &named("admin")),
                may("iam:UpdateUser", &named("dev-*")),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "the name of a group",
            joins(may("iam:UpdateGroup", "*")),
            "dev",
            "production",
            "reachable",
        ),
        ("which stays", joins(may("iam:GetGroup", "*")), "dev", "production", "isolated"),
    ]);
}
