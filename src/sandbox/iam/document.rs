//! Policy documents: the grammar that AWS enforces when one is saved, and the principals that a trust policy names.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::model::{IdentityKind, Trust, identity_key};
use crate::sandbox::state::SandboxState;
use crate::sandbox::wire::Refusal;

const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A document as IAM returns it: URL-encoded after RFC 3986.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, URL).to_string()
}

/// Characters as IAM counts them against its quotas: white space is free.
pub(crate) fn quota_size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Where a document is used; each place has its own grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Identity,
    Trust,
    Scp,
    Rcp,
    Resource,
}

/// Checks a document; the error is AWS's message.
pub(crate) fn check(text: &str, usage: Use) -> Result<Value, String> {
    let bad = || "Syntax errors in policy.".to_owned();
    if text.len() > 131_072 {
        return Err("The policy is too long.".to_owned());
    }
    let value: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let top = value.as_object().ok_or_else(bad)?;
    if top.keys().any(|key| !matches!(key.as_str(), "Version" | "Id" | "Statement")) {
        return Err(bad());
    }
    match top.get("Version").map(Value::as_str) {
        Some(Some("2012-10-17")) => {}
        None | Some(Some("2008-10-17")) if matches!(usage, Use::Resource | Use::Trust) => {}
        None | Some(Some("2008-10-17")) if usage == Use::Identity => {
            return Err("Policy document must be version 2012-10-17 or greater.".to_owned());
        }
        _ => return Err(bad()),
    }
    let one;
    let statements: &[Value] = match top.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Object(object)) => {
            one = [Value::Object(object.clone())];
            &one
        }
        _ => return Err(bad()),
    };
    let mut sids = Vec::new();
    for statement in statements {
        let statement = statement.as_object().ok_or_else(bad)?;
        check_statement(statement, usage)?;
        if let Some(sid) = statement.get("Sid").and_then(Value::as_str)
            && !sid.is_empty()
        {
            if sids.contains(&sid) {
                return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
            }
            sids.push(sid);
        }
    }
    Ok(value)
}

fn check_statement(statement: &Map<String, Value>, usage: Use) -> Result<(), String> {
    let bad = || "Syntax errors in policy.".to_owned();
    const KNOWN: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    if statement.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return Err(bad());
    }
    let has = |key: &str| statement.contains_key(key);
    if let Some(sid) = statement.get("Sid") {
        let sid = sid.as_str().ok_or_else(bad)?;
        let plain = sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain && usage != Use::Resource && usage != Use::Trust {
            return Err("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*".to_owned());
        }
    }
    let effect = statement.get("Effect").and_then(Value::as_str).ok_or_else(bad)?;
    if !matches!(effect, "Allow" | "Deny") {
        return Err(bad());
    }
    if has("Action") == has("NotAction") {
        return Err("Policy statement must contain actions.".to_owned());
    }
    for action in texts(statement.get("Action").or_else(|| statement.get("NotAction")))? {
        if action != "*"
            && !action.split_once(':').is_some_and(|(s, a)| !s.is_empty() && !a.is_empty())
        {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                    .to_owned(),
            );
        }
        if usage == Use::Trust && !action.to_ascii_lowercase().starts_with("sts:") {
            return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
        }
    }
    let principal = has("Principal") || has("NotPrincipal");
    let resource = has("Resource") || has("NotResource");
    match usage {
        Use::Trust => {
            if resource {
                return Err("Has prohibited field Resource".to_owned());
            }
            if !principal {
                return Err("Missing required field Principal".to_owned());
            }
        }
        Use::Resource if !principal => return Err("Missing required field Principal".to_owned()),
        Use::Identity | Use::Scp if principal => {
            return Err("Policy document should not specify a principal.".to_owned());
        }
        Use::Rcp => {
            let everyone = statement.get("Principal").and_then(Value::as_str) == Some("*");
            if !everyone || effect != "Deny" || has("NotAction") {
                return Err(bad());
            }
        }
        Use::Identity | Use::Scp | Use::Resource => {}
    }
    if usage != Use::Trust {
        if has("Resource") == has("NotResource") {
            return Err("Policy statement must contain resources.".to_owned());
        }
        for resource in texts(statement.get("Resource").or_else(|| statement.get("NotResource")))? {
            if resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("${") {
                return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
    }
    if let Some(condition) = statement.get("Condition") {
        for tests in condition.as_object().ok_or_else(bad)?.values() {
            for (key, values) in tests.as_object().ok_or_else(bad)? {
                if key.is_empty() {
                    return Err(bad());
                }
                match values {
                    Value::Array(list) if list.iter().all(|v| !v.is_object() && !v.is_array()) => {}
                    Value::Array(_) | Value::Object(_) | Value::Null => return Err(bad()),
                    _ => {}
                }
            }
        }
    }
    for field in ["Principal", "NotPrincipal"] {
        match statement.get(field) {
            None => {}
            Some(Value::String(star)) if star == "*" => {}
            Some(Value::Object(kinds)) if !kinds.is_empty() => {
                for (kind, names) in kinds {
                    if !matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser") {
                        return Err(bad());
                    }
                    texts(Some(names))?;
                }
            }
            Some(_) => return Err(bad()),
        }
    }
    Ok(())
}

