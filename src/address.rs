//! Addresses: how plans, state, `--target`, errors and documents name one managed object.
//!
//! `[module.NAME["key"].]KIND.NAME["key"][@ACCOUNT[/ENVIRONMENT]]`, and for a config value
//! `environment.E.config.SCHEMA["key"]@ACCOUNT`. Equality, order and state keys always use the
//! full placement; [`ResourceAddr::short`] only shortens what people read.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::Handle;

/// The key of one instance of a block under `for_each` or `count`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKey {
    /// `count`: a zero-based index.
    Index(u64),
    /// `for_each`: a key.
    Name(String),
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Name(name) => {
                f.write_str("[\"")?;
                for c in name.chars() {
                    match c {
                        '"' | '\\' => write!(f, "\\{c}")?,
                        '\n' => f.write_str("\\n")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// One step of a module path: `module.NAME["key"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    /// The module block's label.
    pub name: String,
    /// Its instance key, where it has `for_each` or `count`.
    pub key: Option<InstanceKey>,
}

/// The path of a module instance; empty for the root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleAddr(pub Vec<ModuleStep>);

impl ModuleAddr {
    /// The root module.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The instance of module `name` called from this one.
    #[must_use]
    pub fn child(&self, name: impl Into<String>, key: Option<InstanceKey>) -> Self {
        let mut steps = self.0.clone();
        steps.push(ModuleStep { name: name.into(), key });
        Self(steps)
    }

    /// Whether this is the root module.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ModuleAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "module.{}", step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// Where an instance lives: an account, and an environment where it was placed by one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// The account's handle.
    pub account: Handle,
    /// The environment's name, for blocks placed by `environments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// The address of one managed object. Copies share their parts: an address stands in its object, in
/// what depends on it, in the state and in the plan, and is held once.
#[derive(Clone)]
pub struct ResourceAddr(Arc<AddrParts>);

/// What an address is made of.
#[derive(Clone, Debug)]
pub struct AddrParts {
    /// The module instance that declares it.
    pub module: ModuleAddr,
    /// The kind, such as `iam_role`; `config` for a config value.
    pub kind: String,
    /// The block's label; `ENVIRONMENT.SCHEMA` for a config value.
    pub name: String,
    /// Key under `for_each` or `count`; the config key for a config value.
    pub key: Option<InstanceKey>,
    /// Account and environment, for kinds that live in one.
    pub placement: Option<Placement>,
    /// Print without the environment, because the account serves only one. Not part of identity.
    pub short: bool,
}

/// The kind of config values, whose address has a form of its own; also the word for a block of them in
/// an environment.
pub const CONFIG_KIND: &str = "config";

/// The word before an AWS resource type in an address and in expressions: `resource["AWS::Logs::LogGroup"].app`.
pub const RESOURCE: &str = "resource";

/// Whether a kind is an AWS resource type, whose name has parts.
#[must_use]
pub fn is_resource_type(kind: &str) -> bool {
    kind.contains("::")
}

/// The kind of accounts; also the word by which expressions and gates name the account of something.
pub const ACCOUNT: &str = "account";

impl ResourceAddr {
    /// An unplaced, unkeyed object of the root module.
    #[must_use]
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self::from(AddrParts {
            module: ModuleAddr::root(),
            kind: kind.into(),
            name: name.into(),
            key: None,
            placement: None,
            short: false,
        })
    }

    /// The address of a config value `environment.E.config.SCHEMA["key"]@ACCOUNT`.
    #[must_use]
    pub fn config(environment: &str, schema: &str, key: &str, account: Handle) -> Self {
        let mut address = Self::new(CONFIG_KIND, format!("{environment}.{schema}"));
        address.key = Some(InstanceKey::Name(key.to_owned()));
        address.placement = Some(Placement { account, environment: Some(environment.to_owned()) });
        address.short = true;
        address
    }

    /// The full text, environment included: state keys, ownership tags and digests use it.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.shortened(self.kind == CONFIG_KIND).to_string()
    }

    /// The same address, printed without the environment or with it.
    #[must_use]
    pub fn shortened(&self, short: bool) -> Self {
        let mut address = self.clone();
        if address.short != short {
            address.short = short;
        }
        address
    }

    /// The handle under which an `account` block with this address is known: its label, and its key.
    #[must_use]
    pub fn handle(&self) -> String {
        match &self.key {
            None => self.name.clone(),
            Some(InstanceKey::Name(key)) => format!("{}.{key}", self.name),
            Some(InstanceKey::Index(index)) => format!("{}.{index}", self.name),
        }
    }

    /// The account's handle, for placed objects.
    #[must_use]
    pub fn account(&self) -> Option<&Handle> {
        self.placement.as_ref().map(|p| &p.account)
    }

    /// The environment's name, for objects placed by environment.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.placement.as_ref().and_then(|p| p.environment.as_deref())
    }

    /// The address of the whole block: without key and placement.
    #[must_use]
    pub fn block(&self) -> Self {
        let mut block = Self::new(self.kind.as_str(), self.name.as_str());
        block.module = self.module.clone();
        block
    }

    /// The addresses that this object has where `count` is added to its block, or to a module around it, or taken
    /// away: `x` and `x[0]` are one object, as in Terraform. Not its own address.
    #[must_use]
    pub fn beside_count(&self) -> Vec<Self> {
        /// Every level may have gained or lost its index: as many addresses as there are subsets.
        const LEVELS: usize = 6;
        let other = |key: &Option<InstanceKey>| match key {
            None => Some(Some(InstanceKey::Index(0))),
            Some(InstanceKey::Index(0)) => Some(None),
            Some(InstanceKey::Index(_) | InstanceKey::Name(_)) => None,
        };
        let mut all = vec![self.clone()];
        if let Some(key) = other(&self.key).filter(|_| self.kind != CONFIG_KIND) {
            let mut address = self.clone();
            address.key = key;
            all.push(address);
        }
        let steps =
            self.module.0.iter().enumerate().filter_map(|(at, s)| Some((at, other(&s.key)?)));
        for (at, key) in steps.take(LEVELS) {
            let more: Vec<Self> = all.clone();
            all.extend(more.into_iter().map(|mut address| {
                if let Some(step) = address.module.0.get_mut(at) {
                    step.key.clone_from(&key);
                }
                address
            }));
        }
        all.split_off(1)
    }

    /// Whether a pattern names this object: its own address, its block, its instance without the
    /// environment, its account's placement, or a module around it.
    #[must_use]
    pub fn is_named_by(&self, pattern: &str) -> bool {
        self.canonical()
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '[', '.', '/']))
    }

    /// What it prints as without the environment.
    fn without_environment(&self) -> BareAddr<'_> {
        (&self.module, &self.kind, &self.name, &self.key, self.account())
    }

    fn identity(&self) -> impl Ord + '_ {
        (&self.module, &self.kind, &self.name, &self.key, &self.placement)
    }
}

