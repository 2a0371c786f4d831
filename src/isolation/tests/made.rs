//! Principals that somebody makes in an account in between: by which names policies know them, and as whom they ask.

use super::escalation::{HOP, LOW, document, may};
use super::giving::lets_in;
use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const SHARED: &str = "222222222222";

/// Dev's `ci` is shared's `low`, which may do this, and a bucket of production's lets in all of shared where a condition
/// holds.
fn between(low: Vec<Json>, condition: &Json) -> Fixture {
    let low = role("shared", "low", by("dev", "ci"), Some(document(low)));
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(with(low, "unique_id", json!("AROALOWLOWLOWLOWLOW12")))
        .both(lets_in(SHARED, condition))
}

fn roles(names: &str) -> Vec<Json> {
    let all = format!("arn:aws:iam::{SHARED}:role/{names}");
    vec![may("iam:CreateRole", &all), may("iam:PutRolePolicy", &all)]
}

fn users(names: &str) -> Vec<Json> {
    let all = format!("arn:aws:iam::{SHARED}:user/{names}");
    let rights = ["iam:CreateUser", "iam:CreateAccessKey", "iam:PutUserPolicy"];
    rights.map(|right| may(right, &all)).to_vec()
}

fn named(names: &str) -> Json {
    json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{SHARED}:role/{names}")}})
}

#[test]
fn a_principal_that_is_made_has_the_names_that_its_maker_may_give_it() {
    let called = |name: &str| json!({"StringEquals": {"aws:username": name}});
    let id = |id: &str| json!({"StringLike": {"aws:userid": id}});
    let kind = |kind: &str| json!({"StringEquals": {"aws:PrincipalType": kind}});
    let sparing = |low: Vec<Json>| {
        let deny = json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*AWSReservedSSO*"}}});
        between(low, &json!({})).both(scp("sparing", "shared", deny))
    };
    // Who is permitted everything makes others of any name that guardrails do not keep.
    let keeping = |fixture: Fixture, names: &[&str]| {
        let all: Vec<String> =
            names.iter().map(|names| format!("arn:aws:iam::{SHARED}:{names}")).collect();
        let actions = ["iam:CreateRole", "iam:CreateUser", "iam:UpdateUser"];
        let deny = json!({"Effect": "Deny", "Action": actions, "Resource": all});
        fixture.both(scp("kept", "shared", deny))
    };
    let ops = || between(roles("*"), &named("ops/*"));
    let ann = || between(users("*"), &called("ann"));
    let cases = [
        ("of that path", between(roles("ops/*"), &named("ops/*")), "reachable"),
        ("of some path", ops(), "reachable"),
        ("by way of another one", between(roles("dev/*"), &named("ops/*")), "reachable"),
        ("of a path that is kept", keeping(ops(), &["role/ops/*"]), "isolated"),
        ("of another path that is kept", keeping(ops(), &["role/qa/*"]), "reachable"),
        ("a guardrail spares some", sparing(roles("*")), "reachable"),
        ("which are kept", keeping(sparing(roles("*")), &["role/*AWSReservedSSO*"]), "isolated"),
        ("a user", ann(), "reachable"),
        ("a user of a name that is kept", keeping(ann(), &["user/ann", "user/*/ann"]), "isolated"),
        ("a role is no user", keeping(between(roles("*"), &kind("User")), &["user/*"]), "isolated"),
        ("a user is", between(users("*"), &kind("User")), "reachable"),
        ("an id of another one", between(roles("*"), &id("AROAPRODPRODPRODPROD1:*")), "isolated"),
        ("a session of any name", between(roles("*"), &id("*:ops")), "reachable"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}

#[test]
fn what_a_way_over_power_asks_is_told() {
    let network = || json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let on = |mut statement: Json| {
        statement["Condition"] = network();
        statement
    };
    let mut made = roles("new");
    made[0] = on(made[0].clone());
    let rewrites = || vec![may("iam:UpdateAssumeRolePolicy", HOP)];
    let hop = || lambda("shared", "hop", statements(&[ASSUME, ("s3:*", "*")]));
    let cases = [
        ("to make one", between(made, &json!({}))),
        ("to let in the one that is made", between(roles("new"), &network())),
        ("to let in another one that one becomes", between(rewrites(), &network()).both(hop())),
        ("to change itself", between(vec![on(may("iam:PutRolePolicy", LOW))], &json!({}))),
    ];
    // `judge` looks at what is told.
    let all = cases.map(|(name, fixture)| (name, fixture, "dev", "production", "conditional"));
    judge(all.into());
}

/// IAM User Guide, "Permissions for GetFederationToken": a session of it has what its user has.
#[test]
fn a_user_that_is_made_or_changed_asks_as_a_federated_session() {
    const OP: &str = "arn:aws:iam::222222222222:user/op";
    let guests = || json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:sts::{SHARED}:federated-user/*")}});
    let attaching = || {
        let mut all = users("*");
        all[2] = json!({"Effect": "Allow", "Action": "iam:AttachUserPolicy", "Resource": "*",
            "Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}}});
        all
    };
    let kept = scp(
        "kept",
        "shared",
        json!({"Effect": "Deny", "Action": "sts:GetFederationToken", "Resource": "*"}),
    );
    let op = || user("shared", "op", document(vec![may("s3:*", "*")]));
    let key = || may("iam:CreateAccessKey", OP);
    let put = || may("iam:PutUserPolicy", OP);
    let cases = [
        ("a user that is made", between(users("*"), &guests()), "reachable"),
        ("a role that is made", between(roles("*"), &guests()), "isolated"),
        ("a guardrail", between(users("*"), &guests()).both(kept), "isolated"),
        ("a user that is given less", between(attaching(), &guests()), "isolated"),
        ("a user that is changed", between(vec![key(), put()], &guests()).both(op()), "reachable"),
        ("a user that is not", between(vec![key()], &guests()).both(op()), "isolated"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}
