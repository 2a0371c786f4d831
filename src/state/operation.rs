//! What an operation does: the word that plans, the journal and reports share.

use serde::{Deserialize, Serialize};

/// What an operation does. All but the last three call AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Create the object.
    Create,
    /// Change it in place.
    Update,
    /// Delete it.
    Delete,
    /// Attach it to a target.
    Attach,
    /// Detach it from a target.
    Detach,
    /// Move it below another parent.
    Move,
    /// Wait until its asynchronous creation is through.
    Wait,
    /// Take it into state as it is.
    Adopt,
    /// Drop it from state.
    Forget,
    /// Rename it in state (`moved`, or an address that grew an environment).
    Rename,
}

impl OperationKind {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Move => "move",
            Self::Wait => "wait",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Rename => "rename",
        }
    }
}
