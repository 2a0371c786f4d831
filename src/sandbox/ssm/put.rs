//! Writing and deleting parameters.

use serde_json::{Value, json};

use super::model::{Parameter, ParameterVersion};
use super::{SsmAnswer, flag, invalid, labels, missing, need, nonce, row_key, seal, text, texts};
use crate::iam::Limits;
use crate::sandbox::wire::{Ctx, Refusal};

/// Bytes that a parameter of the standard tier holds.
const STANDARD: usize = Limits::AWS.standard_parameter_size;
/// Versions that are kept of a parameter.
const HISTORY: usize = 100;

fn check_name(name: &str, arn: &str) -> Result<(), Refusal> {
    if name.starts_with("arn:") {
        return Err(invalid(
            "Parameter name must be a fully qualified name, not an ARN, when it is created.",
        ));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b)) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if arn.len() > 1011 {
        return Err(invalid(
            "Parameter name: the ARN of the parameter can't be longer than 1011 characters.",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid(
            "Parameter name must be a fully qualified name: a name that holds a slash must begin with one.",
        ));
    }
    if name.ends_with('/') || name.contains("//") {
        return Err(invalid("Parameter name: each sub-path must hold at least one character."));
    }
    if name.matches('/').count() > 15 {
        return Err(Refusal::new(
            400,
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels.",
        ));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    Ok(())
}

/// The tier that results from what was asked and how long the value is.
fn tier(asked: Option<&str>, before: Option<&str>, length: usize) -> Result<String, Refusal> {
    let standard = || {
        invalid(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )
    };
    if length > 8192 {
        return Err(match asked.or(before) {
            Some("Advanced" | "Intelligent-Tiering") => invalid(
                "Advanced tier parameters support a maximum parameter value of 8192 characters.",
            ),
            _ => standard(),
        });
    }
    match (asked, before) {
        (Some("Standard"), Some("Advanced")) => Err(invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
        )),
        (Some("Standard"), _) | (None, None | Some("Standard")) if length > STANDARD => {
            Err(standard())
        }
        (Some("Intelligent-Tiering"), _) if length > STANDARD => Ok("Advanced".to_owned()),
        (Some("Advanced"), _) | (_, Some("Advanced")) => Ok("Advanced".to_owned()),
        (None | Some("Standard" | "Intelligent-Tiering"), _) => Ok("Standard".to_owned()),
        (Some(other), _) => Err(invalid(format!(
            "Value '{other}' at 'tier' failed to satisfy constraint: Member must satisfy enum value set: [Advanced, Intelligent-Tiering, Standard]"
        ))),
    }
}

pub(super) fn put(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let name = need(body, "Name")?;
    let value = need(body, "Value")?;
    let key = row_key(ctx, name);
    let before = ctx.state.parameters.get(&key).cloned();
    let slash = if name.starts_with('/') { "" } else { "/" };
    let arn = format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", ctx.region, ctx.caller.account);
    if before.is_none() {
        check_name(name, &arn)?;
    }
    let overwrite = flag(body, "Overwrite");
    if before.is_some() && !overwrite {
        return Err(Refusal::new(
            400,
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let tags = labels::tags_member(body)?;
    if overwrite && !tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let current = before.as_ref().and_then(Parameter::current);
    let kind = match (text(body, "Type"), current) {
        (Some(kind), _) if !matches!(kind, "String" | "StringList" | "SecureString") => {
            return Err(Refusal::new(
                400,
                "UnsupportedParameterType",
                "The parameter type isn't supported.",
            ));
        }
        (Some(kind), Some(current)) if kind != current.kind => {
            return Err(Refusal::new(
                400,
                "HierarchyTypeMismatchException",
                "Parameter Store doesn't support changing a parameter type in a hierarchy. You must create a new, unique parameter.",
            ));
        }
        (Some(kind), _) => kind.to_owned(),
        (None, Some(current)) => current.kind.clone(),
        (None, None) => {
            return Err(invalid("A parameter type is required when you create a parameter."));
        }
    };
    if value.contains("{{") {
        return Err(invalid(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    let tier = tier(text(body, "Tier"), current.map(|c| c.tier.as_str()), value.len())?;
    if text(body, "KeyId").is_some() && kind != "SecureString" {
        return Err(invalid("KeyId is required for SecureString type parameter only."));
    }
    let pattern = text(body, "AllowedPattern")
        .map(str::to_owned)
        .or_else(|| current.and_then(|c| c.pattern.clone()));
    if let Some(pattern) = &pattern {
        let regex = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
            Refusal::new(
                400,
                "InvalidAllowedPatternException",
                "The request does not meet the regular expression requirement.",
            )
        })?;
        if !regex.is_match(value) {
            return Err(Refusal::new(
                400,
                "ParameterPatternMismatchException",
                "The parameter value does not match the allowed pattern.",
            ));
        }
    }
    let number = current.map_or(1, |c| c.number + 1);
    let version = ParameterVersion {
        number,
        value: if kind == "SecureString" {
            seal(ctx.state, &nonce(&key, number), value)
        } else {
            value.to_owned()
        },
        // Source: API_PutParameter, `KeyId`: without one it is the account's default key, whatever the parameter
        // had before.
        key: (kind == "SecureString")
            .then(|| text(body, "KeyId").unwrap_or("alias/aws/ssm").to_owned()),
        kind,
        modified: ctx.now,
        by: ctx.caller.arn(),
        tier: tier.clone(),
        data_type: text(body, "DataType").unwrap_or("text").to_owned(),
        description: text(body, "Description")
            .map(str::to_owned)
            .or_else(|| current.and_then(|c| c.description.clone())),
        pattern,
        labels: std::collections::BTreeSet::new(),
    };
    let mut parameter = match before {
        Some(parameter) => parameter,
        None => {
            let own = format!("{}\0{}\0", ctx.caller.account, ctx.region);
            if ctx.state.parameters.scan(&own).count() >= 10_000 {
                return Err(Refusal::new(
                    400,
                    "ParameterLimitExceeded",
                    "You have exceeded the number of parameters for this AWS account.",
                ));
            }
            ctx.consistency.created(&key, &["read"]);
            Parameter { name: name.to_owned(), arn, versions: Vec::new(), tags }
        }
    };
    if parameter.versions.len() >= HISTORY {
        if parameter.versions.first().is_some_and(|oldest| !oldest.labels.is_empty()) {
            return Err(Refusal::new(
                400,
                "ParameterMaxVersionLimitExceeded",
                "You attempted to create a new version of a parameter, but the oldest version has a label attached to it. Move the label to another version.",
            ));
        }
        parameter.versions.remove(0);
    }
    parameter.versions.push(version);
    ctx.state.parameters.insert(key, parameter);
    Ok(json!({ "Version": number, "Tier": tier }))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let name = need(body, "Name")?;
    let key = row_key(ctx, name);
    match ctx.state.parameters.remove(&key) {
        Some(_) => Ok(json!({})),
        None => Err(missing(name)),
    }
}

pub(super) fn delete_many(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let names = texts(body, "Names");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10",
        ));
    }
    let (mut deleted, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let key = row_key(ctx, name);
        match ctx.state.parameters.remove(&key) {
            Some(_) => deleted.push(name),
            None => unknown.push(name),
        }
    }
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": unknown }))
}
