//! The declaration of a managed kind: what the layers above ask instead of its name.

use super::block_schema::BlockSchema;
use super::meaning::Meaning;

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
    /// Objects of AWS resource types that belong under none of the others.
    Resources,
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
pub enum RecoveryMethod {
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
    /// How a creation in doubt is recovered.
    pub recovery: RecoveryMethod,
    /// Which canonical attributes hold policy documents (compared by meaning). `inline_policies.*`
    /// names every value of a map.
    pub policies: &'static [&'static str],
    /// Canonical attributes that can only change by replacing the object and that are none of the block's; those
    /// of the block say so themselves ([`KindSchema::replaces`]).
    pub also_replaces: &'static [&'static str],
    /// Which canonical attributes follow from the block's own, so that plans show them only where they change.
    pub derived: &'static [&'static str],
    /// Which canonical attributes a read leaves out while they are what every object has by default: one that turns up
    /// is drift.
    pub left_out: &'static [&'static str],
    /// Which canonical attributes are sets of things attached by separate calls (`targets`):
    /// planned as attach and detach operations, attach before detach.
    pub attachments: Option<&'static str>,
    /// The canonical attribute with those things that the same plan makes and to which AWS attaches an object of its
    /// own by itself ([`crate::schema::ManagedKind::is_given`]), where it is to be detached from them: planned as
    /// detach operations that come after they are made.
    pub detachments: Option<&'static str>,
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
    /// Terraform's types, without `aws_`, in whose place its blocks stand: for each what to write, where that is not a
    /// block of this kind alone.
    pub stands_for: &'static [(&'static str, &'static str)],
    /// AWS's resource types in whose place its blocks stand.
    pub resource_types: &'static [&'static str],
    /// The AWS documentation page that its rules come from.
    pub source: &'static str,
    /// What its objects mean in AWS.
    pub meaning: Meaning,
}

impl KindSchema {
    /// A declaration without anything optional, to be completed by struct update. What no kind can do without is
    /// an argument; names, block and source are left empty, which a test finds.
    pub(crate) const fn of(
        category: Category,
        home: Home,
        recovery: RecoveryMethod,
        meaning: Meaning,
    ) -> Self {
        Self {
            kind: "",
            what: "",
            category,
            home,
            block: BlockSchema { attrs: &[], blocks: &[] },
            computed: &[],
            recovery,
            policies: &[],
            also_replaces: &[],
            derived: &[],
            left_out: &[],
            attachments: None,
            detachments: None,
            moves: None,
            asynchronous: false,
            adopts: false,
            fixed: &[],
            after: &[],
            stands_for: &[],
            resource_types: &[],
            source: "",
            meaning,
        }
    }

    /// Whether a canonical attribute can only change by replacing the object.
    #[must_use]
    pub fn replaces(&self, name: &str) -> bool {
        self.block.attr(name).is_some_and(|attr| attr.replace) || self.also_replaces.contains(&name)
    }
}
