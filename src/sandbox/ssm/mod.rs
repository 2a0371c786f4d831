//! Parameter Store, as strict as AWS's own: names, sizes, types, versions, labels, pages, hidden secrets.
//!
//! Own code rather than winterbaume's, which knows no tiers, keys, pages, selectors or checks.
//! Source: Systems Manager API reference, PutParameter and GetParametersByPath.

mod labels;
pub(crate) mod model;
mod put;
mod read;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::state::SandboxState;
use super::wire::{Ctx, Refusal, Service};
use model::Parameter;

type SsmAnswer = Result<Value, Refusal>;

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, body: &Value) -> SsmAnswer {
    match operation {
        "PutParameter" => put::put(ctx, body),
        "DeleteParameter" => put::delete(ctx, body),
        "DeleteParameters" => put::delete_many(ctx, body),
        "GetParameter" => read::get(ctx, body),
        "GetParameters" => read::get_many(ctx, body),
        "GetParametersByPath" => read::by_path(ctx, body),
        "GetParameterHistory" => read::history(ctx, body),
        "DescribeParameters" => read::describe(ctx, body),
        "LabelParameterVersion" => labels::label(ctx, body),
        "UnlabelParameterVersion" => labels::unlabel(ctx, body),
        "AddTagsToResource" => labels::add_tags(ctx, body),
        "RemoveTagsFromResource" => labels::remove_tags(ctx, body),
        "ListTagsForResource" => labels::list_tags(ctx, body),
        _ => Err(Refusal::not_emulated(Service::Ssm, operation)),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

fn missing(name: &str) -> Refusal {
    Refusal::new(400, "ParameterNotFound", format!("Parameter {name} not found."))
}

fn text<'b>(body: &'b Value, member: &str) -> Option<&'b str> {
    body.get(member).and_then(Value::as_str)
}

fn flag(body: &Value, member: &str) -> bool {
    body.get(member).and_then(Value::as_bool).unwrap_or(false)
}

fn need<'b>(body: &'b Value, member: &str) -> Result<&'b str, Refusal> {
    text(body, member).filter(|t| !t.is_empty()).ok_or_else(|| {
        invalid(format!("1 validation error detected: Value at '{}' failed to satisfy constraint: Member must not be null and must have length greater than or equal to 1", super::params::lower_first(member)))
    })
}

fn texts<'b>(body: &'b Value, member: &str) -> Vec<&'b str> {
    body.get(member)
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// The row key of a name or ARN, as the caller sees it.
fn row_key(ctx: &Ctx<'_>, name: &str) -> String {
    let own = format!("arn:aws:ssm:{}:{}:parameter", ctx.region, ctx.caller.account);
    let name = match name.strip_prefix(&own) {
        // an ARN holds one slash before a name that has none itself
        Some(rest) => match rest.strip_prefix('/') {
            Some(flat) if !flat.contains('/') => flat,
            _ => rest,
        },
        None => name,
    };
    format!("{}\0{}\0{name}", ctx.caller.account, ctx.region)
}

fn find<'c>(ctx: &'c mut Ctx<'_>, name: &str) -> Result<&'c Parameter, Refusal> {
    let key = row_key(ctx, name);
    if ctx.state.parameters.contains(&key) && ctx.consistency.is_delayed("read", &key) {
        return Err(missing(name));
    }
    ctx.state.parameters.get(&key).ok_or_else(|| missing(name))
}

/// A secret as it stands in the store: not readable by looking at the files.
fn seal(state: &SandboxState, nonce: &str, value: &str) -> String {
    STANDARD.encode(stream(state, nonce, value.as_bytes()))
}

fn unseal(state: &SandboxState, nonce: &str, sealed: &str) -> String {
    let bytes = STANDARD.decode(sealed).unwrap_or_default();
    String::from_utf8_lossy(&stream(state, nonce, &bytes)).into_owned()
}

fn stream(state: &SandboxState, nonce: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (block, chunk) in bytes.chunks(32).enumerate() {
        let pad = Sha256::new()
            .chain_update(state.meta("secret"))
            .chain_update(nonce)
            .chain_update(block.to_be_bytes())
            .finalize();
        out.extend(chunk.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
    }
    out
}

fn nonce(parameter: &str, version: u64) -> String {
    format!("{parameter}/{version}")
}

/// One page: `MaxResults` between the bounds, `NextToken` honoured. Items in the order of their keys.
fn page(
    body: &Value,
    member: &str,
    (most, by_default): (usize, usize),
    items: impl IntoIterator<Item = (String, Value)>,
) -> SsmAnswer {
    let size = match body.get("MaxResults") {
        None | Some(Value::Null) => by_default,
        Some(n) => n
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| invalid(format!("1 validation error detected: Value '{n}' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and {most}")))?,
    };
    let after = match text(body, "NextToken") {
        None => None,
        Some(token) => Some(
            URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    Refusal::new(400, "InvalidNextToken", "The specified token is not valid.")
                })?,
        ),
    };
    let mut items: Vec<(String, Value)> = items.into_iter().collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|a| key > a));
    let mut found = Vec::new();
    let mut last = String::new();
    for (key, value) in rest.by_ref().take(size) {
        found.push(value);
        last = key;
    }
    let mut answer = json!({ member: found });
    if rest.next().is_some()
        && let Some(object) = answer.as_object_mut()
    {
        object.insert("NextToken".to_owned(), json!(URL_SAFE_NO_PAD.encode(last)));
    }
    Ok(answer)
}
