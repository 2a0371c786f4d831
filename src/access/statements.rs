//! Statements that services make of arguments, for policies that are written a statement at a time.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::EVENT_BUS;
use crate::iam::text::is_symbolic_account;
use crate::ids::Partition;

/// The arguments of a permission of a Lambda function, which becomes a statement of the function's policy.
///
/// Source: Lambda API Reference, `AddPermission`.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// The permitted action.
    pub action: &'a str,
    /// `*`, the id of an account, an ARN or a service.
    pub principal: &'a str,
    /// Condition keys and the values that they must equal.
    pub equals: &'a [(&'static str, Option<&'a str>)],
    /// `aws:SourceArn`.
    pub source_arn: Option<&'a str>,
    /// Whether it applies only to the function's URL.
    pub through_url: bool,
}

impl Permission<'_> {
    /// Its statement.
    #[must_use]
    pub fn statement(&self, sid: &str, arn: &str, partition: Partition) -> Json {
        let named = self.principal;
        let principal = if named == "*" {
            json!("*")
        } else if named.len() == 12 && named.bytes().all(|byte| byte.is_ascii_digit())
            || is_symbolic_account(named)
        {
            json!({"AWS": format!("arn:{partition}:iam::{named}:root")})
        } else if named.starts_with("arn:") {
            json!({"AWS": named})
        } else {
            json!({"Service": named})
        };
        let equals: serde_json::Map<String, Json> = self
            .equals
            .iter()
            .filter_map(|(key, value)| Some(((*key).to_owned(), json!(value.as_ref()?))))
            .collect();
        let mut condition = serde_json::Map::new();
        if !equals.is_empty() {
            condition.insert("StringEquals".to_owned(), Json::Object(equals));
        }
        if let Some(source) = self.source_arn {
            condition.insert("ArnLike".to_owned(), json!({"aws:SourceArn": source}));
        }
        if self.through_url {
            condition.insert("Bool".to_owned(), json!({"lambda:InvokedViaFunctionUrl": "true"}));
        }
        let mut statement = serde_json::Map::new();
        statement.insert("Sid".to_owned(), json!(sid));
        statement.insert("Effect".to_owned(), json!("Allow"));
        statement.insert("Principal".to_owned(), principal);
        statement.insert("Action".to_owned(), json!(self.action));
        statement.insert("Resource".to_owned(), json!(arn));
        if !condition.is_empty() {
            statement.insert("Condition".to_owned(), Json::Object(condition));
        }
        Json::Object(statement)
    }
}

/// A statement of an event bus's policy, written out or made of its parts (EventBridge API Reference, `PutPermission`).
///
/// # Errors
/// A part does not say what such a part says.
pub fn bus_statement(values: &BTreeMap<&str, Json>, sid: &str, arn: &str) -> Result<Json, String> {
    let mut statement = match values.get("Statement") {
        Some(Json::Object(written)) => written.clone(),
        Some(_) => return Err("its `Statement` is no object".to_owned()),
        None => {
            let partition = arn.split(':').nth(1).unwrap_or("aws");
            let text = |name: &str| values.get(name).and_then(Json::as_str);
            let principal = match text("Principal") {
                // Cloud Control never reads it back.
                None => return Err("its `Principal` is not known".to_owned()),
                Some("*") => json!("*"),
                Some(id) => json!({"AWS": format!("arn:{partition}:iam::{id}:root")}),
            };
            let mut made = serde_json::Map::new();
            made.insert("Effect".to_owned(), json!("Allow"));
            made.insert("Principal".to_owned(), principal);
            made.insert("Action".to_owned(), json!(text("Action").unwrap_or("events:PutEvents")));
            made.insert("Resource".to_owned(), json!(arn));
            if let Some(condition) = values.get("Condition") {
                let part = |name: &str| condition.get(name).and_then(Json::as_str);
                let (Some(operator), Some(key), Some(value)) =
                    (part("Type"), part("Key"), part("Value"))
                else {
                    return Err("its `Condition` has not `Type`, `Key` and `Value`".to_owned());
                };
                made.insert("Condition".to_owned(), json!({operator: {key: value}}));
            }
            made
        }
    };
    statement.insert("Sid".to_owned(), json!(sid));
    Ok(Json::Object(statement))
}

/// The statement that a service makes of the arguments of an object, which is one of a policy of its resources; `None` where they
/// make none.
#[must_use]
pub fn statement_of(
    service: &str,
    values: &BTreeMap<&str, Json>,
    sid: &str,
    arn: &str,
    partition: Partition,
) -> Option<Json> {
    let text = |name: &str| values.get(name).and_then(Json::as_str);
    if service == EVENT_BUS.service {
        return bus_statement(values, sid, arn).ok();
    }
    let permission = Permission {
        action: text("Action")?,
        principal: text("Principal")?,
        equals: &[
            ("aws:SourceAccount", text("SourceAccount")),
            ("aws:PrincipalOrgID", text("PrincipalOrgID")),
            ("lambda:EventSourceToken", text("EventSourceToken")),
            ("lambda:FunctionUrlAuthType", text("FunctionUrlAuthType")),
        ],
        source_arn: text("SourceArn"),
        through_url: values.get("InvokedViaFunctionUrl") == Some(&Json::Bool(true)),
    };
    Some(permission.statement(sid, arn, partition))
}
