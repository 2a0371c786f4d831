//! `palisade simulate`: one JSON object a line in, one a line out.
//!
//! Whatever the line holds, the answer is one line of JSON; what cannot be judged has `error`.
//! `docs/simulate.schema.json` describes both.

use std::sync::Arc;

use serde::Serialize;

use crate::diag::{Diagnostics, did_you_mean};

use super::decision::{DecidedBy, Matched, PolicyDecision};
use super::decode;
use super::document::Use;
use super::eval::{ChainLevel, Considered, Policies, evaluate, explain};
use super::node::{JsonMember, JsonNode, NodeKind};
use super::policy::Policy;
use super::request::{ContextValue, Membership, Principal, Request, RequestContext};

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

#[derive(Serialize)]
struct SimulationAnswer<'a> {
    id: &'a serde_json::Value,
    decision: Option<PolicyDecision>,
    decided_by: Option<DecidedBy>,
    matched: &'a [Matched],
    missing_context: &'a [String],
    disputed: &'a [String],
    error: Option<&'a str>,
    /// Every statement that was looked at, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a [Considered]>,
}

/// Judges the case on one line; returns one line without its line break. `explaining` adds every statement that was
/// looked at, and why it matches or does not.
#[must_use]
pub fn simulate_line(line: &str, explaining: bool) -> String {
    simulate_case(line, explaining).0
}

/// The same, with what keeps the case from being judged, if anything does.
#[must_use]
pub fn simulate_case(line: &str, explaining: bool) -> (String, Option<String>) {
    let mut id = serde_json::Value::Null;
    match judged(line, explaining, &mut id) {
        Ok(answer) => (answer, None),
        Err(error) => (failure(&id, &error), Some(error)),
    }
}

fn judged(line: &str, explaining: bool, id: &mut serde_json::Value) -> Result<String, String> {
    if line.len() > MAX_LINE {
        return Err(format!("the line is longer than {MAX_LINE} bytes"));
    }
    let text = line.trim_start_matches('\u{feff}');
    let node: JsonNode = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("invalid JSON: {reason} at column {}", error.column())
    })?;
    let (request, policies) = case(node, id)?;
    let decision = evaluate(&request, &policies);
    let explanation = explaining.then(|| explain(&request, &policies));
    Ok(write(&SimulationAnswer {
        id,
        decision: Some(decision.decision),
        decided_by: Some(decision.decided_by),
        matched: &decision.matched,
        missing_context: &decision.missing_context,
        disputed: &decision.disputed,
        error: None,
        explanation: explanation.as_deref(),
    }))
}

fn failure(id: &serde_json::Value, error: &str) -> String {
    write(&SimulationAnswer {
        id,
        decision: None,
        decided_by: None,
        matched: &[],
        missing_context: &[],
        disputed: &[],
        error: Some(error),
        explanation: None,
    })
}

fn write(answer: &SimulationAnswer<'_>) -> String {
    // Strings and enumerations always serialize; the fallback is for the compiler.
    serde_json::to_string(answer)
        .unwrap_or_else(|_| r#"{"error":"cannot write the answer"}"#.to_owned())
}

/// An object whose keys are taken one by one.
struct Fields<'w> {
    what: &'w str,
    members: Vec<JsonMember>,
}

impl<'w> Fields<'w> {
    fn new(node: JsonNode, known: &[&str], what: &'w str) -> Result<Self, String> {
        let NodeKind::Object(members) = node.kind else {
            return Err(format!("the {what} must be an object"));
        };
        if let Some(odd) = members.iter().find(|m| !known.contains(&m.key.as_str())) {
            let help = did_you_mean(&odd.key, known.iter().copied());
            let help = help.map(|h| format!("; {h}")).unwrap_or_default();
            return Err(format!("unknown key `{}` in the {what}{help}", odd.key));
        }
        Ok(Self { what, members })
    }

    /// The value of a key; `null` counts as absent.
    fn take(&mut self, key: &str) -> Option<JsonNode> {
        let at = self.members.iter().position(|m| m.key == key)?;
        let value = self.members.swap_remove(at).value;
        (!matches!(value.kind, NodeKind::Null)).then_some(value)
    }

    fn text(&mut self, key: &str) -> Result<String, String> {
        let what = self.what;
        let value = self.take(key).ok_or_else(|| format!("`{key}` is missing in the {what}"))?;
        text(value).ok_or_else(|| format!("`{key}` must be a string"))
    }

