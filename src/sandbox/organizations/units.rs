//! Organizational units and the tree.

use serde_json::{Value, json};

use super::model::{Organization, Unit};
use super::{
    OrganizationsAnswer, attach_defaults, constraint, detach_all, invalid, need, page, tags_member,
};
use crate::iam::Limits;
use crate::sandbox::state::{LOWER, SandboxState};
use crate::sandbox::wire::{Ctx, Refusal};

/// Levels of units below the root.
const DEPTH: usize = Limits::AWS.organizational_unit_depth;

pub(super) fn json_of(org: &Organization, unit: &Unit) -> Value {
    json!({ "Id": unit.id, "Arn": org.arn_of("ou", &unit.id), "Name": unit.name })
}

/// Whether an id is the root or a unit.
pub(super) fn is_parent(state: &SandboxState, org: &Organization, id: &str) -> bool {
    id == org.root || state.units.contains(id)
}

fn parent<'b>(ctx: &Ctx<'_>, org: &Organization, body: &'b Value) -> Result<&'b str, Refusal> {
    let id = need(body, "ParentId")?;
    if is_parent(ctx.state, org, id) {
        return Ok(id);
    }
    if !id.starts_with("r-") && !id.starts_with("ou-") {
        return Err(invalid(
            "INVALID_PATTERN",
            "You provided a value that doesn't match the required pattern.",
        ));
    }
    Err(Refusal::new(
        400,
        "ParentNotFoundException",
        "We can't find a root or OU with the ParentId that you specified.",
    ))
}

fn unit(ctx: &Ctx<'_>, body: &Value) -> Result<Unit, Refusal> {
    let id = need(body, "OrganizationalUnitId")?;
    ctx.state.units.get(id).cloned().ok_or_else(|| {
        Refusal::new(
            400,
            "OrganizationalUnitNotFoundException",
            "We can't find an OU with the OrganizationalUnitId that you specified.",
        )
    })
}

fn check_name(ctx: &Ctx<'_>, name: &str, parent: &str, own: Option<&str>) -> Result<(), Refusal> {
    if name.chars().count() > 128 {
        return Err(invalid(
            "MAX_LENGTH_EXCEEDED",
            "You provided a string parameter that is longer than allowed.",
        ));
    }
    let taken = ctx
        .state
        .units
        .values()
        .any(|u| u.parent == parent && u.name == name && Some(u.id.as_str()) != own);
    if taken {
        return Err(Refusal::new(
            400,
            "DuplicateOrganizationalUnitException",
            "An OU with the same name already exists.",
        ));
    }
    Ok(())
}

pub(super) fn create(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let parent = parent(ctx, org, body)?.to_owned();
    let name = need(body, "Name")?;
    check_name(ctx, name, &parent, None)?;
    let tags = tags_member(body)?;
    if ctx.state.chain(&parent).len() > DEPTH {
        return Err(constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You attempted to create an OU tree that is too many levels deep.",
        ));
    }
    if ctx.state.units.values().count() >= 2000 {
        return Err(constraint(
            "OU_NUMBER_LIMIT_EXCEEDED",
            "You attempted to exceed the number of OUs that you can have in an organization.",
        ));
    }
    let suffix = org.root.trim_start_matches("r-").to_owned();
    let own = ctx.state.mint("ou", &format!("{parent}/{name}"), LOWER, 8);
    let unit = Unit { id: format!("ou-{suffix}-{own}"), name: name.to_owned(), parent, tags };
    attach_defaults(ctx.state, &unit.id);
    ctx.state.units.insert(unit.id.clone(), unit.clone());
    Ok(json!({ "OrganizationalUnit": json_of(org, &unit) }))
}

pub(super) fn update(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let mut unit = unit(ctx, body)?;
    if let Some(name) = super::text(body, "Name") {
        check_name(ctx, name, &unit.parent, Some(&unit.id))?;
        name.clone_into(&mut unit.name);
        ctx.state.units.insert(unit.id.clone(), unit.clone());
    }
    Ok(json!({ "OrganizationalUnit": json_of(org, &unit) }))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    let unit = unit(ctx, body)?;
    let state = &*ctx.state;
    let used = state.units.values().any(|u| u.parent == unit.id)
        || state.accounts.values().any(|a| a.parent == unit.id);
    if used {
        return Err(Refusal::new(
            400,
            "OrganizationalUnitNotEmptyException",
            "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.",
        ));
    }
    detach_all(ctx.state, &unit.id);
    ctx.state.units.remove(&unit.id);
    Ok(json!({}))
}

pub(super) fn describe(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    Ok(json!({ "OrganizationalUnit": json_of(org, &unit(ctx, body)?) }))
}

pub(super) fn list_for_parent(
    ctx: &Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let parent = parent(ctx, org, body)?;
    let units = ctx.state.units.iter().filter(|(_, unit)| unit.parent == parent);
    page(body, "OrganizationalUnits", units.map(|(id, unit)| (id.to_owned(), json_of(org, unit))))
}

pub(super) fn list_parents(ctx: &Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    let child = need(body, "ChildId")?;
    let parent = ctx.state.parent_of(child).ok_or_else(|| {
        Refusal::new(400, "ChildNotFoundException", "We can't find an organizational unit (OU) or AWS account with the ChildId that you specified.")
    })?;
    let kind = if parent.starts_with("r-") { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    Ok(json!({ "Parents": [{ "Id": parent, "Type": kind }] }))
}

pub(super) fn list_children(
    ctx: &Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let parent = parent(ctx, org, body)?;
    let kind = need(body, "ChildType")?;
    let ids: Vec<String> = match kind {
        "ACCOUNT" => {
            let rows = ctx.state.accounts.iter().filter(|(_, a)| a.parent == parent);
            rows.map(|(id, _)| id.to_owned()).collect()
        }
        "ORGANIZATIONAL_UNIT" => {
            let rows = ctx.state.units.iter().filter(|(_, u)| u.parent == parent);
            rows.map(|(id, _)| id.to_owned()).collect()
        }
        _ => return Err(invalid("INVALID_ENUM", "You specified an invalid value for ChildType.")),
    };
    page(
        body,
        "Children",
        ids.into_iter().map(|id| (id.clone(), json!({ "Id": id, "Type": kind }))),
    )
}