fn texts(value: Option<&Value>) -> Result<Vec<&str>, String> {
    let bad = || "Syntax errors in policy.".to_owned();
    match value {
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(list)) if !list.is_empty() => {
            list.iter().map(|item| item.as_str().ok_or_else(bad)).collect()
        }
        _ => Err(bad()),
    }
}

/// AWS principals named in a document, and its federated ones.
pub(crate) fn principals(document: &Value, kind: &str) -> Vec<String> {
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for statement in statements {
        for field in ["Principal", "NotPrincipal"] {
            if let Some(names) = statement.get(field).and_then(|p| p.get(kind)) {
                found.extend(texts(Some(names)).unwrap_or_default().into_iter().map(str::to_owned));
            }
        }
    }
    found
}

/// What a principal's name refers to.
pub(crate) enum Named {
    /// Exists, or lies outside the sandbox; nothing to bind.
    Fine,
    /// A role or user with a unique id.
    Bound(String),
    /// Not there.
    Missing,
}

/// Looks a principal of a policy up.
pub(crate) fn resolve(state: &SandboxState, name: &str) -> Named {
    if name == "*" {
        return Named::Fine;
    }
    if name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit()) {
        return Named::Fine;
    }
    if name.starts_with("AROA") || name.starts_with("AIDA") {
        return if state.identities.values().any(|i| i.id == name) {
            Named::Fine
        } else {
            Named::Missing
        };
    }
    let mut parts = name.splitn(6, ':');
    let (Some("arn"), Some(_), Some(service), Some(_), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Named::Missing;
    };
    if name.contains('*') || account.len() != 12 {
        return Named::Missing;
    }
    if !state.accounts.contains(account) || resource == "root" {
        return Named::Fine;
    }
    if service == "sts" {
        let role = resource.strip_prefix("assumed-role/").and_then(|r| r.split('/').next());
        return match role {
            Some(role)
                if !state.identities.contains(&identity_key(account, IdentityKind::Role, role)) =>
            {
                Named::Missing
            }
            _ => Named::Fine,
        };
    }
    let (kind, path) = match resource.split_once('/') {
        Some(("role", rest)) => (IdentityKind::Role, rest),
        Some(("user", rest)) => (IdentityKind::User, rest),
        _ => return Named::Missing,
    };
    let own = path.rsplit('/').next().unwrap_or(path);
    match state.identities.get(&identity_key(account, kind, own)) {
        Some(identity) if identity.arn == name => Named::Bound(identity.id.clone()),
        _ => Named::Missing,
    }
}

/// Checks a trust policy and binds it to the principals of the moment.
pub(crate) fn bind_trust(state: &SandboxState, text: &str) -> Result<Trust, Refusal> {
    let malformed = |message: String| Refusal::new(400, "MalformedPolicyDocument", message);
    let document = check(text, Use::Trust).map_err(malformed)?;
    let mut bound = BTreeMap::new();
    for name in principals(&document, "AWS") {
        match resolve(state, &name) {
            Named::Fine => {}
            Named::Bound(id) => {
                bound.insert(name, id);
            }
            Named::Missing => {
                return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{name}\"")));
            }
        }
    }
    for name in principals(&document, "Service") {
        if !name.ends_with(".amazonaws.com")
            && !name.ends_with(".amazonaws.com.cn")
            && !name.ends_with(".aws.internal")
        {
            return Err(malformed(format!("Invalid principal in policy: \"SERVICE\":\"{name}\"")));
        }
    }
    Ok(Trust { text: text.to_owned(), bound })
}

/// A trust policy as IAM returns it: a principal that is gone, or was replaced, shows as its unique id.
pub(crate) fn render_trust(state: &SandboxState, trust: &Trust) -> String {
    let mut text = trust.text.clone();
    for (arn, id) in &trust.bound {
        if !matches!(resolve(state, arn), Named::Bound(now) if now == *id) {
            text = text.replace(&format!("\"{arn}\""), &format!("\"{id}\""));
        }
    }
    text
}
