//! Expressions of a template: values, references and conditions, evaluated as far as they are known. The intrinsic functions
//! are in [`functions`].
//!
//! Claim: a known value is the one that CloudFormation computes. A value that depends on other stacks, on Parameter Store,
//! on attributes that AWS assigns or on a secret is [`TemplateValue::Unknown`] with the reason.
//!
//! Source: CloudFormation Template Reference, "Intrinsic function reference" and "Pseudo parameters reference".

mod functions;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::node::{Content, TemplateNode, at_line};
use super::template::{Declaration, Template};
use super::value::{TemplateValue, UnknownReason};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};

/// Most steps of one template's evaluation: no reference is cached, so a chain of them may double with each link.
const MOST_STEPS: usize = 2_000_000;
/// Deepest nesting of expressions, including the expressions that references lead to.
const DEEPEST: usize = 120;

/// Where a template is deployed.
#[derive(Clone, Debug, Default)]
pub(super) struct StackPlace {
    /// Its name in reports.
    pub(super) label: String,
    /// Its name in AWS.
    pub(super) name: String,
    /// The id of its account.
    pub(super) account: String,
    /// Its Region, if known.
    pub(super) region: Option<String>,
    /// The partition.
    pub(super) partition: String,
    /// Its ARN, if it exists.
    pub(super) arn: Option<String>,
}

/// Longest chain of references from resource to resource: real names refer to one or two others.
const LONGEST_CHAIN: usize = 20;

/// The values of a resource's `Ref` and `Fn::GetAtt`.
pub(super) trait References {
    /// `Ref`.
    fn reference(&self, resource: Declaration<'_>) -> TemplateValue;
    /// `Fn::GetAtt`.
    fn attribute(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue;
}

/// Values that other stacks of the review export in the same account and Region, by name.
pub(super) type Exports = BTreeMap<String, TemplateValue>;

/// The values of parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Arguments {
    /// As expressions see them.
    pub(super) values: BTreeMap<String, TemplateValue>,
    /// Those of `NoEcho` parameters, which only conditions may compare.
    pub(super) secrets: BTreeMap<String, String>,
}

/// Evaluates one side of one stack.
pub(super) struct TemplateEvaluator<'t> {
    pub(super) template: &'t Template,
    pub(super) place: &'t StackPlace,
    arguments: &'t Arguments,
    imports: &'t Exports,
    steps: Cell<usize>,
    depth: Cell<usize>,
    chain: Cell<usize>,
    in_condition: Cell<bool>,
    conditions: RefCell<HashMap<String, TemplateValue>>,
    open_conditions: RefCell<BTreeSet<String>>,
    errors: RefCell<Diagnostics>,
}

impl<'t> TemplateEvaluator<'t> {
    pub(super) fn new(
        template: &'t Template,
        place: &'t StackPlace,
        arguments: &'t Arguments,
        imports: &'t Exports,
    ) -> Self {
        Self {
            template,
            place,
            arguments,
            imports,
            steps: Cell::new(0),
            depth: Cell::new(0),
            chain: Cell::new(0),
            in_condition: Cell::new(false),
            conditions: RefCell::default(),
            open_conditions: RefCell::default(),
            errors: RefCell::default(),
        }
    }

    /// The errors that evaluation found in the template.
    pub(super) fn wrong(&self) -> Diagnostics {
        self.errors.take()
    }

