//! The words of a step: who takes it, and what it reaches.

/// Who takes a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepSource {
    /// A role or user of the estate, by ARN.
    Principal(String),
    /// A role, user or root of an account outside the estate: its ARN, or the account's root ARN
    /// for all of its principals.
    Foreign(String),
    /// A web identity or SAML assertion, by its provider's ARN, or by the name of one that every account knows
    /// (`cognito-identity.amazonaws.com`, `accounts.google.com`); [`ANY_PROVIDER`] for any.
    Federated(String),
    /// A service of AWS, by its principal, where it acts for somebody else.
    Service(String),
    /// Nobody: an unsigned request.
    Anonymous,
}

impl StepSource {
    /// How reports call it: its ARN, or that of its provider; `*` for anybody.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Principal(name)
            | Self::Foreign(name)
            | Self::Federated(name)
            | Self::Service(name) => name,
            Self::Anonymous => "*",
        }
    }
}

/// The service that gives whoever holds a certificate of an authority that the account trusts the credentials of a role
/// (IAM Roles Anywhere User Guide, "Trust model in AWS Identity and Access Management Roles Anywhere").
pub const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";

/// A provider of identities that no policy names.
pub const ANY_PROVIDER: &str = "*";

/// What the step reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepTarget {
    /// A role, by ARN.
    Role(String),
    /// A resource with a policy of its own, by ARN.
    Resource(String),
}

impl StepTarget {
    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Role(arn) | Self::Resource(arn) => arn,
        }
    }
}

/// One possible step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathStep {
    /// Who.
    pub source: StepSource,
    /// What.
    pub target: StepTarget,
}
