//! Reading parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::model::{Parameter, ParameterVersion};
use super::{SsmAnswer, find, flag, invalid, need, nonce, page, row_key, text, texts, unseal};
use crate::sandbox::state::SandboxState;
use crate::sandbox::wire::{Ctx, Refusal};

/// The value that a reader gets: a secret only when it asks for decryption.
fn value(state: &SandboxState, key: &str, version: &ParameterVersion, decrypt: bool) -> String {
    if version.kind != "SecureString" {
        return version.value.clone();
    }
    if decrypt {
        return unseal(state, &nonce(key, version.number), &version.value);
    }
    // the shape of a KMS ciphertext, without anything to be learnt from it
    let digest = Sha256::new().chain_update(key).chain_update(&version.value).finalize();
    format!("AQICAH{}", STANDARD.encode([digest, digest].concat()))
}

fn json_of(
    state: &SandboxState,
    key: &str,
    parameter: &Parameter,
    version: &ParameterVersion,
    decrypt: bool,
) -> Value {
    json!({
        "Name": parameter.name,
        "Type": version.kind,
        "Value": value(state, key, version, decrypt),
        "Version": version.number,
        "LastModifiedDate": version.modified.epoch(),
        "ARN": parameter.arn,
        "DataType": version.data_type,
    })
}

/// `name`, `name:3`, `name:label`, or an ARN of those.
fn one(ctx: &mut Ctx<'_>, asked: &str, decrypt: bool) -> Result<Value, Refusal> {
    let from = if asked.starts_with("arn:") {
        asked.rfind(":parameter").map_or(0, |at| at + 1)
    } else {
        0
    };
    let colon = asked.get(from..).and_then(|rest| rest.find(':')).map(|at| from + at);
    let (name, selector) = match colon {
        Some(at) => (asked.get(..at).unwrap_or(asked), asked.get(at + 1..)),
        None => (asked, None),
    };
    let key = row_key(ctx, name);
    let parameter = find(ctx, name)?.clone();
    let version = match selector {
        None => parameter.current(),
        Some(selector) => parameter.select(selector),
    };
    let version = version.ok_or_else(|| {
        Refusal::new(400, "ParameterVersionNotFound", format!("Systems Manager could not find version {} of {name}. Verify the version and try again.", selector.unwrap_or_default()))
    })?;
    let mut value = json_of(ctx.state, &key, &parameter, version, decrypt);
    if let (Some(selector), Some(object)) = (selector, value.as_object_mut()) {
        object.insert("Selector".to_owned(), json!(format!(":{selector}")));
    }
    Ok(value)
}

pub(super) fn get(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let parameter = one(ctx, need(body, "Name")?, flag(body, "WithDecryption"))?;
    Ok(json!({ "Parameter": parameter }))
}

pub(super) fn get_many(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let names = texts(body, "Names");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10",
        ));
    }
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match one(ctx, name, flag(body, "WithDecryption")) {
            Ok(parameter) => found.push(parameter),
            Err(_) => unknown.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": unknown }))
}

pub(super) fn by_path(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let path = need(body, "Path")?;
    if !path.starts_with('/') || path.contains("//") {
        return Err(invalid(
            "The parameter path must begin with a slash: it is a hierarchy of the form /level/level.",
        ));
    }
    let (recursive, decrypt) = (flag(body, "Recursive"), flag(body, "WithDecryption"));
    let filters = filters(body)?;
    let base = format!("{}/", path.trim_end_matches('/'));
    let own = row_key(ctx, "");
    let names: Vec<(String, Parameter)> = ctx
        .state
        .parameters
        .scan(&format!("{own}{base}"))
        .filter(|(_, p)| recursive || !p.name.get(base.len()..).unwrap_or_default().contains('/'))
        .map(|(key, p)| (key.to_owned(), p.clone()))
        .collect();
    let mut found = Vec::new();
    for (key, parameter) in names {
        if ctx.consistency.is_delayed("read", &key) {
            continue;
        }
        if let Some(version) = parameter.current()
            && matches(&parameter, version, &filters)
        {
            let value = json_of(ctx.state, &key, &parameter, version, decrypt);
            found.push((parameter.name.clone(), value));
        }
    }
    page(body, "Parameters", (10, 10), found)
}

