//! What the judge answers: a decision, what settled it, and the statements that took part.

use serde::{Deserialize, Serialize};

use super::document::Effect;

/// What the judge decides of a request, by AWS's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyDecision {
    /// Allowed.
    Allow,
    /// A statement denies it.
    ExplicitDeny,
    /// Nothing that had to allow it does.
    ImplicitDeny,
}

/// What settled a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// `sts:GetCallerIdentity` needs no permission and cannot be denied.
    AlwaysAllowed,
    /// An SCP denied, or some level of the chain did not allow.
    ServiceControlPolicy,
    /// An RCP denied.
    ResourceControlPolicy,
    /// The VPC endpoint's policy.
    Endpoint,
    /// The resource's own policy.
    ResourcePolicy,
    /// Identity policies (with the resource policy, across accounts).
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Session policies.
    Session,
    /// S3 Block Public Access (`RestrictPublicBuckets`).
    BlockPublicAccess,
    /// An account's root user cannot assume roles.
    RootUser,
    /// The principal's ARN is no caller's.
    UnknownPrincipal,
}

impl DecidedBy {
    /// Its name for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::AlwaysAllowed => "always allowed",
            Self::ServiceControlPolicy => "service control policy",
            Self::ResourceControlPolicy => "resource control policy",
            Self::Endpoint => "endpoint",
            Self::ResourcePolicy => "resource policy",
            Self::Identity => "identity",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::BlockPublicAccess => "block public access",
            Self::RootUser => "root user",
            Self::UnknownPrincipal => "unknown principal",
        }
    }
}

/// A statement that took part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matched {
    /// The policy's name.
    pub policy: String,
    /// The statement's sid, or its zero-based index.
    pub statement: String,
    /// Its effect.
    pub effect: Effect,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is decided.
    pub decision: PolicyDecision,
    /// What settled it.
    pub decided_by: DecidedBy,
    /// Every statement that matched the request, in policies that applied to it.
    pub matched: Vec<Matched>,
    /// Keys, in lower case, that a matching statement asked for and the request does not have.
    pub missing_context: Vec<String>,
    /// Why another reading of AWS's sources would decide otherwise; empty when none would.
    pub disputed: Vec<String>,
}

impl Decision {
    /// Whether the request is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decision == PolicyDecision::Allow
    }
}
