//! What the evaluator computes once, by name, and what it keeps of it.

use std::sync::Arc;

use crate::eval::estate::ProviderSettings;
use crate::eval::instances::object::{Expansion, HomeFacts, ObjectIx};
use crate::eval::modules::instance::{CallExpansion, ModuleIx};
use crate::iam::Limits;
use crate::value::{Attrs, Value};

/// Something with a name that is computed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::eval) enum Node {
    Variable(ModuleIx, String),
    Local(ModuleIx, String),
    Output(ModuleIx, String),
    Call(ModuleIx, String),
    Block(ModuleIx, String, String),
    Data(ModuleIx, String, String),
    Identity(ObjectIx),
    Home(ObjectIx, Option<String>),
    Attr(ObjectIx, String),
    Environment(String, String),
    Declaration(String, String, String),
}

impl Node {
    /// Whether who refers to the node depends on what the node refers to. What an attribute of an
    /// instance is made of concerns the instance alone; of a named value, only the part that is
    /// taken may count (`Evaluator::refers_to_part`).
    pub(super) fn passes_dependencies(&self) -> bool {
        matches!(self, Self::Environment(..))
    }
}

/// What a node holds.
#[derive(Clone)]
pub(in crate::eval) enum Stored {
    Value(Arc<Value>),
    Attrs(Arc<Attrs>),
    Calls(Arc<CallExpansion>),
    Objects(Arc<Expansion>),
    Provider(Arc<ProviderSettings>),
    Limits(Arc<Limits>),
    Home(Arc<HomeFacts>),
}

impl Stored {
    pub(super) fn has_unknown(&self) -> bool {
        match self {
            Self::Value(value) => value.has_unknown() || mentions_block(value),
            Self::Attrs(attrs) => attrs.values().any(Value::has_unknown),
            Self::Home(facts) => facts.account_id.has_unknown(),
            Self::Calls(_) | Self::Objects(_) | Self::Provider(_) | Self::Limits(_) => false,
        }
    }
}

/// A reference to a block carries attributes, some of which may become known.
fn mentions_block(value: &Value) -> bool {
    let mut found = false;
    value.visit(&mut |v| {
        if let Value::Block(block) = v {
            found |= block.attrs.values().any(Value::has_unknown);
        }
    });
    found
}
