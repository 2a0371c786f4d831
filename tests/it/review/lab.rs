//! Dumps of three accounts and an organization, and plans over them, as the tools print them.
//!
//! `dev` has `builder`, which may do everything that its policy lists anywhere; `production` has `settle`, which trusts
//! its own account, the bucket `acme-ledger` that its own role reads, a queue, a key and a secret; `tools` has `hop`,
//! which `builder` may become and which may do nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use palisade::engine::EngineError;
use palisade::engine::review::{ReviewOutcome, ReviewRequest, StackRequest, run};
use palisade::isolation::WallVerdict;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const DEV: &str = "111111111111";
pub(super) const PRODUCTION: &str = "222222222222";
pub(super) const TOOLS: &str = "333333333333";
pub(super) const MANAGEMENT: &str = "999999999999";

/// A folder of dumps.
pub(super) struct Lab {
    dir: TempDir,
    plans: Vec<PathBuf>,
    pub(super) stacks: Vec<StackRequest>,
    pub(super) providers: BTreeMap<String, String>,
    pub(super) environments: Vec<(&'static str, &'static str)>,
}

pub(super) fn allow(actions: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

pub(super) fn document(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A trust policy for an ARN, an account's id or a service.
pub(super) fn trust(principal: &str) -> Value {
    let kind = if principal.ends_with(".amazonaws.com") { "Service" } else { "AWS" };
    document(
        json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {kind: principal}}]),
    )
}

