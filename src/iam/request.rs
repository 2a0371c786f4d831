//! A request as the judge sees it: who asks, for what, in which context.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::text::is_symbolic_account;
use super::values::is_account_id;

/// The values of a context key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A single-valued key.
    One(String),
    /// A multivalued key; may be empty.
    Many(Vec<String>),
}

impl ContextValue {
    /// The values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl From<&str> for ContextValue {
    fn from(value: &str) -> Self {
        Self::One(value.to_owned())
    }
}

impl From<String> for ContextValue {
    fn from(value: String) -> Self {
        Self::One(value)
    }
}

impl From<Vec<String>> for ContextValue {
    fn from(values: Vec<String>) -> Self {
        Self::Many(values)
    }
}

/// The request context. Keys compare without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, ContextValue>")]
pub struct RequestContext(BTreeMap<String, ContextValue>);

/// Keys from outside are put into lower case, as [`RequestContext::set`] does.
impl From<BTreeMap<String, ContextValue>> for RequestContext {
    fn from(entries: BTreeMap<String, ContextValue>) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect())
    }
}

impl RequestContext {
    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<ContextValue>) {
        self.0.insert(key.to_ascii_lowercase(), value.into());
    }

    /// Sets a key, for chains.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<ContextValue>) -> Self {
        self.set(key, value);
        self
    }

    /// The value of a key in any case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ContextValue> {
        match self.0.get(key) {
            Some(value) => Some(value),
            None if key.bytes().any(|b| b.is_ascii_uppercase()) => {
                self.0.get(&key.to_ascii_lowercase())
            }
            None => None,
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(&key.to_ascii_lowercase());
    }

    /// Keeps the keys, in lower case, of which this holds.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|key, _| keep(key));
    }

    /// Keys in lower case with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    fn one(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(ContextValue::One(value)) => Some(value),
            _ => None,
        }
    }
}

/// Who asks. Written as policies name principals: `"*"`, an ARN, or an object with the type of what is
/// neither.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "WrittenPrincipal", into = "WrittenPrincipal")]
pub enum Principal {
    /// Nobody: an unsigned request.
    Anonymous,
    /// An AWS service, such as `lambda.amazonaws.com`, calling directly.
    Service(String),
    /// A web identity or SAML assertion, by its provider's ARN (or Amazon Cognito's and other
    /// well-known names).
    Federated(String),
    /// The ARN of a role, a role session, a user, a federated user or an account's root.
    Arn(String),
}

/// A [`Principal`] in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenPrincipal {
    Service(String),
    Federated(String),
    #[serde(untagged)]
    Text(String),
}

impl From<WrittenPrincipal> for Principal {
    fn from(written: WrittenPrincipal) -> Self {
        match written {
            WrittenPrincipal::Service(name) => Self::Service(name),
            WrittenPrincipal::Federated(name) => Self::Federated(name),
            WrittenPrincipal::Text(text) if text == "*" => Self::Anonymous,
            WrittenPrincipal::Text(arn) => Self::Arn(arn),
        }
    }
}

impl From<Principal> for WrittenPrincipal {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Service(name) => Self::Service(name),
            Principal::Federated(name) => Self::Federated(name),
            Principal::Anonymous => Self::Text("*".to_owned()),
            Principal::Arn(arn) => Self::Text(arn),
        }
    }
}

impl Principal {
    /// The name of whoever asks, without its type: an ARN, a service, a provider, or `*`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "*",
            Self::Service(name) | Self::Federated(name) | Self::Arn(name) => name,
        }
    }

    /// Reads a principal: `*` is anonymous, anything else an ARN that can be a caller.
    ///
    /// # Errors
    /// Why the text is no caller, as a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Anonymous);
        }
        let principal = Self::Arn(text.to_owned());
        match PrincipalNames::new(&principal, &RequestContext::default()).kind {
            CallerKind::Unknown => Err(format!(
                "`{text}` is no principal: it must be the ARN of a role, session, user, federated user or root, or `*`"
            )),
            _ => Ok(principal),
        }
    }
}

/// The organization of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// The organization's id.
    pub id: String,
    /// Whether the account is its management account.
    pub management_account: bool,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// The organization of the principal's account; `None` when it is in none.
    pub principal_organization: Option<Membership>,
    /// `service:Action`, in any case.
    pub action: String,
    /// The resource's ARN, or `*` for an action without one.
    pub resource: String,
    /// The account that owns the resource. Without it the ARN's account, else the principal's.
    pub resource_account: Option<String>,
    /// The organization of that account.
    pub resource_organization: Option<Membership>,
    /// Context keys. They win over what the judge derives from the fields above.
    pub context: RequestContext,
}

