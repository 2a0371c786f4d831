//! The frame of `terraform show -json`: what a plan file holds, as far as it bears on access.
//!
//! Format 1.x ("JSON Output Format", developer.hashicorp.com/terraform/internals/json-format). Variables, outputs and
//! provider settings may hold secrets in the clear: they are read where an account has to be told, and never shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::review::PolicyText;

/// The argument of a role that holds its trust policy.
pub(crate) const TRUST: &str = "assume_role_policy";

/// Arguments with a policy.
const POLICIES: [&str; 4] = [TRUST, "access_policy", "content", "policy"];

/// A plan.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TerraformPlan {
    /// `1.2` for Terraform 1.x.
    pub format_version: Option<String>,
    /// Whether planning failed: the plan is a part.
    #[serde(default)]
    pub errored: bool,
    /// Whether everything is in it; `false` under `-target`.
    pub complete: Option<bool>,
    /// Changes, those that change nothing among them; absent where there are none.
    pub resource_changes: Option<Vec<Change>>,
    /// What will stand; every plan has it.
    pub planned_values: Option<IgnoredAny>,
    /// What stands: a state has it, and no plan.
    pub values: Option<IgnoredAny>,
    /// Changes that wait for others.
    #[serde(default)]
    pub deferred_changes: Vec<Json>,
    /// What stands, as the plan's refresh saw it.
    pub prior_state: Option<State>,
    /// What was written.
    #[serde(default)]
    pub configuration: TerraformConfiguration,
    /// Values of the root module's variables.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// A state file has it, and no plan.
    pub lineage: Option<IgnoredAny>,
    /// Whether these are the objects of a state: each stands as it is told to be made.
    #[serde(skip)]
    pub is_a_state: bool,
}

impl TerraformPlan {
    /// Whether it is a plan: a state, and what `terraform validate` prints, have the same frame.
    pub(crate) fn is_a_plan(&self) -> bool {
        self.values.is_none() && (self.planned_values.is_some() || self.resource_changes.is_some())
    }

    /// Changes, those that change nothing among them.
    pub(crate) fn changes(&self) -> &[Change] {
        self.resource_changes.as_deref().unwrap_or_default()
    }

    /// Policies that are known only after apply: the address of the object, and the argument.
    pub(crate) fn unknown_policies(&self) -> Vec<(String, String)> {
        let written = self.changes().iter().filter(|change| change.changes() && change.writes());
        let unknown = |change: &Change| {
            let attrs = POLICIES.into_iter().filter(|attr| change.is_unknown(attr));
            attrs.map(|attr| (change.address.clone(), attr.to_owned())).collect::<Vec<_>>()
        };
        written.flat_map(unknown).collect()
    }
}

/// A variable's value.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Variable {
    /// The value, sensitive or not.
    #[serde(default)]
    pub value: Json,
}

/// What a plan does to one object.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    /// `module.m["a"].aws_iam_role.r[0]`.
    pub address: String,
    /// The part of it that is the module.
    #[serde(default)]
    pub module_address: Option<String>,
    /// `managed` or `data`.
    pub mode: String,
    /// The resource's type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// Its key under `count` and `for_each`.
    pub index: Option<Json>,
    /// The source address of its provider.
    #[serde(default)]
    pub provider_name: String,
    /// The key of its provider in a state, which has no blocks; those of plans tell it.
    #[serde(skip)]
    pub provider_key: Option<String>,
    /// What is done.
    pub change: Delta,
}

/// Both sides of a change.
#[derive(Debug, Deserialize)]
pub(crate) struct Delta {
    /// `no-op`, `create`, `read`, `update`, `delete`, `forget`; two for a replacement.
    pub actions: Vec<String>,
    /// Attributes before; `null` for what does not stand yet.
    #[serde(default)]
    pub before: Json,
    /// Attributes after, without those that are unknown until apply.
    #[serde(default)]
    pub after: Json,
    /// `true` at what is unknown until apply.
    #[serde(default)]
    pub after_unknown: Json,
    /// `true` for sensitive values before.
    #[serde(default)]
    pub before_sensitive: Json,
    /// `true` for sensitive values.
    #[serde(default)]
    pub after_sensitive: Json,
}

