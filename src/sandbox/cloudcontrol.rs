//! Cloud Control: objects of any resource type, by the bundled schemas.
//!
//! As strict as the schemas allow: what is AWS's to set is refused in what is asked for and made up here, what is settled at
//! creation is refused in a change, what is never read back is not told. The handlers' own rules (a name that a service
//! finds too long, an object that must exist before) are not in the schemas and not here; `docs/sandbox.md` says so.
//!
//! Source: Cloud Control API Reference (`ProgressEvent`, each operation's errors), CloudFormation CLI User Guide,
//! "Resource type handler contract".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod names;

use names::NamePlace;

use super::state::{LOWER, UPPER, derive};
use super::wire::{Ctx, Refusal, Service};
use crate::resource_types::{
    self, Handler, PropertyPath, PropertyStep, PropertyType, SchemaViolation, Segment, TypeSchema,
    check,
};

/// An object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Resource {
    /// Its properties, those that are never told too.
    properties: Value,
}

/// A request that was accepted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ResourceRequest {
    account: String,
    region: String,
    client_token: String,
    /// What was asked for, so that the same token with something else is refused.
    input: String,
    event: Value,
}

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, body: &Value) -> Result<Value, Refusal> {
    match operation {
        "CreateResource" | "UpdateResource" | "DeleteResource" => change(ctx, operation, body),
        "GetResource" => get(ctx, body),
        "ListResources" => list(ctx, body),
        "GetResourceRequestStatus" => {
            let token = text(body, "RequestToken")?;
            let request = ctx.state.resource_requests.get(token);
            let own = request.filter(|request| {
                request.account == ctx.caller.account && request.region == ctx.region
            });
            let missing = || {
                refuse(
                    "RequestTokenNotFoundException",
                    format!("Request token '{token}' was not found"),
                )
            };
            Ok(json!({ "ProgressEvent": own.ok_or_else(missing)?.event }))
        }
        "ListResourceRequests" => Ok(requests(ctx, body)),
        _ => Err(Refusal::not_emulated(Service::CloudControl, operation)),
    }
}

fn refuse(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(400, code, message)
}

fn text<'b>(body: &'b Value, member: &str) -> Result<&'b str, Refusal> {
    let missing = || {
        refuse(
            "ValidationException",
            format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                super::params::lower_first(member)
            ),
        )
    };
    body.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(missing)
}

fn resource_type(body: &Value, handler: Handler) -> Result<&'static TypeSchema, Refusal> {
    let name = text(body, "TypeName")?;
    let ty = resource_types::find(name).and_then(|entry| entry.load());
    let ty = ty.ok_or_else(|| {
        refuse("TypeNotFoundException", format!("The type '{name}' cannot be found."))
    })?;
    if !ty.handlers.contains_key(&handler) {
        let word = format!("{handler:?}").to_uppercase();
        return Err(refuse(
            "UnsupportedActionException",
            format!("Resource type {name} does not support {word} action"),
        ));
    }
    Ok(ty)
}

/// What AWS says of an object that does not exist.
fn absent(ty: &TypeSchema, id: &str) -> String {
    format!("Resource of type '{}' with identifier '{id}' was not found.", ty.name)
}

/// The row's key begins with what tells a caller's objects of a type from all others.
fn prefix(ctx: &Ctx<'_>, ty: &TypeSchema) -> String {
    format!("{}\0{}\0{}\0", ctx.caller.account, ctx.region, ty.name)
}

/// The caller's objects of a type in the Region, by their identifiers.
pub(crate) fn objects<'c>(ctx: &'c Ctx<'_>, ty: &str) -> Vec<(&'c str, &'c Value)> {
    let prefix = format!("{}\0{}\0{ty}\0", ctx.caller.account, ctx.region);
    let rows = ctx.state.resources.iter();
    rows.filter_map(|(key, row)| Some((key.strip_prefix(&prefix)?, &row.properties))).collect()
}

/// The Regions in which the caller has objects.
pub(crate) fn regions(ctx: &Ctx<'_>) -> BTreeSet<String> {
    let prefix = format!("{}\0", ctx.caller.account);
    let rows = ctx.state.resources.iter();
    let regions = rows.filter_map(|(key, _)| key.strip_prefix(&prefix)?.split('\0').next());
    regions.map(str::to_owned).collect()
}