type BareAddr<'a> =
    (&'a ModuleAddr, &'a String, &'a String, &'a Option<InstanceKey>, Option<&'a Handle>);

/// Which addresses of a set print without the environment: all but those that only it tells apart.
pub struct ShortNames<'a>(BTreeMap<BareAddr<'a>, usize>);

impl<'a> ShortNames<'a> {
    /// Of a set without duplicates.
    pub fn among(addresses: impl IntoIterator<Item = &'a ResourceAddr>) -> Self {
        let mut uses = BTreeMap::new();
        for address in addresses {
            *uses.entry(address.without_environment()).or_default() += 1;
        }
        Self(uses)
    }

    /// Whether the set holds an address that prints as this one does without the environment.
    #[must_use]
    pub fn names(&self, address: &ResourceAddr) -> bool {
        self.0.contains_key(&address.without_environment())
    }

    /// An address as it prints in the set. One that is not in it is taken for the one that is meant.
    #[must_use]
    pub fn settled(&self, address: &ResourceAddr) -> ResourceAddr {
        let uses = self.0.get(&address.without_environment()).copied().unwrap_or(0);
        address.shortened(uses <= 1)
    }
}

impl From<AddrParts> for ResourceAddr {
    fn from(parts: AddrParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for ResourceAddr {
    type Target = AddrParts;

    fn deref(&self) -> &AddrParts {
        &self.0
    }
}

impl DerefMut for ResourceAddr {
    fn deref_mut(&mut self) -> &mut AddrParts {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for ResourceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq for ResourceAddr {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ResourceAddr {}

impl PartialOrd for ResourceAddr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceAddr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return std::cmp::Ordering::Equal;
        }
        self.identity().cmp(&other.identity())
    }
}

impl std::hash::Hash for ResourceAddr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.module, &self.kind, &self.name, &self.key, &self.placement).hash(state);
    }
}

impl fmt::Display for ResourceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        match self.name.split_once('.') {
            Some((environment, schema)) if self.kind == CONFIG_KIND => {
                write!(f, "environment.{environment}.config.{schema}")?;
            }
            _ if is_resource_type(&self.kind) => {
                write!(f, "{RESOURCE}[\"{}\"].{}", self.kind, self.name)?;
            }
            _ => write!(f, "{}.{}", self.kind, self.name)?,
        }
        if let Some(key) = &self.key {
            write!(f, "{key}")?;
        }
        if let Some(Placement { account, environment }) = &self.placement {
            write!(f, "@{account}")?;
            if let (Some(environment), false) = (environment, self.short) {
                write!(f, "/{environment}")?;
            }
        }
        Ok(())
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: {rule}")]
pub struct AddrError {
    /// What was given.
    pub text: String,
    /// What is wrong.
    pub rule: &'static str,
}

impl FromStr for ResourceAddr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        parse::address(text).map_err(|rule| AddrError { text: text.to_owned(), rule })
    }
}