    /// Reports an error in the template.
    pub(super) fn refuse(
        &self,
        line: usize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> TemplateValue {
        let message = message.into();
        let mut diagnostic = Diagnostic::error(message.clone()).help(help);
        diagnostic = match line {
            0 => diagnostic.detail(format!("in `{}`", self.template.source.name())),
            line => diagnostic.at(at_line(&self.template.source, line)),
        };
        let mut errors = self.errors.borrow_mut();
        // One mistake may be reached by many references.
        if errors.len() < 20 {
            errors.push(diagnostic);
        }
        TemplateValue::unknown(message)
    }

    /// The value of an expression.
    pub(super) fn value(&self, node: &TemplateNode, references: &dyn References) -> TemplateValue {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > MOST_STEPS {
            if steps == MOST_STEPS + 1 && self.errors.borrow().is_empty() {
                return self.refuse(
                    node.line,
                    "the template takes too many steps to evaluate",
                    "look for references that multiply: a template that CloudFormation accepts needs far fewer",
                );
            }
            return TemplateValue::unknown("the template takes too many steps to evaluate");
        }
        let depth = self.depth.get() + 1;
        if depth > DEEPEST {
            return self.too_deep(node.line);
        }
        self.depth.set(depth);
        let value = self.expression(node, references);
        self.depth.set(depth - 1);
        value
    }

    fn too_deep(&self, line: usize) -> TemplateValue {
        self.refuse(
            line,
            "references are nested too deeply here, or form a circle",
            "CloudFormation rejects templates with circular dependencies",
        )
    }

    /// Follows a reference to a resource.
    fn linked(&self, line: usize, follow: impl FnOnce() -> TemplateValue) -> TemplateValue {
        let chain = self.chain.get() + 1;
        if chain > LONGEST_CHAIN {
            return self.too_deep(line);
        }
        self.chain.set(chain);
        let value = follow();
        self.chain.set(chain - 1);
        value
    }

    fn expression(&self, node: &TemplateNode, references: &dyn References) -> TemplateValue {
        if let Some((name, argument)) = node.call() {
            return self.call(name, argument, node.line, references);
        }
        match &node.content {
            Content::Null => TemplateValue::Null,
            Content::Bool(bool) => TemplateValue::Bool(*bool),
            Content::Text(text) => dynamic(text).unwrap_or_else(|| TemplateValue::text(text)),
            Content::List(all) => {
                let values = all.iter().map(|one| self.value(one, references));
                TemplateValue::List(
                    values.filter(|value| *value != TemplateValue::Absent).collect(),
                )
            }
            Content::Map(members) => {
                let calls = members.iter().find(|member| member.key.starts_with("Fn::"));
                if let Some(call) = calls {
                    return TemplateValue::unknown(format!(
                        "`{}` has other keys next to it and cannot be evaluated",
                        call.key
                    ));
                }
                let values = members
                    .iter()
                    .map(|member| (member.key.clone(), self.value(&member.value, references)));
                TemplateValue::Map(
                    values.filter(|(_, value)| *value != TemplateValue::Absent).collect(),
                )
            }
        }
    }

    fn reference(&self, name: &str, line: usize, references: &dyn References) -> TemplateValue {
        if let Some(value) = self.pseudo_parameter(name) {
            return value;
        }
        if self.in_condition.get()
            && let Some(secret) = self.arguments.secrets.get(name)
        {
            return TemplateValue::text(secret);
        }
        if let Some(value) = self.arguments.values.get(name) {
            return value.clone();
        }
        if let Some(resource) = self.template.resource(name) {
            return self.linked(line, || references.reference(resource));
        }
        if self.is_rewritten() {
            return TemplateValue::unknown(format!("a macro creates `{name}`"));
        }
        let names = self.template.parameters.keys().map(String::as_str);
        let names = names.chain(self.template.resources().map(|resource| resource.id));
        let near = did_you_mean(name, names.collect::<Vec<_>>());
        let help =
            near.unwrap_or_else(|| "name a parameter or a resource of the template".to_owned());
        self.refuse(line, format!("there is no parameter or resource named `{name}`"), help)
    }

    fn pseudo_parameter(&self, name: &str) -> Option<TemplateValue> {
        let place = self.place;
        Some(match name {
            "AWS::AccountId" => TemplateValue::text(&place.account),
            "AWS::NoValue" => TemplateValue::Absent,
            "AWS::NotificationARNs" => {
                TemplateValue::unknown("the notification ARNs of the stack are not known")
            }
            "AWS::Partition" => TemplateValue::text(&place.partition),
            "AWS::Region" => match &place.region {
                Some(region) => TemplateValue::text(region),
                None => TemplateValue::unknown(format!(
                    "the Region of the stack `{}` is not known",
                    place.label
                )),
            },
            "AWS::StackId" => place.arn.as_ref().map_or_else(
                || TemplateValue::unknown("the stack has no id yet"),
                TemplateValue::text,
            ),
            "AWS::StackName" => TemplateValue::text(&place.name),
            "AWS::URLSuffix" => TemplateValue::text(match place.partition.as_str() {
                "aws-cn" => "amazonaws.com.cn",
                _ => "amazonaws.com",
            }),
            _ => return None,
        })
    }

    /// Whether a macro may add parameters and resources that the template does not show.
    fn is_rewritten(&self) -> bool {
        self.template.macros().iter().any(|name| name != "AWS::LanguageExtensions")
    }

    fn attribute_of(
        &self,
        argument: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let (id, attribute) = match (argument.as_text(), argument.elements()) {
            (Some(text), _) => match text.split_once('.') {
                Some((id, attribute)) => (id.to_owned(), attribute.to_owned()),
                None => {
                    return self.wrong_arguments("Fn::GetAtt", "a resource and an attribute", line);
                }
            },
            (None, [id, attribute]) => {
                let texts = [id, attribute].map(|one| self.value(one, references));
                match texts {
                    [TemplateValue::Text(id), TemplateValue::Text(attribute)] => (id, attribute),
                    [TemplateValue::Unknown(unknown), _] | [_, TemplateValue::Unknown(unknown)] => {
                        return TemplateValue::Unknown(unknown);
                    }
                    _ => {
                        return self.wrong_arguments(
                            "Fn::GetAtt",
                            "a resource and an attribute",
                            line,
                        );
                    }
                }
            }
            _ => return self.wrong_arguments("Fn::GetAtt", "a resource and an attribute", line),
        };
        match self.template.resource(&id) {
            Some(resource) => self.linked(line, || references.attribute(resource, &attribute)),
            None if self.is_rewritten() => {
                TemplateValue::unknown(format!("a macro creates `{id}`"))
            }
            None => {
                let names: Vec<&str> = self.template.resources().map(|r| r.id).collect();
                let help = did_you_mean(&id, names)
                    .unwrap_or_else(|| "name a resource of the template".to_owned());
                self.refuse(line, format!("there is no resource named `{id}`"), help)
            }
        }
    }

    /// Whether a condition holds: `true`, `false` or unknown.
    pub(super) fn condition(
        &self,
        name: &str,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        if let Some(known) = self.conditions.borrow().get(name) {
            return known.clone();
        }
        let Some(node) = self.template.member("Conditions", name) else {
            let names: Vec<&str> =
                self.template.section("Conditions").iter().map(|m| m.key.as_str()).collect();
            let help = did_you_mean(name, names)
                .unwrap_or_else(|| "declare it under `Conditions`".to_owned());
            return self.refuse(line, format!("there is no condition `{name}`"), help);
        };
        if !self.open_conditions.borrow_mut().insert(name.to_owned()) {
            return self.refuse(
                line,
                format!("the condition `{name}` depends on itself"),
                "CloudFormation rejects circular conditions",
            );
        }
        // A condition may compare a secret: only the result leaves this function.
        let outer = self.in_condition.replace(true);
        let value = match self.value(node, references) {
            TemplateValue::Unknown(UnknownReason { why, may_differ }) => {
                let why = format!("the condition `{name}` is not known: {why}");
                TemplateValue::Unknown(UnknownReason { why, may_differ })
            }
            value => value.as_bool().map_or_else(
                || {
                    self.refuse(
                        node.line,
                        format!("the condition `{name}` is neither true nor false"),
                        "use `Fn::Equals`, `Fn::And`, `Fn::Or` or `Fn::Not`",
                    )
                },
                TemplateValue::Bool,
            ),
        };
        self.in_condition.set(outer);
        self.open_conditions.borrow_mut().remove(name);
        self.conditions.borrow_mut().insert(name.to_owned(), value.clone());
        value
    }
}

/// A string, number or boolean, as a string.
pub(super) fn scalar(value: &TemplateValue) -> Option<String> {
    match value {
        TemplateValue::Text(text) => Some(text.clone()),
        TemplateValue::Bool(bool) => Some(bool.to_string()),
        TemplateValue::Absent
        | TemplateValue::Null
        | TemplateValue::List(_)
        | TemplateValue::Map(_)
        | TemplateValue::Unknown(_) => None,
    }
}

/// A string with a dynamic reference is unknown: Parameter Store or Secrets Manager has the value.
fn dynamic(text: &str) -> Option<TemplateValue> {
    let at = text.find("{{resolve:")?;
    let rest = text.get(at..)?;
    let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
    let reference: String = rest.get(..end)?.chars().take(120).collect();
    Some(TemplateValue::Unknown(UnknownReason {
        why: format!("`{reference}` is resolved when the stack is deployed"),
        may_differ: true,
    }))
}
