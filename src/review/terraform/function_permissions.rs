//! Single statements of the policy of a Lambda function (`aws_lambda_permission`).

use serde_json::Value as Json;

use super::overlay::{Work, symbol};
use super::plan::Change;
use crate::access::{FUNCTION, Permission};
use crate::review::arns;
use crate::review::change_set::{ApplyNotes, ApplyStep, NotJudged};
use crate::review::edit::{AccountEdit, resource, stale};
use crate::review::{AccountSnapshot, PolicyText};

/// The resource type.
pub(super) const PERMISSION: &str = "aws_lambda_permission";

/// The argument that names the function.
pub(super) const NAMES: &str = "function_name";

/// Arguments that a statement is made of.
const PARTS: [&str; 9] = [
    "action",
    "event_source_token",
    "function_url_auth_type",
    "invoked_via_function_url",
    "principal",
    "principal_org_id",
    "source_account",
    "source_arn",
    "statement_id",
];

/// Adds statements that only the plan knows.
pub(super) fn prepare(change: &Change, account: &mut AccountSnapshot) {
    if change.r#type != PERMISSION {
        return;
    }
    let side = &change.change.before;
    let (Some(arn), Some(sid)) = (arn_before(change, account), change.before("statement_id"))
    else {
        return;
    };
    let statement = statement(side, sid, &arn, account);
    let resource = resource(account, &arn, &FUNCTION, &change.address);
    let is_there = resource.policy.as_ref().map_or(Some(false), |policy| policy.has_statement(sid));
    if is_there == Some(false) {
        let is_dumped = resource.is_dumped;
        let policy = resource.policy.take();
        resource.policy = Some(PolicyText::with_statement(policy, sid, statement));
        if is_dumped {
            account.mark_unread(stale(&change.address));
        }
    }
}

/// Carries one step of one change out.
pub(super) fn take(
    work: &Work<'_>,
    step: ApplyStep,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    if change.r#type != PERMISSION {
        return;
    }
    match step {
        ApplyStep::Remove if change.removes() => {
            let (Some(arn), Some(sid)) =
                (arn_before(change, account), change.before("statement_id"))
            else {
                return;
            };
            AccountEdit::DropStatement { arn, sid: sid.to_owned() }.carry_out(account, notes);
        }
        ApplyStep::Fill if change.writes() => add(work, change, account, notes),
        _ => {}
    }
}

fn add(work: &Work<'_>, change: &Change, account: &mut AccountSnapshot, notes: &mut ApplyNotes) {
    let region = work.accounts.region(change);
    let by_name = change
        .after(NAMES)
        .and_then(|named| arn_of(named, change.after("qualifier"), region.as_deref(), account));
    let referred = || {
        let arn = work.named(change, NAMES)?.arn;
        Some(qualified(arn, change.after("qualifier")))
    };
    let Some(arn) = by_name.or_else(referred).filter(|arn| arn.starts_with("arn:")) else {
        let why = format!("what `{}` is put on is not known", change.address);
        notes.not_judged.push(NotJudged { account: Some(account.id.clone()), why });
        return;
    };
    let generated = symbol(change, "statement_id");
    let sid = change.after("statement_id").unwrap_or(&generated);
    // The content of the statement is known even if AWS or Terraform generates its id.
    let mut unknown = PARTS.into_iter().filter(|part| *part != "statement_id");
    let unknown = unknown.find(|part| change.is_unknown(part));
    let statement = match unknown {
        Some(part) => Err(format!("`{}.{part}` is known after apply", change.address)),
        None => Ok(statement(&change.change.after, sid, &arn, account)),
    };
    let (sid, label) = (sid.to_owned(), change.address.clone());
    AccountEdit::PutStatement { arn, of: &FUNCTION, label, sid, statement }
        .carry_out(account, notes);
}

fn arn_before(change: &Change, account: &AccountSnapshot) -> Option<String> {
    let named = change.before(NAMES)?;
    arn_of(named, change.before("qualifier"), change.before("region"), account)
}

/// The ARN of what a permission is put on: a function by its name, its ARN or the end of it (`123456789012:function:f`),
/// and a version or alias of it.
fn arn_of(
    named: &str,
    qualifier: Option<&str>,
    region: Option<&str>,
    account: &AccountSnapshot,
) -> Option<String> {
    if named.starts_with("arn:") {
        return Some(qualified(named.to_owned(), qualifier));
    }
    let name = named.rsplit_once(":function:").map_or(named, |(_, name)| name);
    let arn = arns::existing(&FUNCTION, name, region, account).or_else(|| {
        let (partition, id) = (account.partition, &account.id);
        Some(format!("arn:{partition}:lambda:{}:{id}:function:{name}", region?))
    })?;
    Some(qualified(arn, qualifier))
}

fn qualified(arn: String, qualifier: Option<&str>) -> String {
    match qualifier {
        Some(qualifier) => format!("{arn}:{qualifier}"),
        None => arn,
    }
}

/// The statement that a permission becomes.
fn statement(side: &Json, sid: &str, arn: &str, account: &AccountSnapshot) -> Json {
    let text = |attr: &str| side.get(attr).and_then(Json::as_str).filter(|text| !text.is_empty());
    let permission = Permission {
        action: text("action").unwrap_or_default(),
        principal: text("principal").unwrap_or_default(),
        equals: &[
            ("aws:SourceAccount", text("source_account")),
            ("aws:PrincipalOrgID", text("principal_org_id")),
            ("lambda:EventSourceToken", text("event_source_token")),
            ("lambda:FunctionUrlAuthType", text("function_url_auth_type")),
        ],
        source_arn: text("source_arn"),
        through_url: side.get("invoked_via_function_url").and_then(Json::as_bool) == Some(true),
    };
    permission.statement(sid, arn, account.partition)
}
