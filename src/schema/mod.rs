//! What blocks may hold: one declaration per kind, read by the loader, the planner, the provider and the docs.
//!
//! [`BlockSchema`] says what a block looks like in HCL. [`KindSchema`] adds what a *managed* kind
//! is: where it lives, how it is found again after a crash, which attributes force a replacement.
//! [`Kind`] is the pure half of a managed kind (block -> desired attributes); its other half is a
//! provider file that talks to AWS.
//!
//! Architecture invariant: nothing here performs I/O, and no other layer matches on a kind's name
//! to decide what to do with it.

mod access;
mod account;
mod account_baseline;
pub mod blocks;
mod body;
mod config;
pub mod duration;
pub mod gates;
mod iam_group;
mod iam_oidc_provider;
mod iam_policy;
mod iam_role;
mod iam_user;
pub mod kinds;
mod meaning;
mod observed;
mod org_policy;
mod organization;
mod organizational_unit;
mod policy;
mod policy_blocks;
mod policy_unknown;
mod read;
pub mod rules;
mod s3_bucket;
mod tags;

use crate::address::ResourceAddr;
use crate::diag::Diagnostics;
use crate::value::{Attrs, Value};

pub use access::{AccessPart, Guardrail, ResourcePolicy};
pub use body::{Body, NestedBody, Spanned};
pub use kinds::{access_of, kind, kind_of_arn, kinds, observed};
pub use meaning::{ArnForm, Meaning, Measure, Naming, Quota, Repair};
pub use observed::Observed;
pub use org_policy::is_aws_owned;
pub use organization::limits_of;
pub use policy::canonical as canonical_policy;

/// Blocks that make up the policies of an object: what they say is in its attributes once it is evaluated.
pub const POLICY_BLOCKS: [&str; 3] = ["inline_policy", "statement", "trust"];

/// The type of an attribute in HCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A length of time: `"90s"`, `"1h"`, `"24h"`, `"7d"`, or a number of seconds.
    Duration,
    /// A list whose order matters.
    List(&'static Ty),
    /// A list whose order does not matter and whose elements are distinct.
    Set(&'static Ty),
    /// A map with elements of one type.
    Map(&'static Ty),
    /// An IAM or organization policy document: JSON text or an object; compared by meaning.
    Policy,
    /// A block of one of these kinds, by reference; an id, ARN or name as text where `text` is true.
    Ref {
        /// The kinds that fit; `account`, `environment`, `iam_policy`, ...
        kinds: &'static [&'static str],
        /// Whether plain text is accepted too.
        text: bool,
    },
    /// Anything.
    Any,
    /// Not evaluated: a type constraint, an address, a traversal that its own pass reads.
    Raw,
}

/// An attribute of a block.
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    /// Its name in HCL and in plans.
    pub name: &'static str,
    /// Its type.
    pub ty: Ty,
    /// Whether it must be given.
    pub required: bool,
    /// Whether AWS can only set it by replacing the object.
    pub replace: bool,
    /// Whether its value is never shown.
    pub sensitive: bool,
    /// One sentence for the docs and for errors.
    pub doc: &'static str,
}

impl Attr {
    /// An optional attribute.
    #[must_use]
    pub const fn optional(name: &'static str, ty: Ty, doc: &'static str) -> Self {
        Self { name, ty, required: false, replace: false, sensitive: false, doc }
    }

    /// A required attribute.
    #[must_use]
    pub const fn required(name: &'static str, ty: Ty, doc: &'static str) -> Self {
        Self { required: true, ..Self::optional(name, ty, doc) }
    }

    /// Changing it replaces the object.
    #[must_use]
    pub const fn forces_replacement(self) -> Self {
        Self { replace: true, ..self }
    }

    /// Its value is never shown.
    #[must_use]
    pub const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
}

/// A block inside a block.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// Its type, such as `statement`.
    pub name: &'static str,
    /// What its labels are; empty for none (`&["name"]` for `statement "deploy" {}`). A label whose
    /// description ends in `?` may be left out.
    pub labels: &'static [&'static str],
    /// How many there must be at least.
    pub min: usize,
    /// How many there may be at most; 0 for any number.
    pub max: usize,
    /// What it holds.
    pub block: &'static BlockSchema,
    /// One sentence for the docs and for errors.
    pub doc: &'static str,
}

