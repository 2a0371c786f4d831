//! The organization: units, accounts, policies and their attachments.

use super::overlay::Work;
use super::plan::Change;
use crate::review::change_set::{ApplyNotes, ApplyStep, NotJudged};
use crate::review::dumps::policy_type;
use crate::review::tree_edit::TreeEdit;
use crate::review::{AccountsSnapshot, OrganizationSnapshot, PolicyText, Tree};

/// Labels the existing policy of a change.
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
        ApplyStep::Remove if change.removes() => remove(change, tree, notes),
        ApplyStep::Hold if change.writes() => hold(work, change, tree, notes),
        ApplyStep::Fill if change.writes() => fill(work, change, tree, notes),
        _ => {}
    }
}

fn remove(change: &Change, tree: &mut OrganizationSnapshot, notes: &mut ApplyNotes) {
    let text = |attr: &str| change.before(attr).unwrap_or_default().to_owned();
    let edit = match change.r#type.as_str() {
        "aws_organizations_policy" => TreeEdit::DropGuardrail { id: text("id") },
        "aws_organizations_policy_attachment" => {
            TreeEdit::DetachGuardrail { id: text("policy_id"), target: text("target_id") }
        }
        "aws_organizations_organizational_unit" => TreeEdit::DropUnit { id: text("id") },
        // An account that leaves Terraform stays in the organization or is closed, and neither opens anything.
        _ => return,
    };
    edit.carry_out(tree, &mut notes.not_judged);
}

fn hold(work: &Work<'_>, change: &Change, tree: &mut OrganizationSnapshot, notes: &mut ApplyNotes) {
    let Some(entity) = work.entity(change).cloned() else { return };
    let edit = match change.r#type.as_str() {
        "aws_organizations_policy" => {
            let Some(kind) = policy_type(change.either("type").unwrap_or("SERVICE_CONTROL_POLICY"))
            else {
                return;
            };
            let content = work.policy(change, "content");
            let content = content.unwrap_or_else(|| {
                PolicyText::Unknown(format!("`{}` has no content", change.address))
            });
            TreeEdit::PutGuardrail { id: entity.arn, kind, label: change.address.clone(), content }
        }
        "aws_organizations_organizational_unit" => match work.named(change, "parent_id") {
            Some(parent) => TreeEdit::PutUnit { id: entity.arn, parent: parent.arn },
            None => return unclear(change, "stands under", notes),
        },
        _ => return,
    };
    edit.carry_out(tree, &mut notes.not_judged);
}

fn fill(work: &Work<'_>, change: &Change, tree: &mut OrganizationSnapshot, notes: &mut ApplyNotes) {
    let edit = match change.r#type.as_str() {
        "aws_organizations_account" => {
            let Some(entity) = work.entity(change).cloned() else { return };
            let parent = work.named(change, "parent_id").map(|parent| parent.arn);
            // A new account without a parent is under the root.
            if parent.is_none()
                && (change.is_unknown("parent_id") || change.after("parent_id").is_some())
            {
                return unclear(change, "stands under", notes);
            }
            TreeEdit::PutAccount { id: entity.arn, parent }
        }
        "aws_organizations_policy_attachment" => {
            let (policy, target) =
                (work.named(change, "policy_id"), work.named(change, "target_id"));
            let (Some(policy), Some(target)) = (policy, target) else {
                return unclear(change, "is attached to", notes);
            };
            let (id, target, address) = (policy.arn, target.arn, change.address.clone());
            TreeEdit::AttachGuardrail { id, target, address }
        }
        _ => return,
    };
    edit.carry_out(tree, &mut notes.not_judged);
}

fn unclear(change: &Change, what: &str, notes: &mut ApplyNotes) {
    let why = format!("what `{}` {what} is known after apply", change.address);
    notes.not_judged.push(NotJudged { account: None, why });
}
