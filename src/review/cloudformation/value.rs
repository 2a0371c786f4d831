//! What an expression of a template comes to: a value, or why it is not known.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::review::PolicyText;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TemplateValue {
    /// `AWS::NoValue`, or a property that is not written.
    Absent,
    /// Null.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A text or a number.
    Text(String),
    /// A list.
    List(Vec<TemplateValue>),
    /// An object.
    Map(BTreeMap<String, TemplateValue>),
    /// It is not known.
    Unknown(UnknownReason),
}

/// Why a value is not known.
#[derive(Clone, Debug)]
pub(super) struct UnknownReason {
    /// A phrase: `the parameter Key is NoEcho`.
    pub(super) why: String,
    /// Whether it may be another value in each deployment, although it is written alike.
    pub(super) may_differ: bool,
}

/// Two values that are not known are the same where they are written alike and cannot differ.
impl PartialEq for UnknownReason {
    fn eq(&self, other: &Self) -> bool {
        self.why == other.why && !self.may_differ && !other.may_differ
    }
}

impl TemplateValue {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A value that is not known, and is the same wherever it is written so.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(UnknownReason { why: why.into(), may_differ: false })
    }

    /// Its text, where it is known and is one.
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

    /// Whether nothing is set.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// A member.
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

    /// Its elements: those of a list, or itself where it is one value and not unset.
    pub(super) fn elements(&self) -> Vec<&Self> {
        match self {
            Self::List(all) => all.iter().collect(),
            Self::Absent | Self::Null => Vec::new(),
            one => vec![one],
        }
    }

    /// `true` or `false`, as either type of value says it.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The first part of it that is not known.
    pub(super) fn first_unknown(&self) -> Option<&UnknownReason> {
        match self {
            Self::Unknown(unknown) => Some(unknown),
            Self::List(all) => all.iter().find_map(Self::first_unknown),
            Self::Map(all) => all.values().find_map(Self::first_unknown),
            Self::Absent | Self::Null | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// It as JSON.
    ///
    /// # Errors
    /// The first part of it that is not known.
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

    /// It as a policy of what is at `address`; `None` where none is set.
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
