//! `palisade simulate`: one JSON object a line in, one a line out.
//!
//! Whatever the line holds, the answer is one line of JSON; what cannot be judged has `error`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::document::{Document, Use};
use super::eval::{ChainLevel, Decision, Policies, evaluate};
use super::policy::Policy;
use super::request::{Context, ContextValue, Membership, Principal, Request};

/// The longest line that is read, in bytes: ten times all policies of a request at their limits.
pub const MAX_LINE: usize = 4 << 20;

const CASE_KEYS: [&str; 10] = [
    "id",
    "request",
    "identity_policies",
    "permissions_boundary",
    "session_policies",
    "service_control_policies",
    "resource_control_policies",
    "resource_policy",
    "vpc_endpoint_policy",
    "restrict_public_buckets",
];
const REQUEST_KEYS: [&str; 7] = [
    "principal",
    "principal_organization",
    "action",
    "resource",
    "resource_account",
    "resource_organization",
    "context",
];

/// Judges the case on one line; returns one line without its line break.
#[must_use]
pub fn simulate_line(line: &str) -> String {
    if line.len() > MAX_LINE {
        return failure(&Value::Null, format!("the line is longer than {MAX_LINE} bytes"));
    }
    let value: Value = match serde_json::from_str(line.trim_start_matches('\u{feff}')) {
        Ok(value) => value,
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            let column = error.column();
            return failure(&Value::Null, format!("not JSON: {reason} at column {column}"));
        }
    };
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    match case(&value) {
        Ok((request, policies)) => answer(&id, &evaluate(&request, &policies)),
        Err(error) => failure(&id, error),
    }
}

fn answer(id: &Value, decision: &Decision) -> String {
    json!({
        "id": id,
        "decision": decision.decision,
        "decided_by": decision.decided_by,
        "matched": decision.matched,
        "missing_context": decision.missing_context,
        "disputed": decision.disputed,
        "error": null,
    })
    .to_string()
}

fn failure(id: &Value, error: impl Into<String>) -> String {
    json!({
        "id": id,
        "decision": null,
        "decided_by": null,
        "matched": [],
        "missing_context": [],
        "disputed": [],
        "error": error.into(),
    })
    .to_string()
}

/// Reads a case.
///
/// # Errors
/// What is wrong with it, as one message.
pub fn case(value: &Value) -> Result<(Request, Policies), String> {
    let case = value.as_object().ok_or("a case must be an object")?;
    known_keys(case, &CASE_KEYS, "case")?;
    let request = request(case.get("request").ok_or("`request` is missing")?)?;
    let one = |key: &str, role: Use| -> Result<Option<Arc<Policy>>, String> {
        match case.get(key) {
            None | Some(Value::Null) => Ok(None),
            // Either the bare document or, as in lists, an object that names it.
            Some(value) if value.get("document").is_some() => named(value, key, &role).map(Some),
            Some(value) => document(key, key, value, role).map(Some),
        }
    };
    let many = |key: &str, role: Use| -> Result<Vec<Arc<Policy>>, String> {
        list(case.get(key), key)?.iter().map(|value| named(value, key, &role)).collect()
    };
    // A trust policy has no `Resource`, nor have some others: their grammar is checked elsewhere.
    let resource_side = || Use::Resource(String::new());
    let policies = Policies {
        identity: many("identity_policies", Use::Identity)?,
        boundary: one("permissions_boundary", Use::Boundary)?,
        session: many("session_policies", Use::Session)?,
        service_control: chain(case, "service_control_policies", &Use::Identity)?,
        resource_control: chain(case, "resource_control_policies", &resource_side())?,
        resource: one("resource_policy", resource_side())?,
        endpoint: one("vpc_endpoint_policy", resource_side())?,
        restrict_public_buckets: flag(
            case.get("restrict_public_buckets"),
            "restrict_public_buckets",
        )?,
    };
    Ok((request, policies))
}

fn known_keys(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let help = crate::diag::did_you_mean(key, known.iter().copied());
            let help = help.map(|h| format!("; {h}")).unwrap_or_default();
            Err(format!("unknown key `{key}` in the {what}{help}"))
        }
    }
}

fn list<'v>(value: Option<&'v Value>, key: &str) -> Result<&'v [Value], String> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{key}` must be a list")),
    }
}

