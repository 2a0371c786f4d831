//! Policy documents of a plan's sides, read and compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::arns::ComingArns;
use super::symbol;
use crate::access::NamedPolicy;
use crate::difference::policies::{document, text_document};
use crate::iam::Use;
use crate::value::{Attrs, Value};

/// Documents by content: what stands in many places, or on both sides, is read and compiled once.
#[derive(Debug, Default)]
pub(super) struct PolicyCache {
    /// ARNs of what the plan makes, which stand in documents as symbols.
    coming: ComingArns,
    by_content: Mutex<HashMap<Value, Option<NamedPolicy>>>,
    /// Texts of policies of resources, by service: each service takes other documents.
    by_service: Mutex<HashMap<(String, Value), Option<NamedPolicy>>>,
    /// The same by where they lie in memory, which is asked first: most stand in the memory of another one.
    by_place: Mutex<HashMap<usize, (Attrs, Option<NamedPolicy>)>>,
}

impl PolicyCache {
    pub(super) fn new(coming: ComingArns) -> Self {
        Self { coming, ..Self::default() }
    }

    /// A text with the parts that are unknown until apply as symbols, the same for equal unknowns, and ARNs of what the plan makes
    /// as AWS makes them.
    pub(super) fn symbol(&self, value: &Value) -> String {
        symbol(&self.coming.resolved(value))
    }

    /// The document of an attribute, under the label of its object and the part of it; `None` when it
    /// cannot be read as a policy.
    pub(super) fn policy(&self, value: &Value, label: &str, part: &str) -> Option<NamedPolicy> {
        let policy = match value {
            Value::Map(attrs) => {
                let by_place = || self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
                let known = by_place().get(&attrs.place()).map(|(_, policy)| policy.clone());
                // Kept beside its policy, it stays where it is.
                known.unwrap_or_else(|| {
                    let policy = self.read(value);
                    by_place().insert(attrs.place(), (attrs.clone(), policy.clone()));
                    policy
                })
            }
            other => self.read(other),
        };
        Some(policy?.named(label, part))
    }

    /// The policy of a resource of a service, as a text.
    pub(super) fn text(&self, text: &str, service: &str, label: &str) -> Option<NamedPolicy> {
        self.resource(&Value::from(text), service, label)
    }

    /// The policy of a resource of a service: an object, or the text of one.
    pub(super) fn resource(
        &self,
        value: &Value,
        service: &str,
        label: &str,
    ) -> Option<NamedPolicy> {
        if matches!(value.reveal(), Value::Map(_)) {
            return self.policy(value.reveal(), label, "policy");
        }
        let place = (service.to_owned(), value.clone());
        let by_service = || self.by_service.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_service().get(&place).cloned();
        let policy = known.unwrap_or_else(|| {
            let value = self.coming.resolved(value);
            let read = text_document(&value, Use::Resource(service.to_owned()));
            let read = read.map(|document| NamedPolicy::new("", "", document));
            by_service().entry(place).or_insert(read).clone()
        });
        Some(policy?.named(label, "policy"))
    }

    fn read(&self, value: &Value) -> Option<NamedPolicy> {
        let by_content = || self.by_content.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_content().get(value).cloned();
        known.unwrap_or_else(|| {
            let known_parts = self.coming.resolved(value);
            let read = document(&known_parts).map(|document| NamedPolicy::new("", "", document));
            // The first to read it has read it for all.
            by_content().entry(value.clone()).or_insert(read).clone()
        })
    }
}

/// Shared by all that reads policies of one pair of sides.
pub(super) type SharedPolicies = Arc<PolicyCache>;