fn requests(ctx: &Ctx<'_>, body: &Value) -> Value {
    let filter = |member: &str| -> Option<Vec<&str>> {
        let listed = body.get("ResourceRequestStatusFilter")?.get(member)?.as_array()?;
        Some(listed.iter().filter_map(Value::as_str).collect())
    };
    let fits = |event: &Value, member: &str, wanted: Option<Vec<&str>>| {
        wanted.is_none_or(|wanted| {
            event.get(member).and_then(Value::as_str).is_some_and(|is| wanted.contains(&is))
        })
    };
    let own = ctx.state.resource_requests.iter().map(|(_, request)| request);
    let own =
        own.filter(|request| request.account == ctx.caller.account && request.region == ctx.region);
    let events: Vec<Value> = own
        .map(|request| request.event.clone())
        .filter(|event| {
            fits(event, "Operation", filter("Operations"))
                && fits(event, "OperationStatus", filter("OperationStatuses"))
        })
        .collect();
    json!({ "ResourceRequestStatusSummaries": events })
}

fn get(ctx: &mut Ctx<'_>, body: &Value) -> Result<Value, Refusal> {
    let ty = resource_type(body, Handler::Read)?;
    let id = text(body, "Identifier")?;
    let row = ctx.state.resources.get(&format!("{}{id}", prefix(ctx, ty)));
    let missing = || refuse("ResourceNotFoundException", absent(ty, id));
    let model = readable(ty, &row.ok_or_else(missing)?.properties);
    Ok(json!({
        "TypeName": ty.name,
        "ResourceDescription": { "Identifier": id, "Properties": model.to_string() },
    }))
}

fn list(ctx: &mut Ctx<'_>, body: &Value) -> Result<Value, Refusal> {
    let ty = resource_type(body, Handler::List)?;
    let asked = ty.handlers.get(&Handler::List).and_then(|list| list.handler_schema.as_ref());
    let model = body.get("ResourceModel").and_then(Value::as_str).unwrap_or("{}");
    let model: Value = serde_json::from_str(model)
        .map_err(|error| refuse("InvalidRequestException", error.to_string()))?;
    let required = asked.and_then(|schema| schema.get("required")?.as_array());
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if model.get(name).is_none() {
            return Err(refuse(
                "InvalidRequestException",
                format!(
                    "Missing or invalid ResourceModel property in {} list handler request input. Required property: [{name}]",
                    ty.name
                ),
            ));
        }
    }
    let prefix = prefix(ctx, ty);
    let fits = |properties: &Value| {
        let wanted = model.as_object().into_iter().flatten();
        wanted
            .filter(|(name, _)| properties.get(*name).is_some())
            .all(|(name, value)| properties.get(name) == Some(value))
    };
    let rows =
        ctx.state.resources.iter().filter_map(|(key, row)| Some((key.strip_prefix(&prefix)?, row)));
    let all: Vec<Value> = rows
        .filter(|(_, row)| fits(&row.properties))
        .map(|(id, row)| json!({ "Identifier": id, "Properties": readable(ty, &row.properties).to_string() }))
        .collect();
    // Pages hold about 25, whatever is asked for.
    const PAGE: usize = 25;
    let start: usize = body
        .get("NextToken")
        .and_then(Value::as_str)
        .and_then(|token| token.parse().ok())
        .unwrap_or(0);
    let page: Vec<Value> = all.iter().skip(start).take(PAGE).cloned().collect();
    let mut answer = json!({ "TypeName": ty.name, "ResourceDescriptions": page });
    if start + PAGE < all.len()
        && let Some(object) = answer.as_object_mut()
    {
        object.insert("NextToken".to_owned(), (start + PAGE).to_string().into());
    }
    Ok(answer)
}