/// A policy on a resource that lets an ARN in.
pub(super) fn lets_in(principal: &str, actions: &str, resource: &str) -> Value {
    document(
        json!([{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Resource": resource}]),
    )
}

pub(super) fn root(id: &str) -> String {
    format!("arn:aws:iam::{id}:root")
}

pub(super) fn role(id: &str, name: &str, trust: Value, inline: Value) -> Value {
    let inline: Vec<Value> = match inline {
        Value::Null => Vec::new(),
        policy => vec![json!({"PolicyName": "work", "PolicyDocument": policy})],
    };
    json!({
        "Path": "/", "RoleName": name, "RoleId": format!("AROA{}", name.to_uppercase()),
        "Arn": format!("arn:aws:iam::{id}:role/{name}"),
        "AssumeRolePolicyDocument": trust, "RolePolicyList": inline,
        "AttachedManagedPolicies": [], "Tags": [], "InstanceProfileList": []
    })
}

fn details(roles: Value, users: Value, groups: Value, policies: Value) -> Value {
    json!({"UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": roles, "Policies": policies})
}

fn managed(id: &str, name: &str, content: Value) -> Value {
    json!({
        "PolicyName": name, "Arn": format!("arn:aws:iam::{id}:policy/{name}"), "DefaultVersionId": "v1",
        "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": content}]
    })
}

impl Lab {
    pub(super) fn new() -> Self {
        let lab = Self {
            dir: TempDir::new().expect("a folder"),
            plans: Vec::new(),
            stacks: Vec::new(),
            providers: BTreeMap::new(),
            environments: vec![("dev", DEV), ("production", PRODUCTION)],
        };
        let anything = document(json!([
            allow("sts:AssumeRole", "*"),
            allow("s3:*", "*"),
            allow("sqs:*", "*"),
            allow("kms:*", "*"),
            allow("secretsmanager:*", "*")
        ]));
        let dev = details(
            json!([role(DEV, "builder", trust("ec2.amazonaws.com"), anything)]),
            json!([]),
            json!([]),
            json!([]),
        );
        let production = details(
            json!([
                role(PRODUCTION, "settle", trust(&root(PRODUCTION)), Value::Null),
                role(PRODUCTION, "ledger", trust("ec2.amazonaws.com"), Value::Null)
            ]),
            json!([]),
            json!([]),
            json!([]),
        );
        let hop =
            role(TOOLS, "hop", trust(&format!("arn:aws:iam::{DEV}:role/builder")), Value::Null);
        let walk = document(json!([allow("sts:AssumeRole", "*")]));
        let fence = document(json!([allow("s3:*", "*")]));
        let ann = json!({
            "Path": "/", "UserName": "ann", "UserId": "AIDAANN", "Arn": format!("arn:aws:iam::{TOOLS}:user/ann"),
            "UserPolicyList": [], "GroupList": [], "AttachedManagedPolicies": [], "Tags": []
        });
        let crew = json!({
            "Path": "/", "GroupName": "crew", "GroupId": "AGPACREW", "Arn": format!("arn:aws:iam::{TOOLS}:group/crew"),
            "GroupPolicyList": [], "AttachedManagedPolicies": []
        });
        let tools = details(
            json!([hop]),
            json!([ann]),
            json!([crew]),
            json!([managed(TOOLS, "walk", walk), managed(TOOLS, "fence", fence)]),
        );
        for (id, details) in [(DEV, dev), (PRODUCTION, production), (TOOLS, tools)] {
            lab.write(&format!("accounts/{id}/account-authorization-details.json"), &details);
            lab.write(
                &format!("accounts/{id}/buckets.json"),
                &json!({"account_public_access_block": null, "buckets": []}),
            );
        }
        let own = lets_in(
            &format!("arn:aws:iam::{PRODUCTION}:role/ledger"),
            "s3:GetObject",
            "arn:aws:s3:::acme-ledger/*",
        );
        lab.write(
            &format!("accounts/{PRODUCTION}/buckets.json"),
            &json!({"account_public_access_block": null, "buckets": [
                {"name": "acme-ledger", "policy": own, "public_access_block": null, "ownership": "BucketOwnerEnforced"}
            ]}),
        );
        lab.write(&format!("accounts/{PRODUCTION}/resource-policies.json"), &json!({"resources": [
            {"arn": format!("arn:aws:sqs:us-east-1:{PRODUCTION}:orders"), "policy": null},
            {"arn": format!("arn:aws:kms:us-east-1:{PRODUCTION}:key/k1"), "policy": lets_in(&root(PRODUCTION), "kms:*", "*")},
            {"arn": format!("arn:aws:secretsmanager:us-east-1:{PRODUCTION}:secret:pin-AbCdEf"), "policy": null}
        ]}));
        lab.organize(&[], &[]);
        lab
    }

    /// The organization: `dev` and `production` in a unit each, with these SCPs and RCPs (id, content, targets).
    pub(super) fn organize(
        &self,
        scps: &[(&str, Value, &[&str])],
        rcps: &[(&str, Value, &[&str])],
    ) {
        let policy = |(id, content, targets): &(&str, Value, &[&str])| json!({"id": id, "name": id, "content": content, "targets": targets});
        let mut all: Vec<Value> = scps.iter().map(policy).collect();
        let everywhere = ["r-root", "ou-build", "ou-live", DEV, PRODUCTION, TOOLS, MANAGEMENT];
        all.push(json!({
            "id": "p-FullAWSAccess", "name": "FullAWSAccess", "targets": everywhere,
            "content": document(json!([allow("*", "*")]))
        }));
        let types = json!([{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}, {"Type": "RESOURCE_CONTROL_POLICY", "Status": "ENABLED"}]);
        self.write("organization.json", &json!({
            "organization": {"id": "o-exampleorgid", "management_account": MANAGEMENT},
            "root": {"id": "r-root", "policy_types": types},
            "units": [{"id": "ou-build", "name": "build", "parent": "r-root"}, {"id": "ou-live", "name": "live", "parent": "r-root"}],
            "accounts": [
                {"id": MANAGEMENT, "name": "management", "status": "ACTIVE", "parent": "r-root"},
                {"id": DEV, "name": "dev", "status": "ACTIVE", "parent": "ou-build"},
                {"id": PRODUCTION, "name": "production", "status": "ACTIVE", "parent": "ou-live"},
                {"id": TOOLS, "name": "tools", "status": "ACTIVE", "parent": "r-root"}
            ],
            "trusted_services": [],
            "scps": all,
            "rcps": rcps.iter().map(policy).collect::<Vec<_>>()
        }));
    }

    pub(super) fn write(&self, name: &str, content: &Value) {
        self.write_text(name, &content.to_string());
    }

    pub(super) fn write_text(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.dir.path().join(name)).expect("it was there");
    }

    /// Changes a file of the dumps.
    pub(super) fn edit(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.dir.path().join(name)).expect("it is there");
        let mut value = serde_json::from_str(&text).expect("JSON");
        edit(&mut value);
        self.write(name, &value);
    }

    /// Changes one role of an account.
    pub(super) fn edit_role(&self, id: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        self.edit(&format!("accounts/{id}/account-authorization-details.json"), |details| {
            let roles = details["RoleDetailList"].as_array_mut().expect("roles");
            edit(roles.iter_mut().find(|r| r["RoleName"] == name).expect("the role"));
        });
    }

    pub(super) fn plan(mut self, plan: &Plan) -> Self {
        let name = format!("plan-{}.json", self.plans.len());
        self.write(&name, &plan.json());
        self.plans.push(self.dir.path().join(name));
        self
    }

    /// A plan's file as it is.
    pub(super) fn plan_text(mut self, text: &str) -> Self {
        let name = format!("plan-{}.json", self.plans.len());
        self.write_text(&name, text);
        self.plans.push(self.dir.path().join(name));
        self
    }

    pub(super) fn request(&self) -> ReviewRequest {
        let mut request = ReviewRequest {
            accounts: Some(self.dir.path().to_owned()),
            terraform_plans: self.plans.clone(),
            stacks: self.stacks.clone(),
            today: "2026-11-28".to_owned(),
            ..ReviewRequest::default()
        };
        for (name, id) in &self.environments {
            request
                .environments
                .entry((*name).to_owned())
                .or_default()
                .insert(id.parse().expect("an id"));
        }
        for (key, id) in &self.providers {
            request.providers.insert(key.clone(), id.parse().expect("an id"));
        }
        request
    }

    pub(super) fn review(&self) -> Result<ReviewOutcome, EngineError> {
        run(&self.request())
    }

    /// What a refused review says.
    pub(super) fn refusal(&self) -> String {
        let error = self.review().expect_err("refused");
        let all = error.diagnostics().expect("a reason").iter();
        all.map(|d| {
            format!(
                "{} {} {}",
                d.summary,
                d.detail.as_deref().unwrap_or(""),
                d.help.as_deref().unwrap_or("")
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
    }
}

/// A wall before and after.
pub(super) fn wall(outcome: &ReviewOutcome, from: &str, to: &str) -> (WallVerdict, WallVerdict) {
    let row = outcome.isolation.matrix.iter().find(|row| row.from == from && row.to == to);
    let row = row.unwrap_or_else(|| panic!("no wall {from} -> {to}"));
    (row.before, row.after)
}

/// A plan in the making. Providers: `aws.dev`, `aws.production` and `aws.tools` assume a role in their account; `aws`
/// says nothing.
pub(super) struct Plan(Value);

/// One change.
pub(super) struct Change {
    pub(super) address: &'static str,
    pub(super) provider: &'static str,
    pub(super) actions: &'static [&'static str],
    pub(super) before: Value,
    pub(super) after: Value,
    pub(super) unknown: Value,
    /// Arguments of the block: what is not given here is read as set by its value after the change.
    pub(super) expressions: Value,
}

impl Default for Change {
    fn default() -> Self {
        Self {
            address: "",
            provider: "aws.production",
            actions: &["create"],
            before: Value::Null,
            after: Value::Null,
            unknown: json!({}),
            expressions: json!({}),
        }
    }
}

impl Plan {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        let provider = |id: &str| {
            json!({
                "name": "aws", "full_name": "registry.terraform.io/hashicorp/aws",
                "expressions": {
                    "region": {"constant_value": "us-east-1"},
                    "assume_role": [{"role_arn": {"constant_value": format!("arn:aws:iam::{id}:role/terraform")}}]
                }
            })
        };
        let mut plan = json!({
            "format_version": "1.2", "terraform_version": "1.11.4", "errored": false, "complete": true, "applyable": true,
            "resource_changes": [],
            "configuration": {
                "provider_config": {
                    "aws": {"name": "aws", "expressions": {"region": {"constant_value": "us-east-1"}}},
                    "aws.dev": provider(DEV), "aws.production": provider(PRODUCTION), "aws.tools": provider(TOOLS)
                },
                "root_module": {"resources": []}
            }
        });
        for change in changes {
            let (kind, name) = change.address.split_once('.').expect("TYPE.NAME");
            let name = name.split('[').next().expect("a name");
            let mut expressions = change.expressions.clone();
            for (attr, value) in change.after.as_object().into_iter().flatten() {
                let known = expressions.as_object_mut().expect("an object");
                known.entry(attr.clone()).or_insert_with(|| json!({"constant_value": value}));
            }
            let entry = json!({
                "address": change.address, "mode": "managed", "type": kind, "name": name,
                "provider_name": "registry.terraform.io/hashicorp/aws",
                "change": {
                    "actions": change.actions, "before": change.before, "after": change.after,
                    "after_unknown": change.unknown
                }
            });
            plan["resource_changes"].as_array_mut().expect("a list").push(entry);
            if change.actions != ["delete"] {
                let block = json!({
                    "address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name,
                    "provider_config_key": change.provider, "expressions": expressions
                });
                plan["configuration"]["root_module"]["resources"]
                    .as_array_mut()
                    .expect("a list")
                    .push(block);
            }
        }
        Self(plan)
    }

    pub(super) fn with(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        edit(&mut self.0);
        self
    }

    pub(super) fn json(&self) -> Value {
        self.0.clone()
    }
}
