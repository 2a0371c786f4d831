//! What `data` blocks look up: the types, what each takes and what it tells.
//!
//! A type of its own is a row here. Every managed kind whose objects have a name in an account can be looked up as
//! well, by that name: what its rows need stands in the kind's declaration.

use std::sync::LazyLock;

use super::block_schema::{Attr, BlockSchema, Ty};
use super::kind_schema::{Home, RecoveryMethod};
use super::kinds::kinds;
use super::policy_blocks::STATEMENTS;
use super::pure_half::ManagedKind;
use crate::address::ACCOUNT;
use crate::ids::Handle;

/// Where the values of a `data` block come from.
#[derive(Clone, Copy)]
pub enum DataSource {
    /// The partition of the Region.
    Partition,
    /// The Region of the provider, or of an account.
    Region,
    /// Who calls, by STS.
    Caller,
    /// The statements of the block itself.
    PolicyDocument,
    /// A parameter of SSM in an account.
    Parameter,
    /// What policies of the organization that configure services come to for an account.
    EffectivePolicy,
    /// Who administers the organization beside its management account.
    Administration,
    /// An object of a managed kind, by its name.
    Object(&'static dyn ManagedKind),
}

impl DataSource {
    /// Whether AWS has to be asked.
    #[must_use]
    pub const fn asks_aws(self) -> bool {
        match self {
            Self::Caller
            | Self::Parameter
            | Self::EffectivePolicy
            | Self::Administration
            | Self::Object(_) => true,
            Self::Partition | Self::Region | Self::PolicyDocument => false,
        }
    }
}

/// A type of `data` block.
pub struct DataType {
    /// Its first label.
    pub name: &'static str,
    /// What its block takes.
    pub block: BlockSchema,
    /// What it tells.
    pub attributes: Vec<&'static str>,
    /// Where that comes from.
    pub source: DataSource,
    /// What Terraform's data source of this name would tell, where that is something else.
    pub unlike: Option<&'static str>,
}

/// Something to be read in AWS for a `data` block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// Who calls.
    Caller,
    /// The value of an SSM parameter.
    Parameter {
        /// Where it is.
        account: Handle,
        /// Its name.
        name: String,
    },
    /// What policies of one type come to for an account.
    EffectivePolicy {
        /// The account.
        account: Handle,
        /// The type, as Organizations calls it.
        policy_type: String,
    },
    /// Who administers the organization.
    Administration,
    /// An object of a managed kind.
    Object {
        /// Where it is; `None` for what the management account alone tells.
        account: Option<Handle>,
        /// Its kind.
        kind: &'static str,
        /// Its natural key.
        key: String,
    },
}

impl Lookup {
    /// The type of the `data` block that asks for it.
    #[must_use]
    pub const fn data_type(&self) -> &'static str {
        match self {
            Self::Caller => "caller_identity",
            Self::Parameter { .. } => "ssm_parameter",
            Self::EffectivePolicy { .. } => "effective_policy",
            Self::Administration => "organization_administration",
            Self::Object { kind, .. } => kind,
        }
    }

    /// Where it looks; `None` for what the management account alone tells.
    #[must_use]
    pub fn account(&self) -> Option<&Handle> {
        match self {
            Self::Caller | Self::Administration => None,
            Self::Parameter { account, .. } | Self::EffectivePolicy { account, .. } => {
                Some(account)
            }
            Self::Object { account, .. } => account.as_ref(),
        }
    }
}

impl std::fmt::Display for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caller => f.write_str("the caller"),
            Self::Administration => f.write_str("who administers the organization"),
            Self::Parameter { account, name } => write!(f, "the parameter `{name}` in `{account}`"),
            Self::EffectivePolicy { account, policy_type } => {
                write!(f, "the effective {policy_type} of `{account}`")
            }
            Self::Object { account: Some(account), kind, key } => {
                write!(f, "the {kind} `{key}` in `{account}`")
            }
            Self::Object { account: None, kind, .. } => write!(f, "the {kind}"),
        }
    }
}

const IN_ACCOUNT: Attr = Attr::required(
    ACCOUNT,
    Ty::Ref { kinds: &[ACCOUNT], text: false },
    "The account in which it is looked up.",
);

const NOTHING: BlockSchema = BlockSchema { attrs: &[], blocks: &[] };

const DOCUMENT: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "source_policy_documents",
            Ty::List(&Ty::String),
            "Documents whose statements come first.",
        ),
        Attr::optional(
            "override_policy_documents",
            Ty::List(&Ty::String),
            "Documents whose statements come last, and replace those of the same `Sid`.",
        ),
    ],
    blocks: &[STATEMENTS],
};

