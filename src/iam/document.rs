//! The typed policy document.
//!
//! Source: IAM User Guide, "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy
//! language". Places in a source text ride along for findings; they are no part of equality.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Diagnostics, Loc, Source};

use super::operator::Operator;
use super::text::Text;
use super::{decode, json, node};

/// What a document is used as: each kind of policy has elements that it must or cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
    /// An inline policy of a role (also the default for identity policies of unknown kind).
    Identity,
    /// A customer-managed policy.
    Managed,
    /// A role's trust policy.
    Trust,
    /// A policy on a resource of a service, named by its ARN name space (`s3`, `kms`, ...).
    Resource(String),
    /// A managed policy used as permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// A VPC-endpoint policy.
    Endpoint,
}

impl Use {
    /// The name that messages use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scp => "service control policy",
            Self::Rcp => "resource control policy",
            Self::Identity => "identity policy",
            Self::Managed => "managed policy",
            Self::Trust => "trust policy",
            Self::Resource(_) => "resource policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Endpoint => "VPC endpoint policy",
        }
    }

    /// The name with its article.
    #[must_use]
    pub fn named(&self) -> String {
        let name = self.name();
        let article = if name.starts_with('i') { "an" } else { "a" };
        format!("{article} {name}")
    }

    /// Whether statements name principals.
    #[must_use]
    pub fn has_principal(&self) -> bool {
        matches!(self, Self::Rcp | Self::Trust | Self::Resource(_) | Self::Endpoint)
    }
}

/// A leaf of a document with its place. Equal when the texts are.
#[derive(Clone)]
pub struct Item {
    /// The text.
    pub text: Text,
    /// Where it stands.
    pub loc: Option<Loc>,
}

impl Item {
    /// A text without a place.
    #[must_use]
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into(), loc: None }
    }

    /// A text with its place.
    #[must_use]
    pub fn at(text: impl Into<Text>, loc: Option<Loc>) -> Self {
        Self { text: text.into(), loc }
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Item {}

impl From<&str> for Item {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Item {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Text> for Item {
    fn from(text: Text) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// `Allow` or `Deny`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

impl Effect {
    /// As written in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LanguageVersion {
    /// `2008-10-17`: no policy variables. What a document without the element has.
    V2008,
    /// `2012-10-17`.
    #[default]
    V2012,
}

impl LanguageVersion {
    /// As written in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

/// The key under which a principal is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalType {
    /// Accounts, users, roles, sessions, or `*`.
    Aws,
    /// An S3 canonical user id.
    CanonicalUser,
    /// An OIDC or SAML provider.
    Federated,
    /// An AWS service.
    Service,
}

impl PrincipalType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Aws, Self::CanonicalUser, Self::Federated, Self::Service];

    /// As written in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::CanonicalUser => "CanonicalUser",
            Self::Federated => "Federated",
            Self::Service => "Service",
        }
    }

    /// Reads a type's name, exactly.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == text)
    }
}

/// The principals that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principals {
    /// `"*"`: everybody, anonymous callers included.
    All,
    /// By type. `{"AWS": "*"}` means the same as [`Principals::All`].
    ByType(BTreeMap<PrincipalType, Vec<Item>>),
}

impl Principals {
    /// Principals of one type.
    #[must_use]
    pub fn of<T: Into<Item>>(kind: PrincipalType, items: impl IntoIterator<Item = T>) -> Self {
        Self::ByType(BTreeMap::from([(kind, items.into_iter().map(Into::into).collect())]))
    }

    /// Every named principal with its type; none for [`Principals::All`].
    pub fn items(&self) -> impl Iterator<Item = (PrincipalType, &Item)> {
        let map = match self {
            Self::All => None,
            Self::ByType(map) => Some(map),
        };
        map.into_iter().flatten().flat_map(|(kind, items)| items.iter().map(|item| (*kind, item)))
    }

    /// Whether this is everybody: `"*"` or `{"AWS": "*"}`.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        matches!(self, Self::All)
            || self
                .items()
                .any(|(kind, item)| kind == PrincipalType::Aws && item.text.known() == Some("*"))
    }
}

/// One line of a `Condition` element: an operator, a key and its values.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The key as written; keys compare without regard to case.
    pub key: String,
    /// The values: one of them must match (none of them, for a negated operator).
    pub values: Vec<Item>,
    /// Where the key stands.
    pub loc: Option<Loc>,
}

impl Condition {
    /// A condition without a place.
    #[must_use]
    pub fn new<T: Into<Item>>(
        operator: Operator,
        key: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            operator,
            key: key.into(),
            values: values.into_iter().map(Into::into).collect(),
            loc: None,
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        (self.operator, &self.key, &self.values) == (other.operator, &other.key, &other.values)
    }
}

