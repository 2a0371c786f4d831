//! `apply --json` and `destroy --json`: what happens, as it happens, one JSON object a line.
//!
//! Every line has a `type` and the time `at`. The plan comes first where the command makes one, how it ended
//! comes last; a reader that meets a type that it does not know passes over it.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::apply::events::OperationRef;
use crate::apply::{ApplyEvent, ApplySummary};
use crate::plan::model::Plan;

use super::style::time;

/// The line about the plan that is about to be carried out.
#[must_use]
pub fn plan(plan: &Plan, at: Timestamp) -> String {
    let what = json!({
        "type": "plan",
        "digest": plan.digest,
        "estate": plan.estate.name,
        "summary": serde_json::to_value(&plan.summary).unwrap_or_default(),
        "operations": plan.operations.len(),
    });
    line(what, at)
}

/// The line about an event of the executor.
#[must_use]
pub fn event(event: &ApplyEvent, at: Timestamp) -> String {
    line(
        match event {
            ApplyEvent::WaitingForLock { scope, who, host, operation, ended } => json!({
                "type": "waiting",
                "scope": scope,
                "who": who,
                "host": host,
                "operation": operation,
                "ended": ended.is_some(),
            }),
            ApplyEvent::Begun { operations } => json!({"type": "begun", "operations": operations}),
            ApplyEvent::Started(operation) => of("started", operation, json!({})),
            ApplyEvent::Retrying { operation, attempt, wait, reason } => of(
                "retrying",
                operation,
                json!({"attempt": attempt, "wait_seconds": wait.as_secs_f64(), "reason": reason}),
            ),
            ApplyEvent::Succeeded(operation) => of("succeeded", operation, json!({})),
            ApplyEvent::Failed { operation, reason } => {
                of("failed", operation, json!({"reason": reason}))
            }
            ApplyEvent::Skipped { operation, because } => {
                of("skipped", operation, json!({"because": because.address.canonical()}))
            }
            ApplyEvent::Stopping { running } => json!({"type": "stopping", "running": running}),
            ApplyEvent::Saved { scope, serial } => {
                json!({"type": "saved", "scope": scope, "serial": serial})
            }
            ApplyEvent::Recovering { scope, run, in_doubt } => {
                json!({"type": "recovering", "scope": scope, "run": run, "dangling": in_doubt})
            }
        },
        at,
    )
}

/// The last line of a plan that was carried out, to its end or not.
#[must_use]
pub fn ended(summary: &ApplySummary, at: Timestamp) -> String {
    let what = json!({
        "type": "ended",
        "run": summary.run,
        "success": summary.is_success(),
        "interrupted": summary.interrupted,
        "done": summary.done.len(),
        "failed": summary.failed.len(),
        "skipped": summary.skipped.len(),
        "audit_head": summary.head,
    });
    line(what, at)
}

/// The last line where there was nothing to do.
#[must_use]
pub fn nothing(at: Timestamp) -> String {
    line(
        json!({"type": "ended", "success": true, "interrupted": false, "done": 0, "failed": 0, "skipped": 0}),
        at,
    )
}

/// The last line where nothing was carried out: which way it ended (as exit codes tell ends apart), and why.
#[must_use]
pub fn refused(
    kind: &str,
    message: &str,
    detail: Option<&str>,
    help: Option<&str>,
    at: Timestamp,
) -> String {
    let what = json!({
        "type": "ended",
        "success": false,
        "interrupted": kind == "interrupted",
        "done": 0,
        "failed": 0,
        "skipped": 0,
        "error": {"kind": kind, "message": message, "detail": detail, "help": help},
    });
    line(what, at)
}

fn of(what: &str, operation: &OperationRef, mut more: Json) -> Json {
    if let Some(object) = more.as_object_mut() {
        object.insert("type".to_owned(), what.into());
        object.insert("id".to_owned(), operation.id.into());
        object.insert("op".to_owned(), serde_json::to_value(operation.op).unwrap_or_default());
        object.insert("address".to_owned(), operation.address.canonical().into());
        object.insert("account".to_owned(), operation.account.clone().into());
        object.insert("target".to_owned(), operation.target.clone().into());
    }
    more
}

fn line(mut what: Json, at: Timestamp) -> String {
    if let Some(object) = what.as_object_mut() {
        object.insert("at".to_owned(), time(at).into());
    }
    what.to_string()
}
