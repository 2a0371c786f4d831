//! Roles, users and groups of users. What one may do is read when it is first asked for: of most principals of an
//! estate nobody asks, since no trust or resource policy of another account names them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use super::NamedPolicy;
use crate::ids::Handle;

/// What kind of identity a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// A role: it has a trust policy, and is used through sessions.
    Role,
    /// A user: it has long-lived credentials.
    User,
}

impl fmt::Display for PrincipalKind {
    /// As names of actions have it: `iam:PutRolePolicy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "Role",
            Self::User => "User",
        })
    }
}

/// A role or user.
#[derive(Debug)]
pub struct PrincipalNode {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    /// What kind of identity it is.
    pub kind: PrincipalKind,
    /// How reports call it: an address, or kind and key when unmanaged.
    pub label: String,
    /// Where it is declared.
    pub location: Option<String>,
    /// Trust policy, for roles; a role without one has one that could not be read.
    pub trust: Option<NamedPolicy>,
    permissions: Later,
}

/// A group of users: what it permits those who are in it.
#[derive(Debug)]
pub struct GroupNode {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    permissions: Later,
}

/// What a principal or group may do, and by what else policies know it.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// Identity policies: its own, and those of its groups.
    pub identity: Vec<NamedPolicy>,
    /// Permissions boundary.
    pub boundary: Option<NamedPolicy>,
    /// Whether a policy of it could not be read (an attached AWS-managed policy that is unknown, or an
    /// attribute unknown until apply): then what it may do is not known.
    pub unreadable: bool,
    /// Whether that is its permissions boundary: then nothing that its other policies allow is certain.
    pub unread_boundary: bool,
    /// ARNs of the policies of its account that are attached to it or to its groups, its boundary among them.
    pub attached: Vec<String>,
    /// ARNs of the groups that it is in.
    pub groups: Vec<String>,
    /// Its tags: `aws:PrincipalTag/...`.
    pub tags: BTreeMap<String, String>,
    /// The unique id that AWS gave it, `AROA...` or `AIDA...`, where it was read.
    pub unique_id: Option<String>,
}

/// Permissions that are read on first use.
struct Later(LazyLock<Permissions, Box<dyn FnOnce() -> Permissions + Send>>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PrincipalNode {
    /// A principal without trust policy and location. `permissions` is asked at most once, and only when
    /// something depends on the answer.
    #[must_use]
    pub fn new(
        arn: impl Into<String>,
        account: Handle,
        kind: PrincipalKind,
        label: impl Into<String>,
        permissions: impl FnOnce() -> Permissions + Send + 'static,
    ) -> Self {
        Self {
            arn: arn.into(),
            account,
            kind,
            label: label.into(),
            location: None,
            trust: None,
            permissions: Later(LazyLock::new(Box::new(permissions))),
        }
    }

    /// The same principal with identity policies beside its own.
    pub(super) fn with_policies(principal: &Arc<Self>, more: Vec<NamedPolicy>) -> Self {
        let own = Arc::clone(principal);
        let permissions = move || {
            let mut all = own.permissions.0.clone();
            all.identity.extend(more);
            all
        };
        let mut node = Self::new(
            principal.arn.clone(),
            principal.account.clone(),
            principal.kind,
            principal.label.clone(),
            permissions,
        );
        node.location.clone_from(&principal.location);
        node.trust.clone_from(&principal.trust);
        node
    }

    /// Whether it is a role whose trust policy could not be read as a policy.
    #[must_use]
    pub fn has_unreadable_trust(&self) -> bool {
        self.kind == PrincipalKind::Role && self.trust.is_none()
    }

    /// Identity policies: its own, and those of its groups.
    #[must_use]
    pub fn identity(&self) -> &[NamedPolicy] {
        &self.permissions.0.identity
    }

    /// Permissions boundary.
    #[must_use]
    pub fn boundary(&self) -> Option<&NamedPolicy> {
        self.permissions.0.boundary.as_ref()
    }

    /// Whether a policy of it could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.permissions.0.unreadable
    }

    /// Whether it has a permissions boundary that could not be read.
    #[must_use]
    pub fn has_unread_boundary(&self) -> bool {
        self.permissions.0.unread_boundary
    }

    /// Its tags: `aws:PrincipalTag/...`.
    #[must_use]
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.permissions.0.tags
    }

    /// The unique id that AWS gave it, where it was read.
    #[must_use]
    pub fn unique_id(&self) -> Option<&str> {
        self.permissions.0.unique_id.as_deref()
    }

    /// ARNs of the policies of its account that are attached to it or to its groups, its boundary among them.
    #[must_use]
    pub fn attached(&self) -> &[String] {
        &self.permissions.0.attached
    }

    /// ARNs of the groups that it is in.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.permissions.0.groups
    }
}

impl GroupNode {
    /// A group; `permissions` is asked at most once.
    #[must_use]
    pub fn new(
        arn: impl Into<String>,
        account: Handle,
        permissions: impl FnOnce() -> Permissions + Send + 'static,
    ) -> Self {
        Self { arn: arn.into(), account, permissions: Later(LazyLock::new(Box::new(permissions))) }
    }

    /// Its policies.
    #[must_use]
    pub fn identity(&self) -> &[NamedPolicy] {
        &self.permissions.0.identity
    }

    /// Whether a policy of it could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.permissions.0.unreadable
    }
}