impl Request {
    /// A request without organizations and context; the resource's account is read off its ARN.
    #[must_use]
    pub fn new(principal: Principal, action: &str, resource: &str) -> Self {
        Self {
            principal,
            principal_organization: None,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: None,
            resource_organization: None,
            context: RequestContext::default(),
        }
    }

    /// The region that the resource's ARN names.
    #[must_use]
    pub fn resource_region(&self) -> Option<&str> {
        let region = self.resource.strip_prefix("arn:")?.split(':').nth(2)?;
        region.contains('-').then_some(region)
    }

    /// Why no such request is made; `None` where nothing speaks against it. A resource of a region is asked for at
    /// that region's endpoint, which `aws:RequestedRegion` tells (IAM User Guide, "AWS global condition context keys").
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let (asked, lies) = (self.context.one("aws:requestedregion")?, self.resource_region()?);
        (asked != lies).then(|| {
            format!("`{}` lies in {lies}, and `aws:RequestedRegion` is {asked}", self.resource)
        })
    }
}

/// What kind of caller a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallerKind {
    Anonymous,
    Service,
    Federated,
    Role,
    User,
    FederatedUser,
    Root,
    /// Not a caller's ARN at all.
    Unknown,
}

/// A principal taken apart: every name that a policy can know it by.
#[derive(Clone, Debug)]
pub(super) struct PrincipalNames {
    pub(super) kind: CallerKind,
    pub(super) account: Option<String>,
    /// The role's ARN, for a role or its session.
    pub(super) role: Option<String>,
    /// The session's, user's or federated user's ARN.
    pub(super) own: Option<String>,
    /// The ARN of its account's root user.
    root: Option<String>,
    /// Service or provider.
    pub(super) name: Option<String>,
    /// The unique id (`AROA...`, `AIDA...`) when the context tells it.
    pub(super) unique_id: Option<String>,
    pub(super) service_linked: bool,
}

impl PrincipalNames {
    pub(super) fn new(principal: &Principal, context: &RequestContext) -> Self {
        let mut caller = Self {
            kind: CallerKind::Unknown,
            account: None,
            role: None,
            own: None,
            root: None,
            name: None,
            unique_id: context
                .one("aws:userid")
                .map(|id| id.split(':').next().unwrap_or_default().to_owned()),
            service_linked: false,
        };
        let arn = match principal {
            Principal::Anonymous => {
                caller.kind = CallerKind::Anonymous;
                return caller;
            }
            Principal::Service(name) => {
                caller.kind = CallerKind::Service;
                caller.name = Some(name.clone());
                return caller;
            }
            Principal::Federated(name) => {
                caller.kind = CallerKind::Federated;
                caller.name = Some(name.clone());
                return caller;
            }
            Principal::Arn(arn) => arn,
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else {
            return caller;
        };
        // A symbolic account (an id unknown until apply) is as good as twelve digits.
        if !is_account_id(account) && !is_symbolic_account(account) {
            return caller;
        }
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        caller.kind = match (*service, kind) {
            ("iam", "root") if *resource == "root" => CallerKind::Root,
            ("iam", "user") if !name.is_empty() => CallerKind::User,
            ("iam", "role") if !name.is_empty() => {
                caller.role = Some(arn.clone());
                CallerKind::Role
            }
            ("sts", "assumed-role") => match name.split_once('/') {
                Some((role, session)) if !role.is_empty() && !session.is_empty() => {
                    caller.role = Some(role_arn(partition, account, role, context));
                    CallerKind::Role
                }
                _ => return caller,
            },
            ("sts", "federated-user") if !name.is_empty() => CallerKind::FederatedUser,
            _ => return caller,
        };
        caller.account = Some((*account).to_owned());
        caller.root = Some(format!("arn:{partition}:iam::{account}:root"));
        if caller.kind != CallerKind::Root && *kind != *"role" {
            caller.own = Some(arn.clone());
        }
        // Service-linked roles live under a path of their own; a session's ARN shows their prefix.
        caller.service_linked = caller.role.as_deref().is_some_and(|role| {
            role.contains(":role/aws-service-role/") || role.contains(":role/AWSServiceRoleFor")
        });
        caller
    }

    /// What `aws:PrincipalArn` holds.
    fn principal_arn(&self) -> Option<String> {
        match self.kind {
            CallerKind::Root => self.root.clone(),
            _ => self.role.clone().or_else(|| self.own.clone()),
        }
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            CallerKind::Role => "AssumedRole",
            CallerKind::User => "User",
            CallerKind::FederatedUser => "FederatedUser",
            CallerKind::Root => "Account",
            _ => "Anonymous",
        }
    }
}

