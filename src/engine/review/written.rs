//! Reads policies from `.tf` files if a plan knows them only after apply.
//!
//! Supported are `jsonencode` of constants and references, string templates, and `aws_iam_policy_document` without merged
//! documents and dynamic blocks. Any other expression leaves the policy unknown.

use std::path::PathBuf;

use hcl::edit::expr::{Expression, FuncCall, ObjectKey, Traversal, TraversalOperator};
use hcl::edit::structure::{Block, Body};
use hcl::edit::template::{Element, Template};
use serde_json::Value as Json;

use super::places::{ModuleFiles, Places};
use crate::review::terraform::{
    TerraformPlan, WrittenKey, WrittenPolicies, WrittenPolicy, WrittenReference, WrittenValue,
};

/// The policies of a plan that are known only after apply, if the files contain them.
pub(super) fn policies(plan: &TerraformPlan, directories: &[PathBuf]) -> WrittenPolicies {
    let unknown = plan.unknown_policies();
    if unknown.is_empty() {
        return WrittenPolicies::new();
    }
    let places = Places::read(directories);
    let written = unknown.into_iter().filter_map(|(address, attr)| {
        let (module, block, _) = places.block(&address)?;
        let policy = policy(module, &block.body.get_attribute(&attr)?.value)?;
        Some(((address, attr), policy))
    });
    written.collect()
}

fn policy(module: &ModuleFiles, expression: &Expression) -> Option<WrittenPolicy> {
    match expression {
        Expression::FuncCall(call) => Some(WrittenPolicy::Encoded(value(encoded(call)?)?)),
        Expression::Traversal(traversal) => {
            let WrittenReference::Attribute { object, key: None, attr } = reference(traversal)?
            else {
                return None;
            };
            let is_document = object.starts_with("data.aws_iam_policy_document.")
                && matches!(attr.as_str(), "json" | "minified_json");
            let block = module.block(&object).filter(|_| is_document)?;
            Some(WrittenPolicy::Document { content: document(&block.body)?, data: object })
        }
        Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => {
            Some(WrittenPolicy::Text(value(expression)?))
        }
        _ => None,
    }
}

/// The argument of `jsonencode`.
fn encoded(call: &FuncCall) -> Option<&Expression> {
    let is_it = call.name.namespace.is_empty() && call.name.name.as_str() == "jsonencode";
    let mut args = call.args.iter();
    let one = args.next().filter(|_| is_it)?;
    args.next().is_none().then_some(one)
}

fn value(expression: &Expression) -> Option<WrittenValue> {
    Some(match expression {
        Expression::Null(_) => WrittenValue::Literal(Json::Null),
        Expression::Bool(value) => WrittenValue::Literal(Json::Bool(*value.value())),
        Expression::Number(number) => {
            WrittenValue::Literal(serde_json::from_str(&number.value().to_string()).ok()?)
        }
        Expression::String(text) => literal(text.value()),
        Expression::Array(all) => WrittenValue::List(all.iter().map(value).collect::<Option<_>>()?),
        Expression::Object(object) => {
            let member = |(key, held): (&ObjectKey, &hcl::edit::expr::ObjectValue)| {
                let key = match key {
                    ObjectKey::Ident(name) => literal(name.as_str()),
                    ObjectKey::Expression(key) => value(key)?,
                };
                Some((key, value(held.expr())?))
            };
            WrittenValue::Object(object.iter().map(member).collect::<Option<_>>()?)
        }
        Expression::StringTemplate(template) => parts(template.iter())?,
        Expression::HeredocTemplate(heredoc) => template(&heredoc.template)?,
        Expression::Parenthesis(inner) => value(inner.inner())?,
        Expression::Traversal(traversal) => WrittenValue::Reference(reference(traversal)?),
        _ => return None,
    })
}

fn literal(text: &str) -> WrittenValue {
    WrittenValue::Literal(Json::String(text.to_owned()))
}

fn template(template: &Template) -> Option<WrittenValue> {
    parts(template.iter())
}

fn parts<'e>(elements: impl Iterator<Item = &'e Element>) -> Option<WrittenValue> {
    let part = |element: &Element| match element {
        Element::Literal(text) => Some(literal(text.value())),
        Element::Interpolation(interpolation) => value(&interpolation.expr),
        Element::Directive(_) => None,
    };
    elements.map(part).collect::<Option<_>>().map(WrittenValue::Text)
}

fn reference(traversal: &Traversal) -> Option<WrittenReference> {
    let Expression::Variable(root) = &traversal.expr else { return None };
    let mut names = vec![root.as_str()];
    let mut key = None;
    for operator in &traversal.operators {
        let object = if names.first() == Some(&"data") { 3 } else { 2 };
        match operator.value() {
            TraversalOperator::GetAttr(name) => names.push(name.as_str()),
            TraversalOperator::Index(index) if names.len() == object && key.is_none() => {
                key = Some(match value(index)? {
                    WrittenValue::Literal(literal) => WrittenKey::Literal(literal),
                    WrittenValue::Reference(WrittenReference::Key(name)) => WrittenKey::Own(name),
                    _ => return None,
                });
            }
            _ => return None,
        }
    }
    match names.as_slice() {
        ["var" | "each" | "count", ..] if key.is_some() => None,
        ["var", name] => Some(WrittenReference::Variable((*name).to_owned())),
        ["each", "key"] => Some(WrittenReference::Key("each.key")),
        ["count", "index"] => Some(WrittenReference::Key("count.index")),
        ["var" | "each" | "count" | "local" | "module" | "path" | "self" | "terraform", ..] => None,
        ["data", kind, name, attr] => {
            let object = format!("data.{kind}.{name}");
            Some(WrittenReference::Attribute { object, key, attr: (*attr).to_owned() })
        }
        ["data", ..] => None,
        [kind, name, attr] => {
            let object = format!("{kind}.{name}");
            Some(WrittenReference::Attribute { object, key, attr: (*attr).to_owned() })
        }
        _ => None,
    }
}

