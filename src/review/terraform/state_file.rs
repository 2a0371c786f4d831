//! The frames of a state: `terraform.tfstate` (format 4) and `terraform show -json` of a state. Either becomes a list of
//! objects that stand, told as a plan that creates them, so that the same table of types reads both.
//!
//! A state holds the values of every attribute in the clear. What is read of it is what bears on access, and no error
//! quotes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json};

use super::plan::{Change, Delta, ProviderConfig, StateModule, StateValues, TerraformPlan};
use crate::diag::Diagnostic;
use crate::review::json;

/// What a file holds, as far as it tells which file it is.
#[derive(Debug, Default, Deserialize)]
struct Frame {
    /// Of `terraform.tfstate`.
    version: Option<u64>,
    /// Objects of `terraform.tfstate`.
    #[serde(default)]
    resources: Vec<Block>,
    /// Of the output of `show -json`.
    format_version: Option<String>,
    /// Objects of the output of `show -json`; absent where there are none.
    values: Option<StateValues>,
    /// A plan has it.
    planned_values: Option<IgnoredAny>,
    /// A plan has it.
    resource_changes: Option<IgnoredAny>,
    /// An encrypted state of OpenTofu has it.
    encrypted_data: Option<IgnoredAny>,
}

/// The objects of one block.
#[derive(Debug, Deserialize)]
struct Block {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    r#type: String,
    name: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

/// One object.
#[derive(Debug, Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Json,
    /// Set on an object that was replaced and still stands.
    #[serde(default)]
    deposed: Option<String>,
    /// Absent where Terraform 0.11 has written it.
    attributes: Option<Map<String, Json>>,
    #[serde(default)]
    sensitive_attributes: Json,
}

/// Reads a state as the objects that stand.
///
/// # Errors
/// What is no state, or one that cannot be read, with advice.
pub(crate) fn read(name: &str, text: String) -> Result<TerraformPlan, Diagnostic> {
    const ADVICE: &str = "give `terraform.tfstate`, the output of `terraform state pull`, or that of `terraform show -json` \
                          without the name of a plan";
    let frame: Frame = json::parse(name, text).map_err(|d| d.help(ADVICE))?;
    if frame.encrypted_data.is_some() {
        return Err(Diagnostic::error(format!("the state `{name}` is encrypted"))
            .help("OpenTofu decrypts it: give the output of `tofu state pull`"));
    }
    if frame.planned_values.is_some() || frame.resource_changes.is_some() {
        return Err(Diagnostic::error(format!("`{name}` is a plan and no state"))
            .help("give it as `--terraform-plan`"));
    }
    let (changes, keys) = match (frame.version, frame.format_version.as_deref()) {
        (Some(4), _) => of_file(name, frame.resources)?,
        (Some(version), _) => {
            let help = match version {
                0..4 => {
                    "Terraform 0.12 and newer write format 4: give the output of `terraform state pull`. A file in `.terraform/` names the backend alone"
                }
                _ => "this is newer than what is known: format 4 is",
            };
            return Err(Diagnostic::error(format!("the state `{name}` has the format {version}"))
                .help(help));
        }
        (None, Some(version)) if version.starts_with("1.") => {
            let root = frame.values.unwrap_or_default().root_module;
            (of_output(root), BTreeMap::new())
        }
        (None, Some(version)) => {
            return Err(Diagnostic::error(format!(
                "`{name}` has the format {version}, which is not known: 1.x is"
            )));
        }
        (None, None) => {
            return Err(Diagnostic::error(format!(
                "`{name}` is no state: it has neither `version` nor `format_version`"
            ))
            .help(ADVICE));
        }
    };
    let mut plan = TerraformPlan {
        resource_changes: Some(changes),
        is_a_state: true,
        ..TerraformPlan::default()
    };
    plan.configuration.provider_config = keys;
    Ok(plan)
}

