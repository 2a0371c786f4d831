//! The contents of organization policies that configure services: what tells one type's from another's, and the operators
//! by which a policy is merged with those above it.
//!
//! Sources: Organizations User Guide, "Declarative policies" and the syntax page of each type; "Inheritance operators";
//! "Quotas and service limits".

use crate::diag::{Diagnostics, did_you_mean};
use crate::value::Value;

/// A type of policy, as far as its content is checked before AWS is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementPolicyType {
    /// The name that AWS gives it.
    pub name: &'static str,
    /// The one member that its content has at the top; `None` where that is not known.
    pub top: Option<&'static str>,
    /// The largest content, in characters; `None` where AWS states none.
    pub size: Option<usize>,
}

const fn of(
    name: &'static str,
    top: Option<&'static str>,
    size: Option<usize>,
) -> ManagementPolicyType {
    ManagementPolicyType { name, top, size }
}

/// The types that AWS documents, access policies aside.
pub const MANAGEMENT_POLICY_TYPES: [ManagementPolicyType; 12] = [
    of("TAG_POLICY", Some("tags"), Some(10_000)),
    of("BACKUP_POLICY", Some("plans"), Some(10_000)),
    of("AISERVICES_OPT_OUT_POLICY", Some("services"), Some(2_500)),
    of("CHATBOT_POLICY", Some("chatbot"), Some(10_000)),
    of("DECLARATIVE_POLICY_EC2", Some("ec2_attributes"), Some(10_000)),
    of("SECURITYHUB_POLICY", Some("securityhub"), Some(10_000)),
    of("INSPECTOR_POLICY", Some("inspector"), None),
    of("UPGRADE_ROLLOUT_POLICY", Some("upgrade_rollout"), Some(5_120)),
    of("BEDROCK_POLICY", Some("bedrock"), None),
    of("S3_POLICY", Some("s3_attributes"), None),
    of("GUARDDUTY_POLICY", None, None),
    of("NETWORK_SECURITY_DIRECTOR_POLICY", Some("network_security_director"), None),
];

/// The members by which a policy says how it is merged with others.
const OPERATORS: [&str; 4] =
    ["@@append", "@@assign", "@@operators_allowed_for_child_policies", "@@remove"];

/// A content as AWS would read it: an object, from JSON text or as it is written.
///
/// # Errors
/// What is wrong with it, and advice.
pub fn content(given: &Value, kind: Option<&str>) -> Result<Value, (String, String)> {
    let content = match given.reveal() {
        Value::String(text) => parse(text)?,
        Value::Map(_) | Value::Unknown(_) => given.clone(),
        other => {
            let problem = format!("a policy is an object or JSON text, not {}", other.type_name());
            return Err((problem, String::new()));
        }
    };
    let Some(members) = content.reveal().as_map() else {
        let is_open = matches!(content.reveal(), Value::Unknown(_));
        return if is_open {
            Ok(content)
        } else {
            Err(("a policy is an object".to_owned(), String::new()))
        };
    };
    if let Some((name, near)) = unknown_operator(&content) {
        let help = near.unwrap_or_else(|| format!("the operators are {}", OPERATORS.join(", ")));
        return Err((format!("`{name}` is no inheritance operator"), help));
    }
    let known = MANAGEMENT_POLICY_TYPES.iter().find(|known| Some(known.name) == kind);
    let Some(known) = known else { return Ok(content) };
    if let Some(top) = known.top
        && (members.len() != 1 || !members.contains_key(top))
    {
        let has: Vec<String> = members.keys().map(|key| format!("`{key}`")).collect();
        let has = if has.is_empty() { "nothing".to_owned() } else { has.join(", ") };
        let owner = MANAGEMENT_POLICY_TYPES
            .iter()
            .find(|other| other.top.is_some_and(|top| members.contains_key(top)));
        let help = owner
            .filter(|other| other.name != known.name)
            .map(|other| format!("this is the content of a policy of the type `{}`", other.name));
        return Err((
            format!(
                "the content of a {} has `{top}` at its top and nothing else; it has {has}",
                known.name
            ),
            help.unwrap_or_default(),
        ));
    }
    if let Some(limit) = known.size {
        let size = content.to_json().to_string().chars().count();
        if size > limit {
            return Err((
                format!(
                    "the policy has {size} characters, and AWS takes {limit} of a {}",
                    known.name
                ),
                "split it: policies of one type on one target are merged".to_owned(),
            ));
        }
    }
    Ok(content)
}

/// The value of JSON text in which no key occurs twice.
fn parse(text: &str) -> Result<Value, (String, String)> {
    let problem = |summary: String| (format!("the policy is no JSON: {summary}"), String::new());
    let mut found = Diagnostics::new();
    crate::iam::json::parse_text(&text.into(), &mut found).map_err(|d| problem(d.summary))?;
    if let Some(twice) = found.iter().find(|found| found.is_error()) {
        return Err((format!("the policy is ambiguous: {}", twice.summary), String::new()));
    }
    let json = serde_json::from_str(text).map_err(|error| problem(error.to_string()))?;
    Ok(Value::from_json(&json))
}

/// A member that is written as an operator and is none, with the one that was meant.
fn unknown_operator(value: &Value) -> Option<(String, Option<String>)> {
    match value.reveal() {
        Value::Map(members) => members.iter().find_map(|(name, value)| {
            let is_slip = name.starts_with("@@") && !OPERATORS.contains(&name.as_str());
            is_slip
                .then(|| (name.clone(), did_you_mean(name, OPERATORS)))
                .or_else(|| unknown_operator(value))
        }),
        Value::List(elements) => elements.iter().find_map(unknown_operator),
        _ => None,
    }
}

/// A content that AWS tells, in the form in which contents are compared.
#[must_use]
pub fn canonical_content(text: &str) -> Value {
    serde_json::from_str(text)
        .map_or_else(|_| Value::String(text.to_owned()), |json| Value::from_json(&json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, kind: &str) -> String {
        content(&Value::String(text.to_owned()), Some(kind)).expect_err("wrong").0
    }

    #[test]
    fn a_content_is_told_from_another_types() {
        let tags = r#"{"tags": {"team": {"tag_key": {"@@assign": "Team"}}}}"#;
        let read = content(&Value::String(tags.to_owned()), Some("TAG_POLICY")).expect("valid");
        assert_eq!(read, canonical_content(tags));
        let (problem, help) =
            content(&Value::String(tags.to_owned()), Some("BACKUP_POLICY")).expect_err("another's");
        assert!(
            problem.contains("has `plans` at its top") && problem.contains("`tags`"),
            "{problem}"
        );
        assert!(help.contains("`TAG_POLICY`"), "{help}");
        assert!(told("{}", "TAG_POLICY").contains("it has nothing"));
        assert!(told("[]", "TAG_POLICY").contains("a policy is an object"));
        assert!(told("{", "TAG_POLICY").contains("no JSON"));
        assert!(told(r#"{"tags": {}, "tags": {}}"#, "TAG_POLICY").contains("`tags` occurs twice"));
        let slip = r#"{"tags": {"a": {"tag_value": {"@@asign": ["x"]}}}}"#;
        assert!(told(slip, "TAG_POLICY").contains("`@@asign` is no inheritance operator"));
        let long = format!(r#"{{"services": {{"x": "{}"}}}}"#, "y".repeat(2_500));
        assert!(told(&long, "AISERVICES_OPT_OUT_POLICY").contains("AWS takes 2500"));
        // A type that came after this version is AWS's to judge.
        assert!(content(&Value::String("{\"new\": 1}".to_owned()), Some("NEWER_POLICY")).is_ok());
    }
}
