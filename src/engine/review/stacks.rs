//! Reads the templates of stacks, their parameters and their deployed state from files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::diag::{Diagnostic, Diagnostics};
use crate::ids::AccountId;
use crate::review::cloudformation::{self, Deployed, StackFile, Template};

/// A template, and what the caller says of its stack.
#[derive(Clone, Debug, Default)]
pub struct StackRequest {
    /// The name of the stack in reports.
    pub name: String,
    /// The new template.
    pub template: PathBuf,
    /// The account of the stack; by default, that of the deployed resources.
    pub account: Option<AccountId>,
    /// Its Region; by default, that of the deployed resources.
    pub region: Option<String>,
    /// Files with values of parameters.
    pub parameter_files: Vec<PathBuf>,
    /// Values of parameters, which override those of files.
    pub parameters: BTreeMap<String, String>,
    /// Output of the AWS CLI about the deployed stack: files, or folders of files.
    pub deployed: Vec<PathBuf>,
    /// Whether the stack does not exist yet.
    pub is_new: bool,
}

/// The templates with their stacks.
///
/// # Errors
/// Files that cannot be read, or are not what they are given as.
pub(super) fn read(requests: &[StackRequest]) -> Result<Vec<StackFile>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut stacks = Vec::new();
    for stack in requests {
        match stack_file(stack) {
            Ok(file) => stacks.push(file),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostics.into_result(stacks)
}

fn stack_file(stack: &StackRequest) -> Result<StackFile, Diagnostic> {
    let (name, text) = text_of(&stack.template)?;
    let template = Template::parse(&name, &text)?;
    let mut parameters = BTreeMap::new();
    for path in &stack.parameter_files {
        let (name, text) = text_of(path)?;
        parameters.extend(cloudformation::parameters::read(&name, &text)?);
    }
    parameters.extend(stack.parameters.clone());
    let mut deployed = (!stack.deployed.is_empty()).then(Deployed::default);
    for path in &stack.deployed {
        let files = if path.is_dir() { files_in(path)? } else { vec![path.clone()] };
        for file in files {
            let (name, text) = text_of(&file)?;
            if let Some(deployed) = &mut deployed {
                deployed.read(&name, &text)?;
            }
        }
    }
    Ok(StackFile {
        name: stack.name.clone(),
        template,
        account: stack.account.as_ref().map(ToString::to_string),
        region: stack.region.clone(),
        parameters,
        deployed,
        is_new: stack.is_new,
    })
}

fn text_of(path: &Path) -> Result<(String, String), Diagnostic> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(Diagnostic::error(format!("cannot read `{name}`: {error}"))),
    }
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let error = |error: std::io::Error| {
        Diagnostic::error(format!("cannot read `{}`: {error}", dir.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let is_read =
            path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|e| end == *e));
        files.extend(Some(path).filter(|_| is_read));
    }
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(Diagnostic::error(format!(
            "there is no JSON or YAML file in `{}`",
            dir.display()
        ))
        .help("save the output of `aws cloudformation get-template` and `describe-stack-resources` there")),
    }
}