/// Accepts a request and carries it out at once; what goes wrong in that is told by its event.
fn change(ctx: &mut Ctx<'_>, operation: &str, body: &Value) -> Result<Value, Refusal> {
    let handler = match operation {
        "CreateResource" => Handler::Create,
        "UpdateResource" => Handler::Update,
        _ => Handler::Delete,
    };
    let ty = resource_type(body, handler)?;
    let client_token =
        body.get("ClientToken").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut input = body.clone();
    if let Some(object) = input.as_object_mut() {
        object.remove("ClientToken");
    }
    let input = format!("{operation} {input}");
    let known = ctx.state.resource_requests.iter().map(|(_, request)| request).find(|request| {
        !client_token.is_empty()
            && request.client_token == client_token
            && request.account == ctx.caller.account
            && request.region == ctx.region
    });
    if let Some(known) = known {
        return match known.input == input {
            true => Ok(json!({ "ProgressEvent": known.event })),
            false => Err(refuse(
                "ClientTokenConflictException",
                "The client token has been used for another request.",
            )),
        };
    }
    let number = ctx.state.next("resource_request");
    let token = derive(&format!("{}/request/{number}", ctx.state.meta("seed")), LOWER, 36);
    let done = match handler {
        Handler::Create => create(ctx, ty, body)?,
        Handler::Update => update(ctx, ty, body)?,
        _ => delete(ctx, ty, body)?,
    };
    let mut event = json!({
        "TypeName": ty.name,
        "RequestToken": token,
        "Operation": format!("{handler:?}").to_uppercase(),
        "EventTime": ctx.now.0 / 1000,
    });
    let Some(told) = event.as_object_mut() else { return Ok(json!({})) };
    match done {
        Ok(id) => {
            told.insert("OperationStatus".to_owned(), "SUCCESS".into());
            told.insert("Identifier".to_owned(), id.into());
        }
        Err(Failed { code, message, id }) => {
            told.insert("OperationStatus".to_owned(), "FAILED".into());
            told.insert("ErrorCode".to_owned(), code.into());
            told.insert("StatusMessage".to_owned(), message.into());
            if let Some(id) = id {
                told.insert("Identifier".to_owned(), id.into());
            }
        }
    }
    let request = ResourceRequest {
        account: ctx.caller.account.clone(),
        region: ctx.region.to_owned(),
        client_token,
        input,
        event: event.clone(),
    };
    ctx.state.resource_requests.insert(token.as_str(), request);
    // The answer comes before anything is known of the outcome.
    if let Some(told) = event.as_object_mut() {
        told.insert("OperationStatus".to_owned(), "IN_PROGRESS".into());
        told.remove("ErrorCode");
        told.remove("StatusMessage");
    }
    Ok(json!({ "ProgressEvent": event }))
}

/// Why a request came to nothing.
struct Failed {
    code: &'static str,
    message: String,
    id: Option<String>,
}

type RequestOutcome = Result<String, Failed>;

fn failed(code: &'static str, message: impl Into<String>) -> Failed {
    Failed { code, message: message.into(), id: None }
}

fn create(
    ctx: &mut Ctx<'_>,
    ty: &'static TypeSchema,
    body: &Value,
) -> Result<RequestOutcome, Refusal> {
    let desired = text(body, "DesiredState")?;
    let mut properties: Value = serde_json::from_str(desired)
        .map_err(|error| refuse("InvalidRequestException", error.to_string()))?;
    if let Some(path) = ty.read_only.iter().find(|path| is_given(path, &properties)) {
        let message = format!("Encountered unsupported property: {path} is read only");
        return Ok(Err(failed("InvalidRequest", message)));
    }
    if let Err(failure) = is_valid(ty, &properties) {
        return Ok(Err(failure));
    }
    let is_chosen = |path: &&PropertyPath| !is_given(path, &properties);
    let chosen: Vec<&PropertyPath> = ty.identifier.iter().filter(is_chosen).collect();
    let times = ctx.state.next(&format!("resource/{}", ty.name));
    let letters = derive(&format!("{}/{}/{times}", ty.name, ctx.caller.account), LOWER, 12);
    let (account, region) = (ctx.caller.account.clone(), ctx.region.to_owned());
    let place = NamePlace { account: &account, region: &region, letters: &letters };
    for path in chosen {
        let shape = ty.shape().at(&path.0);
        let choices = shape.map(|shape| shape.choices()).unwrap_or_default();
        let chosen = || choices.first().map(|first| (*first).to_owned());
        let name = names::made_of(&place, ty, path, &properties)
            .or_else(chosen)
            .unwrap_or_else(|| made_up(ctx, ty, path, times));
        put(&mut properties, &path.0, name.into());
    }
    for path in ty.read_only.iter().filter(|path| path.is_top()) {
        if properties.get(path.root()).is_none() {
            let value = names::made_of(&place, ty, path, &properties)
                .map(Value::from)
                .or_else(|| read_only_value(ctx, ty, path, times));
            if let (Some(object), Some(value)) = (properties.as_object_mut(), value) {
                object.insert(path.root().to_owned(), value);
            }
        }
    }
    let id = identifier(ty, &properties);
    let key = format!("{}{id}", prefix(ctx, ty));
    if ctx.state.resources.contains(&key) {
        let message =
            format!("Resource of type '{}' with identifier '{id}' already exists.", ty.name);
        return Ok(Err(Failed { id: Some(id), ..failed("AlreadyExists", message) }));
    }
    ctx.state.resources.insert(key, Resource { properties });
    Ok(Ok(id))
}

