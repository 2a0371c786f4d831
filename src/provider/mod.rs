//! The seam to AWS: bulk reads into an inventory, and single steps that change one object.
//!
//! Architecture invariant: this layer knows objects and calls; it knows nothing of state, plans
//! or configuration. Everything crosses the seam as plain data.

pub mod aws;
pub mod fence;
pub mod policies;
pub mod retry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use crate::address::ResourceAddr;
use crate::cause::{Cause, CauseKind};
use crate::ids::{AccountId, ActingPrincipal, Handle, Partition, Region};
use crate::schema::AccountState;
use crate::value::{AttrPath, Attrs};

pub use fence::{AttemptGate, Permit};
pub use policies::{PolicyReadings, PolicyTypes, ResourceReading, UnreadType};

/// How to reach one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountTarget {
    /// Its handle; [`MANAGEMENT_HANDLE`] for the management account when no block declares it.
    pub handle: Handle,
    /// Its id; absent for the management account while undiscovered, and for emulated accounts.
    pub id: Option<AccountId>,
    /// Whether it is the management account: ambient credentials (or `management_role_arn`), no role in a member.
    pub management: bool,
    /// The role to assume for changes.
    pub access_role: String,
    /// The role to assume for reads.
    pub read_role: String,
    /// Its region.
    pub region: Region,
    /// Endpoint of an emulated account, outside the organization.
    pub endpoint_url: Option<String>,
}

/// The handle of the management account when no block declares it.
pub const MANAGEMENT_HANDLE: &str = "management";

/// What messages call the management account when no block declares it.
pub const MANAGEMENT_ACCOUNT: &str = "the management account";

/// Which role a call goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMode {
    /// Plan, drift, isolation: the read role.
    Read,
    /// Apply: the access role.
    Write,
}

impl AccountTarget {
    /// What messages call it. A block may have the handle that the management account has without one.
    #[must_use]
    pub fn described(&self) -> String {
        match self.management && self.handle.as_str() == MANAGEMENT_HANDLE {
            true => MANAGEMENT_ACCOUNT.to_owned(),
            false => self.handle.to_string(),
        }
    }

    /// As whom calls of one sort are made in this account.
    #[must_use]
    pub fn principal(&self, access: AccessMode) -> ActingPrincipal {
        if self.endpoint_url.is_some() {
            return ActingPrincipal::Emulator;
        }
        if self.management {
            return ActingPrincipal::Caller;
        }
        let role = match access {
            AccessMode::Read => &self.read_role,
            AccessMode::Write => &self.access_role,
        };
        match &self.id {
            None => ActingPrincipal::RoleOfNewAccount(role.clone()),
            Some(_) if role.starts_with("arn:") => ActingPrincipal::Role(role.clone()),
            Some(id) => {
                let partition = Partition::of_region(self.region.as_str());
                let name = role.trim_start_matches('/');
                ActingPrincipal::Role(format!("arn:{partition}:iam::{id}:role/{name}"))
            }
        }
    }
}

/// Who the caller is, by `sts:GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The principal's ARN.
    pub arn: String,
    /// The unique id of the user or role, and the session name after a colon.
    pub user_id: String,
}

/// An object as it stands in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveObject {
    /// Its kind; also kinds that Palisade reads but does not manage (`iam_user`, `iam_group`, ...).
    pub kind: &'static str,
    /// Its natural key, as [`crate::schema::ManagedKind::natural_key`] computes it.
    pub key: String,
    /// Canonical and computed attributes together, `tags` included.
    pub attrs: Attrs,
    /// Why it can never be managed (an AWS-managed policy, a service-linked role); such objects are read for the analysis only.
    pub reserved: Option<&'static str>,
    /// Attributes that are not among [`Self::attrs`] because they could not be read, and why.
    pub unread: BTreeMap<&'static str, String>,
}

impl LiveObject {
    /// An object of which everything was read.
    #[must_use]
    pub fn new(kind: &'static str, key: impl Into<String>, attrs: Attrs) -> Self {
        Self { kind, key: key.into(), attrs, reserved: None, unread: BTreeMap::new() }
    }

    /// Why an attribute could not be read of which one of these says something: what was not read of it is
    /// not as they say.
    #[must_use]
    pub fn hides<'a>(&self, said: impl IntoIterator<Item = &'a Attrs> + Clone) -> Option<&str> {
        let is_said = |name: &str| {
            said.clone().into_iter().any(|attrs| attrs.get(name).is_some_and(|v| !v.is_null()))
        };
        self.unread.iter().find(|(name, _)| is_said(name)).map(|(_, why)| why.as_str())
    }
}