impl Change {
    /// Whether one of the actions is this.
    #[must_use]
    pub(crate) fn does(&self, action: &str) -> bool {
        self.change.actions.iter().any(|a| a == action)
    }

    /// Whether AWS is changed.
    #[must_use]
    pub(crate) fn changes(&self) -> bool {
        self.mode == "managed"
            && ["create", "update", "delete"].iter().any(|action| self.does(action))
    }

    /// Whether the object goes, be it to come back.
    #[must_use]
    pub(crate) fn removes(&self) -> bool {
        self.does("delete")
    }

    /// Whether something stands after it that this plan has written.
    #[must_use]
    pub(crate) fn writes(&self) -> bool {
        self.does("create") || self.does("update")
    }

    /// A text after the change.
    #[must_use]
    pub(crate) fn after(&self, attr: &str) -> Option<&str> {
        text(&self.change.after, attr)
    }

    /// A text before the change.
    #[must_use]
    pub(crate) fn before(&self, attr: &str) -> Option<&str> {
        text(&self.change.before, attr)
    }

    /// A text on either side, the later one first.
    #[must_use]
    pub(crate) fn either(&self, attr: &str) -> Option<&str> {
        self.after(attr).or_else(|| self.before(attr))
    }

    /// Whether an attribute is wholly or in part unknown until apply.
    #[must_use]
    pub(crate) fn is_unknown(&self, attr: &str) -> bool {
        self.change.after_unknown.get(attr).is_some_and(any)
    }

    /// Whether an attribute is marked sensitive, wholly or in part.
    #[must_use]
    pub(crate) fn is_sensitive(&self, attr: &str) -> bool {
        self.change.after_sensitive.get(attr).is_some_and(any)
    }

    /// A policy before the change, which is unknown where it is marked sensitive.
    #[must_use]
    pub(crate) fn policy_before(&self, attr: &str) -> Option<PolicyText> {
        let text = self.before(attr)?;
        Some(match self.change.before_sensitive.get(attr).is_some_and(any) {
            true => PolicyText::Unknown(format!("`{}.{attr}` is marked sensitive", self.address)),
            false => PolicyText::read(&Json::String(text.to_owned())),
        })
    }

    /// Whether an attribute is another one after the change.
    #[must_use]
    pub(crate) fn differs(&self, attr: &str) -> bool {
        self.is_unknown(attr) || self.change.before.get(attr) != self.change.after.get(attr)
    }

    /// Whether nothing but tags differs, and nothing is unknown.
    #[must_use]
    pub(crate) fn only_tags(&self) -> bool {
        let (Json::Object(before), Json::Object(after)) = (&self.change.before, &self.change.after)
        else {
            return false;
        };
        let names = before.keys().chain(after.keys());
        self.change.actions == ["update"]
            && names
                .filter(|name| !matches!(name.as_str(), "tags" | "tags_all"))
                .all(|name| !self.differs(name))
    }
}

/// Whether `true` stands anywhere in it.
fn any(value: &Json) -> bool {
    match value {
        Json::Bool(set) => *set,
        Json::Array(all) => all.iter().any(any),
        Json::Object(all) => all.values().any(any),
        Json::Null | Json::Number(_) | Json::String(_) => false,
    }
}

fn text<'a>(side: &'a Json, attr: &str) -> Option<&'a str> {
    side.get(attr)?.as_str().filter(|text| !text.is_empty())
}

/// The texts of a list or set.
pub(super) fn texts(side: &Json, attr: &str) -> Vec<String> {
    let all = side.get(attr).and_then(Json::as_array).into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// A state, as plans and `show -json` of a state hold it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct State {
    /// `null` for an empty one.
    #[serde(default)]
    pub values: Option<StateValues>,
}

