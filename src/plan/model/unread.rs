//! What could not be read. A plan names it and claims nothing of it: what is not read is not unchanged.

use serde::{Deserialize, Serialize};

use super::{OperationKind, Plan};

/// A part of AWS that could not be read, and the objects of this plan that lie in it. What the plan says
/// of these rests on the state alone, or on nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The account's handle, or `org`.
    pub account: String,
    /// The environments that the account serves.
    pub environments: Vec<String>,
    /// The kinds that could not be read; empty where nothing of the account could be.
    pub kinds: Vec<String>,
    /// Why.
    pub reason: String,
    /// The objects of the state or the configuration that lie there, by their addresses.
    pub objects: Vec<String>,
}

/// How many objects were not read.
#[must_use]
pub fn unread_objects(unread: &[Unread]) -> usize {
    unread.iter().map(|part| part.objects.len()).sum()
}

impl Plan {
    /// The objects that an operation would change in AWS although they could not be read, each with the reason.
    #[must_use]
    pub fn rests_on_unread(&self) -> Vec<(&str, &str)> {
        let objects = self.unread.iter().flat_map(|part| {
            part.objects.iter().map(|object| (object.as_str(), part.reason.as_str()))
        });
        let mut touched: Vec<String> = self
            .operations
            .iter()
            .filter(|operation| OperationKind::step(operation.op).is_some())
            .map(|operation| operation.address.to_string())
            .collect();
        touched.sort();
        objects
            .filter(|(object, _)| touched.binary_search_by(|t| t.as_str().cmp(object)).is_ok())
            .collect()
    }
}