/// What a block may hold.
#[derive(Clone, Copy, Debug)]
pub struct BlockSchema {
    /// Its attributes.
    pub attrs: &'static [Attr],
    /// Its nested blocks.
    pub blocks: &'static [Nested],
}

impl BlockSchema {
    /// The attribute of that name.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&'static Attr> {
        self.attrs.iter().find(|a| a.name == name)
    }

    /// The nested block of that name.
    #[must_use]
    pub fn nested(&self, name: &str) -> Option<&'static Nested> {
        self.blocks.iter().find(|b| b.name == name)
    }
}

/// Under which heading of a plan an object's changes stand.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Configuration values.
    Config,
    /// Roles, policies, identity providers, account security settings.
    Iam,
    /// Organization, units, accounts, organization policies.
    Organization,
    /// Buckets, keys, backups.
    Data,
    /// Budgets: no kind is under this heading before there is one for budgets.
    Cost,
    /// Alarms and dashboards: no kind is under this heading before there is one for alarms.
    Monitoring,
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the organization: managed through the management account, state scope `org`.
    Organization,
    /// In an account: placed by `accounts` or `environments`, state scope `acct-HANDLE`.
    Account,
}

/// How an object is found again when its creation was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// By its ownership tags (`palisade:address`), created together with the object.
    Tags,
    /// By its natural key, unless tags say that it is another's: it has none, or they come after the
    /// object itself. Its place is looked at before it is created, for what stands there is not ours.
    NaturalKey,
    /// There is exactly one in an account.
    Singleton,
}

/// An attribute that AWS or Palisade computes; readable in expressions, not settable.
#[derive(Clone, Copy, Debug)]
pub struct Computed {
    /// Its name.
    pub name: &'static str,
    /// One sentence for the docs.
    pub doc: &'static str,
}

/// A canonical attribute that is settled when the object comes into being.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// Its name.
    pub name: &'static str,
    /// What to do about a difference, for errors: a clause that goes on with "or make the block match".
    pub instead: &'static str,
}

/// The declaration of a managed kind.
#[derive(Clone, Copy, Debug)]
pub struct KindSchema {
    /// Block type in HCL: `iam_role`.
    pub kind: &'static str,
    /// What it is, for docs and messages: "an IAM role".
    pub what: &'static str,
    /// Plan heading.
    pub category: Category,
    /// Where it lives.
    pub home: Home,
    /// What its block holds. Meta-arguments (`for_each`, `count`, `depends_on`, `lifecycle`) and
    /// placement (`accounts`, `environments`) are understood for every kind and not listed.
    pub block: BlockSchema,
    /// Attributes that can be read but not set.
    pub computed: &'static [Computed],
    /// How a dangling creation is recovered.
    pub recovery: Recovery,
    /// Which canonical attributes hold policy documents (compared by meaning). `inline_policies.*`
    /// names every value of a map.
    pub policies: &'static [&'static str],
    /// Which canonical attributes can only change by replacing the object.
    pub replace: &'static [&'static str],
    /// Which canonical attributes are sets of things attached by separate calls (`targets`):
    /// planned as attach and detach operations, attach before detach.
    pub attachments: Option<&'static str>,
    /// The canonical attribute that a call of its own changes (an account's `parent_id`): planned as a move.
    pub moves: Option<&'static str>,
    /// Whether creation only starts the work: planned as create and wait.
    pub asynchronous: bool,
    /// Whether an existing object with the same natural key is simply taken over (singletons, the
    /// organization). Other existing objects are taken over only by `import`, by an account's `id`,
    /// or when their ownership tag is that of the address.
    pub adopts: bool,
    /// Which canonical attributes Palisade never changes, not even by replacing the object (an account's
    /// e-mail): a difference is an error at plan time.
    pub fixed: &'static [Fixed],
    /// Kinds whose instances come before every instance of this one although no expression names
    /// them (`organization` before whatever lives in it).
    pub after: &'static [&'static str],
    /// The AWS documentation page that its rules come from.
    pub source: &'static str,
    /// What its objects mean in AWS.
    pub meaning: Meaning,
}