/// What a bulk read found in one account (or in the organization).
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Objects by kind and natural key.
    pub objects: BTreeMap<(&'static str, String), LiveObject>,
    /// Kinds that were read to the end: an object of such a kind that is not here does not exist.
    pub complete: BTreeSet<&'static str>,
    /// Kinds that could not be read, and why (access denied, an operation that the endpoint lacks).
    pub unread: BTreeMap<&'static str, String>,
    /// Where single objects of such a kind could not be read and all others of the kind were: which, and why.
    pub unread_objects: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// What to do about a reason in [`Self::unread`], where there is something to say.
    pub advice: BTreeMap<String, UnreadAdvice>,
    /// Kinds among [`Self::unread`] that the endpoint does not have at all: it can hold no object of them.
    pub unimplemented: BTreeSet<&'static str>,
    /// Policies on resources, which only the analysis of access asks for.
    pub policies: Arc<PolicyReadings>,
}

/// Objects of AWS resource types that a read of an account is about: by type and identifier, the properties that are said of
/// each.
pub type SoughtResources = BTreeMap<&'static str, BTreeMap<Option<String>, SoughtObjects>>;

/// Objects of a type in a Region.
#[derive(Clone, Debug, Default)]
pub struct SoughtObjects {
    /// By their natural keys, the properties that are said of each.
    pub said: BTreeMap<String, BTreeSet<String>>,
    /// Whether all others are read as well, each whole: a list leaves properties out.
    pub others: bool,
}

impl Inventory {
    /// Takes in what another read of the same account found.
    pub fn absorb(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.complete.extend(other.complete);
        self.unread.extend(other.unread);
        self.unread_objects.extend(other.unread_objects);
        self.advice.extend(other.advice);
        self.unimplemented.extend(other.unimplemented);
    }
}

/// What to do about something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadAdvice {
    /// This.
    Do(String),
    /// Give the role that reads the right to, which the reason names.
    Allow,
}

/// What a step does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Bring the object into being.
    Create,
    /// Change it in place.
    Update,
    /// Delete it.
    Delete,
    /// Attach it to one target.
    Attach,
    /// Detach it from one target.
    Detach,
    /// Move it below another parent.
    Move,
    /// Wait until an asynchronous creation is through.
    Wait,
}

/// One call-sized change of one object.
#[derive(Clone, Debug)]
pub struct ProviderStep {
    /// What to do.
    pub op: Op,
    /// The kind.
    pub kind: &'static str,
    /// The object's address (for messages and ownership tags).
    pub address: ResourceAddr,
    /// What it was, as last read; absent on creation.
    pub before: Option<Attrs>,
    /// What it shall be, wholly known; absent on deletion.
    pub after: Option<Attrs>,
    /// The paths that differ.
    pub changed: Vec<AttrPath>,
    /// What only Palisade knows of it (`on_destroy`, `access_role`): what its block says, on
    /// deletion what state recorded.
    pub meta: Attrs,
    /// Target id for attach and detach; new parent's id for move; request id for wait.
    pub target: Option<String>,
}

/// What kind of failure it was: decides on retry, exit code and advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The object does not exist.
    NotFound,
    /// An object with this name exists already.
    AlreadyExists,
    /// The credentials do not permit the call.
    AccessDenied,
    /// Too many calls, or the service is busy; a retry helps.
    Throttled,
    /// Another change is in progress (`ConcurrentModification`); a retry helps.
    Concurrent,
    /// What the call names was created moments ago and is not visible everywhere yet; a retry helps.
    NotYetVisible,
    /// The role cannot be assumed (missing, not trusted, or too new).
    CannotAssume,
    /// The credentials are expired or invalid.
    Credentials,
    /// The endpoint does not implement the operation.
    NotImplemented,
    /// No answer: connection refused, reset or timed out. The call may have been carried out.
    NoAnswer,
    /// The lease did not hold any more, so this attempt was not sent. What the step sent before may have
    /// been carried out ([`Permit::has_sent`]).
    Fenced,
    /// AWS refused the request; a retry does not help.
    Refused,
}

impl Failure {
    /// Whether something between here and AWS failed (the network, the credentials, a service that is busy
    /// or away), so that the failure says nothing of what was asked.
    #[must_use]
    pub fn is_outage(self) -> bool {
        self.is_transient() || matches!(self, Self::Credentials | Self::CannotAssume | Self::Fenced)
    }
}

