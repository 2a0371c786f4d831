//! The bucket of the state: who writes it decides what the next apply believes, in its own account and from others.

use super::escalation::{LOW, by_service, document, may};
use super::hunt::judge;
use super::power::{ASSUME, statements};
use super::*;

/// The state lies in an account of its own, whose bucket lets others in.
#[test]
fn the_state_is_written_from_another_account_by_whom_one_makes_or_changes() {
    let state = |policy: Json, low: Vec<Json>| {
        let mut fixture = Fixture::new()
            .account("state", "444444444444")
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(low))))
            .both(object(
                "s3_bucket",
                Some("state"),
                "acme-state",
                json!({"bucket": "acme-state", "policy": policy, "block_public_access": {}}),
            ));
        fixture.estate.state_bucket = Some("acme-state".to_owned());
        fixture
    };
    let lets_in = |principal: Json, action: &str, condition: Json| {
        let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": action,
            "Resource": "arn:aws:s3:::acme-state/*"});
        if condition != json!({}) {
            statement["Condition"] = condition;
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let shared = |action: &str| lets_in(json!({"AWS": "222222222222"}), action, json!({}));
    let itself = || vec![may("iam:PutRolePolicy", LOW)];
    let new = || {
        let new = "arn:aws:iam::222222222222:role/new";
        let rights = ["iam:CreateRole", "iam:PutRolePolicy"];
        rights.into_iter().map(|action| may(action, new)).collect::<Vec<Json>>()
    };
    let some = |action: &str| vec![may(action, "*"), may("iam:PutRolePolicy", LOW)];
    let of_ours = json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}});
    let admitted = |calls: &str| {
        state(lets_in(json!("*"), "s3:PutObject", of_ours.clone()), vec![may("iam:GetRole", "*")])
            .account("management", "999999999999")
            .both(role("management", "ops", by("dev", "ci"), Some(document(vec![may(calls, "*")]))))
    };
    let case = |name, fixture, expected| (name, fixture, "dev", "production", expected);
    judge(vec![
        case("who may permit itself", state(shared("s3:PutObject"), itself()), "reachable"),
        case(
            "who reads and may permit itself",
            state(shared("s3:*"), some("s3:GetObject")),
            "reachable",
        ),
        case("who is made", state(shared("s3:PutObject"), new()), "reachable"),
        case(
            "who may permit nobody",
            state(shared("s3:PutObject"), vec![may("iam:GetRole", "*")]),
            "isolated",
        ),
        case("who reads alone", state(shared("s3:GetObject"), itself()), "isolated"),
        case(
            "of an account that is brought in",
            admitted("organizations:CreateAccount"),
            "reachable",
        ),
        case("of none that is brought in", admitted("organizations:ListAccounts"), "isolated"),
    ]);
}

/// In its own account a bucket's policy grants by itself: the state's bucket may let in a role whose own policies say
/// nothing of it.
#[test]
fn the_state_is_written_by_whom_its_own_policy_lets_in() {
    let state = |role: &str, low: Vec<Json>| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject",
            "Principal": {"AWS": format!("arn:aws:iam::222222222222:role/{role}")}, "Resource": "arn:aws:s3:::acme-state/*"}]});
        let mut fixture = Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role_named("low", by("dev", "ci"), low))
            .both(role_named(
                "keeper",
                by_service("ec2.amazonaws.com"),
                vec![may("ec2:DescribeRegions", "*")],
            ))
            .both(object(
                "s3_bucket",
                Some("shared"),
                "acme-state",
                json!({"bucket": "acme-state", "policy": policy}),
            ));
        fixture.estate.state_bucket = Some("acme-state".to_owned());
        fixture
    };
    fn role_named(name: &str, trust: Json, own: Vec<Json>) -> SideObject {
        role("shared", name, trust, Some(document(own)))
    }
    let nothing = || vec![may("ec2:DescribeRegions", "*")];
    judge(vec![
        ("whom one is", state("low", nothing()), "dev", "production", "reachable"),
        ("somebody else", state("keeper", nothing()), "dev", "production", "isolated"),
        (
            "whom one can become",
            state(
                "keeper",
                vec![may("iam:UpdateAssumeRolePolicy", "arn:aws:iam::222222222222:role/keeper")],
            ),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}
