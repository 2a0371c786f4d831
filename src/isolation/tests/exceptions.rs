//! Those who got into an account in between and permit themselves, or another one, what keeps them in.

use super::super::section::Replayed;
use super::power::{ASSUME, lets_in_all_of_shared, power, statements};
use super::*;

fn arn(name: &str) -> String {
    format!("arn:aws:iam::222222222222:{name}")
}

/// Shared's user `bridge`, who may do nothing, and its group `ops`.
fn user_and_group(ops: &[(&str, &str)]) -> [SideObject; 2] {
    let of_group = json!({"arn": arn("group/ops"), "inline_policies": {"own": statements(ops)}});
    [
        object("iam_user", Some("shared"), "bridge", json!({"arn": arn("user/bridge")})),
        object("iam_group", Some("shared"), "ops", of_group),
    ]
}

/// Dev gets in as shared's `hub`, which has these rights.
fn with(
    hub: &[(&str, &str)],
    deploy: SideObject,
    others: impl IntoIterator<Item = SideObject>,
) -> Isolation {
    let fixture = Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(deploy)
        .then(role("shared", "hub", by("dev", "ci"), Some(statements(hub))));
    others.into_iter().fold(fixture, Fixture::both).analyse()
}

/// Nobody gets into `bridge`, and `bridge` may do nothing. It takes both to open the wall.
#[test]
fn another_one_is_made_and_permitted() {
    let bridge = || {
        role(
            "shared",
            "bridge",
            trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}})),
            None,
        )
    };
    let whom = arn("role/bridge");
    let be = ("iam:UpdateAssumeRolePolicy", whom.as_str());
    let exception_use = ("iam:PutRolePolicy", whom.as_str());
    let deploy = || role("production", "deploy", by("shared", "bridge"), None);
    let section = with(&[be, exception_use], deploy(), [bridge()]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    let found = power(&section, "dev");
    assert!(found[0].power.as_ref().is_some_and(|p| p.contains("another principal")), "{found:?}");
    assert_eq!(found[0].change, PathChange::Added);
    let before = found[0].replay.as_ref().and_then(|replay| replay.before.as_ref());
    assert!(matches!(before, Some(Replayed::Absent { .. })), "{before:?}");
    for rights in [
        &[be][..],
        &[exception_use],
        &[be, ("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/far")],
    ] {
        let section = with(rights, deploy(), [bridge()]);
        assert_eq!(after(&section, "dev", "production"), "isolated", "{rights:?}");
    }
}

/// IAM User Guide, "IAM user groups": a user has the permissions of every group that it is in.
#[test]
fn a_user_is_put_into_a_group_that_is_permitted() {
    let (user, ops, other) = (arn("user/bridge"), arn("group/ops"), arn("group/other"));
    let key = ("iam:CreateAccessKey", user.as_str());
    let join = ("iam:AddUserToGroup", ops.as_str());
    let rewrite = ("iam:PutGroupPolicy", ops.as_str());
    let elsewhere = ("iam:AddUserToGroup", other.as_str());
    let objects = ("s3:*", "*");
    for deploy in [
        role("production", "deploy", trust(json!({"Principal": {"AWS": user}})), None),
        lets_in_all_of_shared(),
    ] {
        for (rights, permitted, expected) in [
            (&[key, join][..], ASSUME, "reachable"),
            (&[key, join], objects, "isolated"),
            (&[key, join, rewrite], objects, "reachable"),
            (&[key, rewrite], objects, "isolated"),
            (&[join, rewrite], ASSUME, "isolated"),
            (&[key, elsewhere], ASSUME, "isolated"),
        ] {
            let section = with(rights, deploy.clone(), user_and_group(&[permitted]));
            assert_eq!(after(&section, "dev", "production"), expected, "{rights:?} {permitted:?}");
        }
    }
}

/// Where nobody reads the account in between, somebody unseen there may permit `bridge` what keeps it in, or
/// be the user that crosses.
#[test]
fn what_an_unread_account_alone_holds_shut_is_not_closed() {
    let user = json!({"Principal": {"AWS": arn("user/bridge")}});
    let crossing =
        json!({"arn": arn("user/bridge"), "inline_policies": {"own": statements(&[ASSUME])}});
    let service = trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}}));
    for (bridge, trusted) in [
        (role("shared", "bridge", service, None), by("shared", "bridge")),
        (object("iam_user", Some("shared"), "bridge", crossing), trust(user)),
    ] {
        let mut fixture = Fixture::new()
            .both(bridge)
            .both(role("production", "deploy", trusted, None))
            .rule(Vec::new());
        assert_eq!(after(&fixture.analyse(), "dev", "production"), "isolated");
        fixture.unread.insert(handle("shared"), "access denied".to_owned());
        assert_eq!(after(&fixture.analyse(), "dev", "production"), "undetermined");
    }
}

/// Whom an unread account might let in elsewhere has powers there: over a neighbour, and over the state.
#[test]
fn powers_of_whom_an_unread_account_might_let_in_count() {
    let in_between = |rights: &[(&str, &str)]| {
        let lets_in = trust(json!({"Principal": {"AWS": "222222222222"}}));
        let service = trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}}));
        let mut fixture = Fixture::new()
            .account("far", "444444444444")
            .both(role("far", "hub", lets_in, Some(statements(rights))))
            .both(role("far", "bridge", service, None))
            .both(role("production", "deploy", by("far", "bridge"), None))
            .both(object(
                "s3_bucket",
                Some("far"),
                "state",
                json!({"bucket": "state", "policy": null}),
            ))
            .rule(Vec::new());
        fixture.estate.state_bucket = Some("state".to_owned());
        fixture.unread.insert(handle("shared"), "access denied".to_owned());
        after(&fixture.analyse(), "dev", "production")
    };
    assert_eq!(in_between(&[("s3:GetObject", "*")]), "isolated");
    assert_eq!(in_between(&[("iam:PutRolePolicy", "*")]), "undetermined");
    assert_eq!(in_between(&[("s3:PutObject", "*")]), "undetermined");
}