/// The attribute in which [`Op::Create`] of an asynchronous kind returns the id of the request that
/// [`Op::Wait`] then waits for (its [`ProviderStep::target`]).
pub const REQUEST: &str = "request_id";

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{service}:{operation} in {account}: {message}{}", code.as_deref().map(|c| format!(" ({c})")).unwrap_or_default())]
pub struct ProviderError {
    /// What kind of failure.
    pub failure: Failure,
    /// `iam`, `organizations`, ...
    pub service: &'static str,
    /// `CreateRole`, ...
    pub operation: String,
    /// The account's handle or id.
    pub account: String,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message.
    pub message: String,
    /// What kept the call from succeeding, where that is no refusal of the operation's own.
    pub cause: Option<Box<Cause>>,
}

impl ProviderError {
    /// What to do about what this kept from being read.
    #[must_use]
    pub fn unread_advice(&self) -> Option<UnreadAdvice> {
        match self.failure {
            Failure::AccessDenied => Some(UnreadAdvice::Allow),
            _ => self.advice().map(|advice| UnreadAdvice::Do(advice.to_owned())),
        }
    }

    /// What to do next, where that follows from what went wrong.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.cause.as_ref().map(|cause| cause.advice.as_str())
    }

    /// Whether something came that is no answer of AWS's. Other questions may have theirs.
    #[must_use]
    pub fn is_garbled(&self) -> bool {
        let kind = self.cause.as_ref().map(|cause| cause.kind);
        matches!(kind, Some(CauseKind::Garbled | CauseKind::WebPage))
    }
}

/// A CloudWatch alarm, metric or composite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// Since when; seconds since 1970.
    pub since: Option<i64>,
}

/// What is asked of a metric: one value over one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricQuery {
    /// `AWS/ApplicationELB`.
    pub namespace: String,
    /// `HTTPCode_Target_5XX_Count`.
    pub name: String,
    /// Its dimensions, all of them: CloudWatch keeps one metric for each combination.
    pub dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `p99`, ...
    pub statistic: String,
    /// Seconds.
    pub period: i64,
    /// Where the period starts.
    pub from: jiff::Timestamp,
    /// Where it ends.
    pub to: jiff::Timestamp,
}

/// A parameter of SSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, with its path.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Whether its value is encrypted.
    pub is_secure: bool,
    /// Its value; of a secret one its ciphertext.
    pub value: String,
    /// Its version.
    pub version: i64,
    /// Its ARN.
    pub arn: String,
}

/// Who administers an organization beside the principals of its management account.
#[derive(Clone, Debug, Default)]
pub struct Administration {
    /// What could be read.
    pub attrs: Attrs,
    /// What could not be read, and why.
    pub unread: BTreeMap<&'static str, String>,
}

/// What is told of an organization while it is being read.
pub struct Announcements {
    /// Which account is the management account; `None`: there is no organization. No account can be entered
    /// without knowing that.
    pub management: oneshot::Sender<Option<AccountId>>,
    /// How accounts stand: those that AWS lets nobody into are not entered.
    pub accounts: watch::Sender<AccountListing>,
}

impl Announcements {
    /// Nobody hears them.
    #[must_use]
    pub fn unheard() -> Self {
        Self {
            management: oneshot::channel().0,
            accounts: watch::Sender::new(AccountListing::default()),
        }
    }
}

/// How the accounts of an organization stand, as far as they have been listed.
#[derive(Clone, Debug, Default)]
pub struct AccountListing {
    /// Each account's state.
    pub states: BTreeMap<AccountId, AccountState>,
    /// Whether no more will be listed.
    pub ended: bool,
}

/// A CloudFormation stack as it stands.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Its ARN.
    pub arn: String,
    /// Its template as it is once transforms have been applied.
    pub template: String,
    /// Values of its parameters; AWS masks secret ones.
    pub parameters: BTreeMap<String, String>,
    /// What it holds.
    pub resources: Vec<StackResource>,
}

/// A resource of a stack.
#[derive(Clone, Debug)]
pub struct StackResource {
    /// Its name in the template.
    pub logical: String,
    /// What AWS knows it by.
    pub physical: String,
    /// Its type, as in `AWS::IAM::Role`.
    pub kind: String,
}

