//! Intrinsic functions, conditions and references, evaluated as far as they are known.
//!
//! Claim: a value that is returned as known is the one that CloudFormation computes. What depends on other stacks, on
//! Parameter Store, on attributes that AWS assigns or on a secret is [`TemplateValue::Unknown`] with the reason.
//!
//! Source: CloudFormation Template Reference, "Intrinsic function reference" and "Pseudo parameters reference".

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::node::{Content, TemplateNode, at_line};
use super::template::{Declaration, Template};
use super::value::{TemplateValue, UnknownReason};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};

/// Most steps of one template's evaluation: references are followed anew, and a chain of them may double with each link.
const MOST_STEPS: usize = 2_000_000;
/// Longest text that is computed: the largest property of any resource is shorter.
const LONGEST: usize = 4 << 20;
/// Deepest chain of references, beside the depth of the template itself.
const DEEPEST: usize = 120;

/// The stack that a template is for.
#[derive(Clone, Debug, Default)]
pub(super) struct StackPlace {
    /// Its name, by which reports call it.
    pub(super) label: String,
    /// Its name in AWS.
    pub(super) name: String,
    /// The id of its account.
    pub(super) account: String,
    /// Its Region, where it is known.
    pub(super) region: Option<String>,
    /// The partition.
    pub(super) partition: String,
    /// Its ARN, where it stands.
    pub(super) arn: Option<String>,
}

/// Longest chain of references from resource to resource: names of resources are made of one or two others.
const LONGEST_CHAIN: usize = 20;

