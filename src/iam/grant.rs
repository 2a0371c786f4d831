//! Grants of KMS, as the statements that say the same.
//!
//! A grant permits its grantee some operations on one key, and denies nothing. The grantee needs no policy of its own, not even in
//! another account: service-linked roles, whose policies name no customer managed key and cannot be changed, use keys of other accounts by a
//! grant alone (EC2 Auto Scaling User Guide, "Required AWS KMS key policy for use with encrypted volumes", example 2; KMS Developer
//! Guide, "Troubleshooting AWS KMS permissions": key trust comes from "a grant or IAM policy").
//!
//! Source: KMS Developer Guide, "Grants in AWS KMS", "Creating grants"; KMS API Reference, `GrantListEntry`, `GrantConstraints`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::{Condition, Effect, Item, PrincipalType, Principals, Statement};
use super::operator::{Operator, SetPrefix, Test};

/// A grant on a key, as `ListGrants` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyGrant {
    /// Its id.
    pub grant_id: String,
    /// Who may use the key by it; a service's name where a service may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantee_principal: Option<String>,
    /// The service that may, where the grant was made for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantee_service_principal: Option<String>,
    /// Operations that it permits: `Decrypt`.
    pub operations: BTreeSet<String>,
    /// What requests must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<GrantConstraints>,
}

/// What the requests that a grant permits must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GrantConstraints {
    /// Pairs that are in the encryption context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
    /// Pairs that are the encryption context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
}

/// Who may use a key by a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee<'g> {
    /// A service, which acts on behalf of a principal that has access to the key.
    Service,
    /// A role or user, by ARN.
    Identity(&'g str),
    /// Somebody else: an account, a session, a deleted principal by its unique id.
    Other(&'g str),
}

/// Operations that take an encryption context, on which alone constraints bear (KMS API Reference, `GrantConstraints`).
const WITH_CONTEXT: [&str; 8] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

impl KeyGrant {
    /// Who may use the key.
    #[must_use]
    pub fn grantee(&self) -> Grantee<'_> {
        let Some(named) = self.grantee_principal.as_deref() else {
            return match self.grantee_service_principal {
                Some(_) => Grantee::Service,
                None => Grantee::Other(""),
            };
        };
        let mut parts = named.splitn(6, ':');
        let is_arn = parts.next() == Some("arn");
        // `ListGrants` names the service itself, where the grantee is one.
        if self.grantee_service_principal.is_some() || !is_arn && named.contains('.') {
            return Grantee::Service;
        }
        let service = parts.nth(1);
        let rest = parts.nth(2).unwrap_or_default();
        let is_identity = rest.starts_with("role/") || rest.starts_with("user/");
        match is_arn && service == Some("iam") && is_identity {
            true => Grantee::Identity(named),
            false => Grantee::Other(named),
        }
    }

    /// Whether it may let in somebody of another account than the key's.
    #[must_use]
    pub fn crosses(&self, account: &str) -> bool {
        match self.grantee() {
            Grantee::Service => false,
            Grantee::Identity(named) | Grantee::Other(named) => {
                named != account && named.split(':').nth(4) != Some(account)
            }
        }
    }

    /// The actions that it permits: `kms:Decrypt`.
    pub fn actions(&self) -> impl Iterator<Item = String> {
        self.operations.iter().map(|name| action(name))
    }

    /// What the key's policy would say in its place, or, without a grantee, a policy of the grantee's.
    #[must_use]
    pub fn statements(&self, key: &str, grantee: Option<&str>) -> Vec<Statement> {
        let conditions = self.conditions();
        let constrained = !conditions.is_empty();
        let takes_context = |name: &&String| WITH_CONTEXT.contains(&name.as_str());
        let (within, beside): (Vec<&String>, Vec<&String>) = match conditions.is_empty() {
            true => (Vec::new(), self.operations.iter().collect()),
            false => self.operations.iter().partition(takes_context),
        };
        let statement = |operations: Vec<&String>, conditions: Vec<Condition>| {
            let mut one = Statement::new(Effect::Allow);
            // Reports cite statements of one policy by their sids, so these differ.
            let any = if conditions.is_empty() && constrained { ", any context" } else { "" };
            one.sid = grantee.map(|_| format!("grant {}{any}", self.grant_id));
            one.principals = grantee.map(|arn| Principals::of(PrincipalType::Aws, [arn]));
            one.actions = operations.iter().map(|name| Item::new(action(name))).collect();
            one.resources = vec![Item::new(key)];
            one.conditions = conditions;
            one
        };
        let all = [statement(beside, Vec::new()), statement(within, conditions)];
        all.into_iter().filter(|statement| !statement.actions.is_empty()).collect()
    }

    fn conditions(&self) -> Vec<Condition> {
        let Some(constraints) = &self.constraints else { return Vec::new() };
        let (subset, equals) =
            (&constraints.encryption_context_subset, &constraints.encryption_context_equals);
        let pairs = subset.iter().chain(equals).flatten();
        let mut all: Vec<Condition> = pairs
            .map(|(key, value)| {
                let key = format!("kms:EncryptionContext:{key}");
                // What is no variable to a grant is none to the statement.
                let value = value.replace("${", "${$}{");
                Condition::new(Operator::new(Test::StringEquals), key, [value.as_str()])
            })
            .collect();
        if let Some(equals) = equals {
            let of_all = Some(SetPrefix::ForAllValues);
            let operator =
                Operator { prefix: of_all, ..Operator::new(Test::StringEqualsIgnoreCase) };
            let keys = equals.keys().map(String::as_str);
            all.push(Condition::new(operator, "kms:EncryptionContextKeys", keys));
        }
        all
    }
}