    fn flag(&mut self, key: &str) -> Result<bool, String> {
        match self.take(key).map(|node| node.kind) {
            None => Ok(false),
            Some(NodeKind::Bool(flag)) => Ok(flag),
            Some(_) => Err(format!("`{key}` must be true or false")),
        }
    }

    fn list(&mut self, key: &str) -> Result<Vec<JsonNode>, String> {
        match self.take(key).map(|node| node.kind) {
            None => Ok(Vec::new()),
            Some(NodeKind::Array(items)) => Ok(items),
            Some(_) => Err(format!("`{key}` must be a list")),
        }
    }
}

fn text(node: JsonNode) -> Option<String> {
    match node.kind {
        NodeKind::String(text) => text.into_known(),
        _ => None,
    }
}

/// Reads a case; `id` is set as soon as it is known.
///
/// # Errors
/// What is wrong with it, as one message.
pub fn case(node: JsonNode, id: &mut serde_json::Value) -> Result<(Request, Policies), String> {
    if let NodeKind::Object(members) = &node.kind
        && let Some(member) = members.iter().find(|m| m.key == "id")
    {
        *id = match &member.value.kind {
            NodeKind::String(text) => text.known().into(),
            NodeKind::Bool(flag) => (*flag).into(),
            NodeKind::Number(number) => serde_json::from_str(number).unwrap_or_default(),
            _ => serde_json::Value::Null,
        };
    }
    let mut fields = Fields::new(node, &CASE_KEYS, "case")?;
    let request = request(fields.take("request").ok_or("`request` is missing in the case")?)?;
    // A trust policy has no `Resource`, nor have some others: their grammar is checked elsewhere.
    let resource_side = Use::Resource(String::new());
    let policies = Policies {
        identity: many(&mut fields, "identity_policies", &Use::Identity)?,
        boundary: one(&mut fields, "permissions_boundary", &Use::Boundary)?,
        session: many(&mut fields, "session_policies", &Use::Session)?,
        service_control: chain(&mut fields, "service_control_policies", &Use::Identity)?,
        resource_control: chain(&mut fields, "resource_control_policies", &resource_side)?,
        resource: one(&mut fields, "resource_policy", &resource_side)?,
        endpoint: one(&mut fields, "vpc_endpoint_policy", &resource_side)?,
        restrict_public_buckets: fields.flag("restrict_public_buckets")?,
    };
    Ok((request, policies))
}

/// A policy: the bare document or, as in lists, an object that names it.
fn one(fields: &mut Fields<'_>, key: &str, role: &Use) -> Result<Option<Arc<Policy>>, String> {
    let Some(node) = fields.take(key) else { return Ok(None) };
    let wrapped = matches!(&node.kind, NodeKind::Object(members) if members.iter().any(|m| m.key == "document"));
    if wrapped { named(node, key, role) } else { document(key, key, node, role) }.map(Some)
}

fn many(fields: &mut Fields<'_>, key: &str, role: &Use) -> Result<Vec<Arc<Policy>>, String> {
    fields.list(key)?.into_iter().map(|node| named(node, key, role)).collect()
}

fn document(key: &str, name: &str, node: JsonNode, role: &Use) -> Result<Arc<Policy>, String> {
    // A document may also come as the JSON text that AWS returns.
    let node = match &node.kind {
        NodeKind::String(text) => serde_json::from_str(text.known().unwrap_or_default())
            .map_err(|_| format!("`{key}`: policy `{name}` is not JSON"))?,
        _ => node,
    };
    match decode::document(node, role, Diagnostics::new()) {
        Ok((document, _)) => Ok(Arc::new(Policy::new(name, &document))),
        Err(found) => {
            let all: Vec<&str> =
                found.iter().filter(|d| d.is_error()).map(|d| d.summary.as_str()).collect();
            Err(format!("`{key}`: policy `{name}`: {}", all.join("; ")))
        }
    }
}

fn named(node: JsonNode, key: &str, role: &Use) -> Result<Arc<Policy>, String> {
    let mut fields = Fields::new(node, &["name", "document"], "policy")
        .map_err(|error| format!("`{key}`: {error}"))?;
    let inner = fields
        .take("document")
        .ok_or_else(|| format!("`{key}`: a policy must have `name` and `document`"))?;
    let name = match fields.take("name") {
        None => key.to_owned(),
        Some(node) => text(node).ok_or_else(|| format!("`{key}`: `name` must be a string"))?,
    };
    document(key, &name, inner, role)
}

