//! Policies, units and accounts of the organization that a template declares.

use super::side::{Continuity, StackSide};
use super::template::Declaration;
use super::value::TemplateValue;
use crate::review::dumps::policy_type;
use crate::review::tree_edit::TreeEdit;

/// Whether a type belongs to AWS Organizations.
pub(super) fn is_of_organization(kind: &str) -> bool {
    kind.starts_with("AWS::Organizations::")
}

/// The edits that delete a resource.
pub(super) fn dropped(
    side: &StackSide<'_>,
    resource: Declaration<'_>,
    unclear: &mut Vec<String>,
) -> Vec<TreeEdit> {
    let Some(id) = known(side.entity(resource).arn, side, resource, unclear) else {
        return Vec::new();
    };
    match resource.kind {
        "AWS::Organizations::Policy" => vec![TreeEdit::DropGuardrail { id }],
        "AWS::Organizations::OrganizationalUnit" => vec![TreeEdit::DropUnit { id }],
        // An account that leaves the stack stays in the organization or is closed, and neither opens anything.
        _ => Vec::new(),
    }
}

/// The edits that bring a resource to what the template declares; `was` is the deployed one.
pub(super) fn put(
    side: &StackSide<'_>,
    resource: Declaration<'_>,
    was: Option<(&StackSide<'_>, Declaration<'_>)>,
    unclear: &mut Vec<String>,
) -> Vec<TreeEdit> {
    let address = side.address(resource.id);
    let Some(id) = known(side.entity(resource).arn, side, resource, unclear) else {
        return Vec::new();
    };
    match resource.kind {
        "AWS::Organizations::Policy" => {
            let kind = side.property(resource, "Type");
            let Some(kind) = kind.as_text().and_then(policy_type) else { return Vec::new() };
            let content = side.property(resource, "Content");
            let is_same = was.is_some_and(|(old, was)| old.property(was, "Content") == content);
            let mut edits = Vec::new();
            if let Some(content) = content.policy(&address).filter(|_| !is_same) {
                let label = address.clone();
                edits.push(TreeEdit::PutGuardrail { id: id.clone(), kind, label, content });
            }
            let mut gone = Vec::new();
            let before = was.map(|(old, was)| targets(old, was, &mut gone)).unwrap_or_default();
            let after = targets(side, resource, unclear);
            for target in before.iter().filter(|target| !after.contains(target)) {
                edits.push(TreeEdit::DetachGuardrail { id: id.clone(), target: target.clone() });
            }
            for target in after.into_iter().filter(|target| !before.contains(target)) {
                edits.push(TreeEdit::AttachGuardrail {
                    id: id.clone(),
                    target,
                    address: address.clone(),
                });
            }
            edits
        }
        "AWS::Organizations::OrganizationalUnit" => {
            let parent = side.property(resource, "ParentId");
            let parent = known(parent, side, resource, unclear);
            parent.map(|parent| TreeEdit::PutUnit { id, parent }).into_iter().collect()
        }
        "AWS::Organizations::Account" => {
            let parents = side.property(resource, "ParentIds");
            let parent = match parents.elements().first() {
                Some(parent) => match known((*parent).clone(), side, resource, unclear) {
                    Some(parent) => Some(parent),
                    None => return Vec::new(),
                },
                None => None,
            };
            vec![TreeEdit::PutAccount { id, parent }]
        }
        _ => Vec::new(),
    }
}

fn targets(
    side: &StackSide<'_>,
    resource: Declaration<'_>,
    unclear: &mut Vec<String>,
) -> Vec<String> {
    let targets = side.property(resource, "TargetIds");
    let all = targets.elements().into_iter().cloned();
    all.filter_map(|target| known(target, side, resource, unclear)).collect()
}

fn known(
    value: TemplateValue,
    side: &StackSide<'_>,
    resource: Declaration<'_>,
    unclear: &mut Vec<String>,
) -> Option<String> {
    match value {
        TemplateValue::Text(text) => Some(text),
        TemplateValue::Unknown(unknown) => {
            let address = side.address(resource.id);
            unclear.push(format!(
                "the id, parent or targets of `{address}` are not known: {}",
                unknown.why
            ));
            None
        }
        _ => None,
    }
}

/// Whether the deployment creates the resource.
pub(super) fn is_made(continuity: &Continuity) -> bool {
    matches!(continuity, Continuity::New | Continuity::Replaced)
}
