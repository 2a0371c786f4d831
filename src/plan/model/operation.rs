//! The execution graph: what apply walks. Whatever order or condition a change needs is written here;
//! apply decides nothing.

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;
use crate::provider::Op;

/// One node of the execution graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number, from 1, in a valid order.
    pub id: u32,
    /// What it does.
    pub op: OperationKind,
    /// The object.
    pub address: ResourceAddr,
    /// Scope of the state that records it: `org` or `acct-HANDLE`.
    pub scope: String,
    /// The operations that must have succeeded before.
    pub after: Vec<u32>,
    /// For attach and detach: the target as an id, or as an address whose `id` it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<OperationTarget>,
}

/// What an operation acts with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationTarget {
    /// A known id.
    Id(String),
    /// The `id` of an object that this plan creates.
    IdOf(ResourceAddr),
}

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
    /// The provider's step, for operations that call AWS.
    #[must_use]
    pub fn step(self) -> Option<Op> {
        Some(match self {
            Self::Create => Op::Create,
            Self::Update => Op::Update,
            Self::Delete => Op::Delete,
            Self::Attach => Op::Attach,
            Self::Detach => Op::Detach,
            Self::Move => Op::Move,
            Self::Wait => Op::Wait,
            Self::Adopt | Self::Forget | Self::Rename => return None,
        })
    }
}
