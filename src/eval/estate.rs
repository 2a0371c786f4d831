//! The evaluated estate: what a configuration means once every expression has its value.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::release::Release;
use crate::ids::{AccountId, Handle, Region};
use crate::schema::data::Lookup;
use crate::schema::{Body, CREATED_ROLE, Spanned};
use crate::value::{Attrs, Value};

/// Everything that the configuration declares, evaluated.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    /// `palisade { name }`; the first path element of config parameters.
    pub name: String,
    /// The bucket of AWS that holds the state, by name; `None` for state kept elsewhere.
    pub state_bucket: Option<String>,
    /// The role, by ARN, through which the state is kept; `None` where that takes no role.
    pub state_role: Option<String>,
    /// The `provider "aws"` block.
    pub provider: ProviderSettings,
    /// Accounts by handle, from `account` blocks.
    pub accounts: BTreeMap<Handle, Account>,
    /// Environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// Managed objects by address, config values included.
    pub instances: BTreeMap<ResourceAddr, Instance>,
    /// Root outputs by name.
    pub outputs: BTreeMap<String, Output>,
    /// Results of `check` blocks.
    pub checks: Vec<CheckResult>,
    /// `moved` blocks: from, to.
    pub moved: Vec<MovedBlock>,
    /// `import` blocks.
    pub imports: Vec<Import>,
    /// `removed` blocks: instances, whole blocks or modules that are forgotten, not deleted.
    pub removed: Vec<Spanned<String>>,
    /// What `release` blocks say, by label.
    pub releases: BTreeMap<String, ReleaseDecl>,
    /// Evaluated blocks that other layers read: `isolation`, `release`, `promotion`; by type, then label.
    pub declarations: BTreeMap<String, BTreeMap<String, Body>>,
    /// What `data` blocks ask of AWS and nobody has read yet; while there is any, parts of the estate are missing.
    pub lookups: BTreeSet<Lookup>,
    /// What was not evaluated, for it waits for those, or for what could not be looked up.
    pub unevaluated: Diagnostics,
    /// Lookups that could not be made, each with the error that it is where its value is needed.
    pub missing: BTreeMap<Lookup, Diagnostic>,
    /// What is doubtful in it, though nothing is wrong.
    pub warnings: Diagnostics,
}

/// The `provider "aws"` block, with defaults filled in.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Default region.
    pub region: Region,
    /// Role assumed in member accounts by apply.
    pub access_role: String,
    /// Role assumed in member accounts by plan and drift; `access_role` when absent.
    pub read_role: Option<String>,
    /// How to reach the management account; ambient credentials are it when absent.
    pub management_role_arn: Option<String>,
    /// Endpoint of an emulator.
    pub endpoint_url: Option<String>,
    /// Tags on everything that takes tags.
    pub default_tags: BTreeMap<String, String>,
}

/// An account of the estate.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its handle.
    pub handle: Handle,
    /// The `account` instance.
    pub address: ResourceAddr,
    /// Its id, once known: configured, or from state or the live organization.
    pub id: Option<AccountId>,
    /// Its name in AWS.
    pub name: String,
    /// Role assumed by apply, when it differs from the provider's.
    pub access_role: Option<String>,
    /// Role assumed by plan, when it differs from the provider's.
    pub read_role: Option<String>,
    /// Endpoint of an emulated account (LocalStack), which stands outside the organization.
    pub endpoint_url: Option<String>,
    /// Region, when it differs from the provider's.
    pub region: Option<Region>,
    /// Names of the environments that it serves.
    pub environments: BTreeSet<String>,
    /// Where it is declared.
    pub loc: Loc,
}

/// An environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Handles of its accounts.
    pub accounts: BTreeSet<Handle>,
    /// The environment that it must be like.
    pub like: Option<String>,
    /// Config keys (`SCHEMA/KEY`) that may differ from it.
    pub allowed_differences: BTreeSet<String>,
    /// Tags on what is placed in it.
    pub tags: BTreeMap<String, String>,
    /// Region, when it differs from the provider's.
    pub region: Option<Region>,
    /// The whole evaluated block, for the layers that read the rest of it (`verify`, `budget`, ...).
    pub body: Body,
}

/// A `release` block.
#[derive(Clone, Debug)]
pub struct ReleaseDecl {
    /// The environment that takes its values from configuration.
    pub entry: String,
    /// The configured values, content-addressed.
    pub configured: Release,
    /// Where it is declared.
    pub loc: Loc,
}

/// One managed object as configured.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its address.
    pub address: ResourceAddr,
    /// Header of its block.
    pub loc: Loc,
    /// The evaluated block, for the places of its parts; blocks that make up policies are empty.
    pub body: Body,
    /// Canonical desired attributes; what is unknown now is resolved again at apply.
    pub desired: Attrs,
    /// Computed attributes as far as known.
    pub computed: Attrs,
    /// The instances that its expressions and `depends_on` name.
    pub depends_on: BTreeSet<ResourceAddr>,
    /// Its `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// The environments that it belongs to: the one it is placed in, or all that its account serves.
    pub environments: BTreeSet<String>,
}

/// The `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Refuse any plan that deletes the object.
    pub prevent_destroy: bool,
    /// On replacement, create the new one first.
    pub create_before_destroy: bool,
    /// Canonical attributes whose differences are no change; `all` for every one.
    pub ignore_changes: Vec<String>,
    /// Replace the object when one of these is replaced or changed.
    pub replace_triggered_by: BTreeSet<ResourceAddr>,
}

/// A root output.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its value.
    pub value: Value,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// What it depends on.
    pub depends_on: BTreeSet<ResourceAddr>,
}

/// Outcome of one assertion of a `check` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// The check's label.
    pub name: String,
    /// Passed, failed, or unknown until apply.
    pub passed: Option<bool>,
    /// Its message when it failed.
    pub message: String,
    /// Where the assertion stands.
    pub loc: Loc,
}

/// A `moved` block; either side may be a whole block or module, or one instance.
#[derive(Clone, Debug)]
pub struct MovedBlock {
    /// Where it was.
    pub from: Spanned<String>,
    /// Where it is.
    pub to: Spanned<String>,
}

/// An `import` block.
#[derive(Clone, Debug)]
pub struct Import {
    /// The instance that takes the object over.
    pub to: Spanned<ResourceAddr>,
    /// The object's AWS id, name or ARN.
    pub id: Spanned<String>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            region: "us-east-1"
                .parse()
                .unwrap_or_else(|_| unreachable!("a literal Region is valid")),
            access_role: CREATED_ROLE.to_owned(),
            read_role: None,
            management_role_arn: None,
            endpoint_url: None,
            default_tags: BTreeMap::new(),
        }
    }
}
