//! The execution graph: what apply walks. Whatever order or condition a change needs is written here;
//! apply decides nothing.

use serde::{Deserialize, Serialize};

use crate::address::ResourceAddr;
use crate::provider::Op;
use crate::value::{StringPart, Value};

pub use crate::state::OperationKind;

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
    /// For create: with a trust that lets no principal in; an update of the same object brings its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interim: bool,
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

impl OperationKind {
    /// What is being done, for a sentence: `creating`.
    #[must_use]
    pub fn under_way(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Delete => "deleting",
            Self::Attach => "attaching",
            Self::Detach => "detaching",
            Self::Move => "moving",
            Self::Wait => "waiting for",
            Self::Adopt => "adopting",
            Self::Forget => "forgetting",
            Self::Rename => "renaming",
        }
    }

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

impl OperationTarget {
    /// The target that an attribute names: a known id, or the object whose id it will be.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value.reveal() {
            Value::String(id) => Some(Self::Id(id.clone())),
            Value::Unknown(unknown) => match unknown.parts.as_slice() {
                [StringPart::Ref(reference)] => Some(Self::IdOf(reference.address.clone())),
                _ => None,
            },
            _ => None,
        }
    }
}
