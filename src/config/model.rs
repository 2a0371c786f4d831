//! The declarations of a configuration: typed, checked for shape, with expressions not yet evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::expr::Expr;
use super::raw::{RawBlock, RawBody};
use crate::address::{ModuleAddr, ResourceAddr};
use crate::diag::{Diagnostic, Loc, Source, did_you_mean};
use crate::schema::Spanned;
use crate::schema::blocks::{DATA, POLICIES_READ};
use crate::schema::data::DataType;

/// Which module of a [`Configuration`]: an index into its list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(pub usize);

/// A loaded configuration: the root module and every module below it, each loaded once.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Every module; the root is the first.
    pub modules: Vec<Module>,
    /// What the `palisade` block says.
    pub settings: Settings,
    /// The `provider "aws"` block.
    pub provider: Option<RawBlock>,
    /// Values given to root variables, after precedence.
    pub supplied: BTreeMap<String, Supplied>,
}

impl Configuration {
    /// The id of the root module.
    pub const ROOT: ModuleId = ModuleId(0);

    /// The root module.
    #[must_use]
    pub fn root(&self) -> &Module {
        self.module(Self::ROOT)
    }

    /// A module by its id.
    #[must_use]
    pub fn module(&self, id: ModuleId) -> &Module {
        static EMPTY: std::sync::OnceLock<Module> = std::sync::OnceLock::new();
        self.modules.get(id.0).unwrap_or_else(|| EMPTY.get_or_init(Module::default))
    }

    /// Every text that was read, for rendering and for digests of the configuration.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.modules.iter().flat_map(|m| &m.sources)
    }
}

/// The `palisade` block. Its values are literals: they are needed before anything can be evaluated.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the block stands.
    pub loc: Option<Loc>,
    /// Which versions of Palisade may read the configuration.
    pub required_version: Option<Spanned<semver::VersionReq>>,
    /// The estate's name.
    pub name: Option<Spanned<String>>,
    /// Where state lives; [`Backend::Local`] in `.palisade/state` when the block is absent.
    pub backend: Option<Spanned<Backend>>,
    /// The `walls` block.
    pub walls: Option<WallsSettings>,
}

/// The `walls` block.
#[derive(Clone, Debug)]
pub struct WallsSettings {
    /// Where it stands.
    pub loc: Loc,
    /// Resource types whose policies are read.
    pub types: Vec<&'static str>,
}

impl Settings {
    /// The types of resources whose policies are read, by which walls are judged.
    #[must_use]
    pub fn policy_types(&self) -> BTreeSet<&'static str> {
        match &self.walls {
            Some(walls) => walls.types.iter().copied().collect(),
            None => POLICIES_READ.into_iter().collect(),
        }
    }
}

/// Where state lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A directory.
    Local {
        /// Relative to the configuration's directory.
        path: PathBuf,
    },
    /// A bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What keys start with; ends with `/` unless empty.
        prefix: String,
        /// The bucket's region.
        region: Option<String>,
        /// SSE-KMS key of every write.
        kms_key_id: Option<String>,
        /// `AES256` or `aws:kms`: what every write says of its encryption; without both, the bucket's default counts.
        encryption: Option<String>,
        /// The role to assume for reading and writing state.
        role_arn: Option<String>,
        /// The endpoint of an emulator.
        endpoint_url: Option<String>,
    },
}

/// The files of one directory.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Its id.
    pub id: ModuleId,
    /// Its directory, absolute, symbolic links resolved.
    pub dir: PathBuf,
    /// The package that it was fetched with: what it reads lies in there.
    pub package: Option<PathBuf>,
    /// Its directory as users see it, relative to where they stand.
    pub name: String,
    /// Its files, by name.
    pub sources: Vec<Arc<Source>>,
    /// `variable` blocks.
    pub variables: BTreeMap<String, VariableDecl>,
    /// Attributes of `locals` blocks.
    pub locals: BTreeMap<String, LocalDecl>,
    /// `output` blocks.
    pub outputs: BTreeMap<String, OutputDecl>,
    /// `module` blocks.
    pub calls: BTreeMap<String, CallDecl>,
    /// Managed blocks by kind and label.
    pub resources: BTreeMap<(String, String), ResourceDecl>,
    /// `data` blocks by type and label.
    pub data: BTreeMap<(String, String), DataDecl>,
    /// `environment` blocks (root module only).
    pub environments: BTreeMap<String, RawBlock>,
    /// `config_schema` blocks (root module only).
    pub config_schemas: BTreeMap<String, RawBlock>,
    /// Blocks that their own engines read (`isolation`, `release`, `promotion`), by type and label
    /// (root module only).
    pub declarations: BTreeMap<(String, String), RawBlock>,
    /// `check` blocks.
    pub checks: BTreeMap<String, CheckDecl>,
    /// `moved` blocks.
    pub moved: Vec<MovedDecl>,
    /// `import` blocks (root module only).
    pub imports: Vec<ImportDecl>,
    /// `removed` blocks (root module only).
    pub removed: Vec<RemovedDecl>,
}