/// As its canonical text.
impl Serialize for ResourceAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.canonical())
    }
}

impl<'de> Deserialize<'de> for ResourceAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

mod parse {
    //! Reads an address from its text.

    use super::{
        CONFIG_KIND, InstanceKey, ModuleAddr, ModuleStep, Placement, RESOURCE, ResourceAddr,
        is_resource_type,
    };

    struct Cursor<'a>(&'a str);

    impl<'a> Cursor<'a> {
        fn eat(&mut self, token: &str) -> bool {
            match self.0.strip_prefix(token) {
                Some(rest) => {
                    self.0 = rest;
                    true
                }
                None => false,
            }
        }

        fn ident(&mut self) -> Result<&'a str, &'static str> {
            let end = self
                .0
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
                .unwrap_or(self.0.len());
            let (ident, rest) = self.0.split_at(end);
            self.0 = rest;
            if ident.is_empty() { Err("a name is missing") } else { Ok(ident) }
        }

        fn key(&mut self) -> Result<Option<InstanceKey>, &'static str> {
            if !self.eat("[") {
                return Ok(None);
            }
            let key = if self.eat("\"") {
                let mut name = String::new();
                let mut chars = self.0.char_indices();
                let end = loop {
                    match chars.next() {
                        None => return Err("a key's closing quote is missing"),
                        Some((at, '"')) => break at + 1,
                        Some((_, '\\')) => match chars.next() {
                            Some((_, 'n')) => name.push('\n'),
                            Some((_, c @ ('"' | '\\'))) => name.push(c),
                            _ => return Err("a key holds an unknown escape"),
                        },
                        Some((_, c)) => name.push(c),
                    }
                };
                self.0 = self.0.get(end..).unwrap_or_default();
                InstanceKey::Name(name)
            } else {
                let digits = self.ident()?;
                InstanceKey::Index(digits.parse().map_err(|_| "an unquoted key must be a number")?)
            };
            if self.eat("]") { Ok(Some(key)) } else { Err("a key's closing bracket is missing") }
        }
    }

    /// Whether a text can be the name of an AWS resource type: parts of letters and digits between double colons.
    fn is_type_name(text: &str) -> bool {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        is_resource_type(text) && text.split("::").all(is_part)
    }

    pub(super) fn address(text: &str) -> Result<ResourceAddr, &'static str> {
        let mut at = Cursor(text);
        let mut module = ModuleAddr::root();
        while at.eat("module.") {
            let name = at.ident()?.to_owned();
            let key = at.key()?;
            module.0.push(ModuleStep { name, key });
            if !at.eat(".") {
                return Err("a module path must be followed by `.KIND.NAME`");
            }
        }
        let mut kind = at.ident()?.to_owned();
        if kind == RESOURCE
            && let Some(InstanceKey::Name(ty)) = at.key()?
        {
            kind = ty;
            if !is_type_name(&kind) {
                return Err("an AWS resource type is written as `AWS::Logs::LogGroup`");
            }
        }
        if !at.eat(".") {
            return Err("it must be `KIND.NAME`, as in `iam_role.deploy@production`");
        }
        let name = at.ident()?;
        let mut address = ResourceAddr::new(kind.as_str(), name);
        address.module = module;
        let config = kind == "environment" && at.eat(".config.");
        if config {
            address.kind = CONFIG_KIND.to_owned();
            address.name = format!("{name}.{}", at.ident()?);
        }
        address.key = at.key()?;
        if at.eat("@") {
            let (account, environment) = match at.0.split_once('/') {
                Some((account, environment)) => (account, Some(environment.to_owned())),
                None => (at.0, None),
            };
            if environment.as_deref() == Some("") {
                return Err("the environment after `/` is missing");
            }
            address.short = environment.is_none();
            address.placement = Some(Placement {
                account: account
                    .parse()
                    .map_err(|_| "the account after `@` must be an account's handle")?,
                environment: if config { Some(name.to_owned()) } else { environment },
            });
        } else if !at.0.is_empty() {
            return Err("there is text after its end");
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_their_text() {
        for text in [
            "iam_role.deploy@production",
            "iam_role.deploy[\"a\\\"b\"]@dev/dev-aws",
            "module.baseline.iam_role.audit@staging",
            "module.team[\"a\"].module.x[0].iam_policy.p[3]@dev",
            "service_control_policy.region_lock",
            "environment.production.config.app[\"db/multi_az\"]@production",
            "module.m.resource[\"AWS::Logs::LogGroup\"].app[\"k\"]@production",
        ] {
            let address: ResourceAddr = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
            assert_eq!(address.canonical().parse::<ResourceAddr>().expect(text), address);
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for text in [
            "",
            "iam_role",
            "iam_role.",
            "iam_role.x@",
            "iam_role.x[",
            "iam_role.x[\"a]",
            "a.b c",
            "module.x",
        ] {
            assert!(text.parse::<ResourceAddr>().is_err(), "{text}");
        }
    }
}