/// What a resource's `Ref` and `Fn::GetAtt` come to.
pub(super) trait References {
    /// `Ref`.
    fn reference(&self, resource: Declaration<'_>) -> TemplateValue;
    /// `Fn::GetAtt`.
    fn attribute(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue;
}

/// Values that other stacks export, by name: of the stacks of one review in the same account and Region.
pub(super) type Exports = BTreeMap<String, TemplateValue>;

/// The values of parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    /// As expressions see them.
    pub(super) values: BTreeMap<String, TemplateValue>,
    /// Those of `NoEcho`, which conditions alone may compare.
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
    wrong: RefCell<Diagnostics>,
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
            wrong: RefCell::default(),
        }
    }

    /// What was wrong with the template, as far as it was evaluated.
    pub(super) fn wrong(&self) -> Diagnostics {
        self.wrong.take()
    }

    /// Says that something of the template is wrong.
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
        let mut wrong = self.wrong.borrow_mut();
        if wrong.len() < 20 {
            wrong.push(diagnostic);
        }
        TemplateValue::unknown(message)
    }

    /// What an expression comes to.
    pub(super) fn value(&self, node: &TemplateNode, references: &dyn References) -> TemplateValue {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > MOST_STEPS {
            if steps == MOST_STEPS + 1 && self.wrong.borrow().is_empty() {
                return self.refuse(
                    node.line,
                    "the template takes too many steps to evaluate",
                    "no template of the size that CloudFormation takes does",
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
            "references nest too deep here, or lead back to themselves",
            "CloudFormation refuses a template whose resources depend on each other in a circle",
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
                        "`{}` beside other keys is not evaluated",
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

    fn call(
        &self,
        name: &str,
        argument: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let list = || argument.elements();
        match name {
            "Ref" => match argument.as_text() {
                Some(text) => self.reference(text, line, references),
                None => self.refuse(line, "`Ref` takes a name", "name a parameter or a resource"),
            },
            "Condition" => match argument.as_text() {
                Some(name) => self.condition(name, line, references),
                // A policy's own element has that name.
                None => {
                    let value = self.value(argument, references);
                    TemplateValue::Map(BTreeMap::from([("Condition".to_owned(), value)]))
                }
            },
            "Fn::GetAtt" => self.attribute_of(argument, line, references),
            "Fn::Sub" => self.substitute(argument, line, references),
            "Fn::Join" => match list() {
                [delimiter, all] => self.join(delimiter, all, line, references),
                _ => self.wrong_arguments(name, "a delimiter and a list", line),
            },
            "Fn::Select" => match list() {
                [index, all] => self.select(index, all, line, references),
                _ => self.wrong_arguments(name, "an index and a list", line),
            },
            "Fn::Split" => match list() {
                [delimiter, text] => self.split(delimiter, text, line, references),
                _ => self.wrong_arguments(name, "a delimiter and a text", line),
            },
            "Fn::If" => match list() {
                [condition, yes, no] => {
                    let Some(condition) = condition.as_text() else {
                        return self.wrong_arguments(name, "the name of a condition first", line);
                    };
                    match self.condition(condition, line, references) {
                        TemplateValue::Bool(true) => self.value(yes, references),
                        TemplateValue::Bool(false) => self.value(no, references),
                        other => other,
                    }
                }
                _ => self.wrong_arguments(name, "a condition and two values", line),
            },
            "Fn::FindInMap" => self.find_in_map(list(), line, references),
            "Fn::ImportValue" => self.import(argument, references),
            "Fn::Base64" => match self.value(argument, references) {
                TemplateValue::Text(text) => TemplateValue::Text(STANDARD.encode(text)),
                other => other,
            },
            "Fn::Cidr" => self.cidr(list(), line, references),
            "Fn::GetAZs" => {
                TemplateValue::unknown("which availability zones a Region has is not asked")
            }
            "Fn::ToJsonString" => match self.value(argument, references).to_json() {
                Ok(json) => TemplateValue::Text(json.to_string()),
                Err(unknown) => TemplateValue::Unknown(unknown),
            },
            "Fn::Length" => match self.value(argument, references) {
                TemplateValue::List(all) => TemplateValue::Text(all.len().to_string()),
                unknown @ TemplateValue::Unknown(_) => unknown,
                _ => self.wrong_arguments(name, "a list", line),
            },
            "Fn::And" | "Fn::Or" => {
                let values = list().iter().map(|one| self.value(one, references));
                let values: Vec<TemplateValue> = values.collect();
                let decides = name == "Fn::Or";
                if values.iter().any(|value| value.as_bool() == Some(decides)) {
                    return TemplateValue::Bool(decides);
                }
                let open = values.into_iter().find(|value| value.as_bool().is_none());
                open.unwrap_or(TemplateValue::Bool(!decides))
            }
            "Fn::Not" => match list() {
                [one] => match self.value(one, references) {
                    value if value.as_bool().is_some() => {
                        TemplateValue::Bool(value.as_bool() == Some(false))
                    }
                    other => other,
                },
                _ => self.wrong_arguments(name, "a list of one condition", line),
            },
            "Fn::Equals" => match list() {
                [one, other] => {
                    let (one, other) = (self.value(one, references), self.value(other, references));
                    if let Some(unknown) = one.first_unknown().or(other.first_unknown()) {
                        return TemplateValue::Unknown(unknown.clone());
                    }
                    TemplateValue::Bool(
                        scalar(&one)
                            .map_or_else(|| one == other, |one| Some(one) == scalar(&other)),
                    )
                }
                _ => self.wrong_arguments(name, "two values", line),
            },
            "Fn::Transform" => TemplateValue::unknown("`Fn::Transform` runs a macro"),
            other => {
                let known = [
                    "Fn::And",
                    "Fn::Base64",
                    "Fn::Cidr",
                    "Fn::Equals",
                    "Fn::FindInMap",
                    "Fn::GetAZs",
                    "Fn::GetAtt",
                    "Fn::If",
                    "Fn::ImportValue",
                    "Fn::Join",
                    "Fn::Length",
                    "Fn::Not",
                    "Fn::Or",
                    "Fn::Select",
                    "Fn::Split",
                    "Fn::Sub",
                    "Fn::ToJsonString",
                    "Fn::Transform",
                ];
                let near = did_you_mean(other, known);
                let help =
                    near.unwrap_or_else(|| "use a function that CloudFormation has".to_owned());
                self.refuse(line, format!("`{other}` is no function of CloudFormation's"), help)
            }
        }
    }

    fn wrong_arguments(&self, name: &str, takes: &str, line: usize) -> TemplateValue {
        self.refuse(
            line,
            format!("`{name}` takes {takes}"),
            "see the function's page in the CloudFormation Template Reference",
        )
    }

    fn reference(&self, name: &str, line: usize, references: &dyn References) -> TemplateValue {
        let place = self.place;
        let suffix = || match place.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let region = || match &place.region {
            Some(region) => TemplateValue::text(region),
            None => TemplateValue::unknown(format!(
                "the Region of the stack `{}` is not known",
                place.label
            )),
        };
        match name {
            "AWS::AccountId" => return TemplateValue::text(&place.account),
            "AWS::NoValue" => return TemplateValue::Absent,
            "AWS::Partition" => return TemplateValue::text(&place.partition),
            "AWS::Region" => return region(),
            "AWS::StackName" => return TemplateValue::text(&place.name),
            "AWS::URLSuffix" => return TemplateValue::text(suffix()),
            "AWS::StackId" => {
                return place.arn.as_ref().map_or_else(
                    || TemplateValue::unknown("the stack has no id yet"),
                    TemplateValue::text,
                );
            }
            "AWS::NotificationARNs" => {
                return TemplateValue::unknown("whom the stack notifies is not known");
            }
            _ => {}
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
            return TemplateValue::unknown(format!("`{name}` is made by a macro"));
        }
        let names = self.template.parameters.keys().map(String::as_str);
        let names = names.chain(self.template.resources().map(|resource| resource.id));
        let near = did_you_mean(name, names.collect::<Vec<_>>());
        let help =
            near.unwrap_or_else(|| "name a parameter or a resource of the template".to_owned());
        self.refuse(line, format!("`{name}` names no parameter and no resource"), help)
    }

    /// Whether a macro adds to the template what it does not show.
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
                TemplateValue::unknown(format!("`{id}` is made by a macro"))
            }
            None => {
                let names: Vec<&str> = self.template.resources().map(|r| r.id).collect();
                let help = did_you_mean(&id, names)
                    .unwrap_or_else(|| "name a resource of the template".to_owned());
                self.refuse(line, format!("`{id}` names no resource"), help)
            }
        }
    }

    fn substitute(
        &self,
        argument: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let (text, own) = match (argument.as_text(), argument.elements()) {
            (Some(text), _) => (text, None),
            (None, [text, own]) => match text.as_text() {
                Some(text) => (text, Some(own)),
                None => return self.wrong_arguments("Fn::Sub", "a text", line),
            },
            _ => return self.wrong_arguments("Fn::Sub", "a text, or a text and an object", line),
        };
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(rest.get(..at).unwrap_or_default());
            let after = rest.get(at + 2..).unwrap_or_default();
            let Some(end) = after.find('}') else {
                return self.refuse(line, "`${` has no end", "close it with `}`");
            };
            let name = after.get(..end).unwrap_or_default().trim();
            rest = after.get(end + 1..).unwrap_or_default();
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match own.and_then(|own| own.get(name)) {
                Some(node) => self.value(node, references),
                None if name.contains('.') => {
                    self.attribute_of(&TemplateNode::text(name, line), line, references)
                }
                None => self.reference(name, line, references),
            };
            match scalar(&value) {
                Some(text) => out.push_str(&text),
                None => return not_text("Fn::Sub", name, value),
            }
            if out.len() > LONGEST {
                return self.too_long(line);
            }
        }
        out.push_str(rest);
        dynamic(&out).unwrap_or(TemplateValue::Text(out))
    }

    fn too_long(&self, line: usize) -> TemplateValue {
        self.refuse(
            line,
            "this text becomes too long",
            "no property of a resource takes a text of that length",
        )
    }

    fn join(
        &self,
        delimiter: &TemplateNode,
        all: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let Some(delimiter) = scalar(&self.value(delimiter, references)) else {
            return self.wrong_arguments("Fn::Join", "a text as its delimiter", line);
        };
        let values = match self.value(all, references) {
            TemplateValue::List(values) => values,
            unknown @ TemplateValue::Unknown(_) => return unknown,
            _ => return self.wrong_arguments("Fn::Join", "a delimiter and a list", line),
        };
        let mut out = String::new();
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                out.push_str(&delimiter);
            }
            match scalar(&value) {
                Some(text) => out.push_str(&text),
                None => return not_text("Fn::Join", "an element", value),
            }
            if out.len() > LONGEST {
                return self.too_long(line);
            }
        }
        dynamic(&out).unwrap_or(TemplateValue::Text(out))
    }

    fn select(
        &self,
        index: &TemplateNode,
        all: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let index = match self.value(index, references) {
            TemplateValue::Text(text) => text.trim().parse::<usize>().ok(),
            unknown @ TemplateValue::Unknown(_) => return unknown,
            _ => None,
        };
        let Some(index) = index else {
            return self.wrong_arguments("Fn::Select", "a number as its index", line);
        };
        match self.value(all, references) {
            TemplateValue::List(values) => values.into_iter().nth(index).unwrap_or_else(|| {
                self.refuse(line, format!("the list has no element {index}"), "the first one is 0")
            }),
            unknown @ TemplateValue::Unknown(_) => unknown,
            _ => self.wrong_arguments("Fn::Select", "an index and a list", line),
        }
    }

    fn split(
        &self,
        delimiter: &TemplateNode,
        text: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        match (scalar(&self.value(delimiter, references)), self.value(text, references)) {
            (Some(delimiter), TemplateValue::Text(text)) if !delimiter.is_empty() => {
                TemplateValue::List(
                    text.split(delimiter.as_str()).map(TemplateValue::text).collect(),
                )
            }
            (_, unknown @ TemplateValue::Unknown(_)) => unknown,
            _ => self.wrong_arguments("Fn::Split", "a delimiter and a text", line),
        }
    }

    fn find_in_map(
        &self,
        list: &[TemplateNode],
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let (keys, default) = match list {
            [a, b, c] => ([a, b, c], None),
            [a, b, c, options] => ([a, b, c], options.get("DefaultValue")),
            _ => return self.wrong_arguments("Fn::FindInMap", "a map and two keys", line),
        };
        let mut names = Vec::new();
        for key in keys {
            match self.value(key, references) {
                TemplateValue::Unknown(unknown) => return TemplateValue::Unknown(unknown),
                value => names.push(scalar(&value).unwrap_or_default()),
            }
        }
        let [map, first, second] = names.as_slice() else { return TemplateValue::Absent };
        // Keys are looked for one by one.
        let keys = self.template.member("Mappings", map).map_or(0, |map| map.members().len());
        self.steps.set(self.steps.get().saturating_add(keys / 16).min(MOST_STEPS));
        let node = self
            .template
            .member("Mappings", map)
            .and_then(|map| map.get(first))
            .and_then(|row| row.get(second));
        match (node, default) {
            (Some(node), _) | (None, Some(node)) => self.value(node, references),
            (None, None) => self.refuse(
                line,
                format!("the mapping `{map}` has no such keys"),
                "give the parameters and the Region that the template is deployed with",
            ),
        }
    }

    fn import(&self, argument: &TemplateNode, references: &dyn References) -> TemplateValue {
        match self.value(argument, references) {
            TemplateValue::Text(name) => self.imports.get(&name).cloned().unwrap_or_else(|| {
                TemplateValue::unknown(format!(
                    "`{name}` is exported by a stack that is not among the given ones"
                ))
            }),
            other => other,
        }
    }

    fn cidr(
        &self,
        list: &[TemplateNode],
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let mut texts = Vec::new();
        for node in list {
            match self.value(node, references) {
                TemplateValue::Unknown(unknown) => return TemplateValue::Unknown(unknown),
                value => texts.push(scalar(&value).unwrap_or_default()),
            }
        }
        let blocks = || {
            let net: ipnet::IpNet = texts.first()?.parse().ok()?;
            let count: usize = texts.get(1)?.parse().ok()?;
            let whole = net.max_prefix_len();
            // The bits of a subnet; 8 where none are given.
            let bits: u8 = texts.get(2).map_or(Some(8), |bits| bits.parse().ok())?;
            let subnets = net.subnets(whole.checked_sub(bits)?).ok()?;
            // The function makes at most 256.
            let all: Vec<TemplateValue> = subnets
                .take(count.min(256))
                .map(|net| TemplateValue::text(net.to_string()))
                .collect();
            (all.len() == count).then_some(TemplateValue::List(all))
        };
        blocks().unwrap_or_else(|| {
            self.wrong_arguments(
                "Fn::Cidr",
                "a block, a count up to 256 that fits, and the bits of each",
                line,
            )
        })
    }

    /// Whether a condition holds: `true`, `false` or not known.
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
                "CloudFormation refuses a circle of conditions",
            );
        }
        // What comes of a comparison is one bit: the secret itself stays here.
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

/// A text, a number, or `true` and `false`, as a text.
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

fn not_text(function: &str, what: &str, value: TemplateValue) -> TemplateValue {
    match value {
        unknown @ TemplateValue::Unknown(_) => unknown,
        _ => TemplateValue::unknown(format!("{what} of `{function}` is no text")),
    }
}

/// A text with a dynamic reference is not known: Parameter Store or Secrets Manager has the value.
fn dynamic(text: &str) -> Option<TemplateValue> {
    let at = text.find("{{resolve:")?;
    let rest = text.get(at..)?;
    let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
    let reference: String = rest.get(..end)?.chars().take(120).collect();
    Some(TemplateValue::Unknown(UnknownReason {
        why: format!("`{reference}` is looked up when the stack is deployed"),
        may_differ: true,
    }))
}
