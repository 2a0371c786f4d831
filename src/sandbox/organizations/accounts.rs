//! Accounts: created in the background, listed, moved, removed, closed; delegated administrators.

use serde_json::{Value, json};

use super::model::{Account, CreateStatus, Organization};
use super::{
    OrganizationsAnswer, attach_defaults, constraint, detach_all, invalid, need, page,
    put_service_role, tags_member, text, units,
};
use crate::sandbox::iam::model::Trust;
use crate::sandbox::iam::{NewRole, put_role};
use crate::sandbox::state::{DIGITS, LOWER, SandboxState};
use crate::sandbox::wire::{Ctx, Refusal};

pub(super) fn json_of(org: &Organization, account: &Account) -> Value {
    json!({
        "Id": account.id,
        "Arn": org.arn_of("account", &account.id),
        "Email": account.email,
        "Name": account.name,
        "State": account.state,
        "JoinedMethod": account.joined_by,
        "JoinedTimestamp": account.joined.epoch(),
    })
}

fn members(state: &SandboxState) -> impl Iterator<Item = &Account> {
    state.accounts.values().filter(|account| !account.parent.is_empty())
}

fn member(ctx: &Ctx<'_>, body: &Value) -> Result<Account, Refusal> {
    let id = need(body, "AccountId")?;
    if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid(
            "INVALID_PATTERN",
            "You provided a value that doesn't match the required pattern.",
        ));
    }
    members(ctx.state).find(|account| account.id == id).cloned().ok_or_else(|| {
        Refusal::new(
            400,
            "AccountNotFoundException",
            "You specified an account that doesn't exist.",
        )
    })
}

pub(super) fn list(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    tick(ctx, None);
    // a thousand accounts come in fifty pages: build only the one that is asked for
    let from = super::after(body)?;
    let rest = members(ctx.state).filter(|a| from.as_ref().is_none_or(|from| a.id > *from));
    page(body, "Accounts", rest.take(21).map(|a| (a.id.clone(), json_of(org, a))))
}

pub(super) fn list_for_parent(
    ctx: &Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let parent = need(body, "ParentId")?;
    if !units::is_parent(ctx.state, org, parent) {
        return Err(Refusal::new(
            400,
            "ParentNotFoundException",
            "We can't find a root or OU with the ParentId that you specified.",
        ));
    }
    let found = members(ctx.state).filter(|a| a.parent == parent);
    page(body, "Accounts", found.map(|a| (a.id.clone(), json_of(org, a))))
}

pub(super) fn describe(ctx: &Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    Ok(json!({ "Account": json_of(org, &member(ctx, body)?) }))
}

fn status_json(status: &CreateStatus) -> Value {
    let mut value = json!({
        "Id": status.id,
        "AccountName": status.name,
        "State": status.state,
        "RequestedTimestamp": status.requested.epoch(),
    });
    if let Some(object) = value.as_object_mut() {
        if let Some(completed) = status.completed {
            object.insert("CompletedTimestamp".to_owned(), json!(completed.epoch()));
        }
        if let Some(account) = &status.account {
            object.insert("AccountId".to_owned(), json!(account));
        }
        if let Some(failure) = &status.failure {
            object.insert("FailureReason".to_owned(), json!(failure));
        }
    }
    value
}

pub(super) fn create(ctx: &mut Ctx<'_>, body: &Value, slow: u32) -> OrganizationsAnswer {
    let (email, name) = (need(body, "Email")?, need(body, "AccountName")?);
    let plausible = (6..=64).contains(&email.len())
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        })
        && email.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if !plausible {
        return Err(invalid(
            "INVALID_EMAIL_ADDRESS_TARGET",
            "You specified an invalid email address for the invited account owner.",
        ));
    }
    if name.chars().count() > 50 {
        return Err(invalid(
            "MAX_LENGTH_EXCEEDED",
            "You provided a string parameter that is longer than allowed.",
        ));
    }
    let tags = tags_member(body)?;
    let role = text(body, "RoleName").unwrap_or("OrganizationAccountAccessRole");
    let id = format!("car-{}", ctx.state.mint("car", &format!("{email}/{name}"), LOWER, 32));
    let status = CreateStatus {
        id: id.clone(),
        name: name.to_owned(),
        email: email.to_owned(),
        state: "IN_PROGRESS".to_owned(),
        role: role.to_owned(),
        tags,
        requested: ctx.now,
        looks: slow,
        completed: None,
        account: None,
        failure: None,
    };
    let answer = json!({ "CreateAccountStatus": status_json(&status) });
    ctx.state.create_status.insert(id, status);
    Ok(answer)
}

