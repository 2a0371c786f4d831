//! How a command ends, and which exit code that is.

use std::io;

use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::EngineError;

/// Why a command did not simply succeed.
#[derive(Debug)]
pub enum Exit {
    /// Something is wrong with the input or the world: told as diagnostics.
    Failed(Diagnostics),
    /// There are changes, and the caller asked to be told by the exit code. Nothing is printed.
    Changes,
    /// Something could not be read, so that nothing can be said of it. What it is has been printed.
    Incomplete,
    /// A rule is broken.
    RuleBroken(Diagnostics),
    /// The plan or the state is not the one that was worked on.
    Stale(Diagnostics),
    /// Somebody else holds the lock.
    Locked(Diagnostics),
    /// Ctrl-C.
    Interrupted,
    /// What had to be told has been told already.
    Reported,
}

impl Exit {
    /// The process's exit code; the commands' guide lists them.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Reported => 1,
            Self::Changes => 2,
            Self::RuleBroken(_) => 3,
            Self::Stale(_) => 4,
            Self::Locked(_) => 5,
            Self::Incomplete => 6,
            Self::Interrupted => 130,
        }
    }

    /// Its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) | Self::Reported => "failed",
            Self::Changes => "changes",
            Self::RuleBroken(_) => "rule_broken",
            Self::Stale(_) => "stale",
            Self::Locked(_) => "locked",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
        }
    }

    /// What is to be told on standard error.
    #[must_use]
    pub fn diagnostics(&self) -> Option<&Diagnostics> {
        match self {
            Self::Failed(d) | Self::RuleBroken(d) | Self::Stale(d) | Self::Locked(d) => Some(d),
            Self::Changes | Self::Incomplete | Self::Interrupted | Self::Reported => None,
        }
    }

    /// An error in one line.
    #[must_use]
    pub fn error(summary: impl Into<String>) -> Self {
        Diagnostic::error(summary).into()
    }
}

impl From<Diagnostic> for Exit {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(diagnostic.into())
    }
}

impl From<Diagnostics> for Exit {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Failed(diagnostics)
    }
}

impl From<EngineError> for Exit {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Failed(d) | EngineError::Refused(d) => Self::Failed(d),
            EngineError::RuleBroken(d) => Self::RuleBroken(d),
            EngineError::Stale(d) => Self::Stale(d),
            EngineError::Locked(d) => Self::Locked(d),
            EngineError::Interrupted => Self::Interrupted,
            EngineError::Unshown(error) => error.into(),
        }
    }
}

/// Output could not be written.
impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        Self::error(format!("cannot write the output: {error}"))
    }
}
