//! Values of a template's parameters: given ones, those of the deployed stack, and defaults.
//!
//! No message here shows a value, because any parameter may be a secret.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::evaluate::Arguments;
use super::node::{TemplateNode, at_line};
use super::template::{Template, TemplateParameter};
use super::value::{TemplateValue, UnknownReason};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::review::json::scalar;

/// One parameter in the form of the API.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ParameterPair {
    /// Its name.
    #[serde(rename = "ParameterKey")]
    key: String,
    /// Its value.
    #[serde(rename = "ParameterValue")]
    value: Option<String>,
    /// Its value in Parameter Store, if it is read from there.
    #[serde(rename = "ResolvedValue")]
    resolved: Option<String>,
}

/// The parameters of a file, without those that keep the value of the deployed stack.
///
/// # Errors
/// A file that does not contain parameters; the error does not show its content.
pub(crate) fn read(name: &str, text: &str) -> Result<BTreeMap<String, String>, Diagnostic> {
    let error = |why: String| {
        Diagnostic::error(format!("cannot read parameters from `{name}`: {why}")).help(
            "use a list of `ParameterKey` and `ParameterValue`, an object with `Parameters`, or a list of `NAME=VALUE`",
        )
    };
    let json: Json = serde_json::from_str(text)
        .map_err(|e| error(format!("invalid JSON at line {}, column {}", e.line(), e.column())))?;
    of_json(&json).ok_or_else(|| error("unexpected format".to_owned()))
}

