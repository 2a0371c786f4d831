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
    /// The organization (`id`): its root, the policy types that are enabled, the services that it trusts.
    Organization(OrganizationDeclaration),
    /// An organizational unit (`id`): passes on what is attached above it.
    OrganizationalUnit {
        /// The attribute with the unit or root above it.
        parent: &'static str,
    },
    /// An account (`id`): holds principals and resources, and stands below a unit.
    Account(AccountDeclaration),
    /// Settings that hold for everything in their account.
    AccountSettings {
        /// The attribute with the four switches of S3's public access block.
        public_access_block: &'static str,
    },
    /// A policy that limits what it is attached to and all below ([`super::KindSchema::attachments`]), and grants
    /// nothing.
    Guardrail {
        /// Whom it limits.
        limits: Guardrail,
        /// The attribute with its document.
        document: &'static str,
    },
    /// A role or user (`arn`).
    Principal(PrincipalDeclaration),
    /// A group of users (`arn`): its policies count for its members.
    Group(PolicyAttributes),
    /// A policy (`arn`) that principals and groups attach, or take as a boundary.
    ManagedPolicy {
        /// The attribute with its document.
        document: &'static str,
    },
    /// A provider of identities (`arn`) that trust policies name as a federated principal.
    IdentityProvider,
    /// A resource that says itself who may use it.
    Resource(ResourceDeclaration),
    /// The policy of a resource, as an object of its own.
    PolicyOf(PolicyOnResource),
    /// A statement of the policy of a resource, as an object of its own.
    StatementOf(StatementOnResource),
    /// It grants access in a way that no analysis knows: where this attribute is set, at any depth; in any case where none is
    /// named.
    Unjudged(Option<&'static str>),
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

/// Where the organization says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrganizationDeclaration {
    /// The attribute with the id of its root.
    pub root: &'static str,
    /// The attribute with the id of its management account.
    pub management_account: &'static str,
    /// The attribute with the types of policies that are enabled.
    pub policy_types: &'static str,
    /// The attribute with the services that it trusts.
    pub trusted_services: &'static str,
    /// The attribute with its feature set, which AWS tells.
    pub features: &'static str,
    /// The attribute of its block with the principals that no plan may lock out.
    pub protected: &'static str,
    /// The block inside of its own with the quotas that AWS has raised.
    pub limits: &'static str,
}

/// Where an account says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountDeclaration {
    /// The attribute with the unit or root above it.
    pub parent: &'static str,
    /// The attribute with its name.
    pub name: &'static str,
    /// The service that the organization has to trust before a member is renamed.
    pub renamed_through: &'static str,
    /// What AWS tells of an account once it is in an organization, and not before.
    pub known_with_organization: &'static [&'static str],
}

/// Where a principal or group says what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyAttributes {
    /// The attribute with its inline policies, by their names.
    pub inline: &'static str,
    /// The attribute with the ARNs of the managed policies that are attached to it.
    pub attached: &'static str,
}

impl PolicyAttributes {
    /// As IAM's roles, users and groups have them.
    pub(crate) const IAM: Self = Self { inline: "inline_policies", attached: "managed_policies" };
}

/// Where a principal says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalDeclaration {
    /// The attribute with the trust policy, for principals that others become.
    pub trust: Option<&'static str>,
    /// Its own policies.
    pub policies: PolicyAttributes,
    /// The attribute with the ARN of its permissions boundary.
    pub boundary: &'static str,
    /// The attribute with the names of the groups that it is in, for principals that can be in one.
    pub groups: Option<&'static str>,
    /// The attribute with the id that AWS gives to no other principal, ever.
    pub unique_id: &'static str,
}

impl PrincipalDeclaration {
    /// As IAM has them, apart from what users and roles do not share.
    pub(crate) const IAM: Self = Self {
        trust: None,
        policies: PolicyAttributes::IAM,
        boundary: "permissions_boundary",
        groups: None,
        unique_id: "unique_id",
    };
}

/// Where a resource says how it is encrypted by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionDeclaration {
    /// The attribute.
    pub attr: &'static str,
    /// In it, the algorithm; those of KMS begin with `aws:kms`.
    pub algorithm: &'static str,
    /// In it, the KMS key.
    pub key: &'static str,
}

