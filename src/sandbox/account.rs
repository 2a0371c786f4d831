//! Account Management: the name of an account.
//!
//! Source: AWS Account Management API Reference, `PutAccountName` and `GetAccountInformation`: with an `AccountId` they
//! are for the management account (or a delegated administrator) of an organization that trusts the service, and about
//! a member; the management account leaves its own id out.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::caller::Caller;
use super::cloudcontrol;
use super::state::SandboxState;
use super::wire::{Call, Ctx, Refusal, Service};

/// The service as Organizations knows it.
const PRINCIPAL: &str = "account.amazonaws.com";

/// The API's name for a request: `/putAccountName` is `PutAccountName`.
pub(crate) fn operation(call: &Call) -> String {
    let path = percent_decode_str(call.path.trim_matches('/')).decode_utf8_lossy().into_owned();
    let mut letters = path.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The ARN that a request is about (Service Authorization Reference, "AWS Account Management").
pub(crate) fn resource(state: &SandboxState, caller: &Caller, call: &Call) -> String {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    match (body.get("AccountId").and_then(Value::as_str), state.org()) {
        (Some(id), Some(org)) => {
            format!("arn:aws:account::{}:account/{}/{id}", org.management, org.id)
        }
        _ => format!("arn:aws:account::{}:account", caller.account),
    }
}

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, body: &Value) -> Result<Value, Refusal> {
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let id = subject(ctx, text("AccountId"))?;
    match operation {
        // A sandbox has the Region that it is asked in, and those in which it holds something.
        "ListRegions" => {
            let mut names = cloudcontrol::regions(ctx);
            names.insert(ctx.region.to_owned());
            let region = |name: &String| json!({ "RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT" });
            Ok(json!({ "Regions": names.iter().map(region).collect::<Vec<_>>() }))
        }
        "PutAccountName" => {
            let name = text("AccountName").unwrap_or_default();
            // `[ -;=?-~]+`, at most 50 of them.
            let fits = |c: char| matches!(c, ' '..=';' | '=' | '?'..='~');
            if !(1..=50).contains(&name.chars().count()) || !name.chars().all(fits) {
                return Err(Refusal::new(
                    400,
                    "ValidationException",
                    "Failed to validate the account name.",
                ));
            }
            if let Some(row) = ctx.state.accounts.get_mut(&id) {
                name.clone_into(&mut row.name);
            }
            Ok(json!({}))
        }
        "GetAccountInformation" => {
            let row = ctx.state.accounts.get(&id);
            Ok(json!({
                "AccountId": id,
                "AccountName": row.map(|row| row.name.clone()),
            }))
        }
        _ => Err(Refusal::not_emulated(Service::Account, operation)),
    }
}

/// The account that a request is about.
fn subject(ctx: &Ctx<'_>, id: Option<&str>) -> Result<String, Refusal> {
    let own = &ctx.caller.account;
    let Some(id) = id else { return Ok(own.clone()) };
    let denied = |message: &str| Refusal::new(403, "AccessDeniedException", message);
    let org =
        ctx.state.org().ok_or_else(|| denied("You are not authorized to perform this action."))?;
    let is_member = ctx.state.accounts.get(id).is_some_and(|account| !account.parent.is_empty());
    let may = *own == org.management
        || org.delegated.get(own).is_some_and(|services| services.contains_key(PRINCIPAL));
    if !may || !is_member || !org.trusted.contains_key(PRINCIPAL) {
        return Err(denied("You are not authorized to perform this action."));
    }
    if id == org.management {
        return Err(denied(
            "The management account can only be managed using the standalone context from the management account.",
        ));
    }
    Ok(id.to_owned())
}