/// The document of an `aws_iam_policy_document` (the provider's documentation of that data source).
fn document(body: &Body) -> Option<WrittenValue> {
    let mut statements = Vec::new();
    for block in body.blocks() {
        match block.ident.as_str() {
            "statement" => statements.push(statement(&block.body)?),
            "lifecycle" => {}
            _ => return None,
        }
    }
    let mut members = Vec::new();
    for attribute in body.attributes() {
        match attribute.key.as_str() {
            "version" => members.push((literal("Version"), value(&attribute.value)?)),
            "provider" | "depends_on" | "policy_id" => {}
            _ => return None,
        }
    }
    if members.is_empty() {
        members.push((literal("Version"), literal("2012-10-17")));
    }
    members.push((literal("Statement"), WrittenValue::List(statements)));
    Some(WrittenValue::Object(members))
}

fn statement(body: &Body) -> Option<WrittenValue> {
    let mut members = Vec::new();
    let mut effect = literal("Allow");
    for attribute in body.attributes() {
        let written = value(&attribute.value)?;
        let name = match attribute.key.as_str() {
            _ if written == WrittenValue::Literal(Json::Null) => continue,
            "effect" => {
                effect = written;
                continue;
            }
            "sid" => "Sid",
            "actions" => "Action",
            "not_actions" => "NotAction",
            "resources" => "Resource",
            "not_resources" => "NotResource",
            _ => return None,
        };
        members.push((literal(name), variables(written)));
    }
    members.push((literal("Effect"), effect));
    for (name, element) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        let blocks: Vec<&Block> = body.get_blocks(name).collect();
        if !blocks.is_empty() {
            members.push((literal(element), principals(&blocks)?));
        }
    }
    let conditions: Vec<&Block> = body.get_blocks("condition").collect();
    if !conditions.is_empty() {
        members.push((literal("Condition"), condition(&conditions)?));
    }
    let known = |block: &Block| {
        matches!(block.ident.as_str(), "principals" | "not_principals" | "condition")
    };
    body.blocks().all(known).then_some(WrittenValue::Object(members))
}

fn attribute(block: &Block, name: &str) -> Option<WrittenValue> {
    value(&block.body.get_attribute(name)?.value).map(variables)
}

fn principals(blocks: &[&Block]) -> Option<WrittenValue> {
    let mut types: Vec<(WrittenValue, WrittenValue)> = Vec::new();
    for block in blocks {
        let (of, identifiers) = (attribute(block, "type")?, attribute(block, "identifiers")?);
        if of == literal("*") {
            let all = identifiers == WrittenValue::List(vec![literal("*")]) && blocks.len() == 1;
            return all.then(|| literal("*"));
        }
        match types.iter_mut().find(|(known, _)| *known == of) {
            None => types.push((of, identifiers)),
            Some((_, WrittenValue::List(all))) => {
                let WrittenValue::List(more) = identifiers else { return None };
                all.extend(more);
            }
            Some(_) => return None,
        }
    }
    Some(WrittenValue::Object(types))
}

fn condition(blocks: &[&Block]) -> Option<WrittenValue> {
    let mut tests: Vec<(WrittenValue, Vec<(WrittenValue, WrittenValue)>)> = Vec::new();
    for block in blocks {
        let (test, values) = (attribute(block, "test")?, attribute(block, "values")?);
        let variable = attribute(block, "variable")?;
        let entry = match tests.iter_mut().find(|(known, _)| *known == test) {
            Some((_, entry)) => entry,
            None => {
                tests.push((test, Vec::new()));
                &mut tests.last_mut()?.1
            }
        };
        // The provider merges conditions with the same test and variable.
        match entry.iter_mut().find(|(known, _)| *known == variable) {
            None => entry.push((variable, values)),
            Some((_, WrittenValue::List(all))) => {
                let WrittenValue::List(more) = values else { return None };
                all.extend(more);
            }
            Some(_) => return None,
        }
    }
    let tests = tests.into_iter().map(|(test, entry)| (test, WrittenValue::Object(entry)));
    Some(WrittenValue::Object(tests.collect()))
}

/// These blocks write IAM policy variables as `&{aws:username}`.
fn variables(written: WrittenValue) -> WrittenValue {
    match written {
        WrittenValue::Literal(Json::String(text)) => literal(&text.replace("&{", "${")),
        WrittenValue::Text(parts) => WrittenValue::Text(parts.into_iter().map(variables).collect()),
        WrittenValue::List(all) => WrittenValue::List(all.into_iter().map(variables).collect()),
        other => other,
    }
}