fn chain(fields: &mut Fields<'_>, key: &str, role: &Use) -> Result<Vec<ChainLevel>, String> {
    fields
        .list(key)?
        .into_iter()
        .map(|node| {
            let mut level = Fields::new(node, &["target", "policies"], "level")
                .map_err(|error| format!("`{key}`: {error}"))?;
            let policies = level
                .list("policies")?
                .into_iter()
                .map(|policy| named(policy, key, role))
                .collect::<Result<_, _>>()?;
            let target = level.take("target").and_then(text).unwrap_or_default();
            Ok(ChainLevel { target, policies })
        })
        .collect()
}

fn request(node: JsonNode) -> Result<Request, String> {
    let mut fields = Fields::new(node, &REQUEST_KEYS, "request")?;
    let action = fields.text("action")?;
    if !action
        .split_once(':')
        .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    {
        return Err(format!("`{action}` is no action: write `service:Action`"));
    }
    let resource = fields.text("resource")?;
    if resource != "*" && (!resource.starts_with("arn:") || resource.split(':').count() < 6) {
        return Err(format!("`{resource}` is no resource: write an ARN or `*`"));
    }
    let resource_account = match fields.take("resource_account") {
        None => None,
        Some(node) => match text(node) {
            Some(account) if super::values::is_account_id(&account) => Some(account),
            _ => return Err("`resource_account` must be 12 digits".to_owned()),
        },
    };
    Ok(Request {
        principal: principal(
            fields.take("principal").ok_or("`principal` is missing in the request")?,
        )?,
        principal_organization: membership(fields.take("principal_organization"))?,
        action,
        resource,
        resource_account,
        resource_organization: membership(fields.take("resource_organization"))?,
        context: context(fields.take("context"))?,
    })
}

fn principal(node: JsonNode) -> Result<Principal, String> {
    if let NodeKind::String(text) = &node.kind {
        return Principal::parse(text.known().unwrap_or_default());
    }
    let mut fields = Fields::new(node, &["service", "federated"], "principal")?;
    match (fields.take("service").and_then(text), fields.take("federated").and_then(text)) {
        (Some(service), None) => Ok(Principal::Service(service)),
        (None, Some(provider)) => Ok(Principal::Federated(provider)),
        _ => Err("the principal must name a `service` or a `federated` provider".to_owned()),
    }
}

fn membership(node: Option<JsonNode>) -> Result<Option<Membership>, String> {
    let Some(node) = node else { return Ok(None) };
    let mut fields = Fields::new(node, &["id", "management_account"], "organization")?;
    Ok(Some(Membership {
        id: fields.text("id")?,
        management_account: fields.flag("management_account")?,
    }))
}