/// Something that can read and change AWS.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Who works in the management account: the ambient credentials, or the role that stands in for them.
    async fn caller(&self) -> Result<Caller, ProviderError>;

    /// Who the ambient credentials are: the person that approvals and promotions count, whatever role
    /// the work is done with.
    async fn identity(&self) -> Result<Caller, ProviderError> {
        self.caller().await
    }

    /// Reads the organization: its settings, roots, units, accounts, policies and their targets.
    /// An account that is in no organization gives an empty, complete inventory.
    ///
    /// `announce` hears what entering accounts waits for, long before the rest is read.
    async fn read_organization(
        &self,
        management: &AccountTarget,
        announce: Announcements,
    ) -> Result<Inventory, ProviderError>;

    /// Reads one account in bulk: the given kinds (and, with IAM, everything that holds power there).
    /// `config_prefix` is the path below which config parameters are read (`/acme/`).
    /// A kind that cannot be read lands in [`Inventory::unread`]; the error is for an account that cannot be entered.
    async fn read_account(
        &self,
        target: &AccountTarget,
        kinds: &BTreeSet<&'static str>,
        config_prefix: &str,
    ) -> Result<Inventory, ProviderError>;

    /// Reads objects of AWS resource types: those that are sought, and what else a list of their types tells.
    /// A type that cannot be read lands in [`Inventory::unread`].
    async fn read_resources(
        &self,
        _target: &AccountTarget,
        _sought: &SoughtResources,
    ) -> Result<Inventory, ProviderError> {
        Ok(Inventory::default())
    }

    /// Reads the policies on resources of types, in every Region that the account has enabled. A type that cannot be read lands
    /// in [`PolicyReadings::unread`].
    async fn read_policies(
        &self,
        _target: &AccountTarget,
        _types: &PolicyTypes,
    ) -> Result<PolicyReadings, ProviderError> {
        Ok(PolicyReadings::default())
    }

    /// Reads one object by its kind and natural key (or, for organization kinds, its AWS id):
    /// the check right before a change, and recovery. `None` when it does not exist.
    async fn read_object(
        &self,
        target: &AccountTarget,
        access: AccessMode,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError>;

    /// As [`Self::read_object`], with the object's tags also where bulk reads show none (parameters): they
    /// tell whose it is after a creation whose answer was lost.
    async fn read_marked(
        &self,
        target: &AccountTarget,
        access: AccessMode,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        self.read_object(target, access, kind, key).await
    }

    /// Carries out one step and returns the object's canonical and computed attributes after it
    /// (empty after a deletion). Makes no read-back that nothing needs. Does not retry transient
    /// failures of meaning (the executor does); transport retries are the SDK's. Every attempt of every
    /// changing call goes through `permit`.
    async fn execute(
        &self,
        target: &AccountTarget,
        step: &ProviderStep,
        permit: &Permit,
    ) -> Result<Attrs, ProviderError>;

    /// Looks for an asynchronous creation whose answer was lost (CreateAccount: `ListCreateAccountStatus`
    /// by name and e-mail): one of an object like `after` that was asked for at or after `since` (seconds since
    /// 1970) and is in progress or has succeeded. Returns what [`Op::Create`] would have returned,
    /// [`REQUEST`] included; `None` when there is none, or it has failed.
    async fn find_creation(
        &self,
        _target: &AccountTarget,
        _kind: &'static str,
        _after: &Attrs,
        _since: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        Ok(None)
    }

    /// Reads SSM parameters by name, in the target's region. One that does not exist is not in the answer; a
    /// secret one is not decrypted.
    async fn parameters(
        &self,
        target: &AccountTarget,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Parameter>, ProviderError>;

    /// Reads what policies of the organization of one type come to for an account, as JSON, from the management
    /// account; `None` where none applies.
    async fn effective_policy(
        &self,
        management: &AccountTarget,
        account: &AccountId,
        policy_type: &str,
    ) -> Result<Option<String>, ProviderError>;

    /// Reads who administers the organization beside the principals of its management account. A part that cannot be
    /// read lands in [`Administration::unread`].
    async fn administration(
        &self,
        management: &AccountTarget,
    ) -> Result<Administration, ProviderError>;

    /// Reads a CloudFormation stack by its name or ARN, in the target's region; `None` where there is none, or only a
    /// change set that would make it.
    async fn stack(
        &self,
        target: &AccountTarget,
        name: &str,
    ) -> Result<Option<Stack>, ProviderError>;

    /// Reads CloudWatch alarms by name, in the target's region. One that does not exist is not in
    /// the answer.
    async fn alarms(
        &self,
        target: &AccountTarget,
        names: &BTreeSet<String>,
    ) -> Result<Vec<Alarm>, ProviderError>;

    /// Reads one value of a CloudWatch metric, in the target's region; `None` where it has no data.
    async fn metric(
        &self,
        target: &AccountTarget,
        query: &MetricQuery,
    ) -> Result<Option<f64>, ProviderError>;
}