/// A look at pending creations: each comes nearer to its end.
fn tick(ctx: &mut Ctx<'_>, only: Option<&str>) {
    let pending: Vec<String> = ctx
        .state
        .create_status
        .iter()
        .filter(|(id, status)| status.state == "IN_PROGRESS" && only.is_none_or(|one| one == *id))
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in pending {
        let Some(mut status) = ctx.state.create_status.get(&id).cloned() else { continue };
        if status.looks > 0 {
            status.looks -= 1;
        } else {
            finish(ctx, &mut status);
        }
        ctx.state.create_status.insert(id, status);
    }
}

fn finish(ctx: &mut Ctx<'_>, status: &mut CreateStatus) {
    status.completed = Some(ctx.now);
    let taken = ctx.state.accounts.values().any(|a| a.email.eq_ignore_ascii_case(&status.email));
    let Some(org) = ctx.state.org().cloned() else { return };
    if taken {
        status.state = "FAILED".to_owned();
        status.failure = Some("EMAIL_ALREADY_EXISTS".to_owned());
        return;
    }
    let id = loop {
        let digits = ctx.state.mint("account", &status.email.to_lowercase(), DIGITS, 12);
        if !digits.starts_with('0') && !ctx.state.accounts.contains(&digits) {
            break digits;
        }
    };
    ctx.state.accounts.insert(
        id.clone(),
        Account {
            id: id.clone(),
            name: status.name.clone(),
            email: status.email.clone(),
            state: "ACTIVE".to_owned(),
            joined_by: "CREATED".to_owned(),
            joined: ctx.now,
            parent: org.root.clone(),
            closed: None,
            tags: status.tags.clone(),
        },
    );
    attach_defaults(ctx.state, &id);
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":"sts:AssumeRole"}}]}}"#,
        org.management
    );
    let role = put_role(
        ctx.state,
        ctx.now,
        NewRole {
            account: &id,
            name: &status.role,
            path: "/",
            trust: Trust { text, bound: std::collections::BTreeMap::new() },
            description: None,
            attached: &["arn:aws:iam::aws:policy/AdministratorAccess"],
            linked_to: None,
        },
    );
    put_service_role(ctx.state, ctx.now, &id);
    ctx.consistency.created(&role.arn, &["assume"]);
    status.state = "SUCCEEDED".to_owned();
    status.account = Some(id);
}

pub(super) fn describe_status(ctx: &mut Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    let id = need(body, "CreateAccountRequestId")?;
    tick(ctx, Some(id));
    let status = ctx.state.create_status.get(id).ok_or_else(|| {
        Refusal::new(400, "CreateAccountStatusNotFoundException", "We can't find an create account request with the CreateAccountRequestId that you specified.")
    })?;
    Ok(json!({ "CreateAccountStatus": status_json(status) }))
}

pub(super) fn list_status(ctx: &mut Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    tick(ctx, None);
    let states: Vec<&str> = body
        .get("States")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let found = ctx
        .state
        .create_status
        .iter()
        .filter(|(_, status)| states.is_empty() || states.contains(&status.state.as_str()));
    page(body, "CreateAccountStatuses", found.map(|(id, s)| (id.to_owned(), status_json(s))))
}

pub(super) fn move_account(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let account = member(ctx, body)?;
    let (source, destination) = (need(body, "SourceParentId")?, need(body, "DestinationParentId")?);
    if account.parent != source {
        return Err(Refusal::new(
            400,
            "SourceParentNotFoundException",
            "We can't find a source root or OU with the ParentId that you specified.",
        ));
    }
    if !units::is_parent(ctx.state, org, destination) {
        return Err(Refusal::new(
            400,
            "DestinationParentNotFoundException",
            "We can't find the destination container (a root or OU) with the ParentId that you specified.",
        ));
    }
    if source == destination {
        return Err(Refusal::new(
            400,
            "DuplicateAccountException",
            "That account is already present in the specified destination.",
        ));
    }
    if let Some(row) = ctx.state.accounts.get_mut(&account.id) {
        destination.clone_into(&mut row.parent);
    }
    Ok(json!({}))
}

