//! The intrinsic functions.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::node::TemplateNode;
use super::super::value::TemplateValue;
use super::{MOST_STEPS, References, TemplateEvaluator, dynamic, scalar};
use crate::diag::did_you_mean;

/// Longest string that is computed: the largest property of any resource is shorter.
const LONGEST: usize = 4 << 20;

/// Names for suggestions.
const FUNCTIONS: [&str; 18] = [
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

impl TemplateEvaluator<'_> {
    /// The result of a function.
    pub(super) fn call(
        &self,
        name: &str,
        argument: &TemplateNode,
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let list = argument.elements();
        match name {
            "Ref" => match argument.as_text() {
                Some(text) => self.reference(text, line, references),
                None => self.refuse(line, "`Ref` takes a name", "name a parameter or a resource"),
            },
            "Condition" => match argument.as_text() {
                Some(name) => self.condition(name, line, references),
                // The `Condition` element of a policy statement.
                None => {
                    let value = self.value(argument, references);
                    TemplateValue::Map(BTreeMap::from([("Condition".to_owned(), value)]))
                }
            },
            "Fn::And" => self.any_or_all(list, false, references),
            "Fn::Base64" => match self.value(argument, references) {
                TemplateValue::Text(text) => TemplateValue::Text(STANDARD.encode(text)),
                other => other,
            },
            "Fn::Cidr" => self.cidr(list, line, references),
            "Fn::Equals" => self.equals(list, line, references),
            "Fn::FindInMap" => self.find_in_map(list, line, references),
            "Fn::GetAZs" => {
                TemplateValue::unknown("the availability zones of a Region are not read")
            }
            "Fn::GetAtt" => self.attribute_of(argument, line, references),
            "Fn::If" => self.choose(list, line, references),
            "Fn::ImportValue" => self.import(argument, references),
            "Fn::Join" => match list {
                [delimiter, all] => self.join(delimiter, all, line, references),
                _ => self.wrong_arguments(name, "a delimiter and a list", line),
            },
            "Fn::Length" => match self.value(argument, references) {
                TemplateValue::List(all) => TemplateValue::Text(all.len().to_string()),
                unknown @ TemplateValue::Unknown(_) => unknown,
                _ => self.wrong_arguments(name, "a list", line),
            },
            "Fn::Not" => match list {
                [one] => match self.value(one, references) {
                    value if value.as_bool().is_some() => {
                        TemplateValue::Bool(value.as_bool() == Some(false))
                    }
                    other => other,
                },
                _ => self.wrong_arguments(name, "a list of one condition", line),
            },
            "Fn::Or" => self.any_or_all(list, true, references),
            "Fn::Select" => match list {
                [index, all] => self.select(index, all, line, references),
                _ => self.wrong_arguments(name, "an index and a list", line),
            },
            "Fn::Split" => match list {
                [delimiter, text] => self.split(delimiter, text, line, references),
                _ => self.wrong_arguments(name, "a delimiter and a string", line),
            },
            "Fn::Sub" => self.substitute(argument, line, references),
            "Fn::ToJsonString" => match self.value(argument, references).to_json() {
                Ok(json) => TemplateValue::Text(json.to_string()),
                Err(unknown) => TemplateValue::Unknown(unknown),
            },
            "Fn::Transform" => TemplateValue::unknown("`Fn::Transform` runs a macro"),
            other => {
                let help = did_you_mean(other, FUNCTIONS)
                    .unwrap_or_else(|| "use an intrinsic function of CloudFormation".to_owned());
                self.refuse(line, format!("`{other}` is not a CloudFormation function"), help)
            }
        }
    }

    /// `Fn::Or`, or `Fn::And`: the operand `decides` settles the result whatever the others are.
    fn any_or_all(
        &self,
        list: &[TemplateNode],
        decides: bool,
        references: &dyn References,
    ) -> TemplateValue {
        let values: Vec<TemplateValue> =
            list.iter().map(|one| self.value(one, references)).collect();
        if values.iter().any(|value| value.as_bool() == Some(decides)) {
            return TemplateValue::Bool(decides);
        }
        let unknown = values.into_iter().find(|value| value.as_bool().is_none());
        unknown.unwrap_or(TemplateValue::Bool(!decides))
    }

    fn choose(
        &self,
        list: &[TemplateNode],
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let [condition, yes, no] = list else {
            return self.wrong_arguments("Fn::If", "a condition and two values", line);
        };
        let Some(condition) = condition.as_text() else {
            let takes = "the name of a condition as its first argument";
            return self.wrong_arguments("Fn::If", takes, line);
        };
        match self.condition(condition, line, references) {
            TemplateValue::Bool(true) => self.value(yes, references),
            TemplateValue::Bool(false) => self.value(no, references),
            other => other,
        }
    }

    fn equals(
        &self,
        list: &[TemplateNode],
        line: usize,
        references: &dyn References,
    ) -> TemplateValue {
        let [one, other] = list else {
            return self.wrong_arguments("Fn::Equals", "two values", line);
        };
        let (one, other) = (self.value(one, references), self.value(other, references));
        if let Some(unknown) = one.first_unknown().or(other.first_unknown()) {
            return TemplateValue::Unknown(unknown.clone());
        }
        TemplateValue::Bool(
            scalar(&one).map_or_else(|| one == other, |one| Some(one) == scalar(&other)),
        )
    }

    pub(super) fn wrong_arguments(&self, name: &str, takes: &str, line: usize) -> TemplateValue {
        self.refuse(
            line,
            format!("`{name}` takes {takes}"),
            "see the function's page in the CloudFormation Template Reference",
        )
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
                None => return self.wrong_arguments("Fn::Sub", "a string", line),
            },
            _ => {
                return self.wrong_arguments(
                    "Fn::Sub",
                    "a string, or a string and an object",
                    line,
                );
            }
        };
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(rest.get(..at).unwrap_or_default());
            let after = rest.get(at + 2..).unwrap_or_default();
            let Some(end) = after.find('}') else {
                return self.refuse(line, "`${` is not closed", "add a `}`");
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
            "this string is too long",
            "no property of a resource accepts a string of this length",
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
            return self.wrong_arguments("Fn::Join", "a string as its delimiter", line);
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
                self.refuse(line, format!("the list has no element {index}"), "indexes start at 0")
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
            _ => self.wrong_arguments("Fn::Split", "a delimiter and a string", line),
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
        // The lookup is linear in the number of keys, so it counts as steps.
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
                format!("the mapping `{map}` has no entry for these keys"),
                "check the parameters and the Region that the template is deployed with",
            ),
        }
    }

    fn import(&self, argument: &TemplateNode, references: &dyn References) -> TemplateValue {
        match self.value(argument, references) {
            TemplateValue::Text(name) => self.imports.get(&name).cloned().unwrap_or_else(|| {
                TemplateValue::unknown(format!(
                    "`{name}` is exported by a stack that is not part of the review"
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
            // The number of subnet bits defaults to 8.
            let bits: u8 = texts.get(2).map_or(Some(8), |bits| bits.parse().ok())?;
            let subnets = net.subnets(whole.checked_sub(bits)?).ok()?;
            // The function returns at most 256 blocks.
            let all: Vec<TemplateValue> = subnets
                .take(count.min(256))
                .map(|net| TemplateValue::text(net.to_string()))
                .collect();
            (all.len() == count).then_some(TemplateValue::List(all))
        };
        blocks().unwrap_or_else(|| {
            self.wrong_arguments(
                "Fn::Cidr",
                "a CIDR block, the number of subnets (at most 256), and the number of subnet bits",
                line,
            )
        })
    }
}

fn not_text(function: &str, what: &str, value: TemplateValue) -> TemplateValue {
    match value {
        unknown @ TemplateValue::Unknown(_) => unknown,
        _ => TemplateValue::unknown(format!("{what} of `{function}` is not a string")),
    }
}
