//! The deployed stack, as the AWS CLI prints it.
//!
//! A file is recognised by its keys, and may have several of them:
//!
//! | key | printed by |
//! |---|---|
//! | `TemplateBody` | `aws cloudformation get-template` |
//! | `StackResources` | `aws cloudformation describe-stack-resources` |
//! | `StackResourceSummaries` | `aws cloudformation list-stack-resources` |
//! | `Stacks` | `aws cloudformation describe-stacks`: parameters, tags, id |
//! | `Resources` | a template alone |

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::parameters::{self, ParameterPair};
use super::template::Template;
use crate::diag::Diagnostic;

/// What is known of a deployed stack.
#[derive(Debug, Default)]
pub(crate) struct Deployed {
    /// Its template.
    pub(super) template: Option<Template>,
    /// Its resources by their logical ids: type and physical id.
    pub(super) physical: Option<BTreeMap<String, PhysicalResource>>,
    /// The values of its parameters.
    pub(super) parameters: Option<BTreeMap<String, String>>,
    /// Its ARN, which contains its name, Region and account.
    pub(super) arn: Option<String>,
}

/// A resource of a stack in AWS.
#[derive(Clone, Debug)]
pub(super) struct PhysicalResource {
    /// Its physical id.
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "TemplateBody")]
    template: Option<Json>,
    #[serde(rename = "StackResources", default)]
    resources: Option<Vec<PrintedResource>>,
    #[serde(rename = "StackResourceSummaries", default)]
    summaries: Option<Vec<PrintedResource>>,
    #[serde(rename = "Stacks", default)]
    stacks: Option<Vec<PrintedStack>>,
    #[serde(rename = "Resources")]
    is_template: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct PrintedResource {
    #[serde(rename = "StackId")]
    stack: Option<String>,
    #[serde(rename = "LogicalResourceId")]
    logical: String,
    #[serde(rename = "PhysicalResourceId")]
    physical: Option<String>,
    #[serde(rename = "ResourceStatus", default)]
    status: String,
}

#[derive(Deserialize)]
struct PrintedStack {
    #[serde(rename = "StackId")]
    id: Option<String>,
    #[serde(rename = "Parameters", default)]
    parameters: Vec<ParameterPair>,
}

impl Deployed {
    /// What AWS tells of a stack: its ARN, template, values of parameters, and logical and physical ids.
    ///
    /// # Errors
    /// A template that cannot be read.
    pub(crate) fn live<'a>(
        arn: &str,
        template: &str,
        parameters: BTreeMap<String, String>,
        resources: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Diagnostic> {
        let resources = resources
            .into_iter()
            .map(|(logical, id)| (logical.to_owned(), PhysicalResource { id: id.to_owned() }));
        Ok(Self {
            template: Some(Template::parse(arn, template)?),
            physical: Some(resources.collect()),
            parameters: Some(parameters),
            arn: Some(arn.to_owned()),
        })
    }

    /// The logical ids of the stacks that its template holds.
    pub(crate) fn nested(&self) -> Vec<String> {
        let template = self.template.iter();
        template.flat_map(Template::nested).map(|nested| nested.id).collect()
    }

    /// Adds what a file says.
    ///
    /// # Errors
    /// A file that does not describe one stack.
    pub(crate) fn read(&mut self, name: &str, text: &str) -> Result<(), Diagnostic> {
        let advice = "pass the output of `aws cloudformation get-template`, `describe-stack-resources` or `describe-stacks`";
        let printed: Printed = match serde_json::from_str(text) {
            Ok(printed) => printed,
            // A template alone, in YAML.
            Err(_) if !text.trim_start().starts_with(['{', '[']) => {
                self.template = Some(Template::parse(name, text)?);
                return Ok(());
            }
            // An excerpt could show values of parameters.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return Err(Diagnostic::error(format!("`{name}` is not valid JSON"))
                    .detail(format!("at line {line}, column {column}"))
                    .help(advice));
            }
        };
        let known = [
            printed.template.is_some(),
            printed.resources.is_some(),
            printed.summaries.is_some(),
            printed.stacks.is_some(),
            printed.is_template.is_some(),
        ];
        if !known.contains(&true) {
            return Err(Diagnostic::error(format!("`{name}` does not describe a deployed stack"))
                .help(advice));
        }
        if printed.is_template.is_some() {
            self.template = Some(Template::parse(name, text)?);
        }
        match printed.template {
            Some(Json::String(text)) => self.template = Some(Template::parse(name, &text)?),
            Some(json) => self.template = Some(Template::from_json(name, &json)?),
            None => {}
        }
        for resources in [printed.resources, printed.summaries].into_iter().flatten() {
            let physical = self.physical.get_or_insert_default();
            for resource in resources {
                self.arn = self.arn.take().or(resource.stack);
                let is_there = resource.status != "DELETE_COMPLETE";
                if let Some(id) = resource.physical.filter(|_| is_there) {
                    physical.insert(resource.logical, PhysicalResource { id });
                }
            }
        }
        match printed.stacks.map(|stacks| (stacks.len(), stacks.into_iter().next())) {
            Some((1, Some(stack))) => {
                self.arn = self.arn.take().or(stack.id);
                self.parameters = Some(parameters::deployed(stack.parameters));
            }
            Some(_) => {
                return Err(Diagnostic::error(format!(
                    "`{name}` does not contain exactly one stack"
                ))
                .help("name the stack: `aws cloudformation describe-stacks --stack-name NAME`"));
            }
            None => {}
        }
        Ok(())
    }
}
