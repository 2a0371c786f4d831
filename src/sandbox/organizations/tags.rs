//! Tags of the root, units, accounts and policies.

use serde_json::{Value, json};

use super::model::Organization;
use super::{OrganizationsAnswer, constraint, need, page, tags_member};
use crate::sandbox::state::Tags;
use crate::sandbox::wire::{Ctx, Refusal};

pub(super) fn serve(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    operation: &str,
    body: &Value,
) -> OrganizationsAnswer {
    let id = need(body, "ResourceId")?;
    let write = operation != "ListTagsForResource";
    let state = &mut *ctx.state;
    let tags: Option<&mut Tags> = if id == org.root {
        state.organization.reach("org", write).map(|org| &mut org.root_tags)
    } else if id.starts_with("ou-") {
        state.units.reach(id, write).map(|unit| &mut unit.tags)
    } else if id.starts_with("p-") {
        state.org_policies.reach(id, write).map(|policy| &mut policy.tags)
    } else {
        state
            .accounts
            .reach(id, write)
            .filter(|a| !a.parent.is_empty())
            .map(|account| &mut account.tags)
    };
    let tags = tags.ok_or_else(|| {
        Refusal::new(
            400,
            "TargetNotFoundException",
            "We can't find a root, OU, account, or policy with the TargetId that you specified.",
        )
    })?;
    match operation {
        "TagResource" => {
            let mut next = tags.clone();
            next.extend(tags_member(body)?);
            if next.len() > 50 {
                return Err(constraint(
                    "MAX_TAG_LIMIT_EXCEEDED",
                    "You have exceeded the number of tags allowed on this resource.",
                ));
            }
            *tags = next;
            Ok(json!({}))
        }
        "UntagResource" => {
            for key in body.get("TagKeys").and_then(Value::as_array).into_iter().flatten() {
                if let Some(key) = key.as_str() {
                    tags.remove(key);
                }
            }
            Ok(json!({}))
        }
        _ => {
            let tags = tags.clone();
            page(
                body,
                "Tags",
                tags.into_iter().map(|(k, v)| (k.clone(), json!({ "Key": k, "Value": v }))),
            )
        }
    }
}