impl KindSchema {
    /// A declaration without anything optional, to be completed by struct update.
    pub(crate) const fn of(meaning: Meaning) -> Self {
        Self {
            kind: "",
            what: "",
            category: Category::Iam,
            home: Home::Account,
            block: BlockSchema { attrs: &[], blocks: &[] },
            computed: &[],
            recovery: Recovery::Tags,
            policies: &[],
            replace: &[],
            attachments: None,
            moves: None,
            asynchronous: false,
            adopts: false,
            fixed: &[],
            after: &[],
            source: "",
            meaning,
        }
    }
}

/// What the pure half of a kind may know beside its own block.
#[derive(Clone, Debug)]
pub struct Context {
    /// The instance.
    pub address: ResourceAddr,
    /// The estate's name (`palisade { name }`).
    pub estate: String,
    /// Id of the account that it lives in (management account for organization kinds); may be unknown.
    pub account_id: Value,
    /// The partition of ARNs.
    pub partition: crate::ids::Partition,
    /// The region of regional objects.
    pub region: String,
    /// `provider { default_tags }`, then the environment's tags; block tags win over both.
    pub default_tags: std::collections::BTreeMap<String, String>,
    /// The tags that mark ownership; part of every desired `tags`.
    pub ownership_tags: std::collections::BTreeMap<String, String>,
    /// AWS's limits, with what `organization { limits {} }` overrides.
    pub limits: crate::iam::Limits,
}

/// What destroying an object does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDestroy {
    /// It is deleted in AWS.
    Delete,
    /// It stays in AWS and leaves the state.
    Retain,
}

/// The pure half of a managed kind.
///
/// *Canonical attributes* are the shape in which desired and live objects are compared: plain
/// values, ids instead of references, policy documents as objects, tags merged. `desired`, the
/// provider's bulk read and its single read all yield that same shape. They hold no `Set` and no
/// `Block`: what has no order is a sorted list without duplicates. What only Palisade knows about
/// an object and AWS does not hold (`on_destroy`, `exclusive`) is no canonical attribute; see [`Kind::meta`].
/// The organization's root stands as `root` wherever a parent or a target is meant.
pub trait Kind: Send + Sync {
    /// The declaration.
    fn schema(&self) -> &'static KindSchema;

    /// The canonical desired attributes of an evaluated block, computed ones excluded, and what is
    /// doubtful in it.
    ///
    /// # Errors
    /// Everything in the block that AWS would refuse, each at its place.
    fn desired(&self, body: &Body, cx: &Context) -> Result<(Attrs, Diagnostics), Diagnostics>;

    /// The computed attributes as far as they are known before the object exists: an ARN is, an id
    /// that AWS assigns is [`Value::Unknown`].
    fn computed(&self, desired: &Attrs, cx: &Context) -> Attrs;

    /// Settings of the block that steer Palisade and are not in AWS: `on_destroy`, `exclusive`.
    /// They are kept beside the attributes in state and change nothing in AWS by themselves. A kind with
    /// lists that others may add to keeps under `declared` what the block itself put into each.
    fn meta(&self, _body: &Body) -> Attrs {
        Attrs::new()
    }

    /// The desired attributes in the presence of a live object: adds what is there and shall be left
    /// alone (additive lists of the organization, attachments under `exclusive = false`, protected
    /// policies). `recorded` is what state remembers of the last apply (empty when nothing), `declared`
    /// lists as they were declared then: what it lists and the block no longer does was Palisade's own and goes. The default leaves nothing
    /// alone.
    fn reconcile(&self, desired: Attrs, _live: &Attrs, _recorded: &Attrs, _meta: &Attrs) -> Attrs {
        desired
    }

    /// Whether the block only declares something that lies outside AWS (an emulated account): then
    /// there is nothing to create, to read or to delete, and state just knows of it.
    fn only_declared(&self, _desired: &Attrs) -> bool {
        false
    }

    /// What to do with the object in AWS when its block is gone.
    fn on_destroy(&self, _meta: &Attrs) -> OnDestroy {
        OnDestroy::Delete
    }

    /// The name that makes the object unique of its kind in its home, from canonical attributes
    /// (desired or live); `None` while a piece of it is unknown.
    fn natural_key(&self, attrs: &Attrs) -> Option<String>;
}
