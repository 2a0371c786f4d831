//! Types outside the model that grant access by one policy or to one principal: whether that stays in the account of the
//! object.
//!
//! Claim: a change of such a type opens nothing between accounts if everything that it grants access to belongs to the
//! object's account. Cross-account access needs permission from both sides (IAM User Guide, "Cross-account policy evaluation
//! logic"), and a policy that names only principals of its account gives none to others. Anything else counts as access for
//! other accounts: an unknown text or one that is not a policy, `NotPrincipal`, a pattern, a service without a condition on
//! the account.

use serde_json::Value as Json;

use super::accounts::Accounts;
use super::plan::Change;
use crate::iam::{Document, Effect, Operator, PrincipalType, Principals, Statement, Test, Use};

/// Arguments with such a policy.
const POLICIES: [&str; 5] =
    ["policy", "policy_document", "access_policy", "access_policies", "resource_policy"];

/// Types that are more open without a policy than with one: a file system admits every client on its network
/// (EFS User Guide, "Using IAM to control access to file systems"), and an API answers every caller.
const OPEN_WITHOUT: [&str; 2] = ["aws_api_gateway_rest_api", "aws_efs_file_system_policy"];

/// Whether the policy after a change grants access only to the account.
pub(super) fn policy_stays_in(change: &Change, accounts: &Accounts<'_>, account: &str) -> bool {
    let kind = change.r#type.as_str();
    if OPEN_WITHOUT.contains(&kind) && (!change.writes() || kind == "aws_api_gateway_rest_api") {
        return false;
    }
    if !change.writes() {
        return true;
    }
    if POLICIES.iter().any(|attr| change.is_unknown(attr)) || !serves_own(change, accounts, account)
    {
        return false;
    }
    let mut policies = POLICIES.iter().filter_map(|attr| change.after(attr)).peekable();
    policies.peek().is_some() && policies.all(|text| is_of_account(text, account))
}

/// Whether the principal that a change grants access to belongs to the account.
pub(super) fn principal_stays_in(change: &Change, attr: &str, account: &str) -> bool {
    // Some types also have an argument with an organization.
    let widens = ["organization_id", "organization_arn", "organizational_unit_arn"];
    let wider = |name: &&str| change.is_unknown(name) || change.after(name).is_some();
    !change.writes()
        || !widens.iter().any(wider)
            && !change.is_unknown(attr)
            && change.after(attr).is_some_and(|principal| is_in(principal, account))
}

/// Whether an access point is for a bucket of its own account: otherwise its policy opens that bucket (S3 User Guide, "Configuring IAM policies
/// for using access points").
fn serves_own(change: &Change, accounts: &Accounts<'_>, account: &str) -> bool {
    let own = |point: &Change| {
        !accounts.is_set(point, "bucket_account_id")
            || point.after("bucket_account_id") == Some(account)
    };
    match change.r#type.as_str() {
        "aws_s3_access_point" => own(change),
        "aws_s3control_access_point_policy" => {
            let point = accounts.referenced(change, "access_point_arn");
            point.is_some_and(|point| point.r#type == "aws_s3_access_point" && own(point))
        }
        _ => true,
    }
}

/// Whether a policy grants access only to the account.
fn is_of_account(text: &str, account: &str) -> bool {
    let Ok(json) = serde_json::from_str::<Json>(text) else { return false };
    // Only principals and conditions are read: whether the policy is valid for its service does not matter here.
    let Ok((document, _)) = Document::from_json(&json, Use::Resource(String::new())) else {
        return false;
    };
    let allowing = |statement: &&Statement| statement.effect == Effect::Allow;
    document.statements.iter().filter(allowing).all(|statement| stays_in(statement, account))
}

fn stays_in(statement: &Statement, account: &str) -> bool {
    let Some(principals) = &statement.principals else { return false };
    let held = |key: &str| is_held(statement, key, account);
    // The condition restricts the whole statement, whatever principals it names.
    if held("aws:PrincipalAccount") {
        return true;
    }
    match principals {
        Principals::All => false,
        Principals::ByType(types) => types.iter().all(|(kind, items)| match kind {
            PrincipalType::Aws => items
                .iter()
                .all(|item| item.text.known().is_some_and(|principal| is_in(principal, account))),
            PrincipalType::Service => held("aws:SourceAccount"),
            PrincipalType::Federated | PrincipalType::CanonicalUser => false,
        }),
    }
}

/// Whether a statement applies only to requests with the account as the value of a key.
fn is_held(statement: &Statement, key: &str, account: &str) -> bool {
    statement.conditions.iter().any(|condition| {
        condition.operator == Operator::new(Test::StringEquals)
            && condition.key.eq_ignore_ascii_case(key)
            && !condition.values.is_empty()
            && condition.values.iter().all(|value| value.text.known() == Some(account))
    })
}

/// Whether a principal, given as an ARN or an account id, belongs to an account.
fn is_in(principal: &str, account: &str) -> bool {
    let mut parts = principal.split(':');
    principal == account
        || parts.next() == Some("arn")
            && matches!(parts.nth(1), Some("iam" | "sts"))
            && parts.nth(1) == Some(account)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_stays_in_its_account_if_it_names_nobody_else() {
        const OWN: &str = "222222222222";
        let allow = |principal: Json, condition: Json| json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": principal, "Condition": condition});
        let own = json!({"AWS": ["arn:aws:iam::222222222222:role/r", OWN]});
        let all = json!({"AWS": "*"});
        let service = json!({"Service": "delivery.logs.amazonaws.com"});
        let equals = |operator: &str, key: &str, id: &str| json!({operator: {key: id}});
        for (statements, stays) in [
            (json!([allow(own.clone(), json!({}))]), true),
            // A policy without statements is not valid.
            (json!([]), false),
            (json!([{"Effect": "Deny", "Action": "*", "Resource": "*", "Principal": "*"}]), true),
            (
                json!([allow(own, json!({})), allow(json!({"AWS": "111111111111"}), json!({}))]),
                false,
            ),
            (json!([allow(json!({"AWS": "arn:aws:iam::2222222222220:root"}), json!({}))]), false),
            (json!([allow(json!("*"), json!({}))]), false),
            (
                json!([allow(all.clone(), equals("StringEquals", "aws:principalaccount", OWN))]),
                true,
            ),
            (
                json!([allow(
                    all.clone(),
                    equals("StringEqualsIfExists", "aws:PrincipalAccount", OWN)
                )]),
                false,
            ),
            (
                json!([allow(all.clone(), equals("StringLike", "aws:PrincipalAccount", "2*"))]),
                false,
            ),
            (json!([allow(all, equals("StringEquals", "aws:SourceAccount", OWN))]), false),
            (json!([allow(service.clone(), json!({}))]), false),
            (json!([allow(service, equals("StringEquals", "aws:SourceAccount", OWN))]), true),
            (
                json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": OWN}}]),
                false,
            ),
        ] {
            let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            assert_eq!(is_of_account(&text, OWN), stays, "{text}");
        }
        assert!(!is_of_account("no policy", OWN));
    }
}
