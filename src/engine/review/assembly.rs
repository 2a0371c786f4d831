//! The folder that `cdk synth` writes: `manifest.json` names the templates in it, their stacks and where these lie.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::StackRequest;
use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::ids::AccountId;

/// The file that describes the folder.
const MANIFEST: &str = "manifest.json";
/// Deepest folder in a folder: an app holds stages, which may hold stages.
const DEEPEST: usize = 8;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: std::collections::BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: String,
    /// `aws://ACCOUNT/REGION`.
    environment: Option<String>,
    #[serde(default)]
    properties: ArtifactProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactProperties {
    template_file: Option<String>,
    stack_name: Option<String>,
    directory_name: Option<String>,
    #[serde(default)]
    parameters: std::collections::BTreeMap<String, String>,
}

/// The stacks of a folder that `cdk synth` has written, with their accounts and Regions as far as the app says them.
///
/// # Errors
/// The folder is not a cloud assembly, or it refers to a file outside itself.
pub fn cloud_assembly(dir: &Path) -> Result<Vec<StackRequest>, EngineError> {
    let mut stacks = Vec::new();
    read(dir, 0, &mut stacks)?;
    // One app may deploy a stack of one name to several accounts: the CDK's own id tells them apart.
    let names: Vec<String> = stacks.iter().map(|(_, stack)| stack.name.clone()).collect();
    let is_shared = |name: &String| names.iter().filter(|one| *one == name).count() > 1;
    let mut all: Vec<StackRequest> = Vec::new();
    for (id, mut stack) in stacks {
        if is_shared(&stack.name) {
            let mut name = id.clone();
            let mut number = 2;
            while all.iter().any(|other| other.name == name) {
                name = format!("{id}-{number}");
                number += 1;
            }
            stack.name_in_aws = Some(std::mem::replace(&mut stack.name, name));
        }
        all.push(stack);
    }
    if all.is_empty() {
        return Err(Diagnostic::error(format!("`{}` holds no stack", dir.display()))
            .help("give the folder that `cdk synth` writes, or a template")
            .into());
    }
    Ok(all)
}

fn read(
    dir: &Path,
    depth: usize,
    stacks: &mut Vec<(String, StackRequest)>,
) -> Result<(), Diagnostic> {
    let path = dir.join(MANIFEST);
    let help =
        "give the folder that `cdk synth` writes, which holds `manifest.json`, or a template";
    let text = fs::read_to_string(&path).map_err(|error| {
        Diagnostic::error(format!("cannot read `{}`: {error}", path.display())).help(help)
    })?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Diagnostic::error(format!("`{}` is no manifest of the CDK's", path.display()))
            .detail(format!("at line {line}, column {column}"))
            .help(help)
    })?;
    let inside = |name: &str| -> Result<PathBuf, Diagnostic> {
        let plain =
            Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if plain && !name.is_empty() {
            return Ok(dir.join(name));
        }
        Err(Diagnostic::error(format!(
            "`{}` names `{name}`, which is not in its folder",
            path.display()
        ))
        .help(help))
    };
    for (id, artifact) in manifest.artifacts {
        let properties = artifact.properties;
        match artifact.kind.as_str() {
            "aws:cloudformation:stack" => {
                let Some(file) = &properties.template_file else { continue };
                let place = artifact.environment.unwrap_or_default();
                let place = place.strip_prefix("aws://").and_then(|rest| rest.split_once('/'));
                // Without an environment of its own, a stack is deployed where the caller is.
                let (account, region) = place.unwrap_or_default();
                let region = Some(region).filter(|region| !["", "unknown-region"].contains(region));
                let account: Option<AccountId> = account.parse().ok();
                stacks.push((
                    id.clone(),
                    StackRequest {
                        name: properties.stack_name.unwrap_or(id),
                        template: inside(file)?,
                        account,
                        region: region.map(str::to_owned),
                        parameters: properties.parameters,
                        ..StackRequest::default()
                    },
                ));
            }
            "cdk:cloud-assembly" if depth < DEEPEST => {
                if let Some(name) = &properties.directory_name {
                    read(&inside(name)?, depth + 1, stacks)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