pub(super) fn remove(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let account = member(ctx, body)?;
    if account.id == org.management {
        return Err(Refusal::new(
            400,
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        ));
    }
    if org.delegated.contains_key(&account.id) {
        return Err(constraint(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "You attempted to remove an account that is registered as a delegated administrator.",
        ));
    }
    detach_all(ctx.state, &account.id);
    if let Some(row) = ctx.state.accounts.get_mut(&account.id) {
        row.parent = String::new();
        row.tags.clear();
    }
    Ok(json!({}))
}

/// Days within which closures are counted, and their quota. Source: "Quotas for AWS Organizations".
pub(super) fn close(ctx: &mut Ctx<'_>, org: &Organization, body: &Value) -> OrganizationsAnswer {
    let account = member(ctx, body)?;
    if account.id == org.management {
        return Err(constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            "You attempted to close the management account. To close the management account for the organization, you must first either remove or close all member accounts in the organization.",
        ));
    }
    if account.state == "CLOSED" {
        return Err(Refusal::new(
            400,
            "AccountAlreadyClosedException",
            "You attempted to close an account that is already closed.",
        ));
    }
    let since = ctx.now.plus(-30 * 86_400);
    let total = members(ctx.state).count().saturating_sub(1);
    let closed = members(ctx.state).filter(|a| a.closed.is_some_and(|at| at >= since)).count();
    if closed >= (total / 10).clamp(10, 1000) {
        return Err(constraint(
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED",
            "You have exceeded close account quota for the past 30 days.",
        ));
    }
    let now = ctx.now;
    if let Some(row) = ctx.state.accounts.get_mut(&account.id) {
        row.state = "CLOSED".to_owned();
        row.closed = Some(now);
    }
    Ok(json!({}))
}

pub(super) fn delegate(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    body: &Value,
    register: bool,
) -> OrganizationsAnswer {
    let account = member(ctx, body)?;
    let service = need(body, "ServicePrincipal")?.to_owned();
    if account.id == org.management {
        return Err(constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You can't register the management account as a delegated administrator.",
        ));
    }
    let registered = org.delegated.get(&account.id).is_some_and(|s| s.contains_key(&service));
    if register == registered {
        let (code, message) = if register {
            (
                "AccountAlreadyRegisteredException",
                "The specified account is already a delegated administrator for this AWS service.",
            )
        } else {
            (
                "AccountNotRegisteredException",
                "The specified account is not a delegated administrator for this AWS service.",
            )
        };
        return Err(Refusal::new(400, code, message));
    }
    let now = ctx.now;
    if let Some(org) = ctx.state.organization.get_mut("org") {
        if register {
            org.delegated.entry(account.id).or_default().insert(service, now);
        } else if let Some(services) = org.delegated.get_mut(&account.id) {
            services.remove(&service);
            org.delegated.retain(|_, services| !services.is_empty());
        }
    }
    Ok(json!({}))
}

pub(super) fn list_delegated(
    ctx: &Ctx<'_>,
    org: &Organization,
    body: &Value,
) -> OrganizationsAnswer {
    let wanted = text(body, "ServicePrincipal");
    let found = org.delegated.iter().filter_map(|(id, services)| {
        let since = match wanted {
            Some(service) => services.get(service)?,
            None => services.values().min()?,
        };
        let mut value = json_of(org, ctx.state.accounts.get(id)?);
        value.as_object_mut()?.insert("DelegationEnabledDate".to_owned(), json!(since.epoch()));
        Some((id.clone(), value))
    });
    page(body, "DelegatedAdministrators", found)
}

pub(super) fn list_delegated_services(org: &Organization, body: &Value) -> OrganizationsAnswer {
    let id = need(body, "AccountId")?;
    let services = org.delegated.get(id).ok_or_else(|| {
        Refusal::new(
            400,
            "AccountNotRegisteredException",
            "The specified account is not a delegated administrator for this AWS service.",
        )
    })?;
    page(
        body,
        "DelegatedServices",
        services.iter().map(|(service, since)| {
            (
                service.clone(),
                json!({ "ServicePrincipal": service, "DelegationEnabledDate": since.epoch() }),
            )
        }),
    )
}
