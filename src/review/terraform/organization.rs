//! The organization: units, accounts, policies and their attachments.

use super::overlay::{ApplyNotes, ApplyStep, NotJudged, Work};
use super::plan::Change;
use crate::access::PolicyType;
use crate::review::dumps::policy_type;
use crate::review::{AccountsSnapshot, OrganizationPolicy, OrganizationSnapshot, PolicyText, Tree};

/// Gives what stands its label.
pub(super) fn prepare(change: &Change, before: &mut AccountsSnapshot) {
    let Tree::Read(tree) = &mut before.tree else { return };
    if change.r#type == "aws_organizations_policy"
        && let Some(policy) = change.before("id").and_then(|id| tree.policies.get_mut(id))
    {
        policy.label.clone_from(&change.address);
    }
}

/// Carries one step of one change out.
pub(super) fn take(
    work: &Work<'_>,
    step: ApplyStep,
    change: &Change,
    after: &mut AccountsSnapshot,
    notes: &mut ApplyNotes,
) {
    let Tree::Read(tree) = &mut after.tree else {
        let why = format!(
            "`{}` changes an organization that was not read (organization.json)",
            change.address
        );
        notes.not_judged.push(NotJudged { account: None, why });
        return;
    };
    match step {
        ApplyStep::Remove if change.removes() => remove(change, tree),
        ApplyStep::Hold if change.writes() => hold(work, change, tree, notes),
        ApplyStep::Fill if change.writes() => fill(work, change, tree, notes),
        _ => {}
    }
}

fn remove(change: &Change, tree: &mut OrganizationSnapshot) {
    let id = change.before("id").unwrap_or_default();
    match change.r#type.as_str() {
        "aws_organizations_policy" => {
            tree.policies.remove(id);
        }
        "aws_organizations_policy_attachment" => {
            let policy = change.before("policy_id").and_then(|id| tree.policies.get_mut(id));
            if let Some(policy) = policy {
                policy.targets.remove(change.before("target_id").unwrap_or_default());
            }
        }
        "aws_organizations_organizational_unit" => {
            tree.units.remove(id);
        }
        // An account that leaves Terraform stays in the organization, or is closed: either way nothing opens.
        _ => {}
    }
}

fn hold(work: &Work<'_>, change: &Change, tree: &mut OrganizationSnapshot, notes: &mut ApplyNotes) {
    let Some(entity) = work.entity(change).cloned() else { return };
    match change.r#type.as_str() {
        "aws_organizations_policy" => {
            let Some(kind) = policy_type(change.either("type").unwrap_or("SERVICE_CONTROL_POLICY"))
            else {
                return;
            };
            let content = work.policy(change, "content");
            let content = content.unwrap_or_else(|| {
                PolicyText::Unknown(format!("`{}` has no content", change.address))
            });
            let policy = tree.policies.entry(entity.arn).or_insert_with(|| OrganizationPolicy {
                kind,
                label: change.address.clone(),
                content: content.clone(),
                targets: std::collections::BTreeSet::new(),
            });
            policy.content = content;
        }
        "aws_organizations_organizational_unit" => match work.named(change, "parent_id") {
            Some(parent) => {
                tree.units.insert(entity.arn, parent.arn);
            }
            None => unclear(change, "stands under", notes),
        },
        _ => {}
    }
}

fn fill(work: &Work<'_>, change: &Change, tree: &mut OrganizationSnapshot, notes: &mut ApplyNotes) {
    match change.r#type.as_str() {
        "aws_organizations_account" => {
            let Some(entity) = work.entity(change).cloned() else { return };
            match (change.after("parent_id"), work.named(change, "parent_id")) {
                (_, Some(parent)) => {
                    tree.accounts.insert(entity.arn, parent.arn);
                }
                // A new account stands under the root where nothing else is said.
                (None, None) if !change.is_unknown("parent_id") => {
                    let root = tree.root.clone();
                    tree.accounts.entry(entity.arn).or_insert(root);
                }
                _ => unclear(change, "stands under", notes),
            }
        }
        "aws_organizations_policy_attachment" => {
            let (policy, target) =
                (work.named(change, "policy_id"), work.named(change, "target_id"));
            let (Some(policy), Some(target)) = (policy, target) else {
                return unclear(change, "is attached to", notes);
            };
            match tree.policies.get_mut(&policy.arn) {
                Some(policy) => {
                    policy.targets.insert(target.arn);
                    // A guardrail that is attached is switched on, or AWS would have refused it.
                    let kind: PolicyType = policy.kind;
                    if let Some(enabled) = &mut tree.enabled {
                        enabled.insert(kind);
                    }
                }
                None => unclear(change, "attaches", notes),
            }
        }
        _ => {}
    }
}

fn unclear(change: &Change, what: &str, notes: &mut ApplyNotes) {
    let why = format!("what `{}` {what} is known after apply", change.address);
    notes.not_judged.push(NotJudged { account: None, why });
}