/// The formats of common tools: pairs for `create-stack --parameters`, strings for `deploy --parameter-overrides`, an object
/// for CodePipeline template configurations and `--cli-input-json`, or an object of names and values.
fn of_json(json: &Json) -> Option<BTreeMap<String, String>> {
    match json {
        Json::Array(all) => {
            let mut read = BTreeMap::new();
            for one in all {
                match one {
                    Json::String(text) => {
                        let (name, value) = text.split_once('=')?;
                        read.insert(name.to_owned(), value.to_owned());
                    }
                    pair => {
                        let name = pair.get("ParameterKey")?.as_str()?;
                        // `UsePreviousValue`: the deployed stack has the value.
                        if let Some(value) = pair.get("ParameterValue") {
                            read.insert(name.to_owned(), scalar(value)?);
                        }
                    }
                }
            }
            Some(read)
        }
        Json::Object(all) => match all.get("Parameters") {
            Some(inner @ (Json::Array(_) | Json::Object(_))) => of_json(inner),
            _ => all.iter().map(|(name, value)| Some((name.clone(), scalar(value)?))).collect(),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

/// The parameters of a deployed stack, as `describe-stacks` shows them. Secrets are shown as stars.
pub(super) fn deployed(all: Vec<ParameterPair>) -> BTreeMap<String, String> {
    all.into_iter().filter_map(|pair| Some((pair.key, pair.resolved.or(pair.value)?))).collect()
}

/// The values of a template's parameters. `previous` are those of the deployed stack, which a deployment keeps by default
/// (AWS CLI Command Reference, `cloudformation deploy`: "the existing value is used").
///
/// # Errors
/// A parameter that the template does not declare, or a value that is not allowed.
pub(super) fn arguments(
    template: &Template,
    stack: &str,
    given: &BTreeMap<String, String>,
    previous: Option<&BTreeMap<String, String>>,
    diagnostics: &mut Diagnostics,
) -> Arguments {
    for name in given.keys().filter(|name| !template.parameters.contains_key(*name)) {
        let near = did_you_mean(name, template.parameters.keys().map(String::as_str));
        let help =
            near.unwrap_or_else(|| "use the parameters that the template declares".to_owned());
        let message = format!("the template of the stack `{stack}` has no parameter `{name}`");
        diagnostics.push(Diagnostic::error(message).help(help));
    }
    let mut arguments = Arguments::default();
    for (name, parameter) in &template.parameters {
        let is_given = given.contains_key(name);
        let text = given.get(name).or_else(|| previous?.get(name)).or(parameter.default.as_ref());
        if let Some(text) = given.get(name)
            && !parameter.allowed.is_empty()
            && !parameter.allowed.contains(text)
            && !parameter.kind.contains('<')
        {
            let help = match parameter.no_echo {
                true => "use one of its `AllowedValues`".to_owned(),
                false => format!("use one of `{}`", parameter.allowed.join("`, `")),
            };
            let message = format!("the value of the parameter `{name}` is not allowed");
            let diagnostic = Diagnostic::error(message).help(help);
            diagnostics.push(match parameter.line {
                0 => diagnostic,
                line => diagnostic.at(at_line(&template.source, line)),
            });
        }
        // The API shows a secret as stars.
        let is_masked = parameter.no_echo && text.is_some_and(|text| text == "****");
        if let Some(text) = text.filter(|_| parameter.no_echo && !is_masked) {
            arguments.secrets.insert(name.clone(), text.clone());
        }
        arguments.values.insert(name.clone(), value(name, parameter, text, is_given));
    }
    arguments
}

/// The values of a nested template's parameters: what the stack around it passes on, and defaults.
pub(super) fn passed(template: &Template, given: &TemplateValue) -> Arguments {
    let mut arguments = Arguments::default();
    for (name, parameter) in &template.parameters {
        let given = match given {
            TemplateValue::Unknown(_) => Some(given),
            given => given.get(name),
        };
        // A list is passed as one text.
        let joined = match given {
            Some(TemplateValue::List(all)) => {
                all.iter().map(super::evaluate::scalar).collect::<Option<Vec<_>>>()
            }
            Some(one) => super::evaluate::scalar(one).map(|text| vec![text]),
            None => parameter.default.clone().map(|text| vec![text]),
        };
        let text = joined.map(|all| all.join(","));
        let unknown = given.and_then(TemplateValue::first_unknown);
        if let Some(text) = text.as_ref().filter(|_| parameter.no_echo) {
            arguments.secrets.insert(name.clone(), text.clone());
        }
        let value = match unknown {
            Some(unknown) if !parameter.no_echo => TemplateValue::Unknown(unknown.clone()),
            _ => value(name, parameter, text.as_ref(), given.is_some()),
        };
        arguments.values.insert(name.clone(), value);
    }
    arguments
}

fn value(
    name: &str,
    parameter: &TemplateParameter,
    text: Option<&String>,
    is_given: bool,
) -> TemplateValue {
    if parameter.no_echo {
        let why = format!("the parameter `{name}` is `NoEcho`: its value is not used");
        return TemplateValue::Unknown(UnknownReason { why, may_differ: is_given });
    }
    if parameter.kind.starts_with("AWS::SSM::Parameter::") {
        let why = format!(
            "the parameter `{name}` is read from Parameter Store when the stack is deployed"
        );
        return TemplateValue::Unknown(UnknownReason { why, may_differ: true });
    }
    let Some(text) = text else {
        return TemplateValue::unknown(format!("no value is given for the parameter `{name}`"));
    };
    match parameter.kind == "CommaDelimitedList" || parameter.kind.starts_with("List<") {
        true if text.trim().is_empty() => TemplateValue::List(Vec::new()),
        true => TemplateValue::List(
            text.split(',').map(|one| TemplateValue::text(one.trim())).collect(),
        ),
        false => TemplateValue::text(text),
    }
}

/// The collection of a loop: a list, or a parameter that is one.
pub(super) fn collection(node: &TemplateNode, arguments: &Arguments) -> Option<Vec<String>> {
    if let Some(("Ref", name)) = node.call() {
        let value = arguments.values.get(name.as_text()?)?;
        return value.elements().into_iter().map(|one| one.as_text().map(str::to_owned)).collect();
    }
    if node.call().is_some() {
        return None;
    }
    let each = node.elements().iter().map(|one| match one.call() {
        Some(_) => collection(one, arguments),
        None => Some(vec![one.scalar()?]),
    });
    Some(each.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_tools_is_read() {
        for text in [
            r#"[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B", "UsePreviousValue": true}]"#,
            r#"{"Parameters": {"A": 1}}"#,
            r#"{"Parameters": [{"ParameterKey": "A", "ParameterValue": "1"}], "StackName": "x"}"#,
            r#"["A=1"]"#,
            r#"{"A": "1"}"#,
        ] {
            let read =
                read("p.json", text).unwrap_or_else(|error| panic!("{text}: {}", error.summary));
            assert_eq!(read, BTreeMap::from([("A".to_owned(), "1".to_owned())]), "{text}");
        }
    }

    #[test]
    fn no_error_shows_a_value() {
        for text in
            ["{\"A\": \"s3cr3t\"", "[\"s3cr3t\"]", "{\"A\": {\"b\": \"s3cr3t\"}}", "\"s3cr3t\""]
        {
            let error = read("p.json", text).err().map(|e| format!("{e:?}")).unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("s3cr3t"), "{error}");
        }
    }
}
