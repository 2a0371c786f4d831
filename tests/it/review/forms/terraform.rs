//! The change as `terraform show -json` prints it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::estate::{ACCOUNTS, Bucket, Control, Estate, MANAGED, Role};
use super::palisade::Ids;

/// Objects by address: type, provider and attributes.
type Objects = BTreeMap<String, (&'static str, String, Value)>;

/// The plan that makes one estate of another.
pub(super) fn plan(before: &Estate, after: &Estate, ids: &Ids) -> Value {
    let (was, is) = (objects(before, ids), objects(after, ids));
    let mut changes = Vec::new();
    let mut blocks = Vec::new();
    let addresses: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for address in addresses {
        let (old, new) = (was.get(address), is.get(address));
        let Some((kind, provider, _)) = new.or(old) else { continue };
        let actions = match (old, new) {
            (None, _) => "create",
            (_, None) => "delete",
            (Some(old), Some(new)) if old == new => "no-op",
            _ => "update",
        };
        let attrs =
            |side: Option<&(&str, String, Value)>| side.map_or(Value::Null, |(.., v)| v.clone());
        let (before, mut after) = (attrs(old), attrs(new));
        let mut unknown = json!({});
        if old.is_none() {
            for assigned in ["arn", "unique_id", "id"] {
                if let Some(all) = after.as_object_mut()
                    && all.remove(assigned).is_some()
                {
                    unknown[assigned] = json!(true);
                }
            }
        }
        // A policy that the plan makes has no id yet: what attaches it refers to it.
        let new_policy = after.get("policy_id").is_some_and(Value::is_null);
        if new_policy {
            after.as_object_mut().expect("an object").remove("policy_id");
            unknown["policy_id"] = json!(true);
        }
        let name = address.split('.').nth(1).unwrap_or_default();
        let full = "registry.terraform.io/hashicorp/aws";
        changes.push(json!({
            "address": address, "mode": "managed", "type": kind, "name": name, "provider_name": full,
            "change": {"actions": [actions], "before": before, "after": after, "after_unknown": unknown}
        }));
        if let Some((.., attrs)) = new {
            let set = attrs.as_object().into_iter().flatten();
            let mut set: serde_json::Map<String, Value> =
                set.map(|(attr, value)| (attr.clone(), json!({"constant_value": value}))).collect();
            if new_policy {
                let of = name.rsplit_once('_').map_or(name, |(of, _)| of);
                let of = format!("aws_organizations_policy.{of}");
                set.insert("policy_id".to_owned(), json!({"references": [format!("{of}.id"), of]}));
            }
            blocks.push(json!({
                "address": address, "mode": "managed", "type": kind, "name": name,
                "provider_config_key": format!("aws.{provider}"), "expressions": set
            }));
        }
    }
    let mut providers = json!({});
    let accounts = ACCOUNTS.iter().map(|(name, _)| (*name, &ids.of[*name]));
    for (name, id) in accounts.chain([("management", &ids.management)]) {
        providers[format!("aws.{name}")] = json!({
            "name": "aws", "alias": name, "full_name": "registry.terraform.io/hashicorp/aws",
            "expressions": {
                "region": {"constant_value": "us-east-1"},
                "assume_role": [{"role_arn": {"constant_value": format!("arn:aws:iam::{id}:role/terraform")}}]
            }
        });
    }
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "errored": false, "complete": true, "applyable": true,
        "resource_changes": changes,
        "configuration": {"provider_config": providers, "root_module": {"resources": blocks}}
    })
}

fn objects(estate: &Estate, ids: &Ids) -> Objects {
    let mut all = Objects::new();
    for role in &estate.roles {
        a_role(role, ids, &mut all);
    }
    for (account, policy) in &estate.managed {
        let attrs = json!({
            "name": MANAGED, "path": "/", "arn": ids.managed(account),
            "policy": ids.policy(policy).to_string()
        });
        let address = format!("aws_iam_policy.{account}");
        all.insert(address, ("aws_iam_policy", (*account).to_owned(), attrs));
    }
    for bucket in &estate.buckets {
        a_bucket(bucket, ids, &mut all);
    }
    for control in &estate.controls {
        a_control(control, ids, &mut all);
    }
    for (account, unit) in &estate.parents {
        let attrs = json!({"id": ids.of[*account], "name": account, "parent_id": ids.of[*unit]});
        let address = format!("aws_organizations_account.{account}");
        all.insert(address, ("aws_organizations_account", "management".to_owned(), attrs));
    }
    all
}

fn a_role(role: &Role, ids: &Ids, all: &mut Objects) {
    let (account, name) = role.key();
    let arn = ids.role(account, name);
    let mut attrs = json!({
        "name": name, "path": "/", "arn": arn, "unique_id": format!("AROA{name}"), "tags": role.tags,
        "assume_role_policy": ids.policy(&role.trust).to_string()
    });
    if role.bounded {
        attrs["permissions_boundary"] = json!(ids.managed(account));
    }
    let mut put = |kind: &'static str, address: String, attrs: Value| {
        all.insert(address, (kind, account.to_owned(), attrs));
    };
    put("aws_iam_role", format!("aws_iam_role.{account}_{name}"), attrs);
    for (policy, content) in &role.inline {
        let attrs =
            json!({"name": policy, "role": name, "policy": ids.policy(content).to_string()});
        put("aws_iam_role_policy", format!("aws_iam_role_policy.{account}_{name}_{policy}"), attrs);
    }
    if role.attached {
        let attrs = json!({"role": name, "policy_arn": ids.managed(account)});
        let kind = "aws_iam_role_policy_attachment";
        put(kind, format!("{kind}.{account}_{name}"), attrs);
    }
}

fn a_bucket(bucket: &Bucket, ids: &Ids, all: &mut Objects) {
    let (account, name) = (bucket.account, bucket.name());
    let mut put = |kind: &'static str, attrs: Value| {
        all.insert(format!("{kind}.{account}"), (kind, account.to_owned(), attrs));
    };
    put(
        "aws_s3_bucket",
        json!({"bucket": name, "id": name, "arn": format!("arn:aws:s3:::{name}")}),
    );
    if let Some(policy) = &bucket.policy {
        let policy = ids.policy(policy).to_string();
        put("aws_s3_bucket_policy", json!({"bucket": name, "policy": policy}));
    }
    if bucket.blocked {
        put(
            "aws_s3_bucket_public_access_block",
            json!({
                "bucket": name, "block_public_acls": true, "block_public_policy": true,
                "ignore_public_acls": true, "restrict_public_buckets": true
            }),
        );
    }
}

fn a_control(control: &Control, ids: &Ids, all: &mut Objects) {
    let name = &control.name;
    let id = ids.of.get(name);
    let kind =
        if control.on_resources { "RESOURCE_CONTROL_POLICY" } else { "SERVICE_CONTROL_POLICY" };
    let attrs = json!({"id": id, "name": name, "type": kind, "content": ids.policy(&control.content).to_string()});
    let mut put = |kind: &'static str, address: String, attrs: Value| {
        all.insert(address, (kind, "management".to_owned(), attrs));
    };
    let policy = format!("aws_organizations_policy.{name}");
    put("aws_organizations_policy", policy, attrs);
    for target in &control.targets {
        let kind = "aws_organizations_policy_attachment";
        let attrs = json!({"policy_id": id, "target_id": ids.of[*target]});
        put(kind, format!("{kind}.{name}_{target}"), attrs);
    }
}