fn update(
    ctx: &mut Ctx<'_>,
    ty: &'static TypeSchema,
    body: &Value,
) -> Result<RequestOutcome, Refusal> {
    let id = text(body, "Identifier")?;
    let key = format!("{}{id}", prefix(ctx, ty));
    let patch: json_patch::Patch = serde_json::from_str(text(body, "PatchDocument")?)
        .map_err(|error| refuse("InvalidRequestException", error.to_string()))?;
    let Some(row) = ctx.state.resources.get(&key) else {
        return Err(refuse("ResourceNotFoundException", absent(ty, id)));
    };
    // The patch is of what a read tells, which lacks what is never read back.
    let stored = row.properties.clone();
    let before = readable(ty, &stored);
    let mut after = before.clone();
    json_patch::patch(&mut after, &patch)
        .map_err(|error| refuse("InvalidRequestException", error.to_string()))?;
    let changed = |path: &&PropertyPath| values(path, &before) != values(path, &after);
    if let Some(path) =
        ty.create_only.iter().filter(|path| !ty.write_only.contains(path)).find(changed)
    {
        return Ok(Err(failed(
            "NotUpdatable",
            format!(
                "Invalid patch update: createOnlyProperties [/properties/{}] cannot be updated",
                path.root()
            ),
        )));
    }
    if let Some(path) = ty.read_only.iter().find(changed) {
        return Ok(Err(failed(
            "InvalidRequest",
            format!("Encountered unsupported property: {path} is read only"),
        )));
    }
    // A name that was made up here stays, whatever the schema asks of those that people choose.
    let kept = ty.identifier.iter().filter(|path| values(path, &before) == values(path, &after));
    let kept: Vec<&str> = kept.map(PropertyPath::root).collect();
    let problems = check(ty, &without(ty.read_only.iter(), &after), &[]);
    let problems = problems.into_iter().filter(|problem| match problem.path.first() {
        Some(Segment::Name(name)) => !kept.contains(&name.as_str()),
        _ => true,
    });
    if let Err(failure) = refused(problems) {
        return Ok(Err(failure));
    }
    // What is never read back stays what it was where the patch does not say it.
    let mut kept = after;
    for path in ty.write_only.iter().filter(|path| path.is_top()) {
        if let (None, Some(value), Some(object)) =
            (kept.get(path.root()).cloned(), stored.get(path.root()), kept.as_object_mut())
        {
            object.insert(path.root().to_owned(), value.clone());
        }
    }
    ctx.state.resources.insert(key, Resource { properties: kept });
    Ok(Ok(id.to_owned()))
}

fn delete(
    ctx: &mut Ctx<'_>,
    ty: &'static TypeSchema,
    body: &Value,
) -> Result<RequestOutcome, Refusal> {
    let id = text(body, "Identifier")?;
    let key = format!("{}{id}", prefix(ctx, ty));
    Ok(match ctx.state.resources.remove(&key) {
        Some(_) => Ok(id.to_owned()),
        None => Err(Failed { id: Some(id.to_owned()), ..failed("NotFound", absent(ty, id)) }),
    })
}

fn is_valid(ty: &TypeSchema, properties: &Value) -> Result<(), Failed> {
    refused(check(ty, properties, &[]))
}

fn refused(problems: impl IntoIterator<Item = SchemaViolation>) -> Result<(), Failed> {
    let told: Vec<String> = problems.into_iter().map(|problem| problem.summary).collect();
    match told.is_empty() {
        true => Ok(()),
        false => {
            Err(failed("InvalidRequest", format!("Model validation failed ({})", told.join("; "))))
        }
    }
}

/// What a read tells: everything but what is never read back.
fn readable(ty: &TypeSchema, properties: &Value) -> Value {
    // A list handler or a read of an object tells what identifies it in any case.
    let hidden = ty.write_only.iter().filter(|path| !ty.identifier.contains(path));
    without(hidden, properties)
}