/// A session's ARN leaves out its role's path; `aws:PrincipalArn` in the context has it.
fn role_arn(partition: &str, account: &str, role: &str, context: &RequestContext) -> String {
    if let Some(given) = context.one("aws:principalarn") {
        let prefix = format!("arn:{partition}:iam::{account}:role/");
        let same =
            given.strip_prefix(&prefix).is_some_and(|path| path.rsplit('/').next() == Some(role));
        if same {
            return given.to_owned();
        }
    }
    format!("arn:{partition}:iam::{account}:role/{role}")
}

/// What conditions and variables look at: the request's context and what follows from the rest of
/// the request. Remembers which keys were asked for in vain.
#[derive(Debug)]
pub struct RequestFacts<'a> {
    context: &'a RequestContext,
    /// Derived keys, in lower case. Few: searched in order.
    derived: Vec<(&'static str, ContextValue)>,
    missing: BTreeSet<String>,
    /// How often a variable had no value.
    unresolved: usize,
}

impl<'a> RequestFacts<'a> {
    /// The facts of a context with derived keys (in lower case) behind it.
    #[must_use]
    pub fn new(context: &'a RequestContext, derived: Vec<(&'static str, ContextValue)>) -> Self {
        Self { context, derived, missing: BTreeSet::new(), unresolved: 0 }
    }

    pub(super) fn of(
        request: &'a Request,
        caller: &PrincipalNames,
        resource_account: Option<&str>,
    ) -> Self {
        let mut derived: Vec<(&'static str, ContextValue)> = Vec::with_capacity(10);
        let mut add = |key: &'static str, value: Option<String>| {
            if let Some(value) = value {
                derived.push((key, ContextValue::One(value)));
            }
        };
        add("aws:principalarn", caller.principal_arn());
        // A request without a signature, which an assertion needs none for either, does not say whether a service makes
        // it; one of nobody carries the account and the id `anonymous` (IAM User Guide, "AWS global condition context
        // keys", the availability of each key; "IAM policy elements: Variables and tags", "Principal key values").
        if caller.kind == CallerKind::Anonymous {
            add("aws:principalaccount", Some("anonymous".to_owned()));
            add("aws:userid", Some("anonymous".to_owned()));
        } else {
            add("aws:principalaccount", caller.account.clone());
        }
        if !matches!(caller.kind, CallerKind::Anonymous | CallerKind::Federated) {
            let by_service = caller.kind == CallerKind::Service;
            add("aws:principalisawsservice", Some(by_service.to_string()));
        }
        let signed = caller.account.is_some();
        add("aws:principaltype", Some(caller.type_name().to_owned()));
        if caller.kind == CallerKind::Service {
            add("aws:principalservicename", caller.name.clone());
        }
        if caller.kind == CallerKind::User {
            let name = caller.own.as_deref().and_then(|arn| arn.rsplit('/').next());
            add("aws:username", name.map(str::to_owned));
        }
        if signed {
            let organization = request.principal_organization.as_ref();
            add("aws:principalorgid", organization.map(|o| o.id.clone()));
        }
        add("aws:resourceaccount", resource_account.map(str::to_owned));
        add("aws:resourceorgid", request.resource_organization.as_ref().map(|o| o.id.clone()));
        Self::new(&request.context, derived)
    }

    /// The values of a key given in lower case; remembers it when there are none.
    pub fn get(&mut self, key: &str) -> Option<&ContextValue> {
        let derived = || self.derived.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        match self.context.get(key).or_else(derived) {
            Some(value) => Some(value),
            None => {
                self.missing.insert(key.to_owned());
                None
            }
        }
    }

    /// The value of a policy variable: single-valued keys only (IAM User Guide, "Single-valued vs.
    /// multivalued context keys").
    pub fn variable(&mut self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(ContextValue::One(value)) => Some(value),
            _ => None,
        }
    }

    /// Notes that a pattern could not be filled in.
    pub(super) fn note_unresolved(&mut self) {
        self.unresolved += 1;
    }

    /// How many patterns could not be filled in so far.
    pub(super) fn unresolved(&self) -> usize {
        self.unresolved
    }

    /// The keys that were asked for and are not there.
    #[must_use]
    pub fn missing(self) -> BTreeSet<String> {
        self.missing
    }
}