/// The objects of `terraform.tfstate`, and the keys of their providers.
fn of_file(
    name: &str,
    blocks: Vec<Block>,
) -> Result<(Vec<Change>, BTreeMap<String, ProviderConfig>), Diagnostic> {
    let mut keys = BTreeMap::new();
    let mut changes = Vec::new();
    for block in blocks {
        let (source, key) = provider(&block.provider);
        keys.entry(key.clone()).or_insert_with(ProviderConfig::default);
        for instance in block.instances {
            let module = block.module.as_ref().map(|m| format!("{m}.")).unwrap_or_default();
            let data = if block.mode == "data" { "data." } else { "" };
            let index = match &instance.index_key {
                Json::Null => String::new(),
                index => format!("[{index}]"),
            };
            let deposed = match &instance.deposed {
                Some(deposed) => format!(" (deposed {deposed})"),
                None => String::new(),
            };
            let address = format!("{module}{data}{}.{}{index}{deposed}", block.r#type, block.name);
            let Some(attributes) = instance.attributes else {
                return Err(Diagnostic::error(format!("the state `{name}` has no attributes of `{address}`"))
                    .help("Terraform 0.11 has written it: apply with a newer version, and give the state again"));
            };
            changes.push(Change {
                address,
                module_address: block.module.clone(),
                mode: block.mode.clone(),
                r#type: block.r#type.clone(),
                name: block.name.clone(),
                index: Some(instance.index_key).filter(|index| !index.is_null()),
                provider_name: source.clone(),
                provider_key: Some(key.clone()),
                change: stands(
                    &block.mode,
                    Json::Object(attributes),
                    marked(&instance.sensitive_attributes),
                ),
            });
        }
    }
    Ok((changes, keys))
}

/// The objects that `show -json` prints. It does not say which block of a provider serves one.
fn of_output(module: StateModule) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut left = vec![module];
    while let Some(module) = left.pop() {
        left.extend(module.child_modules);
        for object in module.resources {
            changes.push(Change {
                address: object.address,
                module_address: None,
                change: stands(&object.mode, object.values, object.sensitive_values),
                mode: object.mode,
                r#type: object.r#type,
                name: object.name,
                index: None,
                provider_key: Some(provider(&object.provider_name).1),
                provider_name: object.provider_name,
            });
        }
    }
    changes.sort_by(|a, b| a.address.cmp(&b.address));
    changes
}

/// An object that stands.
fn stands(mode: &str, attributes: Json, sensitive: Json) -> Delta {
    let action = if mode == "managed" { "create" } else { "read" };
    Delta {
        before_sensitive: Json::Null,
        actions: vec![action.to_owned()],
        before: Json::Null,
        after: attributes,
        after_unknown: Json::Null,
        after_sensitive: sensitive,
    }
}

/// Attributes that are sensitive as a whole, of a list of paths: `[[{"type": "get_attr", "value": "policy"}]]`.
fn marked(paths: &Json) -> Json {
    let names = paths.as_array().into_iter().flatten().filter_map(|path| {
        // Older versions write a step where others write a path.
        let first = path.as_array().map_or(Some(path), |steps| steps.first())?;
        Some((first.get("value")?.as_str()?.to_owned(), Json::Bool(true)))
    });
    Json::Object(names.collect())
}

/// Source address and key of a provider: `provider["registry.terraform.io/hashicorp/aws"].prod` is that of
/// `hashicorp/aws`, with the key `aws.prod`. In a module the key begins with it, as in plans (`module.m:aws.prod`).
fn provider(text: &str) -> (String, String) {
    let (module, rest) = match text.rsplit_once("provider[") {
        Some((module, rest)) => (module, rest),
        None => match text.split_once("provider.") {
            // Terraform 0.12: `provider.aws.prod`.
            Some((module, rest)) => {
                let key = key(module, rest);
                let name = rest.split('.').next().unwrap_or_default();
                return (format!("registry.terraform.io/hashicorp/{name}"), key);
            }
            // `show -json` has the address alone.
            None => {
                let name = text.rsplit('/').next().unwrap_or_default();
                return (text.to_owned(), name.to_owned());
            }
        },
    };
    let (source, alias) = rest.split_once(']').unwrap_or((rest, ""));
    let source = source.trim_matches('"').to_owned();
    let name = source.rsplit('/').next().unwrap_or_default().to_owned();
    let key = key(module, &format!("{name}{alias}"));
    (source, key)
}

fn key(module: &str, name: &str) -> String {
    match module.trim_end_matches('.') {
        "" => name.to_owned(),
        module => format!("{module}:{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_have_the_keys_of_plans() {
        let aws = "registry.terraform.io/hashicorp/aws";
        for (text, source, key) in [
            (r#"provider["registry.terraform.io/hashicorp/aws"]"#, aws, "aws"),
            (r#"provider["registry.terraform.io/hashicorp/aws"].prod"#, aws, "aws.prod"),
            (
                r#"module.m.provider["registry.opentofu.org/hashicorp/aws"].inner"#,
                "registry.opentofu.org/hashicorp/aws",
                "module.m:aws.inner",
            ),
            ("provider.aws.prod", aws, "aws.prod"),
            (
                "registry.terraform.io/hashicorp/awscc",
                "registry.terraform.io/hashicorp/awscc",
                "awscc",
            ),
        ] {
            assert_eq!(provider(text), (source.to_owned(), key.to_owned()), "{text}");
        }
    }
}
