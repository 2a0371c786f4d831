//! Accounts in between of which nothing is read: members of the organization that no source describes, and accounts of others
//! that policies name on both sides.

use serde_json::json;

use super::*;

const OTHER: &str = "444444444444";

/// Dev's `ci`, production's `deploy` that lets in somebody, and a member of the organization that is not described.
fn estate(ci: PrincipalNode, trusted: &str, closed: bool) -> Facts {
    let mut facts = facts(vec![ci, deploy(trusted)]);
    let accounts = [DEV, PRODUCTION, OTHER].map(|id| (id.to_owned(), "r-ab12".to_owned()));
    facts.organization = Some(Organization {
        id: "o-aaaaaaaaaa".to_owned(),
        root: "r-ab12".to_owned(),
        management_account: "999999999999".to_owned(),
        accounts: accounts.into(),
        closed: closed.then(|| OTHER.to_owned()).into_iter().collect(),
        ..Organization::default()
    });
    facts
}

#[test]
fn a_member_that_nobody_describes_may_let_anybody_in() {
    use WallVerdict::{Isolated, Undetermined};
    let judged = |trusted: &str, closed| {
        // With every right it might leave the organization.
        let ci = ci_with("sts:AssumeRole");
        into_production(&AccessModel::new(estate(ci, trusted, closed)))
    };
    assert_eq!(judged(OTHER, false), Undetermined);
    assert_eq!(judged("arn:aws:iam::444444444444:root", false), Undetermined);
    assert_eq!(judged("arn:aws:iam::444444444444:role/low", false), Undetermined);
    assert_eq!(judged("arn:aws:sts::444444444444:assumed-role/low/s", false), Undetermined);
    // Nobody acts in a closed account, and the management account is trusted.
    assert_eq!(judged("arn:aws:iam::444444444444:role/low", true), Isolated);
    assert_eq!(judged("arn:aws:iam::999999999999:role/low", false), Isolated);
    // Of an account outside the organization nothing says that it lets dev in.
    assert_eq!(judged("arn:aws:iam::555555555555:role/low", false), Isolated);
    assert_eq!(judged("arn:aws:iam::111111111111:role/other", false), Isolated);
    let model = AccessModel::new(estate(ci(), OTHER, false));
    assert_eq!(wall(&model, &Origin::Unassigned), WallVerdict::Reachable);
    assert_eq!(wall(&model, &Origin::Anonymous), Isolated);
}

#[test]
fn an_account_outside_that_policies_name_on_both_sides_is_in_doubt() {
    let entering = |resource: &str| {
        role(&json!({
            "Arn": "arn:aws:iam::111111111111:role/ci",
            "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"}})),
            "RolePolicyList": [{"PolicyName": "main", "PolicyDocument": statement(
                json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource}))}],
        }))
    };
    let judged = |resource: &str| {
        let trusted = "arn:aws:iam::555555555555:role/back";
        let model = AccessModel::new(estate(entering(resource), trusted, false));
        into_production(&model)
    };
    assert_eq!(judged("arn:aws:iam::555555555555:role/in"), WallVerdict::Undetermined);
    assert_eq!(judged("arn:aws:iam::666666666666:role/in"), WallVerdict::Isolated);
    assert_eq!(judged("*"), WallVerdict::Isolated);
}
