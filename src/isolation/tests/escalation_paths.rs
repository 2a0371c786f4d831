//! Every way of a public catalogue of privilege escalation, placed in an account between dev and production: what
//! [`PATHS`] lists, with its source and date.

use super::escalation::{HOP, by_service, document, foothold, managed, may, policy_arn};
use super::hunt::{user, with};
use super::power::{ASSUME, statements};
use super::*;

const PATHS: &str = include_str!("escalation_paths.txt");

const USER: &str = "arn:aws:iam::222222222222:user/op";

/// Id, who is taken over, and actions.
fn paths() -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    PATHS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().expect("three fields");
        (field(), field(), field().split(' ').collect())
    })
}

/// Dev's `ci` gets into shared as `low`, which has these rights; production lets in the one that they take over.
fn placed(whom: &str, rights: &[&str]) -> Fixture {
    let rights = || document(rights.iter().map(|right| may(right, "*")).collect());
    let user_of_shared = |identity: Json| {
        foothold(rights(), by_service("ec2.amazonaws.com"))
            .both(user("shared", "op", identity))
            .then(role("production", "deploy", trust(json!({"Principal": {"AWS": USER}})), None))
    };
    let nothing = || document(vec![may("s3:ListAllMyBuckets", "*")]);
    let powerless = |trust: Json| {
        let hop = with(
            role("shared", "hop", trust, None),
            "managed_policies",
            json!([policy_arn("hop")]),
        );
        foothold(rights(), by_service("ec2.amazonaws.com")).then(hop).both(managed(
            "shared",
            "hop",
            nothing(),
        ))
    };
    match whom {
        "user" => user_of_shared(statements(&[ASSUME])),
        "powerless-user" => user_of_shared(nothing()),
        // The user's own rights, once somebody has its key; a group permits it nothing yet, and another one more.
        "own" => {
            let group = |name: &str, policy: Json| {
                let arn = format!("arn:aws:iam::222222222222:group/{name}");
                object(
                    "iam_group",
                    Some("shared"),
                    name,
                    json!({"arn": arn, "inline_policies": {"main": policy}}),
                )
            };
            let key = document(vec![may("iam:CreateAccessKey", USER)]);
            foothold(key, by_service("ec2.amazonaws.com"))
                .both(with(user("shared", "op", rights()), "groups", json!(["staff"])))
                .both(group("staff", nothing()))
                .both(group("operators", statements(&[ASSUME])))
                .then(role(
                    "production",
                    "deploy",
                    trust(json!({"Principal": {"AWS": USER}})),
                    None,
                ))
        }
        "role" => foothold(rights(), by_service("ec2.amazonaws.com")),
        "powerless-role" => powerless(by_service("ec2.amazonaws.com")),
        "powerless-assumable" => powerless(by("shared", "low")),
        service => foothold(rights(), by_service(service)),
    }
}

#[test]
fn every_path_of_the_catalogue_is_found_in_the_wall_that_it_opens() {
    let mut wrong = Vec::new();
    for (id, whom, rights) in paths() {
        let shut = after(&placed(whom, &["iam:ListRoles"]).analyse(), "dev", "production");
        let section = placed(whom, &rights).rule(Vec::new()).analyse();
        let open = after(&section, "dev", "production");
        if (shut, open) != ("isolated", "reachable") {
            wrong.push(format!("{id}: {open}, and {shut} without"));
        }
        // Whom it takes over stands in the way that the plan tells.
        let told = serde_json::to_string(&section).expect("JSON");
        let taken =
            if whom == "user" || whom == "powerless-user" || whom == "own" { USER } else { HOP };
        if !told.contains(taken) {
            wrong.push(format!("{id}: {taken} is not named"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(paths().count(), 45);
}

/// Passing a role starts nothing.
#[test]
fn a_role_that_is_passed_and_not_put_to_use_opens_nothing() {
    for (id, whom, rights) in paths().filter(|(_, _, rights)| rights.contains(&"iam:PassRole")) {
        for left in [
            vec!["iam:PassRole"],
            rights.iter().copied().filter(|r| *r != "iam:PassRole").collect(),
        ] {
            let swaps = crate::iam::passing::of(whom).is_some_and(|ways| {
                ways.swap.iter().any(|action| left.contains(action))
                    || ways
                        .swap_together
                        .iter()
                        .any(|set| set.concat().iter().all(|a| left.contains(a)))
            });
            let expected = if swaps { "reachable" } else { "isolated" };
            let found = after(&placed(whom, &left).analyse(), "dev", "production").to_owned();
            assert_eq!(found, expected, "{id} {left:?}");
        }
    }
}
