//! The edits of the organization; those of accounts are in [`super::edit`].

use std::collections::BTreeSet;

use super::change_set::{ApplyStep, NotJudged};
use super::{OrganizationPolicy, OrganizationSnapshot, PolicyText};
use crate::access::PolicyType;

/// One edit of the organization.
#[derive(Clone, Debug)]
pub(super) enum TreeEdit {
    /// Deletes a service or resource control policy.
    DropGuardrail { id: String },
    /// Detaches such a policy.
    DetachGuardrail { id: String, target: String },
    /// Deletes a unit.
    DropUnit { id: String },
    /// Creates or changes a policy.
    PutGuardrail { id: String, kind: PolicyType, label: String, content: PolicyText },
    /// Creates or moves a unit.
    PutUnit { id: String, parent: String },
    /// Creates or moves an account; a new one without a parent is under the root.
    PutAccount { id: String, parent: Option<String> },
    /// Attaches a policy.
    AttachGuardrail { id: String, target: String, address: String },
}

impl TreeEdit {
    /// The step that it belongs to.
    pub(super) fn step(&self) -> ApplyStep {
        match self {
            Self::DropGuardrail { .. } | Self::DetachGuardrail { .. } | Self::DropUnit { .. } => {
                ApplyStep::Remove
            }
            Self::PutGuardrail { .. } | Self::PutUnit { .. } => ApplyStep::Hold,
            Self::PutAccount { .. } | Self::AttachGuardrail { .. } => ApplyStep::Fill,
        }
    }

    /// Carries it out.
    pub(super) fn carry_out(self, tree: &mut OrganizationSnapshot, unclear: &mut Vec<NotJudged>) {
        match self {
            Self::DropGuardrail { id } => {
                tree.policies.remove(&id);
            }
            Self::DetachGuardrail { id, target } => {
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
            Self::AttachGuardrail { id, target, address } => match tree.policies.get_mut(&id) {
                Some(policy) => {
                    policy.targets.insert(target);
                    // AWS refuses to attach a policy whose type is not enabled.
                    if let Some(enabled) = &mut tree.enabled {
                        enabled.insert(policy.kind);
                    }
                }
                None => {
                    let why =
                        format!("the policy that `{address}` attaches is known only after apply");
                    unclear.push(NotJudged { account: None, why });
                }
            },
        }
    }
}
