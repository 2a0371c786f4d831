//! Labels of versions, and tags.

use serde_json::{Value, json};

use super::model::Parameter;
use super::{SsmAnswer, find, invalid, missing, need, row_key, text, texts};
use crate::sandbox::state::Tags;
use crate::sandbox::wire::{Ctx, Refusal};

pub(super) fn label(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let name = need(body, "Name")?;
    let labels = texts(body, "Labels");
    if labels.is_empty() || labels.len() > 10 {
        return Err(invalid(
            "1 validation error detected: Value at 'labels' failed to satisfy constraint: Member must have length between 1 and 10",
        ));
    }
    let parameter = find(ctx, name)?.clone();
    let wanted = body.get("ParameterVersion").and_then(Value::as_u64);
    let number = wanted.or_else(|| parameter.current().map(|v| v.number)).unwrap_or(0);
    let no_version = || {
        Refusal::new(
            400,
            "ParameterVersionNotFound",
            format!(
                "Systems Manager could not find version {number} of {name}. Verify the version and try again."
            ),
        )
    };
    let key = row_key(ctx, name);
    let row = ctx.state.parameters.get_mut(&key).ok_or_else(|| missing(name))?;
    let own = row.versions.iter().find(|v| v.number == number).ok_or_else(no_version)?;
    let valid = |label: &str| {
        label.len() <= 100
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            && !label.starts_with(|c: char| c.is_ascii_digit())
            && !label.to_ascii_lowercase().starts_with("aws")
            && !label.to_ascii_lowercase().starts_with("ssm")
    };
    let (good, bad): (Vec<&str>, Vec<&str>) = labels.into_iter().partition(|l| valid(l));
    let fresh = good.iter().filter(|l| !own.labels.contains(**l)).count();
    if own.labels.len() + fresh > 10 {
        return Err(Refusal::new(
            400,
            "ParameterVersionLabelLimitExceeded",
            "A parameter version can have a maximum of ten labels.",
        ));
    }
    for version in &mut row.versions {
        for label in &good {
            if version.number == number {
                version.labels.insert((*label).to_owned());
            } else {
                version.labels.remove(*label); // a label moves
            }
        }
    }
    Ok(json!({ "InvalidLabels": bad, "ParameterVersion": number }))
}

pub(super) fn unlabel(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let name = need(body, "Name")?;
    let number = body.get("ParameterVersion").and_then(Value::as_u64).unwrap_or(0);
    find(ctx, name)?;
    let key = row_key(ctx, name);
    let row = ctx.state.parameters.get_mut(&key).ok_or_else(|| missing(name))?;
    let version = row.versions.iter_mut().find(|v| v.number == number).ok_or_else(|| {
        Refusal::new(400, "ParameterVersionNotFound", format!("Systems Manager could not find version {number} of {name}. Verify the version and try again."))
    })?;
    let (removed, bad): (Vec<&str>, Vec<&str>) =
        texts(body, "Labels").into_iter().partition(|label| version.labels.remove(*label));
    Ok(json!({ "RemovedLabels": removed, "InvalidLabels": bad }))
}

/// Checks and collects the `Tags` member.
pub(super) fn tags_member(body: &Value) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in body.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let (key, value) = (need(tag, "Key")?, text(tag, "Value").unwrap_or_default());
        let fits = |t: &str| {
            t.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        if key.chars().count() > 128 || value.chars().count() > 256 || !fits(key) || !fits(value) {
            return Err(invalid(
                "1 validation error detected: a tag's key or value does not satisfy the pattern ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys starting with aws: are reserved."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > 50 {
        return Err(Refusal::new(
            400,
            "TooManyTagsError",
            "The Targets parameter includes too many tags.",
        ));
    }
    Ok(tags)
}

fn tagged<'c>(
    ctx: &'c mut Ctx<'_>,
    body: &Value,
    write: bool,
) -> Result<&'c mut Parameter, Refusal> {
    if need(body, "ResourceType")? != "Parameter" {
        return Err(Refusal::new(
            400,
            "InvalidResourceType",
            "the sandbox emulates tags of parameters only",
        ));
    }
    let name = need(body, "ResourceId")?;
    let key = row_key(ctx, name);
    ctx.state.parameters.reach(&key, write).ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidResourceId",
            "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
        )
    })
}

pub(super) fn add_tags(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let tags = tags_member(body)?;
    let parameter = tagged(ctx, body, true)?;
    let mut next = parameter.tags.clone();
    next.extend(tags);
    if next.len() > 50 {
        return Err(Refusal::new(
            400,
            "TooManyTagsError",
            "The Targets parameter includes too many tags.",
        ));
    }
    parameter.tags = next;
    Ok(json!({}))
}

pub(super) fn remove_tags(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let keys = texts(body, "TagKeys");
    let parameter = tagged(ctx, body, true)?;
    for key in keys {
        parameter.tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list_tags(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let tags = &tagged(ctx, body, false)?.tags;
    let list: Vec<Value> = tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
    Ok(json!({ "TagList": list }))
}
