//! The part that the objects of a kind play in who may do what.
//!
//! The isolation analysis knows no kind by its name: it asks for the part and reads the canonical
//! attributes that the part names. A kind that says [`AccessPart::None`] is left out of every verdict,
//! so each kind has to say it.

/// The part of a kind in AWS's access decisions (IAM User Guide, "Policy evaluation logic").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessPart {
    /// No access decision depends on objects of this kind.
    None,
    /// The organization: its root, the policy types that are enabled, the services that it trusts.
    Organization,
    /// An organizational unit: passes on what is attached above it (`id`, `parent`).
    OrganizationalUnit,
    /// An account: holds principals and resources, and stands below a unit (`id`, `parent`).
    Account,
    /// Settings that hold for everything in their account.
    AccountSettings {
        /// The attribute with the four switches of S3's public access block.
        public_access_block: &'static str,
    },
    /// A policy that limits what is below its targets (`targets`), and grants nothing.
    Guardrail {
        /// Whom it limits.
        limits: Guardrail,
        /// The attribute with its document.
        document: &'static str,
    },
    /// A role or user (`arn`). Its identity policies stand in `inline_policies` and
    /// `managed_policies`, its boundary in `permissions_boundary`, the groups it is in in `groups`.
    Principal {
        /// The attribute with the trust policy, for principals that others become.
        trust: Option<&'static str>,
    },
    /// A group of users (`arn`): its `inline_policies` and `managed_policies` count for its members.
    Group,
    /// A policy (`arn`) that principals and groups attach, or take as a boundary.
    ManagedPolicy {
        /// The attribute with its document.
        document: &'static str,
    },
    /// A provider of identities (`arn`) that trust policies name as a federated principal.
    IdentityProvider,
    /// A resource that says itself who may use it.
    Resource(ResourceDeclaration),
}

/// Whom a policy of the organization limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guardrail {
    /// The principals of the accounts below its targets: a service control policy.
    Principals,
    /// Requests for the resources of the accounts below its targets: a resource control policy.
    Resources,
}

impl Guardrail {
    /// The policy type that has to be enabled in the root, as Organizations calls it.
    #[must_use]
    pub const fn policy_type(self) -> &'static str {
        match self {
            Self::Principals => "SERVICE_CONTROL_POLICY",
            Self::Resources => "RESOURCE_CONTROL_POLICY",
        }
    }
}

/// How a resource says who may use it. A further type of resource is a further value, never a case
/// of its own in the analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceDeclaration {
    /// The prefix of its actions: `s3`.
    pub service: &'static str,
    /// The attribute with its name, where that alone makes its ARN (`arn:PARTITION:SERVICE:::NAME`, which holds
    /// neither a region nor an account); other types bear theirs in `arn`.
    pub global_name: Option<&'static str>,
    /// The attribute with its resource-based policy.
    pub policy: &'static str,
    /// The attribute with its own public access block, for services that have one.
    pub public_access_block: Option<&'static str>,
    /// The attribute with its default encryption (`algorithm`, `kms_key_id`).
    pub encryption: Option<&'static str>,
    /// The attribute that says whether policies may ask for its tags, for services where that is a choice.
    pub tags_count: Option<&'static str>,
}

impl AccessPart {
    /// Whether an account is only known when its objects of this kind were read: they grant access in
    /// it, or hold what grants it.
    #[must_use]
    pub const fn grants(self) -> bool {
        matches!(
            self,
            Self::Principal { .. } | Self::Group | Self::ManagedPolicy { .. } | Self::Resource(_)
        )
    }

    /// Whether objects of this kind make requests.
    #[must_use]
    pub const fn is_principal(self) -> bool {
        matches!(self, Self::Principal { .. })
    }

    /// Whether objects of this kind are principals that others become: roles.
    #[must_use]
    pub const fn is_assumable(self) -> bool {
        matches!(self, Self::Principal { trust: Some(_) })
    }
}