fn action(operation: &str) -> String {
    format!("kms:{operation}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grant(entry: serde_json::Value) -> KeyGrant {
        serde_json::from_value(entry).expect("a grant")
    }

    /// KMS API Reference, `GrantListEntry`: what `GranteePrincipal` may hold.
    #[test]
    fn grantees_are_told_apart() {
        let to = |named: &str| {
            grant(json!({"GrantId": "g", "GranteePrincipal": named, "Operations": ["Decrypt"]}))
        };
        let role = "arn:aws:iam::111111111111:role/ci";
        assert_eq!(to(role).grantee(), Grantee::Identity(role));
        assert!(to(role).crosses("222222222222") && !to(role).crosses("111111111111"));
        for other in [
            "arn:aws:iam::111111111111:root",
            "111111111111",
            "arn:aws:sts::111111111111:assumed-role/ci/session",
            "AROAEXAMPLEID",
        ] {
            assert_eq!(to(other).grantee(), Grantee::Other(other));
            assert!(to(other).crosses("222222222222"), "{other}");
        }
        assert!(!to("111111111111").crosses("111111111111"));
        for service in ["dynamodb.eu-west-1.amazonaws.com", "rds.amazonaws.com"] {
            assert_eq!(to(service).grantee(), Grantee::Service);
        }
        let made = json!({"GrantId": "g", "GranteeServicePrincipal": "rds.amazonaws.com", "Operations": ["Decrypt"]});
        assert_eq!(grant(made).grantee(), Grantee::Service);
    }

    /// KMS API Reference, `GrantConstraints`: they do not bear on operations without an encryption context.
    #[test]
    fn constraints_bear_on_what_takes_a_context() {
        let constrained = grant(json!({
            "GrantId": "g", "GranteePrincipal": "arn:aws:iam::111111111111:role/ci",
            "Operations": ["Decrypt", "DescribeKey"],
            "Constraints": {"EncryptionContextEquals": {"team": "${aws:username}"}},
        }));
        let all = constrained.statements("arn:aws:kms:eu-west-1:222222222222:key/k", None);
        let [beside, within] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(beside.actions, [Item::new("kms:DescribeKey")]);
        assert_eq!(beside.conditions, []);
        assert_eq!(within.actions, [Item::new("kms:Decrypt")]);
        assert_eq!(within.conditions.len(), 2);
        assert_eq!(within.conditions[0].values, [Item::new("${$}{aws:username}")]);
    }
}
