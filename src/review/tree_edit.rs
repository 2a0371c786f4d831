//! What a change does to the organization, as data, beside [`super::edit`].

use std::collections::BTreeSet;

use super::change_set::{ApplyStep, NotJudged};
use super::{OrganizationPolicy, OrganizationSnapshot, PolicyText};
use crate::access::PolicyType;

/// One edit of the organization.
#[derive(Clone, Debug)]
pub(super) enum TreeEdit {
    /// A service or resource control policy goes.
    DropGuardrail { id: String },
    /// It is attached no more.
    Untarget { id: String, target: String },
    /// A unit goes.
    DropUnit { id: String },
    /// A policy stands.
    PutGuardrail { id: String, kind: PolicyType, label: String, content: PolicyText },
    /// A unit stands under another one, or under the root.
    PutUnit { id: String, parent: String },
    /// An account stands under a unit or the root: the root where nothing is said of a new one.
    PutAccount { id: String, parent: Option<String> },
    /// A policy is attached.
    Target { id: String, target: String, address: String },
}

impl TreeEdit {
    /// The step that it belongs to.
    pub(super) fn step(&self) -> ApplyStep {
        match self {
            Self::DropGuardrail { .. } | Self::Untarget { .. } | Self::DropUnit { .. } => {
                ApplyStep::Remove
            }
            Self::PutGuardrail { .. } | Self::PutUnit { .. } => ApplyStep::Hold,
            Self::PutAccount { .. } | Self::Target { .. } => ApplyStep::Fill,
        }
    }

    /// Carries it out.
    pub(super) fn carry_out(self, tree: &mut OrganizationSnapshot, unclear: &mut Vec<NotJudged>) {
        match self {
            Self::DropGuardrail { id } => {
                tree.policies.remove(&id);
            }
            Self::Untarget { id, target } => {
                if let Some(policy) = tree.policies.get_mut(&id) {
                    policy.targets.remove(&target);
                }
            }
            Self::DropUnit { id } => {
                tree.units.remove(&id);
            }
            Self::PutGuardrail { id, kind, label, content } => {
                let policy = tree.policies.entry(id).or_insert_with(|| OrganizationPolicy {
                    kind,
                    label,
                    content: content.clone(),
                    targets: BTreeSet::new(),
                });
                policy.content = content;
            }
            Self::PutUnit { id, parent } => {
                tree.units.insert(id, parent);
            }
            Self::PutAccount { id, parent } => match parent {
                Some(parent) => {
                    tree.accounts.insert(id, parent);
                }
                None => {
                    let root = tree.root.clone();
                    tree.accounts.entry(id).or_insert(root);
                }
            },
            Self::Target { id, target, address } => match tree.policies.get_mut(&id) {
                Some(policy) => {
                    policy.targets.insert(target);
                    // A guardrail that is attached is switched on, or AWS would have refused it.
                    if let Some(enabled) = &mut tree.enabled {
                        enabled.insert(policy.kind);
                    }
                }
                None => {
                    let why = format!("what `{address}` attaches is known after apply");
                    unclear.push(NotJudged { account: None, why });
                }
            },
        }
    }
}
