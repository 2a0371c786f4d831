//! What policies that configure services come to for one account: those of the root, of the units down to it and its own,
//! level after level.
//!
//! Sources: Organizations User Guide, "Inheritance operators"; Organizations API Reference, `DescribeEffectivePolicy`.

use serde_json::{Map, Value, json};

use super::model::Organization;
use super::policies::management_type;
use super::{OrganizationsAnswer, invalid, need, text};
use crate::sandbox::wire::{Ctx, Refusal};

/// Names the operators that levels below may use.
const CHILDREN: &str = "@@operators_allowed_for_child_policies";
const ALL: &str = "@@all";

/// Where levels above let those below use some operators alone.
type Limits = Vec<(Vec<String>, Vec<String>)>;

pub(super) fn describe(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let kind = need(body, "PolicyType")?;
    if management_type(kind).is_none() {
        return Err(invalid(
            "INVALID_ENUM_POLICY_TYPE",
            "You specified an invalid policy type string.",
        ));
    }
    let caller = &ctx.caller.account;
    let account = text(body, "TargetId").unwrap_or(caller);
    if caller != account && *caller != org.management && !org.delegated.contains_key(caller) {
        return Err(Refusal::new(
            400,
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        ));
    }
    if ctx.state.accounts.get(account).is_none_or(|a| a.parent.is_empty()) {
        return Err(Refusal::new(
            400,
            "TargetNotFoundException",
            "We can't find a root, OU, or account with the TargetId that you specified.",
        ));
    }
    let levels = ctx.state.chain(account);
    let levels = levels.iter().map(|target| ctx.state.attached(target, kind));
    let levels: Vec<Vec<Value>> = levels
        .map(|level| level.iter().filter_map(|p| serde_json::from_str(&p.content).ok()).collect())
        .collect();
    if !org.policy_types.contains(kind) || levels.iter().all(Vec::is_empty) {
        return Err(Refusal::new(
            400,
            "EffectivePolicyNotFoundException",
            "The account doesn't have an effective policy of this type.",
        ));
    }
    Ok(json!({ "EffectivePolicy": {
        "PolicyContent": merged(&levels).to_string(),
        "PolicyType": kind,
        "TargetId": account,
        "LastUpdatedTimestamp": ctx.now.epoch(),
    }}))
}

fn merged(levels: &[Vec<Value>]) -> Value {
    let (mut whole, mut limits) = (json!({}), Limits::new());
    for level in levels {
        let mut own = Limits::new();
        for policy in level {
            apply(policy, &mut Vec::new(), &limits, &mut whole, &mut own);
        }
        limits.extend(own);
    }
    whole
}

/// Carries out the operators of a policy, as far as the levels above allow them.
fn apply(
    policy: &Value,
    path: &mut Vec<String>,
    limits: &Limits,
    whole: &mut Value,
    own: &mut Limits,
) {
    for (name, value) in policy.as_object().into_iter().flatten() {
        if name == CHILDREN {
            let operators = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            own.push((path.clone(), operators.map(str::to_owned).collect()));
        } else if name.starts_with("@@") {
            // What a level above has limited, none below widens.
            let mut above = limits.iter().filter(|(at, _)| path.starts_with(at));
            if above.all(|(_, allowed)| allowed.iter().any(|a| a == ALL || a == name)) {
                set(name, value, at(whole, path));
            }
        } else {
            path.push(name.clone());
            apply(value, path, limits, whole, own);
            path.pop();
        }
    }
}

fn set(operator: &str, value: &Value, setting: &mut Value) {
    let given = || value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let mut held = setting.as_array().cloned().unwrap_or_default();
    *setting = match operator {
        "@@append" => {
            let new: Vec<Value> = given().into_iter().filter(|v| !held.contains(v)).collect();
            held.extend(new);
            held.into()
        }
        "@@remove" => {
            let gone = given();
            held.retain(|v| !gone.contains(v));
            held.into()
        }
        _ => value.clone(),
    };
}

/// The setting at a path, made where there is none.
fn at<'w>(whole: &'w mut Value, path: &[String]) -> &'w mut Value {
    path.iter().fold(whole, |here, name| {
        if !here.is_object() {
            *here = Map::new().into();
        }
        &mut here[name.as_str()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(of: &Value) -> Value {
        json!({ "tags": { "cost": of } })
    }

    #[test]
    fn levels_below_change_what_the_levels_above_leave_to_them() {
        let parent = settings(&json!({
            "tag_key": { "@@assign": "Cost", CHILDREN: ["@@none"] },
            "tag_value": { "@@assign": ["a", "b"] },
            "enforced_for": { "@@assign": ["s3:bucket"], CHILDREN: ["@@append"] },
        }));
        let child = settings(&json!({
            "tag_key": { "@@assign": "cost" },
            "tag_value": { "@@append": ["c", "a"], "@@remove": ["b"] },
            "enforced_for": { "@@append": ["ec2:instance"], "@@remove": ["s3:bucket"], CHILDREN: [ALL] },
        }));
        let below = settings(&json!({ "enforced_for": { "@@assign": [] } }));
        let told = merged(&[vec![parent], vec![], vec![child], vec![below]]);
        let wanted = settings(&json!({
            "tag_key": "Cost",
            "tag_value": ["a", "c"],
            "enforced_for": ["s3:bucket", "ec2:instance"],
        }));
        assert_eq!(told, wanted);
    }

    #[test]
    fn policies_of_one_level_do_not_limit_each_other() {
        let limiting =
            settings(&json!({ CHILDREN: ["@@none"], "tag_value": { "@@assign": ["a"] } }));
        let other = settings(&json!({ "tag_value": { "@@append": ["b"] } }));
        let told = merged(&[vec![limiting, other.clone()], vec![other]]);
        assert_eq!(told, settings(&json!({ "tag_value": ["a", "b"] })));
    }
}