fn flag(value: Option<&Value>, key: &str) -> Result<bool, String> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{key}` must be true or false")),
    }
}

fn text<'v>(object: &'v Map<String, Value>, key: &str) -> Result<&'v str, String> {
    match object.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{key}` must be a string")),
        None => Err(format!("`{key}` is missing")),
    }
}

fn document(key: &str, name: &str, value: &Value, role: Use) -> Result<Arc<Policy>, String> {
    // A document may also come as the JSON text that AWS returns.
    let parsed;
    let value = match value {
        Value::String(text) => {
            parsed = serde_json::from_str(text)
                .map_err(|_| format!("`{key}`: policy `{name}` is not JSON"))?;
            &parsed
        }
        value => value,
    };
    match Document::from_json(value, role) {
        Ok((document, _)) => Ok(Arc::new(Policy::new(name, &document))),
        Err(found) => {
            let all: Vec<&str> =
                found.iter().filter(|d| d.is_error()).map(|d| d.summary.as_str()).collect();
            Err(format!("`{key}`: policy `{name}`: {}", all.join("; ")))
        }
    }
}

fn named(value: &Value, key: &str, role: &Use) -> Result<Arc<Policy>, String> {
    let object = value.as_object().ok_or_else(|| format!("`{key}` must hold objects"))?;
    let inner = object
        .get("document")
        .ok_or_else(|| format!("`{key}`: a policy must have `name` and `document`"))?;
    let name = match object.get("name") {
        None | Some(Value::Null) => key,
        Some(Value::String(name)) => name,
        Some(_) => return Err(format!("`{key}`: `name` must be a string")),
    };
    document(key, name, inner, role.clone())
}

fn chain(case: &Map<String, Value>, key: &str, role: &Use) -> Result<Vec<ChainLevel>, String> {
    list(case.get(key), key)?
        .iter()
        .map(|level| {
            let object = level
                .as_object()
                .ok_or_else(|| format!("`{key}` must hold objects, one for each level"))?;
            known_keys(object, &["target", "policies"], "level")
                .map_err(|error| format!("`{key}`: {error}"))?;
            let policies = list(object.get("policies"), "policies")?
                .iter()
                .map(|policy| named(policy, key, role))
                .collect::<Result<_, _>>()?;
            let target = object.get("target").and_then(Value::as_str).unwrap_or_default();
            Ok(ChainLevel { target: target.to_owned(), policies })
        })
        .collect()
}

fn request(value: &Value) -> Result<Request, String> {
    let object = value.as_object().ok_or("`request` must be an object")?;
    known_keys(object, &REQUEST_KEYS, "request")?;
    let action = text(object, "action")?;
    if !action
        .split_once(':')
        .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    {
        return Err(format!("`{action}` is no action: write `service:Action`"));
    }
    let resource = text(object, "resource")?;
    if resource != "*" && (!resource.starts_with("arn:") || resource.split(':').count() < 6) {
        return Err(format!("`{resource}` is no resource: write an ARN or `*`"));
    }
    let resource_account = match object.get("resource_account") {
        None | Some(Value::Null) => None,
        Some(Value::String(account)) if super::values::is_account_id(account) => {
            Some(account.clone())
        }
        Some(_) => return Err("`resource_account` must be 12 digits".to_owned()),
    };
    Ok(Request {
        principal: principal(object.get("principal").ok_or("`principal` is missing")?)?,
        principal_organization: membership(object, "principal_organization")?,
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account,
        resource_organization: membership(object, "resource_organization")?,
        context: context(object.get("context"))?,
    })
}

fn principal(value: &Value) -> Result<Principal, String> {
    match value {
        Value::String(text) => Principal::parse(text),
        Value::Object(object) if object.len() == 1 => {
            if let Some(Value::String(service)) = object.get("service") {
                Ok(Principal::Service(service.clone()))
            } else if let Some(Value::String(provider)) = object.get("federated") {
                Ok(Principal::Federated(provider.clone()))
            } else {
                Err("`principal` must name a `service` or a `federated` provider".to_owned())
            }
        }
        _ => Err("`principal` must be a string, `{\"service\": ...}` or `{\"federated\": ...}`"
            .to_owned()),
    }
}