pub(super) fn history(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let name = need(body, "Name")?;
    let decrypt = flag(body, "WithDecryption");
    let key = row_key(ctx, name);
    let parameter = find(ctx, name)?.clone();
    let versions = parameter.versions.iter().map(|version| {
        let mut entry = metadata(&parameter, version);
        entry.insert("Value".to_owned(), json!(value(ctx.state, &key, version, decrypt)));
        entry.insert("Labels".to_owned(), json!(version.labels));
        entry.remove("ARN");
        (format!("{:08}", version.number), Value::Object(entry))
    });
    page(body, "Parameters", (50, 50), versions)
}

fn metadata(parameter: &Parameter, version: &ParameterVersion) -> Map<String, Value> {
    let mut entry = Map::new();
    let mut put = |member: &str, value: Value| {
        if !value.is_null() {
            entry.insert(member.to_owned(), value);
        }
    };
    put("Name", json!(parameter.name));
    put("ARN", json!(parameter.arn));
    put("Type", json!(version.kind));
    put("KeyId", json!(version.key));
    put("LastModifiedDate", json!(version.modified.epoch()));
    put("LastModifiedUser", json!(version.by));
    put("Description", json!(version.description));
    put("AllowedPattern", json!(version.pattern));
    put("Version", json!(version.number));
    put("Tier", json!(version.tier));
    put("Policies", json!([]));
    put("DataType", json!(version.data_type));
    entry
}

/// A filter: key, option, values.
type Filter = (String, String, Vec<String>);

fn filters(body: &Value) -> Result<Vec<Filter>, Refusal> {
    let mut out = Vec::new();
    for filter in body.get("ParameterFilters").and_then(Value::as_array).into_iter().flatten() {
        let key = need(filter, "Key")?;
        let option =
            text(filter, "Option").unwrap_or(if key == "Path" { "OneLevel" } else { "Equals" });
        let known =
            matches!(key, "Name" | "Type" | "KeyId" | "Path" | "Label" | "Tier" | "DataType")
                || key.starts_with("tag:");
        if !known {
            return Err(Refusal::new(
                400,
                "InvalidFilterKey",
                format!("The specified key {key} isn't valid."),
            ));
        }
        let values = texts(filter, "Values").into_iter().map(str::to_owned).collect();
        out.push((key.to_owned(), option.to_owned(), values));
    }
    Ok(out)
}

fn matches(parameter: &Parameter, version: &ParameterVersion, filters: &[Filter]) -> bool {
    filters.iter().all(|(key, option, values)| {
        let any = |own: &str| {
            values.iter().any(|wanted| match option.as_str() {
                "BeginsWith" => own.starts_with(wanted.as_str()),
                "Contains" => own.contains(wanted.as_str()),
                _ => own == wanted,
            })
        };
        match key.as_str() {
            "Name" => any(&parameter.name) || any(parameter.name.trim_start_matches('/')),
            "Type" => any(&version.kind),
            "KeyId" => version.key.as_deref().is_some_and(any),
            "Tier" => any(&version.tier),
            "DataType" => any(&version.data_type),
            "Label" => version.labels.iter().any(|label| any(label)),
            "Path" => values.iter().any(|path| {
                let base = format!("{}/", path.trim_end_matches('/'));
                parameter
                    .name
                    .strip_prefix(&base)
                    .is_some_and(|rest| option == "Recursive" || !rest.contains('/'))
            }),
            tag => tag
                .strip_prefix("tag:")
                .and_then(|tag| parameter.tags.get(tag))
                .is_some_and(|own| values.is_empty() || any(own)),
        }
    })
}

pub(super) fn describe(ctx: &mut Ctx<'_>, body: &Value) -> SsmAnswer {
    let filters = filters(body)?;
    let own = row_key(ctx, "");
    let found: Vec<(String, Value)> = ctx
        .state
        .parameters
        .scan(&own)
        .filter_map(|(_, parameter)| {
            let version = parameter.current()?;
            matches(parameter, version, &filters)
                .then(|| (parameter.name.clone(), Value::Object(metadata(parameter, version))))
        })
        .collect();
    page(body, "Parameters", (50, 50), found)
}