impl Module {
    /// Says that the module has no `data` block of this type and name, at no place yet.
    #[must_use]
    pub(crate) fn has_no_data(&self, ty: &str, label: &str) -> Diagnostic {
        let name = |ty: &str, label: &str| format!("{DATA}.{ty}.{label}");
        let known: Vec<String> = self.data.keys().map(|(ty, label)| name(ty, label)).collect();
        let typed = name(ty, label);
        let near = did_you_mean(&typed, known.iter().map(String::as_str));
        let help = near.unwrap_or_else(|| match known.is_empty() {
            true => format!("this module has no `{DATA}` blocks"),
            false => format!("there are {}", known.join(", ")),
        });
        Diagnostic::error(format!("there is no `{typed}`")).help(help)
    }
}

/// A managed block.
#[derive(Clone, Debug)]
pub struct ResourceDecl {
    /// Its kind, such as `iam_role`.
    pub kind: String,
    /// Its label.
    pub label: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// Its meta-arguments.
    pub meta: Meta,
    /// Its own arguments and blocks.
    pub body: RawBody,
}

/// A `data` block: something that is looked up.
#[derive(Clone, Debug)]
pub struct DataDecl {
    /// What is looked up.
    pub ty: &'static DataType,
    /// Its label.
    pub label: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// One lookup for each element.
    pub for_each: Option<Expr>,
    /// That many lookups.
    pub count: Option<Expr>,
    /// What tells which one is meant.
    pub body: RawBody,
}

/// The meta-arguments of a managed block.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// One instance for each element.
    pub for_each: Option<Expr>,
    /// That many instances.
    pub count: Option<Expr>,
    /// References to blocks that must be there first.
    pub depends_on: Vec<Expr>,
    /// The `lifecycle` block.
    pub lifecycle: LifecycleDecl,
    /// Placement: one instance for each of these accounts.
    pub accounts: Option<Expr>,
    /// Placement: one instance for each account of each of these environments.
    pub environments: Option<Expr>,
}

/// The `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct LifecycleDecl {
    /// Refuse to delete.
    pub prevent_destroy: bool,
    /// On replacement, create first.
    pub create_before_destroy: bool,
    /// Which differences are no change.
    pub ignore_changes: IgnoreChanges,
    /// References whose change replaces the object.
    pub replace_triggered_by: Vec<Expr>,
    /// What must hold before it is created or changed.
    pub preconditions: Vec<ConditionBlock>,
    /// What must hold afterwards; `self` is the object.
    pub postconditions: Vec<ConditionBlock>,
}

/// `ignore_changes`.
#[derive(Clone, Debug, Default)]
pub enum IgnoreChanges {
    /// None.
    #[default]
    None,
    /// `all`.
    All(Loc),
    /// The named attributes (`tags`, `tags["x"]` as `tags.x`).
    Some(Vec<Spanned<String>>),
}

/// `condition` and `error_message`.
#[derive(Clone, Debug)]
pub struct ConditionBlock {
    /// The block's header.
    pub loc: Loc,
    /// What must be true.
    pub condition: Expr,
    /// What to say otherwise.
    pub error_message: Expr,
}

/// A `variable` block.
#[derive(Clone, Debug)]
pub struct VariableDecl {
    /// Its name.
    pub name: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// Its type constraint, to be read by the type parser; `any` when absent.
    pub ty: Option<Expr>,
    /// Its default; the variable is required when absent.
    pub default: Option<Expr>,
    /// Its description.
    pub description: Option<String>,
    /// Whether its value is hidden.
    pub sensitive: bool,
    /// Whether null is a value (else null means the default).
    pub nullable: bool,
    /// `validation` blocks.
    pub validations: Vec<ConditionBlock>,
}

