//! Types outside of the model whose access is one policy, or one principal: whether that lets in anybody beside the
//! object's own account.
//!
//! Claim: a change of such a type opens nothing between accounts where all whom it lets in belong to the object's account.
//! Access across accounts takes the permission of both sides (IAM User Guide, "Cross-account policy evaluation logic"),
//! and a policy that names an account's own principals gives none to others. What cannot be told so counts as letting
//! others in: a text that is unknown or is no policy, `NotPrincipal`, a pattern, a service that acts for anybody.

use serde_json::Value as Json;

use super::accounts::Accounts;
use super::plan::Change;
use crate::iam::{Document, Effect, Operator, PrincipalType, Principals, Statement, Test, Use};

/// Arguments that hold such a policy.
const POLICIES: [&str; 5] =
    ["policy", "policy_document", "access_policy", "access_policies", "resource_policy"];

/// Types that let more in without a policy than with one: whoever reaches a file system over the network may use it
/// (EFS User Guide, "Using IAM to control access to file systems"), and an API answers everybody.
const OPEN_WITHOUT: [&str; 2] = ["aws_api_gateway_rest_api", "aws_efs_file_system_policy"];

/// Whether the policy that a change leaves lets in nobody beside the account.
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

/// Whether the principal that a change lets in belongs to the account.
pub(super) fn principal_stays_in(change: &Change, attr: &str, account: &str) -> bool {
    // Some name an organization beside the principal.
    let widens = ["organization_id", "organization_arn", "organizational_unit_arn"];
    let wider = |name: &&str| change.is_unknown(name) || change.after(name).is_some();
    !change.writes()
        || !widens.iter().any(wider)
            && !change.is_unknown(attr)
            && change.after(attr).is_some_and(|principal| is_in(principal, account))
}

/// An access point of another account's bucket lets its own account into that (S3 User Guide, "Configuring IAM policies
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

/// Whether a policy lets in nobody beside the account.
fn is_of_account(text: &str, account: &str) -> bool {
    let Ok(json) = serde_json::from_str::<Json>(text) else { return false };
    // The statements are asked for their principals alone: what else a service wants of them it says itself.
    let Ok((document, _)) = Document::from_json(&json, Use::Resource(String::new())) else {
        return false;
    };
    let allowing = |statement: &&Statement| statement.effect == Effect::Allow;
    document.statements.iter().filter(allowing).all(|statement| stays_in(statement, account))
}

fn stays_in(statement: &Statement, account: &str) -> bool {
    let Some(principals) = &statement.principals else { return false };
    let held = |key: &str| is_held(statement, key, account);
    // Whatever else a statement names, its condition holds for all of it.
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

/// Whether a statement holds for requests alone that have the account under a key.
fn is_held(statement: &Statement, key: &str, account: &str) -> bool {
    statement.conditions.iter().any(|condition| {
        condition.operator == Operator::new(Test::StringEquals)
            && condition.key.eq_ignore_ascii_case(key)
            && !condition.values.is_empty()
            && condition.values.iter().all(|value| value.text.known() == Some(account))
    })
}

/// Whether a principal, by its ARN or its account's id, belongs to an account.
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
    fn a_policy_of_its_own_account_names_nobody_else() {
        const OWN: &str = "222222222222";
        let allow = |principal: Json, condition: Json| json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": principal, "Condition": condition});
        let own = json!({"AWS": ["arn:aws:iam::222222222222:role/r", OWN]});
        let all = json!({"AWS": "*"});
        let service = json!({"Service": "delivery.logs.amazonaws.com"});
        let equals = |operator: &str, key: &str, id: &str| json!({operator: {key: id}});
        for (statements, stays) in [
            (json!([allow(own.clone(), json!({}))]), true),
            // No policy: what AWS makes of it is not said.
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
