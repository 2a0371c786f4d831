//! The value of an expression of a template, or why it is unknown.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::review::PolicyText;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TemplateValue {
    /// `AWS::NoValue`, or a property that is not set.
    Absent,
    /// Null.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A string or a number.
    Text(String),
    /// A list.
    List(Vec<TemplateValue>),
    /// An object.
    Map(BTreeMap<String, TemplateValue>),
    /// Unknown.
    Unknown(UnknownReason),
}

/// Why a value is unknown.
#[derive(Clone, Debug)]
pub(super) struct UnknownReason {
    /// A phrase: `the parameter Key is NoEcho`.
    pub(super) why: String,
    /// Whether the same expression may have another value in each deployment.
    pub(super) may_differ: bool,
}

/// Two unknown values are equal if their expressions are the same and cannot differ between deployments.
impl PartialEq for UnknownReason {
    fn eq(&self, other: &Self) -> bool {
        self.why == other.why && !self.may_differ && !other.may_differ
    }
}

impl TemplateValue {
    /// A string.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An unknown value that is the same in each deployment.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(UnknownReason { why: why.into(), may_differ: false })
    }

    /// Its string, if it is a known string.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent
            | Self::Null
            | Self::Bool(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Unknown(_) => None,
        }
    }

    /// Whether it counts as not set.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// The value of a member.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.get(key),
            Self::Absent
            | Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Unknown(_) => None,
        }
    }

    /// The elements of a list; a single value counts as a list of one, an absent one as empty.
    pub(super) fn elements(&self) -> Vec<&Self> {
        match self {
            Self::List(all) => all.iter().collect(),
            Self::Absent | Self::Null => Vec::new(),
            one => vec![one],
        }
    }

    /// A boolean, or a string that says `true` or `false`.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The first unknown part.
    pub(super) fn first_unknown(&self) -> Option<&UnknownReason> {
        match self {
            Self::Unknown(unknown) => Some(unknown),
            Self::List(all) => all.iter().find_map(Self::first_unknown),
            Self::Map(all) => all.values().find_map(Self::first_unknown),
            Self::Absent | Self::Null | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// The first unknown part.
    pub(super) fn to_json(&self) -> Result<Json, UnknownReason> {
        Ok(match self {
            Self::Absent | Self::Null => Json::Null,
            Self::Bool(bool) => Json::Bool(*bool),
            Self::Text(text) => Json::String(text.clone()),
            Self::List(all) => {
                Json::Array(all.iter().map(Self::to_json).collect::<Result<_, _>>()?)
            }
            Self::Map(all) => {
                let member = |(key, value): (&String, &Self)| Ok((key.clone(), value.to_json()?));
                Json::Object(all.iter().map(member).collect::<Result<_, UnknownReason>>()?)
            }
            Self::Unknown(unknown) => return Err(unknown.clone()),
        })
    }

    /// The value as the policy of the resource at `address`; `None` if not set.
    pub(super) fn policy(&self, address: &str) -> Option<PolicyText> {
        if self.is_absent() {
            return None;
        }
        Some(match self.to_json() {
            Ok(json) => PolicyText::read(&json),
            Err(unknown) => PolicyText::Unknown(format!("`{address}`: {}", unknown.why)),
        })
    }
}
