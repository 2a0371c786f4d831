//! The management account: what its principals hold over every member where it is one of an environment, and what a proof rests
//! on where nothing of it is read.

use super::*;
use crate::isolation::assumptions::Assumptions;
use crate::isolation::section::AssumptionKind;

const MANAGEMENT: &str = "999999999999";

fn organized(principals: Vec<PrincipalNode>) -> Facts {
    let mut facts = facts(principals);
    for account in &mut facts.accounts {
        account.parent = Some("ou-ab12-members0".to_owned());
    }
    let ids = [(DEV, "ou-ab12-members0"), (PRODUCTION, "ou-ab12-members0"), (MANAGEMENT, "r-ab12")];
    facts.organization = Some(Organization {
        id: "o-aaaaaaaaaa".to_owned(),
        root: "r-ab12".to_owned(),
        management_account: MANAGEMENT.to_owned(),
        accounts: ids.map(|(id, at)| (id.to_owned(), at.to_owned())).into(),
        ..Organization::default()
    });
    facts.guardrails = Guardrails {
        parents: [("ou-ab12-members0".to_owned(), "r-ab12".to_owned())].into(),
        complete: true,
        ..Guardrails::default()
    };
    facts
}

/// Ops is the management account, with a role that may do this; production lets in nobody.
fn of_ops(actions: &[&str]) -> WallVerdict {
    let mut boss = role(&json!({
        "Arn": format!("arn:aws:iam::{MANAGEMENT}:role/boss"),
        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"}})),
        "RolePolicyList": [{"PolicyName": "main", "PolicyDocument":
            statement(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}))}],
    }));
    boss.account = handle("ops");
    let mut facts = organized(vec![boss, deploy("arn:aws:iam::222222222222:role/nobody")]);
    let ops = account("ops", MANAGEMENT);
    facts.accounts.push(AccountFacts { parent: Some("r-ab12".to_owned()), ..ops });
    wall(&AccessModel::new(facts), &Origin::Environment("ops".to_owned()))
}

#[test]
fn an_environment_of_the_management_account_holds_what_that_holds() {
    use WallVerdict::{Isolated, Reachable};
    assert_eq!(of_ops(&["cloudformation:*"]), Reachable, "stack sets");
    assert_eq!(of_ops(&["sts:AssumeRoot"]), Reachable, "roots");
    assert_eq!(of_ops(&["sso:*"]), Reachable, "Identity Center");
    // IAM Identity Center User Guide, "Reset the IAM Identity Center user password for an end user".
    assert_eq!(of_ops(&["identitystore:UpdateUser"]), Reachable, "a user's address");
    assert_eq!(of_ops(&["sso-directory:UpdateUser"]), Reachable, "a user's address");
    assert_eq!(of_ops(&["identitystore:DescribeUser"]), Isolated, "looking");
    assert_eq!(of_ops(&["s3:*", "sts:AssumeRole"]), Isolated, "nothing of the organization");
}

/// What the proof for dev rests on of the management account.
fn rests(facts: Facts) -> usize {
    let model = AccessModel::new(facts);
    let before = AccessModel::new(Facts::default());
    let comparison = compare(&before, &model);
    let pair = (Origin::Environment("dev".to_owned()), "production".to_owned());
    let (was, result) = (&model, &comparison.after.1);
    assert_eq!(verdict(was, result, &pair).0, WallVerdict::Isolated);
    let all = Assumptions::new(was, result).of(&pair, &mut std::collections::BTreeMap::default());
    all.iter().filter(|one| one.kind == AssumptionKind::ManagementAccount).count()
}

#[test]
fn a_proof_rests_on_a_management_account_that_was_not_read() {
    let roles = || vec![ci_with("s3:*"), deploy("arn:aws:iam::999999999999:root")];
    assert_eq!(rests(organized(roles())), 1);
    // Without an organization there is none, and what is read is judged.
    assert_eq!(rests(facts(roles())), 0);
    let mut read = organized(roles());
    let managing = account("ops", MANAGEMENT);
    read.accounts.push(AccountFacts { parent: Some("r-ab12".to_owned()), ..managing });
    assert_eq!(rests(read), 0);
    // An SCP that lets nobody of the members ask it for a role.
    let mut kept = organized(roles());
    let scp = json!({"Effect": "Deny", "Action": "sts:AssumeRole",
        "Resource": "arn:aws:iam::999999999999:role/*"});
    let scp = NamedPolicy::new("p-1", "content", document(&statement(scp), Use::Scp));
    let unit = (PolicyType::ServiceControl, "ou-ab12-members0".to_owned());
    kept.guardrails.attached.insert(unit, vec![NamedPolicy::full_access(), scp]);
    assert_eq!(rests(kept), 0);
}
