//! A template as a tree of values, each with its line.

use serde_json::Value as Json;

pub(super) use super::yaml::{at_line, parse};

/// A value of a template. Equality ignores lines and the order of keys.
#[derive(Clone, Debug)]
pub(super) struct TemplateNode {
    /// What it is.
    pub(super) content: Content,
    /// The line on which it begins; 0 if unknown.
    pub(super) line: usize,
}

/// The content of a value. Numbers are strings: CloudFormation converts them as needed.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A string or a number.
    Text(String),
    /// A list.
    List(Vec<TemplateNode>),
    /// An object, in the order of the file.
    Map(Vec<TemplateMember>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct TemplateMember {
    /// The key.
    pub(super) key: String,
    /// The line of the key.
    pub(super) line: usize,
    /// The value.
    pub(super) value: TemplateNode,
}

impl PartialEq for TemplateNode {
    fn eq(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Null, Content::Null) => true,
            (Content::Bool(one), Content::Bool(other)) => one == other,
            (Content::Text(one), Content::Text(other)) => one == other,
            (Content::List(one), Content::List(other)) => one == other,
            (Content::Map(one), Content::Map(other)) => {
                let by_key = |all: &'_ [TemplateMember]| -> Vec<usize> {
                    let mut order: Vec<usize> = (0..all.len()).collect();
                    order.sort_by_key(|at| all.get(*at).map(|member| member.key.clone()));
                    order
                };
                let pairs = by_key(one).into_iter().zip(by_key(other));
                one.len() == other.len()
                    && pairs.into_iter().all(|(at, with)| {
                        one.get(at).zip(other.get(with)).is_some_and(|(one, other)| {
                            one.key == other.key && one.value == other.value
                        })
                    })
            }
            _ => false,
        }
    }
}

impl TemplateNode {
    /// A string.
    pub(super) fn text(text: impl Into<String>, line: usize) -> Self {
        Self { content: Content::Text(text.into()), line }
    }

    /// The members of an object; empty for other values.
    pub(super) fn members(&self) -> &[TemplateMember] {
        match &self.content {
            Content::Map(members) => members,
            Content::Null | Content::Bool(_) | Content::Text(_) | Content::List(_) => &[],
        }
    }

    /// The elements of a list; empty for other values.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::List(elements) => elements,
            Content::Null | Content::Bool(_) | Content::Text(_) | Content::Map(_) => &[],
        }
    }

    /// The value of a member.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// Its string.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Null | Content::Bool(_) | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Its string, number or boolean, as a string.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.content {
            Content::Text(text) => Some(text.clone()),
            Content::Bool(bool) => Some(bool.to_string()),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The function that it calls, with the argument: an object whose only key is the function.
    pub(super) fn call(&self) -> Option<(&str, &Self)> {
        match self.members() {
            [only]
                if only.key == "Ref" || only.key == "Condition" || only.key.starts_with("Fn::") =>
            {
                Some((&only.key, &only.value))
            }
            _ => None,
        }
    }

    /// The number of values in it.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::List(all) => 1 + all.iter().map(Self::size).sum::<usize>(),
            Content::Map(all) => 1 + all.iter().map(|m| m.value.size()).sum::<usize>(),
            Content::Null | Content::Bool(_) | Content::Text(_) => 1,
        }
    }

    /// A template that a tool printed as a JSON object, whose lines are unknown.
    pub(super) fn from_json(json: &Json) -> Self {
        let content = match json {
            Json::Null => Content::Null,
            Json::Bool(bool) => Content::Bool(*bool),
            Json::Number(number) => Content::Text(number.to_string()),
            Json::String(text) => Content::Text(text.clone()),
            Json::Array(all) => Content::List(all.iter().map(Self::from_json).collect()),
            Json::Object(all) => Content::Map(
                all.iter()
                    .map(|(key, value)| TemplateMember {
                        key: key.clone(),
                        line: 0,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { content, line: 0 }
    }
}
