//! What is asked of a plan, and what makes it fail.

use crate::address::ResourceAddr;
use crate::plan::ComputeOptions;
use crate::promotion::Release;

use super::workspace::Variables;

pub use crate::plan::Mode;
pub use crate::plan::model::Selection;

/// What is asked of a plan.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// Mode, selection, forced replacements.
    pub options: ComputeOptions,
    /// Environments and accounts that the caller asks about: they limit nothing, and a name that nothing declares
    /// is refused before AWS is read.
    pub about: Selection,
    /// Values for variables.
    pub variables: Variables,
    /// Whether AWS is read.
    pub refresh: bool,
    /// Whether the policies on resources are read with it, by which walls are judged.
    pub resource_policies: bool,
    /// Whether the plan is made to be carried out at once: then every account that it changes has to be
    /// read, if need be through its access role.
    pub for_apply: bool,
    /// How many accounts are read at once.
    pub parallelism: usize,
    /// Objects to take over beside those of `import` blocks: address and AWS id.
    pub imports: Vec<(ResourceAddr, String)>,
    /// Whether SSM is asked for the versions of secrets' sources, as the principal that applies does.
    pub secret_versions: bool,
    /// What it means that a lookup of a `data` block fails.
    pub failed_lookups: FailedLookups,
    /// Resource types that are listed in the accounts of [`Self::about`], beside those that the configuration or the state
    /// has objects of.
    pub listed_types: Vec<&'static str>,
    /// A release to plan with in place of the one that stands in an environment.
    pub release: Option<ReleaseOverride>,
}

/// What it means that a lookup of a `data` block fails. Unless it is refused at once, what it tells is unknown, and
/// blocks that need it are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedLookups {
    /// An error.
    #[default]
    Refused,
    /// An error where an object that the plan is limited to needs it.
    RefusedWhereNeeded,
    /// A warning. For what looks at the estate or takes it down, and makes nothing of those values.
    LeftOut,
}

impl FailedLookups {
    /// In a plan of this mode that is limited to this selection.
    #[must_use]
    pub fn of(mode: Mode, selection: &Selection) -> Self {
        match mode {
            Mode::Destroy => Self::LeftOut,
            Mode::Normal | Mode::RefreshOnly if *selection == Selection::default() => Self::Refused,
            Mode::Normal | Mode::RefreshOnly => Self::RefusedWhereNeeded,
        }
    }
}

/// What a promotion puts in place of what stands in an environment.
#[derive(Clone, Debug)]
pub struct ReleaseOverride {
    /// The environment.
    pub environment: String,
    /// The release that moves in.
    pub release: Release,
}

impl PlanRequest {
    /// Of a whole estate that is read, without a change to it: what `drift` needs.
    #[must_use]
    pub fn everything(variables: &Variables) -> Self {
        Self {
            options: ComputeOptions::default(),
            about: Selection::default(),
            variables: variables.clone(),
            refresh: true,
            resource_policies: true,
            for_apply: false,
            parallelism: 10,
            imports: Vec::new(),
            secret_versions: false,
            failed_lookups: FailedLookups::Refused,
            listed_types: Vec::new(),
            release: None,
        }
    }

    /// Of one mode and selection. Where AWS is read for changes, the versions of secrets are, too.
    #[must_use]
    pub fn of(mode: Mode, selection: Selection, variables: &Variables, refresh: bool) -> Self {
        Self {
            failed_lookups: FailedLookups::of(mode, &selection),
            options: ComputeOptions { mode, selection, ..ComputeOptions::default() },
            refresh,
            secret_versions: mode == Mode::Normal && refresh,
            ..Self::everything(variables)
        }
    }
}

/// What makes a plan fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// A path between environments that breaks an isolation rule.
    #[default]
    Violation,
    /// Any path that the plan adds or widens.
    Widening,
    /// Nothing; the audit log keeps the reason.
    None,
}
