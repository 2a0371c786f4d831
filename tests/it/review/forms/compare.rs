//! What a format says of the walls, in words that all formats share.

use serde_json::{Map, Value, json};

use super::estate::{Estate, MANAGED};
use super::stacks::logical;

/// What each format calls the parts of an estate, and what all shall call them. Longer names go first.
pub(super) fn names(estates: [&Estate; 2]) -> Vec<(String, String)> {
    let mut names = std::collections::BTreeMap::new();
    for estate in estates {
        for role in &estate.roles {
            let (account, name) = role.key();
            let own = format!("iam_role/{name}@{account}");
            names.insert(format!("iam_role.{account}_{name}@{account}"), own.clone());
            names.insert(format!("aws_iam_role.{account}_{name}"), own.clone());
            names.insert(format!("aws_iam_role_policy_attachment.{account}_{name}"), own.clone());
            for policy in ["work", "extra"] {
                let address = format!("aws_iam_role_policy.{account}_{name}_{policy}");
                names.insert(address, own.clone());
            }
            names.insert(format!("{account}/{}", logical("Role", name)), own);
        }
        for account in estate.managed.keys() {
            let own = format!("iam_policy/{MANAGED}@{account}");
            names.insert(format!("iam_policy.{MANAGED}_{account}@{account}"), own.clone());
            names.insert(format!("aws_iam_policy.{account}"), own.clone());
            names.insert(format!("{account}/Shared"), own);
            let own = format!("account/{account}");
            names.insert(format!("account.{account}"), own.clone());
            names.insert(format!("aws_organizations_account.{account}"), own.clone());
            names.insert(format!("organization/{}", logical("Account", account)), own);
        }
        for bucket in &estate.buckets {
            let (account, name) = (bucket.account, bucket.name());
            let own = format!("s3_bucket/{name}@{account}");
            names.insert(format!("s3_bucket.{account}@{account}"), own.clone());
            for part in ["", "_policy", "_public_access_block"] {
                names.insert(format!("aws_s3_bucket{part}.{account}"), own.clone());
            }
            names.insert(format!("{account}/BucketPolicy"), own.clone());
            names.insert(format!("{account}/Bucket"), own);
        }
        for control in &estate.controls {
            let kind = if control.on_resources { "rcp" } else { "scp" };
            let long = if control.on_resources { "resource" } else { "service" };
            let name = &control.name;
            let own = format!("{kind}/{name}");
            names.insert(format!("{long}_control_policy.{name}"), own.clone());
            for target in ["build", "live", "dev", "production", "tools"] {
                let address = format!("aws_organizations_policy_attachment.{name}_{target}");
                names.insert(address, own.clone());
            }
            names.insert(format!("aws_organizations_policy.{name}"), own.clone());
            names.insert(format!("organization/{}", logical("Policy", name)), own);
        }
    }
    let mut names: Vec<(String, String)> = names.into_iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names
}

/// What is said of every wall, of every path that changes, and as findings.
pub(super) fn said(section: &Value, names: &[(String, String)]) -> Value {
    let keep = |list: &str, keys: &[&str]| {
        let all = section[list].as_array().into_iter().flatten();
        let mut all: Vec<Value> = all
            .map(|one| {
                let kept = keys.iter().filter_map(|key| {
                    let value = one.get(*key).filter(|v| !v.is_null() && **v != json!([]))?;
                    Some(((*key).to_owned(), shared(value, names)))
                });
                Value::Object(kept.collect::<Map<String, Value>>())
            })
            .collect();
        all.sort_by_key(Value::to_string);
        all
    };
    json!({
        "matrix": keep("matrix", &["from", "to", "before", "after", "assumptions", "assumptions_added", "managed_only", "grade", "squattable"]),
        "changes": keep("changes", &["change", "from", "to", "grade", "verdict", "principal", "via", "actions", "resources", "conditions", "power", "reason", "also_needs", "limits", "replay", "caused_by"]),
        "findings": keep("findings", &["kind", "from", "to", "text", "also", "addresses"]),
    })
}

fn shared(value: &Value, names: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.clone();
            for (name, own) in names {
                text = text.replace(name, own);
            }
            json!(text)
        }
        Value::Array(all) => {
            let mut all: Vec<Value> = all.iter().map(|one| shared(one, names)).collect();
            // Of several parts of one object, each a cause, it is the one cause.
            if all.iter().all(Value::is_string) {
                all.sort_by_key(Value::to_string);
                all.dedup();
            }
            // Statements stand in the order of the names that the format has for their objects.
            if all.iter().all(|one| one.get("statement").is_some()) {
                all.sort_by_key(Value::to_string);
            }
            json!(all)
        }
        Value::Object(all) => {
            let all = all.iter().filter(|(key, _)| *key != "location");
            Value::Object(all.map(|(key, one)| (key.clone(), shared(one, names))).collect())
        }
        other => other.clone(),
    }
}

/// The first differences of two, a line each.
pub(super) fn differences(one: &Value, other: &Value, at: &str, into: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (a, b) =
                    (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                differences(a, b, &format!("{at}.{key}"), into);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{at}[{number}]"), into);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let only = |a: &[Value], b: &[Value]| {
                let only = a.iter().filter(|one| !b.contains(one)).map(Value::to_string);
                only.collect::<Vec<_>>().join("\n      ")
            };
            into.push(format!(
                "{at}: only\n      {}\n    and only\n      {}",
                only(a, b),
                only(b, a)
            ));
        }
        (a, b) if a != b => into.push(format!("{at}: {a} and {b}")),
        _ => {}
    }
}
