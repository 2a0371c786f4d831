//! The flags of `review` for CloudFormation templates and their stacks.
//!
//! The value of a flag begins with the name of its stack, which is optional if only one template is given.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::EngineError;
use crate::engine::review::{StackRequest, cloud_assembly};
use crate::ids::AccountId;

/// Flags about stacks.
#[derive(Debug, Args)]
pub(in crate::cli) struct StackArgs {
    /// New template of a CloudFormation stack, in YAML or JSON, as in `release.yaml` or, with the name of the stack,
    /// `release=infra/template.yaml`; or the folder that `cdk synth` writes, with all its stacks. Several are judged together
    #[arg(long, value_name = "[STACK=]FILE")]
    cloudformation: Vec<String>,
    /// Account and Region of a stack, as in `release=222222222222/eu-west-1`; by default, those that --deployed shows
    #[arg(long, value_name = "STACK=ID[/REGION]", value_parser = location, requires = "cloudformation")]
    stack: Vec<StackLocation>,
    /// Value of a parameter, as in `Stage=production` or, with the name of the stack, `release:Stage=production`
    #[arg(long, value_name = "[STACK:]NAME=VALUE", requires = "cloudformation")]
    parameter: Vec<String>,
    /// File with values of parameters, in any format that the AWS CLI accepts
    #[arg(long, value_name = "[STACK=]FILE", requires = "cloudformation")]
    parameters: Vec<String>,
    /// Output of the AWS CLI about the deployed stack (get-template, describe-stack-resources, describe-stacks): a file, or
    /// a folder of files
    #[arg(long, value_name = "[STACK=]FILE", requires = "cloudformation")]
    deployed: Vec<String>,
    /// The stack does not exist yet; without a name, this holds for each stack without --deployed
    #[arg(long, value_name = "STACK", num_args = 0..=1, require_equals = true, default_missing_value = "", requires = "cloudformation")]
    new_stack: Vec<String>,
}

/// Account and Region of a stack.
#[derive(Clone, Debug)]
struct StackLocation {
    stack: String,
    account: AccountId,
    region: Option<String>,
}

/// `STACK=ID/REGION`.
fn location(text: &str) -> Result<StackLocation, String> {
    let form = "write STACK=ID/REGION, as in `release=222222222222/eu-west-1`";
    let (stack, place) = text.split_once('=').ok_or(form)?;
    let (account, region) = match place.split_once('/') {
        Some((account, region)) => (account, Some(region)),
        None => (place, None),
    };
    if region.is_some_and(|region| region.is_empty() || region.contains('/')) {
        return Err(form.to_owned());
    }
    Ok(StackLocation {
        stack: stack.to_owned(),
        account: account.parse().map_err(|error: crate::ids::IdError| error.to_string())?,
        region: region.map(str::to_owned),
    })
}

impl StackArgs {
    /// The templates with the flags of their stacks.
    ///
    /// # Errors
    /// A flag about a stack of which no template is given.
    pub(in crate::cli) fn requests(&self) -> Result<Vec<StackRequest>, EngineError> {
        let mut stacks: Vec<StackRequest> = Vec::new();
        for given in &self.cloudformation {
            let (name, file) = match split(given, '=') {
                Some((name, file)) => (name.to_owned(), file),
                None => (stem(given), given.as_str()),
            };
            let template = PathBuf::from(file);
            let given = match template.is_dir() {
                true => cloud_assembly(&template)?,
                false => vec![StackRequest { name, template, ..StackRequest::default() }],
            };
            for stack in given {
                let name = &stack.name;
                if stacks.iter().any(|other| other.name == *name) {
                    return Err(Diagnostic::error(format!(
                        "two templates are given for the stack `{name}`"
                    ))
                    .help("name the stacks, as in `--cloudformation release=infra/template.yaml`")
                    .into());
                }
                stacks.push(stack);
            }
        }
        for place in &self.stack {
            let stack = find(&mut stacks, Some(&place.stack), "--stack")?;
            stack.account = Some(place.account.clone());
            stack.region = place.region.clone().or(stack.region.take());
        }
        for given in &self.parameters {
            let (name, file) = named(&stacks, given);
            find(&mut stacks, name.as_deref(), "--parameters")?.parameter_files.push(file);
        }
        for given in &self.deployed {
            let (name, file) = named(&stacks, given);
            find(&mut stacks, name.as_deref(), "--deployed")?.deployed.push(file);
        }
        for given in &self.parameter {
            let (name, value) = given.split_once('=').ok_or_else(|| {
                // The value may be a secret whose name was left out.
                Diagnostic::error("a `--parameter` has no `=`")
                    .help("write NAME=VALUE, as in `--parameter Stage=production`")
            })?;
            let (stack, name) = match name.split_once(':') {
                Some((stack, name)) => (Some(stack), name),
                None => (None, name),
            };
            let stack = find(&mut stacks, stack, "--parameter")?;
            stack.parameters.insert(name.to_owned(), value.to_owned());
        }
        for name in &self.new_stack {
            if name.is_empty() {
                stacks
                    .iter_mut()
                    .filter(|stack| stack.deployed.is_empty())
                    .for_each(|stack| stack.is_new = true);
                continue;
            }
            find(&mut stacks, Some(name), "--new-stack")?.is_new = true;
        }
        if let Some(both) = stacks.iter().find(|stack| stack.is_new && !stack.deployed.is_empty()) {
            let message = format!("the stack `{}` cannot be new and deployed", both.name);
            return Err(Diagnostic::error(message)
                .help("give one of `--new-stack` and `--deployed`")
                .into());
        }
        Ok(stacks)
    }
}

/// `STACK=REST`. A path may contain an equals sign, so what precedes it must be a valid name.
fn split(text: &str, separator: char) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(separator)?;
    // CloudFormation API Reference, `CreateStack`: letters, digits and hyphens, starting with a letter.
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    valid.then_some((name, rest))
}

/// A file, and the name of its stack if the value has one.
fn named(stacks: &[StackRequest], text: &str) -> (Option<String>, PathBuf) {
    match split(text, '=') {
        Some((name, file))
            if stacks.iter().any(|stack| stack.name == name) || !Path::new(text).exists() =>
        {
            (Some(name.to_owned()), PathBuf::from(file))
        }
        _ => (None, PathBuf::from(text)),
    }
}

/// `infra/release.template.json`: `release`.
fn stem(file: &str) -> String {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
    name.split('.').find(|part| !part.is_empty()).unwrap_or(name).to_owned()
}

/// The stack of a flag.
fn find<'s>(
    stacks: &'s mut [StackRequest],
    name: Option<&str>,
    flag: &str,
) -> Result<&'s mut StackRequest, Diagnostic> {
    let names: Vec<String> = stacks.iter().map(|stack| stack.name.clone()).collect();
    match name {
        None => match stacks {
            [only] => Ok(only),
            _ => Err(Diagnostic::error(format!("`{flag}` does not say which stack it is for"))
                .help(format!("begin its value with the name of a stack: {}", names.join(", ")))),
        },
        Some(name) => stacks.iter_mut().find(|stack| stack.name == name).ok_or_else(|| {
            let near = did_you_mean(name, names.iter().map(String::as_str));
            let help = near.unwrap_or_else(|| {
                format!("there are templates for these stacks: {}", names.join(", "))
            });
            Diagnostic::error(format!(
                "`{flag}` names the stack `{name}`, for which no template is given"
            ))
            .help(help)
        }),
    }
}