/// How a resource says who may use it. A further type of resource is a further value, never a case
/// of its own in the analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceDeclaration {
    /// The prefix of its actions: `s3`.
    pub service: &'static str,
    /// The attribute with its name, where that alone makes its ARN (`arn:PARTITION:SERVICE:::NAME`, which holds
    /// neither a region nor an account).
    pub global_name: Option<&'static str>,
    /// The attribute with its ARN, for other types.
    pub arn: &'static str,
    /// Whether that is its identifier (`id`), too.
    pub arn_is_id: bool,
    /// The attribute whose value its ARN ends in, if somebody may choose it.
    pub name: Option<&'static str>,
    /// What stands for what AWS adds to that value.
    pub after_name: Option<&'static str>,
    /// The attribute with its resource-based policy, or the way to it (`ResourcePolicy.PolicyDocument`); `None` where objects of
    /// another kind are its policy.
    pub policy: Option<&'static str>,
    /// The attribute with its own public access block, for services that have one.
    pub public_access_block: Option<&'static str>,
    /// The attribute with its Object Ownership, for services that have access control lists.
    pub ownership: Option<&'static str>,
    /// Its default encryption, for services that have one.
    pub encryption: Option<EncryptionDeclaration>,
    /// The attribute that says whether policies may ask for its tags, for services where that is a choice.
    pub tags_count: Option<&'static str>,
    /// The attribute with the Regions that have copies of it under its policy, each in a map under `Region`.
    pub replicas: Option<&'static str>,
    /// The way to a further policy, which is not judged: `StreamSpecification.ResourcePolicy`.
    pub unjudged: Option<&'static str>,
}

impl ResourceDeclaration {
    /// One of which nothing is said.
    pub(crate) const PLAIN: Self = Self {
        service: "",
        global_name: None,
        arn: "arn",
        arn_is_id: false,
        name: None,
        after_name: None,
        policy: None,
        public_access_block: None,
        ownership: None,
        encryption: None,
        tags_count: None,
        replicas: None,
        unjudged: None,
    };
}

/// Where the policy of a resource says what it is, for those that are objects of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyOnResource {
    /// The prefix of the resource's actions: `sns`.
    pub service: &'static str,
    /// The attribute that names the resource: by its ARN, or its URL.
    pub target: &'static str,
    /// The attribute with the policy.
    pub policy: &'static str,
}

/// Where a statement of the policy of a resource says what it is, for those that are objects of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementOnResource {
    /// The prefix of the resource's actions: `lambda`.
    pub service: &'static str,
    /// The attribute that names the resource, by its ARN or name.
    pub target: &'static str,
    /// The attribute with the statement's id.
    pub sid: &'static str,
    /// What the resource part of the target's ARN starts with.
    pub resource: &'static str,
    /// The resource that is meant where none is named.
    pub unnamed: Option<&'static str>,
}

impl AccessPart {
    /// Whether an account is only known when its objects of this kind were read: they grant access in
    /// it, or hold what grants it.
    #[must_use]
    pub const fn grants(self) -> bool {
        matches!(
            self,
            Self::Principal(_)
                | Self::Group(_)
                | Self::ManagedPolicy { .. }
                | Self::Resource(_)
                | Self::PolicyOf(_)
                | Self::StatementOf(_)
                | Self::Unjudged(_)
        )
    }

    /// Whether objects of this kind make requests.
    #[must_use]
    pub const fn is_principal(self) -> bool {
        matches!(self, Self::Principal(_))
    }

    /// Whether objects of this kind are principals that others become: roles.
    #[must_use]
    pub const fn is_assumable(self) -> bool {
        matches!(self, Self::Principal(PrincipalDeclaration { trust: Some(_), .. }))
    }

    /// Where objects of this kind, if they are organizations, say what they are.
    #[must_use]
    pub const fn organization(self) -> Option<OrganizationDeclaration> {
        match self {
            Self::Organization(declaration) => Some(declaration),
            _ => None,
        }
    }

    /// Whether objects of this kind are organizations.
    #[must_use]
    pub const fn is_organization(self) -> bool {
        matches!(self, Self::Organization(_))
    }

    /// Whether objects of this kind are units of an organization.
    #[must_use]
    pub const fn is_unit(self) -> bool {
        matches!(self, Self::OrganizationalUnit { .. })
    }

    /// Whether objects of this kind are accounts.
    #[must_use]
    pub const fn is_account(self) -> bool {
        matches!(self, Self::Account(_))
    }

    /// Where objects of this kind, if they are principals, say what they are.
    #[must_use]
    pub const fn principal(self) -> Option<PrincipalDeclaration> {
        match self {
            Self::Principal(declaration) => Some(declaration),
            _ => None,
        }
    }

    /// The attributes that hold ARNs of managed policies.
    #[must_use]
    pub fn names_policies(self) -> Vec<&'static str> {
        match self {
            Self::Principal(of) => vec![of.boundary, of.policies.attached],
            Self::Group(of) => vec![of.attached],
            _ => Vec::new(),
        }
    }
}