fn context(node: Option<JsonNode>) -> Result<RequestContext, String> {
    let mut context = RequestContext::default();
    let members = match node.map(|node| node.kind) {
        None => return Ok(context),
        Some(NodeKind::Object(members)) => members,
        Some(_) => return Err("`context` must be an object".to_owned()),
    };
    for member in members {
        let key = member.key;
        if context.get(&key).is_some() {
            return Err(format!("`context`: `{key}` occurs twice, in different case"));
        }
        let scalar = |kind: NodeKind| match kind {
            NodeKind::String(text) => text.into_known(),
            NodeKind::Bool(flag) => Some(flag.to_string()),
            NodeKind::Number(number) => Some(number),
            _ => None,
        };
        let value = match member.value.kind {
            // An explicit null is an absent key.
            NodeKind::Null => continue,
            NodeKind::Array(items) => items
                .into_iter()
                .map(|item| scalar(item.kind))
                .collect::<Option<Vec<_>>>()
                .map(ContextValue::Many),
            kind => scalar(kind).map(ContextValue::One),
        };
        let value =
            value.ok_or_else(|| format!("`context`: the values of `{key}` must be strings"))?;
        context.set(&key, value);
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(line: &str) -> Value {
        let answer = simulate_line(line, false);
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
            r#"{"id":1,"request":{"principal":"*","action":"s3:x","action":"s3:y","resource":"*"}}"#,
        ] {
            let answer = run(line);
            assert!(answer["error"].is_string(), "{line} {answer}");
            assert!(answer["decision"].is_null());
        }
    }

    /// Why each statement takes part or does not, in the order of the layers.
    #[test]
    fn an_answer_explains_itself_where_it_is_asked_to() {
        let line = json!({"request": {"principal": "arn:aws:iam::111122223333:role/x", "action": "s3:GetObject",
                "resource": "arn:aws:s3:::b/k", "context": {"aws:SourceIp": "10.0.0.1"}},
            "service_control_policies": [{"target": "r-ab12", "policies": [{"name": "full", "document":
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}],
            "identity_policies": [{"name": "p", "document": {"Version": "2012-10-17", "Statement": [
                {"Sid": "write", "Effect": "Allow", "Action": "s3:Put*", "Resource": "*"},
                {"Sid": "other", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::c/*"},
                {"Sid": "home", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*",
                 "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "Bool": {"aws:SecureTransport": "true"}}}]}}],
            "resource_policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
                "Principal": {"AWS": "444455556666"}, "Resource": "arn:aws:s3:::b/*"}]}});
        let answer: Value =
            serde_json::from_str(&simulate_line(&line.to_string(), true)).expect("json");
        assert_eq!(answer["decision"], "implicit_deny");
        let told: Vec<String> = answer["explanation"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| {
                let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
                format!(
                    "{} {} {}: {} {}",
                    text("layer"),
                    text("level"),
                    text("statement"),
                    text("because"),
                    one["keys"]
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "service_control_policy r-ab12 0: - null",
                "identity - write: action null",
                "identity - other: resource null",
                "identity - home: condition [\"aws:SecureTransport\",\"aws:SourceIp\"]",
                "resource_policy - 0: principal null",
            ]
        );
        assert_eq!(run(&line.to_string())["explanation"], Value::Null);
    }

    /// The documented schema takes what is read and what is written, and names every key.
    #[test]
    fn the_schema_describes_what_is_read_and_written() {
        let schema: Value =
            serde_json::from_str(include_str!("../../docs/simulate.schema.json")).expect("JSON");
        let part = |name: &str| {
            let mut whole = schema.clone();
            whole["$ref"] = json!(format!("#/$defs/{name}"));
            jsonschema::validator_for(&whole).expect("a schema")
        };
        let (input, output) = (part("case"), part("answer"));
        let keys = |name: &str| -> Vec<String> {
            let all = schema["$defs"][name]["properties"].as_object().expect("properties");
            all.keys().cloned().collect()
        };
        let sorted = |all: &[&str]| {
            let mut all: Vec<String> = all.iter().map(|key| (*key).to_owned()).collect();
            all.sort();
            all
        };
        assert_eq!(keys("case"), sorted(&CASE_KEYS));
        assert_eq!(keys("request"), sorted(&REQUEST_KEYS));
        let everything = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        for principal in [
            json!("*"),
            json!("arn:aws:iam::111122223333:user/u"),
            json!({"service": "lambda.amazonaws.com"}),
            json!({"federated": "cognito-identity.amazonaws.com"}),
        ] {
            let case = json!({"id": 7, "request": {"principal": principal, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k",
                    "resource_account": "111122223333", "context": {"aws:TagKeys": ["a"], "aws:SourceIp": "10.0.0.1", "aws:SecureTransport": true}},
                "identity_policies": [{"name": "p", "document": everything}, {"document": everything.to_string()}],
                "permissions_boundary": everything, "service_control_policies": [{"target": "r", "policies": []}],
                "restrict_public_buckets": false});
            assert!(input.is_valid(&case), "{case}");
            for explaining in [false, true] {
                let answer: Value =
                    serde_json::from_str(&simulate_line(&case.to_string(), explaining))
                        .expect("json");
                assert_eq!(answer["error"], Value::Null, "{answer}");
                assert!(output.is_valid(&answer), "{answer}");
            }
        }
        for wrong in [
            json!({}),
            json!({"request": {"principal": "*", "action": "s3:GetObject"}}),
            json!({"request": {"principal": "*", "action": "s3:GetObject", "resource": "*"}, "boundary": null}),
            json!({"request": {"principal": {"user": "u"}, "action": "s3:GetObject", "resource": "*"}}),
            json!({"request": {"principal": "*", "action": "s3", "resource": "*"}}),
        ] {
            assert!(!input.is_valid(&wrong), "{wrong}");
            let answer: Value =
                serde_json::from_str(&simulate_line(&wrong.to_string(), false)).expect("json");
            assert!(answer["error"].is_string() && output.is_valid(&answer), "{answer}");
        }
    }
}
