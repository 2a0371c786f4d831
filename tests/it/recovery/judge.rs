//! What AWS holds, as plain SDK calls list it, and what the state records, in the same words: a line
//! for each object and for what hangs on it without tags of its own (attachments, inline policies,
//! a bucket's policy, an account's alias). Names stand for ids, so that two runs can be compared.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use palisade::engine::refresh::PlanInputs;
use palisade::state::model::ResourceState;
use palisade::value::Value;

use crate::support::endpoint::{enter, s3};

use super::lab::Lab;

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names
}

/// The last part of an ARN, which is a name.
fn tail(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

/// What the state records.
pub(crate) fn recorded(inputs: &PlanInputs) -> Vec<String> {
    let resources = inputs.snapshot.resources();
    // Ids of places in the organization, and what they are called.
    let mut places = BTreeMap::from([("root".to_owned(), "root".to_owned())]);
    for record in resources.values().filter(|r| r.kind == "organizational_unit") {
        places.insert(text(record, "id"), record.key.clone());
    }
    let mut names = BTreeMap::from([("root".to_owned(), "Root".to_owned())]);
    for record in resources.values().filter(|r| r.attrs.contains_key("name")) {
        names.insert(text(record, "id"), text(record, "name"));
    }
    let mut lines = Vec::new();
    for (address, record) in &resources {
        let account = address.account().and_then(|handle| inputs.estate.accounts.get(handle));
        // Accounts of an emulator stand beside the organization, which is all that is listed here.
        let itself = inputs.estate.accounts.values().find(|a| a.address == *address);
        if account.or(itself).is_some_and(|a| a.endpoint_url.is_some()) {
            continue;
        }
        let of = account.map(|a| a.name.clone()).unwrap_or_default();
        lines.extend(line(record, &of, &places, &names));
    }
    sorted(lines)
}

fn text(record: &ResourceState, name: &str) -> String {
    record.attrs.get(name).and_then(Value::as_str).unwrap_or("?").to_owned()
}

fn texts(record: &ResourceState, name: &str) -> Vec<String> {
    let list = record.attrs.get(name).and_then(Value::elements).unwrap_or_default();
    sorted(list.into_iter().filter_map(Value::as_str).map(str::to_owned))
}

fn line(
    record: &ResourceState,
    of: &str,
    places: &BTreeMap<String, String>,
    names: &BTreeMap<String, String>,
) -> Vec<String> {
    let (kind, key, name) = (record.kind.as_str(), &record.key, text(record, "name"));
    let called = |all: &BTreeMap<String, String>, id: &String| {
        all.get(id).cloned().unwrap_or_else(|| id.clone())
    };
    let has = |name: &str| record.attrs.get(name).is_some_and(|value| !value.is_null());
    match kind {
        "organization" => {
            vec![format!("organization {:?}", texts(record, "enabled_policy_types"))]
        }
        "organizational_unit" => vec![format!("{kind} {key}")],
        "account" => {
            let parent = called(places, &text(record, "parent"));
            vec![format!("account {name} {key} in {parent}")]
        }
        "service_control_policy" | "resource_control_policy" => {
            let at = sorted(texts(record, "targets").iter().map(|id| called(names, id)));
            vec![format!("{kind} {key} at {at:?}")]
        }
        "iam_role" => {
            let attached = sorted(texts(record, "managed_policies").iter().map(|arn| tail(arn)));
            let inline = record.attrs.get("inline_policies").and_then(Value::as_map);
            let inline: Vec<&String> = inline.into_iter().flat_map(|map| map.keys()).collect();
            let session = record.attrs.get("max_session_duration").and_then(Value::as_i64);
            vec![format!("{of} {kind} {name} {attached:?} {inline:?} {}", session.unwrap_or(0))]
        }
        "iam_policy" => vec![format!("{of} {kind} {name}")],
        "iam_oidc_provider" => vec![format!("{of} {kind} {key}")],
        "s3_bucket" => {
            let versions = record.attrs.get("versioning").and_then(Value::as_bool);
            let versions = versions.unwrap_or(false);
            vec![format!("{of} {kind} {key} versions {versions} policy {}", has("policy"))]
        }
        "config" => vec![format!("{of} {kind} {key} {}", text(record, "type"))],
        "account_baseline" => {
            let alias = has("alias").then(|| format!("{of} alias {}", text(record, "alias")));
            let length =
                record.attrs.get("password_policy").and_then(|p| p.as_map()?.get("minimum_length"));
            let password = length.and_then(Value::as_i64).map(|n| format!("{of} password of {n}"));
            alias.into_iter().chain(password).collect()
        }
        other => panic!("the judge does not know `{other}`"),
    }
}

/// What was made in AWS.
pub(crate) async fn made(lab: &Lab) -> Vec<String> {
    let root = lab.sdk();
    let org = aws_sdk_organizations::Client::new(&root);
    let mut lines = Vec::new();
    if org.describe_organization().send().await.is_err() {
        return lines;
    }
    let roots = org.list_roots().send().await.unwrap();
    let enabled = roots.roots().iter().flat_map(|r| r.policy_types());
    let enabled = enabled.filter_map(|t| t.r#type()).map(|t| t.as_str().to_owned());
    lines.push(format!("organization {:?}", sorted(enabled)));
    let mut parents: Vec<(String, String)> = roots
        .roots()
        .iter()
        .map(|r| (r.id().unwrap_or_default().to_owned(), "root".to_owned()))
        .collect();
    let mut members = Vec::new();
    while let Some((id, path)) = parents.pop() {
        let units = org.list_organizational_units_for_parent().parent_id(&id).into_paginator();
        let units: Vec<_> = units.send().try_collect().await.unwrap();
        for unit in units.iter().flat_map(|page| page.organizational_units()) {
            let below = format!("{path}/{}", unit.name().unwrap_or_default());
            lines.push(format!("organizational_unit {below}"));
            parents.push((unit.id().unwrap_or_default().to_owned(), below));
        }
        let accounts = org.list_accounts_for_parent().parent_id(&id).into_paginator();
        let accounts: Vec<_> = accounts.send().try_collect().await.unwrap();
        for account in accounts.iter().flat_map(|page| page.accounts()) {
            let name = account.name().unwrap_or_default().to_owned();
            let id = account.id().unwrap_or_default().to_owned();
            if id != lab.sandbox.management_account().as_str() {
                let email = account.email().unwrap_or_default();
                lines.push(format!("account {name} {email} in {path}"));
                members.push((name, id));
            }
        }
    }
    for kind in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] {
        let policies = org.list_policies().filter(kind.into()).into_paginator();
        let policies: Vec<_> = policies.send().try_collect().await.unwrap();
        let policies = policies.iter().flat_map(|page| page.policies());
        for policy in policies.filter(|p| !p.aws_managed()) {
            let id = policy.id().unwrap_or_default();
            let targets = org.list_targets_for_policy().policy_id(id).into_paginator();
            let targets: Vec<_> = targets.send().try_collect().await.unwrap();
            let targets = targets.iter().flat_map(|page| page.targets());
            let at = sorted(targets.filter_map(|t| t.name()).map(str::to_owned));
            let kind = kind.to_lowercase();
            lines.push(format!("{kind} {} at {at:?}", policy.name().unwrap_or_default()));
        }
    }
    for (name, id) in members {
        let sdk = enter(&root, &id).await;
        identities(&name, &sdk, &mut lines).await;
        data(&name, &sdk, &mut lines).await;
    }
    sorted(lines)
}

/// What IAM holds of an account, without what AWS itself puts there.
async fn identities(of: &str, sdk: &SdkConfig, lines: &mut Vec<String>) {
    let iam = aws_sdk_iam::Client::new(sdk);
    let roles: Vec<_> =
        iam.list_roles().into_paginator().items().send().try_collect().await.unwrap();
    let of_aws = |role: &aws_sdk_iam::types::Role| {
        role.path().starts_with("/aws-service-role/")
            || role.role_name() == "OrganizationAccountAccessRole"
    };
    for role in roles.iter().filter(|role| !of_aws(role)) {
        let name = role.role_name();
        let attached = iam.list_attached_role_policies().role_name(name).send().await.unwrap();
        let attached = attached.attached_policies().iter().filter_map(|p| p.policy_name());
        let attached = sorted(attached.map(str::to_owned));
        let inline = iam.list_role_policies().role_name(name).send().await.unwrap();
        let inline = sorted(inline.policy_names().iter().cloned());
        let session = role.max_session_duration().unwrap_or(0);
        lines.push(format!("{of} iam_role {name} {attached:?} {inline:?} {session}"));
    }
    let policies = iam.list_policies().scope(aws_sdk_iam::types::PolicyScopeType::Local);
    let policies: Vec<_> = policies.into_paginator().items().send().try_collect().await.unwrap();
    for policy in &policies {
        lines.push(format!("{of} iam_policy {}", policy.policy_name().unwrap_or_default()));
    }
    let providers = iam.list_open_id_connect_providers().send().await.unwrap();
    for provider in providers.open_id_connect_provider_list() {
        let arn = provider.arn().unwrap_or_default();
        let url = arn.split_once("oidc-provider/").map_or(arn, |(_, url)| url);
        lines.push(format!("{of} iam_oidc_provider {url}"));
    }
    let aliases = iam.list_account_aliases().send().await.unwrap();
    lines.extend(aliases.account_aliases().iter().map(|alias| format!("{of} alias {alias}")));
    if let Ok(answer) = iam.get_account_password_policy().send().await {
        let length = answer.password_policy().and_then(|p| p.minimum_password_length());
        lines.push(format!("{of} password of {}", length.unwrap_or(0)));
    }
}

/// Its buckets and parameters.
async fn data(of: &str, sdk: &SdkConfig, lines: &mut Vec<String>) {
    let s3 = s3(sdk);
    for bucket in s3.list_buckets().send().await.unwrap().buckets() {
        let name = bucket.name().unwrap_or_default();
        let versioning = s3.get_bucket_versioning().bucket(name).send().await.unwrap();
        let versions = versioning.status().is_some_and(|s| s.as_str() == "Enabled");
        let policy = s3.get_bucket_policy().bucket(name).send().await.is_ok();
        lines.push(format!("{of} s3_bucket {name} versions {versions} policy {policy}"));
    }
    let ssm = aws_sdk_ssm::Client::new(sdk);
    let parameters = ssm.get_parameters_by_path().path("/").recursive(true).into_paginator();
    let parameters: Vec<_> = parameters.send().try_collect().await.unwrap();
    for parameter in parameters.iter().flat_map(|page| page.parameters()) {
        let kind = parameter.r#type().map(|t| t.as_str().to_owned()).unwrap_or_default();
        lines.push(format!("{of} config {} {kind}", parameter.name().unwrap_or_default()));
    }
}

/// Every account that was ever asked for, as often as it was asked for, refused or not.
pub(crate) async fn asked_for(lab: &Lab) -> Vec<String> {
    let org = aws_sdk_organizations::Client::new(&lab.sdk());
    let all = org.list_create_account_status().into_paginator().send();
    let all: Vec<_> = all.try_collect().await.unwrap();
    let all = all.iter().flat_map(|page| page.create_account_statuses());
    sorted(all.filter_map(|s| s.account_name()).map(str::to_owned))
}

/// Lines that are there and should not be, that are there more often than they should, that are missing.
pub(crate) fn compare(
    wanted: &[String],
    found: &[String],
) -> (Vec<String>, Vec<String>, Vec<String>) {
    let count = |lines: &[String]| -> BTreeMap<String, usize> {
        lines.iter().fold(BTreeMap::new(), |mut all, line| {
            *all.entry(line.clone()).or_default() += 1;
            all
        })
    };
    let (wanted, found) = (count(wanted), count(found));
    let times = |all: &BTreeMap<String, usize>, line: &String| all.get(line).copied().unwrap_or(0);
    let orphans = found.keys().filter(|l| !wanted.contains_key(*l)).cloned().collect();
    let duplicates = found
        .iter()
        .filter(|(l, n)| wanted.contains_key(*l) && **n > times(&wanted, l))
        .map(|(l, _)| l.clone())
        .collect();
    let lost =
        wanted.iter().filter(|(l, n)| times(&found, l) < **n).map(|(l, _)| l.clone()).collect();
    (orphans, duplicates, lost)
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let line = |text: &str| text.to_owned();
    let (orphans, duplicates, lost) =
        compare(&[line("a"), line("b")], &[line("b"), line("b"), line("c")]);
    assert_eq!((orphans, duplicates, lost), (vec![line("c")], vec![line("b")], vec![line("a")]));
}