/// One attribute of a `locals` block.
#[derive(Clone, Debug)]
pub struct LocalDecl {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Expr,
}

/// An `output` block.
#[derive(Clone, Debug)]
pub struct OutputDecl {
    /// Its name.
    pub name: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// Its value.
    pub value: Expr,
    /// Its description.
    pub description: Option<String>,
    /// Whether its value is hidden.
    pub sensitive: bool,
    /// References to blocks that must be there first.
    pub depends_on: Vec<Expr>,
    /// `precondition` blocks.
    pub preconditions: Vec<ConditionBlock>,
}

/// A `module` block.
#[derive(Clone, Debug)]
pub struct CallDecl {
    /// Its name.
    pub name: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// Its source as written.
    pub source: Spanned<String>,
    /// The module that it calls.
    pub module: ModuleId,
    /// One instance for each element.
    pub for_each: Option<Expr>,
    /// That many instances.
    pub count: Option<Expr>,
    /// References to blocks that must be there before anything of the module.
    pub depends_on: Vec<Expr>,
    /// Values for the module's variables: each is a variable of the module, each required one is given.
    pub args: BTreeMap<String, super::RawAttr>,
}

/// A `check` block.
#[derive(Clone, Debug)]
pub struct CheckDecl {
    /// Its label.
    pub name: Spanned<String>,
    /// Its header.
    pub loc: Loc,
    /// Its assertions.
    pub asserts: Vec<ConditionBlock>,
}

/// What `moved`, `import` and `removed` name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetAddr {
    /// A block or an instance: `iam_role.deploy.at["production"]` is `iam_role.deploy@production`.
    Object(ResourceAddr),
    /// A whole module call, or one instance of it.
    Module(ModuleAddr),
}

impl fmt::Display for TargetAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(address) => address.fmt(f),
            Self::Module(address) => address.fmt(f),
        }
    }
}

/// A target and where it is written.
pub type SpannedTarget = Spanned<TargetAddr>;

/// A `moved` block.
#[derive(Clone, Debug)]
pub struct MovedDecl {
    /// Its header.
    pub loc: Loc,
    /// Where it was.
    pub from: SpannedTarget,
    /// Where it is.
    pub to: SpannedTarget,
}

/// An `import` block.
#[derive(Clone, Debug)]
pub struct ImportDecl {
    /// Its header.
    pub loc: Loc,
    /// The instance, or one for each element.
    pub to: ImportTarget,
    /// The object's AWS id, name or ARN.
    pub id: Expr,
}

/// What an `import` block names.
#[derive(Clone, Debug)]
pub enum ImportTarget {
    /// One instance.
    One(Spanned<ResourceAddr>),
    /// An instance for each element of `over`: keys of `to` may be expressions of `each`.
    Each {
        /// The collection.
        over: Expr,
        /// The instance's address, evaluated with `each`.
        to: Expr,
    },
}

/// A `removed` block.
#[derive(Clone, Debug)]
pub struct RemovedDecl {
    /// Its header.
    pub loc: Loc,
    /// What is forgotten.
    pub from: SpannedTarget,
}

/// A value given to a root variable.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// The value. Text from the command line or the environment has been parsed, or taken as it is
    /// where the variable's type is a string, a number, a bool or not given.
    pub value: Expr,
    /// Where it comes from.
    pub by: SuppliedBy,
}

impl Supplied {
    /// A string as it is, wherever it comes from (a file quotes it, and the environment does not); anything else as
    /// it was written.
    #[must_use]
    pub fn text(&self) -> String {
        let loc = self.value.loc();
        match self.value.node() {
            hcl::edit::expr::Expression::String(text) => text.value().clone(),
            _ => loc.source().text().get(loc.span()).unwrap_or_default().trim().to_owned(),
        }
    }
}

/// Where a variable's value comes from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppliedBy {
    /// `PALISADE_VAR_name`.
    Environment,
    /// `palisade.vars.hcl`.
    DefaultFile,
    /// A `*.auto.vars.hcl` file, in the order of their names.
    AutoFile,
    /// `--var` or `--var-file`, in the order given.
    CommandLine,
}