const REGION: BlockSchema = BlockSchema {
    attrs: &[Attr::optional(
        ACCOUNT,
        Ty::Ref { kinds: &[ACCOUNT], text: false },
        "The account whose Region is meant; the provider's without it.",
    )],
    blocks: &[],
};

const PARAMETER: BlockSchema = BlockSchema {
    attrs: &[IN_ACCOUNT, Attr::required("name", Ty::String, "Its name, with its path.")],
    blocks: &[],
};

const EFFECTIVE_POLICY: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required(
            ACCOUNT,
            Ty::Ref { kinds: &[ACCOUNT], text: false },
            "The account that it applies to.",
        ),
        Attr::required(
            "type",
            Ty::String,
            "Its type, as in an `organization_policy` block: `TAG_POLICY`, `BACKUP_POLICY`, ...",
        ),
    ],
    blocks: &[],
};

/// The types that are no managed kinds. Attributes as Terraform's data sources of these names have them, where
/// they exist there.
fn own_types() -> Vec<DataType> {
    let row = |name, block, attributes: &[&'static str], source| DataType {
        name,
        block,
        attributes: attributes.to_vec(),
        source,
        unlike: match source {
            DataSource::Caller => Some(
                "it tells of the management account: in a placed block, `each.account.id` is the account that the block stands in",
            ),
            DataSource::Region => Some(
                "it tells the provider's Region, and with `account = account.NAME` that of the account",
            ),
            _ => None,
        },
    };
    let parameter = ["arn", "name", "type", "value", "version"];
    vec![
        row("caller_identity", NOTHING, &["account_id", "arn", "user_id"], DataSource::Caller),
        row(
            "effective_policy",
            EFFECTIVE_POLICY,
            &["content", "type"],
            DataSource::EffectivePolicy,
        ),
        row(
            "organization_administration",
            NOTHING,
            &["delegated_administrators", "delegation_policy", "root_features"],
            DataSource::Administration,
        ),
        row(
            "iam_policy_document",
            DOCUMENT,
            &["json", "minified_json"],
            DataSource::PolicyDocument,
        ),
        row(
            "partition",
            NOTHING,
            &["dns_suffix", "partition", "reverse_dns_prefix"],
            DataSource::Partition,
        ),
        row("region", REGION, &["name", "region"], DataSource::Region),
        row("ssm_parameter", PARAMETER, &parameter, DataSource::Parameter),
    ]
}

/// What a managed kind is looked up by: its one object, or its name in an account.
fn of_kind(kind: &'static dyn ManagedKind) -> Option<DataType> {
    let schema = kind.schema();
    let naming = &schema.meaning.naming;
    let attrs: Vec<Attr> = match (schema.home, schema.recovery) {
        (Home::Organization, RecoveryMethod::Singleton) => Vec::new(),
        (Home::Account, _) => {
            let key = naming.label.or_else(|| naming.identity.first().copied())?;
            let optional = naming.defaults.iter().map(|(name, _)| *name);
            let named = |name: &str| schema.block.attr(name).copied();
            // The description of the kind mentions a default, which a lookup does not have.
            let doc = "Name of the object to look up.";
            let mut attrs = vec![IN_ACCOUNT, Attr { required: true, doc, ..named(key)? }];
            attrs.extend(optional.filter_map(named));
            attrs
        }
        _ => return None,
    };
    // The table of kinds is made once and lives as long as the program.
    let attrs: &'static [Attr] = Vec::leak(attrs);
    let told = schema.block.attrs.iter().map(|a| a.name);
    let mut attributes: Vec<&str> = told.chain(schema.computed.iter().map(|c| c.name)).collect();
    attributes.sort_unstable();
    Some(DataType {
        name: schema.kind,
        block: BlockSchema { attrs, blocks: &[] },
        attributes,
        source: DataSource::Object(kind),
        unlike: None,
    })
}

/// Every type of `data` block, by name.
#[must_use]
pub fn data_types() -> &'static [DataType] {
    static TYPES: LazyLock<Vec<DataType>> = LazyLock::new(|| {
        let mut all = own_types();
        all.extend(kinds().iter().copied().filter_map(of_kind));
        all.sort_by_key(|ty| ty.name);
        all
    });
    &TYPES
}

impl std::fmt::Debug for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataType({})", self.name)
    }
}

/// The type of that name.
#[must_use]
pub fn data_type(name: &str) -> Option<&'static DataType> {
    data_types().iter().find(|ty| ty.name == name)
}
