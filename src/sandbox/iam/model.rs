//! The rows of IAM.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::iam::Limits;
use crate::sandbox::clock::Instant;
use crate::sandbox::tags::Tags;

/// Roles, users and groups have much in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentityKind {
    Role,
    User,
    Group,
}

impl IdentityKind {
    /// `Role`, as operations and members are named.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// `role`, as ARNs and messages write it.
    pub(crate) fn lower(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// `RoleName`.
    pub(crate) fn name_member(self) -> &'static str {
        match self {
            Self::Role => "RoleName",
            Self::User => "UserName",
            Self::Group => "GroupName",
        }
    }

    pub(crate) fn id_prefix(self) -> &'static str {
        match self {
            Self::Role => "AROA",
            Self::User => "AIDA",
            Self::Group => "AGPA",
        }
    }

    /// The most characters, white space not counted, that all inline policies may have together.
    /// Source: IAM User Guide, "IAM and AWS STS quotas".
    pub(crate) fn inline_limit(self) -> usize {
        match self {
            Self::Role => Limits::AWS.role_inline_size,
            Self::User => 2_048,
            Self::Group => 5_120,
        }
    }
}

/// The key of an identity's row; names differ by more than case.
pub(crate) fn identity_key(account: &str, kind: IdentityKind, name: &str) -> String {
    format!("{account}/{}/{}", kind.lower(), name.to_lowercase())
}

/// A trust policy and the unique ids of the principals that it named when it was saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trust {
    pub(crate) text: String,
    /// ARN to unique id: a replaced principal is another one, though its ARN is the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) bound: BTreeMap<String, String>,
}

/// A role, user or group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) account: String,
    pub(crate) kind: IdentityKind,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<Trust>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_session: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boundary: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) inline: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) attached: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
    /// A user's groups, in lower case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) groups: BTreeSet<String>,
    /// The service of a service-linked role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) linked_to: Option<String>,
}

/// One version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) created: Instant,
}

/// A customer-managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ManagedPolicy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) created: Instant,
    pub(crate) updated: Instant,
    /// At most five.
    pub(crate) versions: Vec<PolicyVersion>,
    pub(crate) default: String,
    /// The number of the next version: numbers are never used twice.
    pub(crate) next: u64,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

impl ManagedPolicy {
    pub(crate) fn version(&self, id: &str) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The text in force.
    pub(crate) fn text(&self) -> &str {
        self.version(&self.default).map(|version| version.text.as_str()).unwrap_or_default()
    }
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OidcProvider {
    pub(crate) arn: String,
    /// Without `https://`.
    pub(crate) url: String,
    pub(crate) clients: Vec<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) created: Instant,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstanceProfile {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// An account's password policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordPolicy {
    pub(crate) minimum_length: i64,
    pub(crate) symbols: bool,
    pub(crate) numbers: bool,
    pub(crate) uppercase: bool,
    pub(crate) lowercase: bool,
    pub(crate) users_may_change: bool,
    pub(crate) max_age: Option<i64>,
    pub(crate) reuse_prevention: Option<i64>,
    pub(crate) hard_expiry: Option<bool>,
}

/// What an account has once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct IamSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_policy: Option<PasswordPolicy>,
}

/// A user's access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) secret: String,
    pub(crate) created: Instant,
}