fn membership(request: &Map<String, Value>, key: &str) -> Result<Option<Membership>, String> {
    let object = match request.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(format!("`{key}` must be an object")),
    };
    known_keys(object, &["id", "management_account"], key)?;
    Ok(Some(Membership {
        id: text(object, "id").map_err(|error| format!("`{key}`: {error}"))?.to_owned(),
        management_account: flag(object.get("management_account"), "management_account")?,
    }))
}

fn context(value: Option<&Value>) -> Result<Context, String> {
    let mut context = Context::default();
    let object = match value {
        None | Some(Value::Null) => return Ok(context),
        Some(Value::Object(object)) => object,
        Some(_) => return Err("`context` must be an object".to_owned()),
    };
    let scalar = |key: &str, value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("`context`: the values of `{key}` must be strings")),
    };
    for (key, value) in object {
        if context.get(key).is_some() {
            return Err(format!("`context`: `{key}` occurs twice, in different case"));
        }
        let value = match value {
            // An explicit null is an absent key.
            Value::Null => continue,
            Value::Array(items) => ContextValue::Many(
                items.iter().map(|item| scalar(key, item)).collect::<Result<_, _>>()?,
            ),
            value => ContextValue::One(scalar(key, value)?),
        };
        context.set(key, value);
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Value {
        let answer = simulate_line(line);
        assert!(!answer.contains('\n'));
        serde_json::from_str(&answer).expect("json")
    }

    #[test]
    fn a_case_is_judged_as_documented() {
        let line = json!({"id": "a", "request": {
            "principal": "arn:aws:sts::111122223333:assumed-role/x/s",
            "principal_organization": {"id": "o-abcdefghij", "management_account": false},
            "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "resource_account": "111122223333",
            "resource_organization": {"id": "o-abcdefghij", "management_account": false},
            "context": {"aws:TagKeys": ["a", "b"]}},
            "identity_policies": [{"name": "p", "document": {"Version": "2012-10-17", "Statement": [
                {"Sid": "read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"},
                {"Effect": "Deny", "Action": "*", "Resource": "*",
                 "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:ViaAWSService": "false"}}}]}}],
            "permissions_boundary": null, "session_policies": [],
            "service_control_policies": [{"target": "o-root", "policies": [{"name": "FullAWSAccess", "document":
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}],
            "resource_control_policies": [], "resource_policy": null, "vpc_endpoint_policy": null});
        assert_eq!(
            run(&line.to_string()),
            json!({"id": "a", "decision": "allow", "decided_by": "identity",
                "matched": [
                    {"policy": "FullAWSAccess", "statement": "0", "effect": "Allow"},
                    {"policy": "p", "statement": "read", "effect": "Allow"}],
                "missing_context": ["aws:sourceip", "aws:viaawsservice"], "disputed": [], "error": null})
        );
    }

    #[test]
    fn hostile_lines_are_answered_with_an_error() {
        let deep = "[".repeat(1_000_000);
        let nested = format!(
            r#"{{"id":7,"request":{{"principal":"*","action":"a:b","resource":"*"}},"resource_policy":{}1{}}}"#,
            "[".repeat(100),
            "]".repeat(100)
        );
        for line in [
            "",
            "{",
            "null",
            "[]",
            "\"x\"",
            "\u{0}",
            "{\"id\": 1}",
            deep.as_str(),
            nested.as_str(),
            r#"{"id":1,"request":{"principal":"x","action":"s3:Get","resource":"*"}}"#,
            r#"{"id":1,"request":{"principal":"arn:aws:iam::1:role/x","action":"s3:Get","resource":"*"}}"#,
            r#"{"id":1,"request":{"principal":"*","action":"s3","resource":"*"}}"#,
            r#"{"id":1,"request":{"principal":"*","action":"s3:x","resource":"b"}}"#,
            r#"{"id":1,"request":{"principal":"*","action":"s3:x","resource":"*","context":{"a":{}}}}"#,
            r#"{"id":1,"request":{"principal":"*","action":"s3:x","resource":"*"},"resource_policy":{"Statement":[{}]}}"#,
            r#"{"id":1,"request":{"principal":"*","action":"s3:x","resource":"*"},"session_policy":[]}"#,
        ] {
            let answer = run(line);
            assert!(answer["error"].is_string(), "{line} {answer}");
            assert!(answer["decision"].is_null());
        }
    }
}
