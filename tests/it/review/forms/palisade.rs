//! The estate in Palisade's language, and what AWS calls its parts once it is applied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::estate::{ACCOUNTS, ENVIRONMENTS, Estate, MANAGED, UNITS};
use crate::support::cli::Program;

/// The configuration.
pub(super) fn hcl(estate: &Estate) -> String {
    let mut out = String::from(
        "palisade {\n  name = \"acme\"\n}\norganization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\", \"RESOURCE_CONTROL_POLICY\"]\n}\n",
    );
    let mut block = |text: String| out.push_str(&text);
    for unit in UNITS {
        block(format!("organizational_unit \"{unit}\" {{}}\n"));
    }
    for (name, _) in ACCOUNTS {
        let parent = estate.parents[name];
        block(format!(
            "account \"{name}\" {{\n  parent = organizational_unit.{parent}\n  name = \"{name}\"\n  email = \"{name}@acme.example\"\n}}\n"
        ));
        let policy = value(&estate.managed[name]);
        block(format!(
            "iam_policy \"{MANAGED}_{name}\" {{\n  accounts = [account.{name}]\n  name = \"{MANAGED}\"\n  content = {policy}\n}}\n"
        ));
    }
    for name in ENVIRONMENTS {
        block(format!("environment \"{name}\" {{\n  accounts = [account.{name}]\n}}\n"));
    }
    for role in &estate.roles {
        let (account, name) = role.key();
        let mut text = format!(
            "iam_role \"{account}_{name}\" {{\n  accounts = [account.{account}]\n  name = \"{name}\"\n  assume_role_policy = {}\n",
            value(&role.trust)
        );
        if role.attached {
            let _ = writeln!(text, "  managed_policies = [iam_policy.{MANAGED}_{account}]");
        }
        if role.bounded {
            let _ = writeln!(text, "  permissions_boundary = iam_policy.{MANAGED}_{account}");
        }
        if !role.tags.is_empty() {
            let _ = writeln!(text, "  tags = {}", value(&serde_json::json!(role.tags)));
        }
        for (name, policy) in &role.inline {
            let _ = writeln!(
                text,
                "  inline_policy \"{name}\" {{\n    content = {}\n  }}",
                value(policy)
            );
        }
        block(text + "}\n");
    }
    for bucket in &estate.buckets {
        let (account, name, blocked) = (bucket.account, bucket.name(), bucket.blocked);
        let policy = bucket.policy.as_ref().map(|p| format!("  policy = {}\n", value(p)));
        block(format!(
            "s3_bucket \"{account}\" {{\n  accounts = [account.{account}]\n  bucket = \"{name}\"\n  block_public_access = {blocked}\n{}}}\n",
            policy.unwrap_or_default()
        ));
    }
    for control in &estate.controls {
        let kind = if control.on_resources { "resource" } else { "service" };
        let targets = control.targets.iter().map(|target| match UNITS.contains(target) {
            true => format!("organizational_unit.{target}"),
            false => format!("account.{target}"),
        });
        let targets: Vec<String> = targets.collect();
        block(format!(
            "{kind}_control_policy \"{}\" {{\n  targets = [{}]\n  content = {}\n}}\n",
            control.name,
            targets.join(", "),
            value(&control.content)
        ));
    }
    out
}

/// A value of JSON's in the language: what stands for something of the estate becomes a reference.
fn value(json: &Value) -> String {
    match json {
        Value::Object(all) => {
            let all = all.iter().map(|(key, one)| format!("{} = {}", text(key), value(one)));
            format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
        }
        Value::Array(all) => {
            format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        Value::String(one) => text(one),
        other => other.to_string(),
    }
}

fn text(text: &str) -> String {
    let escaped = text.replace("${", "$${");
    format!("\"{}\"", filled(&escaped, |mention| format!("${{{}}}", reference(mention))))
}

fn reference(mention: &str) -> String {
    match mention.split(':').collect::<Vec<_>>().as_slice() {
        ["role", account, name] => format!("iam_role.{account}_{name}.at[\"{account}\"].arn"),
        ["id", account] => format!("account.{account}.id"),
        _ => "organization.acme.id".to_owned(),
    }
}

/// A text with what `by` says in place of what is between two `@`.
fn filled(text: &str, by: impl Fn(&str) -> String) -> String {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let (Some(mention), Some(rest)) = (parts.next(), parts.next()) {
        out.push_str(&by(mention));
        out.push_str(rest);
    }
    out
}

/// What AWS calls the parts of the estate.
pub(super) struct Ids {
    pub(super) organization: String,
    pub(super) management: String,
    /// Ids of accounts, units and policies of the organization, by name.
    pub(super) of: BTreeMap<String, String>,
}

impl Ids {
    /// As the dump of the organization tells them, and of units the state.
    pub(super) fn of(program: &Program, dump: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lists = ["accounts", "scps", "rcps"];
        let all = lists.iter().flat_map(|list| dump[list].as_array().into_iter().flatten());
        let mut of: BTreeMap<String, String> =
            all.map(|one| (text(&one["name"]), text(&one["id"]))).collect();
        for unit in UNITS {
            let address = format!("organizational_unit.{unit}");
            let shown = program.run(&["state", "show", &address, "--json"]).code(0).json();
            of.insert(unit.to_owned(), text(&shown[&address]["attrs"]["id"]));
        }
        Self {
            organization: text(&dump["organization"]["id"]),
            management: text(&dump["organization"]["management_account"]),
            of,
        }
    }

    pub(super) fn role(&self, account: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.of[account])
    }

    pub(super) fn managed(&self, account: &str) -> String {
        format!("arn:aws:iam::{}:policy/{MANAGED}", self.of[account])
    }

    /// A policy with ids in place of what stands for them.
    pub(super) fn policy(&self, policy: &Value) -> Value {
        let text = filled(&policy.to_string(), |mention| {
            match mention.split(':').collect::<Vec<_>>().as_slice() {
                ["role", account, name] => self.role(account, name),
                ["id", account] => self.of[*account].clone(),
                _ => self.organization.clone(),
            }
        });
        serde_json::from_str(&text).expect("JSON")
    }
}

/// The plan for a change of an estate that is applied.
pub(super) fn plan(program: &Program, after: &Estate) -> Value {
    program.write("main.hcl", &hcl(after));
    program.run(&["plan", "--format", "json"]).code(0).json()
}
