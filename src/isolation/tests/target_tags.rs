//! Tags of what a right is over, and tags that somebody may set: those that are known decide, as long as nobody who gets in
//! may change them as a policy asks for.

use super::escalation::{HOP, LOW, denied, document, may, on_machine};
use super::hunt::{judge, scp, with};
use super::power::{ASSUME, statements};
use super::*;

fn on(mut statement: Json, condition: Json) -> Json {
    statement["Condition"] = condition;
    statement
}

fn rewrite(condition: Json) -> Json {
    on(may("iam:UpdateAssumeRolePolicy", "*"), condition)
}

/// Dev's `ci` is shared's `low`, which has these statements; shared's `hop`, which production lets in, bears a tag.
fn upon_tagged(low: Vec<Json>) -> Fixture {
    let hop = role(
        "shared",
        "hop",
        trust(json!({"Principal": {"Service": "ec2.amazonaws.com"}})),
        Some(statements(&[ASSUME])),
    );
    on_machine(low).then(with(hop, "tags", json!({"team": "core"})))
}

#[test]
fn tags_of_what_a_right_is_over_are_known() {
    let team =
        |family: &str, value: &str| json!({"StringEquals": {format!("{family}/team"): value}});
    let is = |value: &str| team("aws:ResourceTag", value);
    let tagging = |condition: Json| on(may("iam:TagRole", "*"), condition);
    let plain = || may("iam:UpdateAssumeRolePolicy", HOP);
    let deny = |condition: Json| on(denied("iam:*", "*"), condition);
    let low2 = |own: Vec<Json>| role("shared", "low2", by("dev", "ci"), Some(document(own)));
    judge(vec![
        ("another one's", upon_tagged(vec![rewrite(is("dev"))]), "dev", "production", "isolated"),
        ("its own", upon_tagged(vec![rewrite(is("core"))]), "dev", "production", "reachable"),
        (
            "another one's, of IAM",
            upon_tagged(vec![rewrite(team("iam:ResourceTag", "dev"))]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "none",
            upon_tagged(vec![rewrite(json!({"Null": {"aws:ResourceTag/team": "true"}}))]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "some",
            upon_tagged(vec![rewrite(json!({"Null": {"aws:ResourceTag/team": "false"}}))]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "denied for it",
            upon_tagged(vec![plain(), deny(is("core"))]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "denied for another one's",
            upon_tagged(vec![plain(), deny(is("dev"))]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "denied by an SCP",
            upon_tagged(vec![plain()]).both(scp("tags", "shared", deny(is("core")))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another role's policies",
            upon_tagged(vec![on(may("iam:PutRolePolicy", "*"), is("dev"))]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags may not be set",
            upon_tagged(vec![rewrite(is("dev")), may("iam:TagRole", "*")]).both(scp(
                "tags",
                "shared",
                denied("iam:TagRole", "*"),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags may be set",
            upon_tagged(vec![rewrite(is("dev")), may("iam:TagRole", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "its own tags may be set",
            upon_tagged(vec![rewrite(is("dev")), may("iam:TagRole", LOW)]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another value may be set",
            upon_tagged(vec![
                rewrite(is("dev")),
                tagging(json!({"StringEquals": {"aws:RequestTag/team": "ops"}})),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "that value may be set",
            upon_tagged(vec![
                rewrite(is("dev")),
                tagging(json!({"StringEquals": {"aws:RequestTag/team": ["ops", "dev"]}})),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another key may be set",
            upon_tagged(vec![
                rewrite(is("dev")),
                tagging(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}})),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "that key may be set",
            upon_tagged(vec![
                rewrite(is("dev")),
                tagging(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost", "Team"]}})),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "what is its own may be set",
            upon_tagged(vec![rewrite(is("dev")), tagging(is("dev"))]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another one who gets in may set them",
            upon_tagged(vec![rewrite(is("dev"))]).both(low2(vec![may("iam:TagRole", HOP)])),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another one may set others'",
            upon_tagged(vec![rewrite(is("dev"))]).both(low2(vec![may("iam:TagRole", LOW)])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "taken away where none may be there",
            upon_tagged(vec![
                rewrite(json!({"Null": {"aws:ResourceTag/team": "true"}})),
                may("iam:UntagRole", HOP),
            ]),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn a_tag_that_nobody_asks_for_frees_none_that_somebody_does() {
    let ops = || json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}});
    // Production lets in whoever of shared bears a tag.
    let let_in = |low: Vec<Json>| {
        let own = role("shared", "low", by("dev", "ci"), Some(document(low)));
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(with(own, "tags", json!({"team": "dev"})))
            .both(role(
                "production",
                "deploy",
                trust(json!({"Principal": {"AWS": "222222222222"}, "Condition": ops()})),
                None,
            ))
    };
    let low = |condition: Json| {
        let_in(vec![may("sts:AssumeRole", "*"), on(may("iam:TagRole", "*"), condition)])
    };
    let there = json!({"Null": {"aws:RequestTag/team": "false"}});
    judge(vec![
        ("anything", low(json!({})), "dev", "production", "reachable"),
        (
            "other values",
            low(json!({"StringEquals": {"aws:RequestTag/team": ["dev", "qa"]}})),
            "dev",
            "production",
            "isolated",
        ),
        (
            "its value",
            low(json!({"StringEquals": {"aws:RequestTag/team": ["dev", "ops"]}})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another key",
            low(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}})),
            "dev",
            "production",
            "isolated",
        ),
        (
            "its key",
            low(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost", "team"]}})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "its key beside another",
            low(json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["cost"]}})),
            "dev",
            "production",
            "reachable",
        ),
        (
            "denied by an SCP wherever it is there",
            low(json!({})).both(scp("tags", "shared", on(denied("iam:TagRole", "*"), there))),
            "dev",
            "production",
            "isolated",
        ),
        (
            // IAM takes `Team` for the same key, and the condition does not.
            "denied wherever its key is among those passed, in one spelling",
            low(json!({})).both(scp(
                "tags",
                "shared",
                on(
                    denied("iam:TagRole", "*"),
                    json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}),
                ),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "denied where nothing but its key is passed",
            low(json!({})).both(scp(
                "tags",
                "shared",
                on(
                    denied("iam:TagRole", "*"),
                    json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}),
                ),
            )),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}
