//! How an apply ended.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::plan::model::OperationKind;
use crate::state::scopes::AuditHead;
use crate::state::{StateError, layout};

/// An operation that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Its number.
    pub id: u32,
    /// What it did.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// The scope.
    pub scope: String,
}

/// An operation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its number.
    pub id: u32,
    /// What it was to do.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// The scope.
    pub scope: String,
    /// Why.
    pub why: Diagnostic,
    /// Whether it may have been carried out all the same: the journal keeps it, the next run looks.
    pub uncertain: bool,
    /// Whether something between here and AWS failed, and not what was asked.
    pub outage: bool,
}

/// An operation that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its number.
    pub id: u32,
    /// What it was to do.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// The scope.
    pub scope: String,
    /// The operation that failed; `None` when it was only not started any more.
    pub because: Option<(u32, ResourceAddr)>,
}

/// How an apply ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApplySummary {
    /// The run's id.
    pub run: String,
    /// What was done, in order of completion.
    pub done: Vec<Done>,
    /// What failed.
    pub failed: Vec<Failed>,
    /// What was skipped.
    pub skipped: Vec<Skipped>,
    /// Postconditions that do not hold.
    pub postconditions: Vec<Diagnostic>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Scopes whose state could not be written, each with why.
    pub unsaved: Vec<(String, StateError)>,
    /// Where such states were saved instead, with the command that pushes them back.
    pub saved_to: Vec<(PathBuf, String)>,
    /// Objects with a result that neither the state nor the journal took, by scope: the next run looks them
    /// up by what was announced.
    pub unrecorded: Vec<(String, ResourceAddr)>,
    /// Scopes whose lock another run has taken over.
    pub taken_over: BTreeSet<String>,
    /// Head of the audit log after this run, to be kept elsewhere.
    pub head: Option<AuditHead>,
    /// What went wrong around the changes (the audit log, cleaning up), without harm to them.
    pub warnings: Vec<Diagnostic>,
}

impl ApplySummary {
    /// Whether everything was done and recorded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed.is_empty()
            && self.skipped.is_empty()
            && self.postconditions.is_empty()
            && self.unsaved.is_empty()
            && !self.interrupted
    }

    /// Whether an operation ended as it did because another run has taken over, and not for a reason of its own.
    #[must_use]
    pub fn is_overtaken(&self, failed: &Failed) -> bool {
        let walls = self.taken_over.contains(layout::WALLS);
        failed.outage && (walls || self.taken_over.contains(&failed.scope))
    }

    /// Whether a state write lost against somebody else's: exit code 4.
    #[must_use]
    pub fn has_conflict(&self) -> bool {
        self.unsaved.iter().any(|(_, e)| e.failure == crate::state::StateFailure::Conflict)
    }
}
