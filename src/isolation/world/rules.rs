//! Policy documents of a world, read and compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::iam::{ChainLevel, Document, Policy};
use crate::plan::policies::document;
use crate::value::{Attrs, Value};

/// Separates the address from the part in a policy's name.
pub const PART: char = '\u{1f}';

/// A policy document, parsed and compiled, with the name that reports cite.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The document.
    pub document: Arc<Document>,
    /// Compiled for the judge; its name is `ADDRESS\u{1f}PART`.
    pub policy: Arc<Policy>,
}

/// Documents by content: what stands in many places, or on both sides, is read and compiled once.
#[derive(Debug, Default)]
pub(super) struct Library {
    known: Mutex<HashMap<Value, Option<Rule>>>,
    /// The same by where they lie in memory, which is asked first: most stand in the memory of another one.
    held: Mutex<HashMap<usize, (Attrs, Option<Rule>)>>,
}

impl Library {
    /// The document of an attribute, under the name of its object and of the part of it; `None` when it
    /// is none.
    pub(super) fn rule(&self, value: &Value, label: &str, part: &str) -> Option<Rule> {
        let found = match value {
            Value::Map(attrs) => {
                let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
                let here = held().get(&attrs.place()).map(|(_, rule)| rule.clone());
                // Kept beside its rule, it stays where it is.
                here.unwrap_or_else(|| {
                    let rule = self.read(value);
                    held().insert(attrs.place(), (attrs.clone(), rule.clone()));
                    rule
                })
            }
            other => self.read(other),
        };
        let Rule { document, policy } = found?;
        Some(Rule { document, policy: Arc::new(policy.renamed(format!("{label}{PART}{part}"))) })
    }

    fn read(&self, value: &Value) -> Option<Rule> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(value).cloned();
        found.unwrap_or_else(|| {
            let read = document(value).map(|document| Rule {
                policy: Arc::new(Policy::new("", &document)),
                document: Arc::new(document),
            });
            // Whoever read it first has read it for all.
            known().entry(value.clone()).or_insert(read).clone()
        })
    }

    /// AWS's own policy that permits everything.
    pub(super) fn full_access(&self) -> Option<Rule> {
        let value = Value::from_json(&serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }));
        self.rule(&value, "FullAWSAccess", "content")
    }
}

/// Compiled levels for the judge.
#[must_use]
pub fn levels(chain: &[(String, Vec<Rule>)]) -> Vec<ChainLevel> {
    chain
        .iter()
        .map(|(target, rules)| ChainLevel {
            target: target.clone(),
            policies: rules.iter().map(|r| Arc::clone(&r.policy)).collect(),
        })
        .collect()
}