fn without<'p>(paths: impl Iterator<Item = &'p PropertyPath>, properties: &Value) -> Value {
    let mut left = properties.clone();
    for path in paths {
        remove(&mut left, &path.0);
    }
    left
}

fn remove(value: &mut Value, path: &[PropertyStep]) {
    match path {
        [] => {}
        [PropertyStep::Name(name)] => {
            if let Some(object) = value.as_object_mut() {
                object.remove(name);
            }
        }
        [PropertyStep::Name(name), below @ ..] => {
            if let Some(inner) = value.get_mut(name) {
                remove(inner, below);
            }
        }
        [PropertyStep::Each, below @ ..] => match value {
            Value::Array(items) => items.iter_mut().for_each(|item| remove(item, below)),
            Value::Object(map) => map.values_mut().for_each(|item| remove(item, below)),
            _ => {}
        },
    }
}

/// The values at a path, those in elements too.
fn values<'v>(path: &PropertyPath, properties: &'v Value) -> Vec<&'v Value> {
    path.0.iter().fold(vec![properties], |at, step| match step {
        PropertyStep::Name(name) => at.into_iter().filter_map(|value| value.get(name)).collect(),
        PropertyStep::Each => at
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect::<Vec<_>>(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            })
            .collect(),
    })
}

fn is_given(path: &PropertyPath, properties: &Value) -> bool {
    values(path, properties).into_iter().any(|value| !value.is_null())
}

fn put(value: &mut Value, path: &[PropertyStep], new: Value) {
    let [PropertyStep::Name(name), below @ ..] = path else { return };
    let Some(object) = value.as_object_mut() else { return };
    match below {
        [] => {
            object.insert(name.clone(), new);
        }
        _ => {
            put(object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())), below, new)
        }
    }
}

fn identifier(ty: &TypeSchema, properties: &Value) -> String {
    let part = |path: &PropertyPath| match values(path, properties).first() {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    ty.identifier.iter().map(part).collect::<Vec<_>>().join("|")
}

/// A name or id that the service chooses.
fn made_up(ctx: &Ctx<'_>, ty: &TypeSchema, path: &PropertyPath, times: u64) -> String {
    let seed =
        format!("{}/{}/{}/{path}/{times}", ctx.state.meta("seed"), ctx.caller.account, ty.name);
    let parts: Vec<&str> = ty.name.split("::").collect();
    let (service, kind) =
        (parts.get(1).copied().unwrap_or_default(), parts.get(2).copied().unwrap_or_default());
    let name = path.root();
    if name.ends_with("Arn") || name.ends_with("ARN") {
        return arn(ctx, service, kind, &derive(&seed, LOWER, 12));
    }
    match kind {
        "Key" => {
            let part = |at: usize, length: usize| {
                derive(&format!("{seed}/{at}"), b"0123456789abcdef", length)
            };
            [part(0, 8), part(1, 4), part(2, 4), part(3, 4), part(4, 12)].join("-")
        }
        _ => format!("{}-{}", kind.to_lowercase(), derive(&seed, UPPER, 12).to_lowercase()),
    }
}

fn arn(ctx: &Ctx<'_>, service: &str, kind: &str, name: &str) -> String {
    format!(
        "arn:aws:{}:{}:{}:{}/{name}",
        service.to_lowercase(),
        ctx.region,
        ctx.caller.account,
        kind.to_lowercase()
    )
}

/// A property that AWS sets, where its type is plain; objects and lists stay away.
fn read_only_value(
    ctx: &Ctx<'_>,
    ty: &TypeSchema,
    path: &PropertyPath,
    times: u64,
) -> Option<Value> {
    let shape = ty.shape().at(&path.0)?;
    let types = shape.types();
    if types.contains(&PropertyType::String) || types.is_empty() {
        return Some(match shape.choices().first() {
            Some(first) => Value::from(*first),
            None => made_up(ctx, ty, path, times).into(),
        });
    }
    if types.contains(&PropertyType::Boolean) {
        return Some(true.into());
    }
    if types.contains(&PropertyType::Integer) || types.contains(&PropertyType::Number) {
        return Some(1.into());
    }
    None
}

/// What a request is about, for tests and hooks.
pub(crate) fn subject(body: &Value) -> String {
    let member = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let named =
        [member("Identifier"), member("RequestToken")].into_iter().find(|text| !text.is_empty());
    format!("{} {}", member("TypeName"), named.unwrap_or_default()).trim().to_owned()
}