/// The values of a state.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StateValues {
    /// The root module.
    #[serde(default)]
    pub root_module: StateModule,
}

/// A module of a state.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StateModule {
    /// Its objects.
    #[serde(default)]
    pub resources: Vec<StateResource>,
    /// Modules in it.
    #[serde(default)]
    pub child_modules: Vec<StateModule>,
}

/// An object of a state.
#[derive(Debug, Deserialize)]
pub(crate) struct StateResource {
    /// Its address.
    pub address: String,
    /// `managed` or `data`.
    #[serde(default)]
    pub mode: String,
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The source address of its provider.
    #[serde(default)]
    pub provider_name: String,
    /// Its attributes.
    #[serde(default)]
    pub values: Json,
    /// `true` for sensitive values.
    #[serde(default)]
    pub sensitive_values: Json,
}

impl StateModule {
    /// Every object of the module and of those in it.
    pub(crate) fn all(&self) -> Vec<&StateResource> {
        let below = self.child_modules.iter().flat_map(StateModule::all);
        self.resources.iter().chain(below).collect()
    }
}

/// What was written.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TerraformConfiguration {
    /// Provider blocks by key: `aws`, `aws.prod`, `module.own:aws.inner`.
    #[serde(default)]
    pub provider_config: BTreeMap<String, ProviderConfig>,
    /// The root module.
    #[serde(default)]
    pub root_module: TerraformModule,
}

/// A provider block.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ProviderConfig {
    /// Its arguments.
    #[serde(default)]
    pub expressions: Json,
}

/// A module as it was written.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TerraformModule {
    /// Its resource and data blocks.
    #[serde(default)]
    pub resources: Vec<Block>,
    /// The modules that it calls.
    #[serde(default)]
    pub module_calls: BTreeMap<String, ModuleCall>,
}

/// A call of a module.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ModuleCall {
    /// What is called.
    #[serde(default)]
    pub module: TerraformModule,
}

/// A resource or data block.
#[derive(Debug, Deserialize)]
pub(crate) struct Block {
    /// Its address in the module, without keys.
    pub address: String,
    /// The provider block that serves it.
    #[serde(default)]
    pub provider_config_key: String,
    /// Its arguments.
    #[serde(default)]
    pub expressions: Json,
    /// Programs that run when it is made or goes.
    #[serde(default)]
    pub provisioners: Vec<Json>,
}

impl TerraformConfiguration {
    /// The block of an object: its module's path without keys, and its address in the module.
    #[must_use]
    pub(crate) fn block(&self, module_address: Option<&str>, address: &str) -> Option<&Block> {
        let mut module = &self.root_module;
        for name in module_path(module_address.unwrap_or_default()) {
            module = &module.module_calls.get(&name)?.module;
        }
        module.resources.iter().find(|block| block.address == address)
    }
}

/// The names of `module.a["x.y"].module.b[0]`: `a`, `b`. Keys may hold dots and escaped quotes.
fn module_path(address: &str) -> Vec<String> {
    let mut steps: Vec<String> = vec![String::new()];
    let (mut in_key, mut in_text, mut escaped) = (false, false, false);
    for c in address.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' if in_key => in_text = !in_text,
            _ if in_text => {}
            '[' => in_key = true,
            ']' => in_key = false,
            _ if in_key => {}
            '.' => steps.push(String::new()),
            c => {
                if let Some(step) = steps.last_mut() {
                    step.push(c);
                }
            }
        }
    }
    steps
        .chunks(2)
        .filter(|pair| pair.first().is_some_and(|s| s == "module"))
        .filter_map(|pair| pair.get(1).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_modules_are_no_steps() {
        for (address, names) in [
            ("", vec![]),
            ("module.a", vec!["a"]),
            (r#"module.a["x.y"].module.b[0]"#, vec!["a", "b"]),
            (r#"module.a["q\"].module.z"].module.b"#, vec!["a", "b"]),
        ] {
            assert_eq!(module_path(address), names, "{address}");
        }
    }
}
