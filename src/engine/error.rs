//! How a use case ends when it does not simply succeed: six ways that a caller treats differently, and
//! one for a host that fails to show what it is asked about.

use std::io;

use crate::diag::{Diagnostic, Diagnostics};
use crate::state::{StateError, StateFailure};

/// Why a use case did not succeed. Nothing of it has been shown to the host yet.
#[derive(Debug)]
pub enum EngineError {
    /// Something is wrong with the input, with AWS or with the backend.
    Failed(Diagnostics),
    /// AWS refused a part of what was planned, or what came of it is not as it must be: the same again would
    /// end the same. (Trouble on the way to AWS is [`Self::Failed`].)
    Refused(Diagnostics),
    /// A rule is broken: an isolation rule, a gate, a hold, a freeze.
    RuleBroken(Diagnostics),
    /// The plan or the state is not the one that was worked on.
    Stale(Diagnostics),
    /// Another run holds the lock.
    Locked(Diagnostics),
    /// The host asked to stop.
    Interrupted,
    /// The host failed to show what was about to be done (the disk is full), so nothing was done. That nobody
    /// reads any more is no failure of this kind: a reader who goes away has seen what they wanted.
    Unshown(io::Error),
}

impl EngineError {
    /// A failure in one line.
    #[must_use]
    pub fn failed(summary: impl Into<String>) -> Self {
        Diagnostic::error(summary).into()
    }

    /// What is wrong, for those ends that have something to say.
    #[must_use]
    pub fn diagnostics(&self) -> Option<&Diagnostics> {
        match self {
            Self::Failed(d)
            | Self::Refused(d)
            | Self::RuleBroken(d)
            | Self::Stale(d)
            | Self::Locked(d) => Some(d),
            Self::Interrupted | Self::Unshown(_) => None,
        }
    }
}

impl From<Diagnostic> for EngineError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(diagnostic.into())
    }
}

impl From<Diagnostics> for EngineError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Failed(diagnostics)
    }
}

impl From<StateError> for EngineError {
    fn from(error: StateError) -> Self {
        let diagnostics = Diagnostics::from(*error.diagnostic);
        match error.failure {
            StateFailure::Conflict => Self::Stale(diagnostics),
            StateFailure::Locked => Self::Locked(diagnostics),
            StateFailure::Invalid
            | StateFailure::Unsafe
            | StateFailure::Unavailable
            | StateFailure::Refused => Self::Failed(diagnostics),
        }
    }
}

/// From [`super::host::Host::show`], the only output that a use case waits for.
impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        Self::Unshown(error)
    }
}