impl Eq for Condition {}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} = ", self.operator, self.key)?;
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{value}")?;
        }
        Ok(())
    }
}

/// One statement. An empty list stands for an absent element.
#[derive(Clone, Debug)]
pub struct Statement {
    /// `Sid`.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal`.
    pub principals: Option<Principals>,
    /// `NotPrincipal`.
    pub not_principals: Option<Principals>,
    /// `Action`.
    pub actions: Vec<Item>,
    /// `NotAction`.
    pub not_actions: Vec<Item>,
    /// `Resource`.
    pub resources: Vec<Item>,
    /// `NotResource`.
    pub not_resources: Vec<Item>,
    /// `Condition`: all of them must hold.
    pub conditions: Vec<Condition>,
    /// Where the statement stands.
    pub loc: Option<Loc>,
}

impl Statement {
    /// An empty statement, to be filled in.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            sid: None,
            effect,
            principals: None,
            not_principals: None,
            actions: Vec::new(),
            not_actions: Vec::new(),
            resources: Vec::new(),
            not_resources: Vec::new(),
            conditions: Vec::new(),
            loc: None,
        }
    }

    /// The name that people know it by: its sid, or its zero-based index in brackets.
    #[must_use]
    pub fn label(&self, index: usize) -> String {
        match &self.sid {
            Some(sid) if !sid.is_empty() => sid.clone(),
            _ => format!("[{index}]"),
        }
    }

    /// Whether any part is unknown until apply.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.texts().all(Text::is_known)
    }

    /// Every text of the statement.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let principals = self.principals.iter().chain(&self.not_principals);
        principals
            .flat_map(|p| p.items().map(|(_, item)| item))
            .chain(&self.actions)
            .chain(&self.not_actions)
            .chain(&self.resources)
            .chain(&self.not_resources)
            .chain(self.conditions.iter().flat_map(|c| &c.values))
            .map(|item| &item.text)
    }
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.sid == other.sid
            && self.effect == other.effect
            && self.principals == other.principals
            && self.not_principals == other.not_principals
            && self.actions == other.actions
            && self.not_actions == other.not_actions
            && self.resources == other.resources
            && self.not_resources == other.not_resources
            && self.conditions == other.conditions
    }
}

impl Eq for Statement {}

/// A policy document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// `Version`; absent means 2008-10-17.
    pub version: Option<LanguageVersion>,
    /// `Id`.
    pub id: Option<String>,
    /// `Statement`.
    pub statements: Vec<Statement>,
}

impl Document {
    /// A document of version 2012-10-17.
    #[must_use]
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self {
            version: Some(LanguageVersion::V2012),
            id: None,
            statements: statements.into_iter().collect(),
        }
    }

    /// The version in force.
    #[must_use]
    pub fn version(&self) -> LanguageVersion {
        self.version.unwrap_or(LanguageVersion::V2008)
    }

    /// Reads the document that fills `source` from byte `offset` on. Warnings come with the document.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line and range.
    pub fn parse(
        source: &Arc<Source>,
        offset: usize,
        role: Use,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::parse_range(source, offset..source.text().len(), role)
    }

    /// Reads the document that fills a byte range of `source`.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_range(
        source: &Arc<Source>,
        range: Range<usize>,
        role: Use,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        match json::parse(source, range, &mut diagnostics) {
            Ok(node) => decode::document(node, &role, diagnostics),
            Err(error) => {
                diagnostics.push(error);
                Err(diagnostics)
            }
        }
    }

    /// Reads a document whose text has parts unknown until apply. Findings have no place.
    ///
    /// # Errors
    /// As [`Document::parse`]; an unknown part outside a string value is an error too.
    pub fn parse_text(text: &Text, role: Use) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        match json::parse_text(text, &mut diagnostics) {
            Ok(node) => decode::document(node, &role, diagnostics),
            Err(error) => {
                diagnostics.push(error);
                Err(diagnostics)
            }
        }
    }

    /// Reads a document from JSON in memory, such as AWS returns. Findings have no place.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn from_json(
        value: &serde_json::Value,
        role: Use,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let node = node::from_value(value).map_err(Diagnostics::from)?;
        decode::document(node, &role, Diagnostics::new())
    }

    /// Whether no part is unknown until apply.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.statements.iter().all(Statement::is_known)
    }

    /// The names of the values that are unknown until apply, sorted.
    #[must_use]
    pub fn unknowns(&self) -> Vec<String> {
        let names: std::collections::BTreeSet<&str> = self
            .statements
            .iter()
            .flat_map(Statement::texts)
            .flat_map(|text| text.placeholders().map(super::text::Placeholder::name))
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }
}
