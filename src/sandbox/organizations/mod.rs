//! Organizations, as strict as AWS's own.
//!
//! Sources: the Organizations API reference, and "Quotas and service limits" of its user guide.

mod accounts;
mod effective;
pub(crate) mod model;
mod policies;
mod tags;
#[cfg(test)]
mod tests;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::clock::Instant;
use super::iam::model::{AccessKey, IdentityKind, Trust, identity_key};
use super::iam::{NewRole, new_identity, put_role};
use super::state::{LOWER, SandboxState, Tags, UPPER, derive};
use super::wire::{Ctx, Refusal, Service};
use crate::ids::AccountId;
use model::{Account, Organization, RCP, SCP};

type OrganizationsAnswer = Result<Value, Refusal>;

/// The administrator of the management account whose credentials the sandbox hands out.
const OPERATOR: &str = "palisade-operator";

/// Serves one operation. `slow` is how many looks see a new account in progress.
pub(crate) fn serve(
    ctx: &mut Ctx<'_>,
    operation: &str,
    body: &Value,
    slow: u32,
) -> OrganizationsAnswer {
    if operation == "CreateOrganization" {
        return create(ctx, body);
    }
    let org = ctx.state.org().cloned().ok_or_else(|| {
        Refusal::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        )
    })?;
    let account = &ctx.caller.account;
    let member = ctx.state.accounts.get(account).is_some_and(|a| !a.parent.is_empty());
    if !member {
        return Err(Refusal::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    }
    let reading = operation.starts_with("List") || operation.starts_with("Describe");
    let delegated = org.delegated.contains_key(account) && reading;
    let is_for_all = ["DescribeOrganization", "DescribeEffectivePolicy"].contains(&operation);
    if *account != org.management && !delegated && !is_for_all {
        return Err(Refusal::new(
            400,
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        ));
    }
    if org.billing_alone {
        without_features(operation)?;
    }
    match operation {
        "DescribeOrganization" => Ok(json!({ "Organization": organization(ctx.state, &org) })),
        "DeleteOrganization" => delete(ctx, &org),
        "ListRoots" => Ok(roots(ctx, &org)),
        "EnablePolicyType" => policies::enable_type(ctx, &org, body),
        "DisablePolicyType" => policies::disable_type(ctx, &org, body),
        "EnableAWSServiceAccess" => trust_service(ctx, body, true),
        "DisableAWSServiceAccess" => trust_service(ctx, body, false),
        "ListAWSServiceAccessForOrganization" => page(
            body,
            "EnabledServicePrincipals",
            org.trusted.iter().map(|(service, since)| {
                (
                    service.clone(),
                    json!({ "ServicePrincipal": service, "DateEnabled": since.epoch() }),
                )
            }),
        ),
        "CreateOrganizationalUnit" => units::create(ctx, &org, body),
        "UpdateOrganizationalUnit" => units::update(ctx, &org, body),
        "DeleteOrganizationalUnit" => units::delete(ctx, body),
        "DescribeOrganizationalUnit" => units::describe(ctx, &org, body),
        "ListOrganizationalUnitsForParent" => units::list_for_parent(ctx, &org, body),
        "ListParents" => units::list_parents(ctx, body),
        "ListChildren" => units::list_children(ctx, &org, body),
        "ListAccounts" => accounts::list(ctx, &org, body),
        "ListAccountsForParent" => accounts::list_for_parent(ctx, &org, body),
        "DescribeAccount" => accounts::describe(ctx, &org, body),
        "CreateAccount" => accounts::create(ctx, body, slow),
        "DescribeCreateAccountStatus" => accounts::describe_status(ctx, body),
        "ListCreateAccountStatus" => accounts::list_status(ctx, body),
        "MoveAccount" => accounts::move_account(ctx, &org, body),
        "RemoveAccountFromOrganization" => accounts::remove(ctx, &org, body),
        "CloseAccount" => accounts::close(ctx, &org, body),
        "RegisterDelegatedAdministrator" => accounts::delegate(ctx, &org, body, true),
        "DeregisterDelegatedAdministrator" => accounts::delegate(ctx, &org, body, false),
        "ListDelegatedAdministrators" => accounts::list_delegated(ctx, &org, body),
        "ListDelegatedServicesForAccount" => accounts::list_delegated_services(&org, body),
        "CreatePolicy" => policies::create(ctx, &org, body),
        "UpdatePolicy" => policies::update(ctx, &org, body),
        "DeletePolicy" => policies::delete(ctx, body),
        "DescribePolicy" => policies::describe(ctx, &org, body),
        "DescribeEffectivePolicy" => effective::describe(ctx, &org, body),
        "ListPolicies" => policies::list(ctx, &org, body),
        "AttachPolicy" => policies::attach(ctx, &org, body),
        "DetachPolicy" => policies::detach(ctx, &org, body),
        "ListPoliciesForTarget" => policies::list_for_target(ctx, &org, body),
        "ListTargetsForPolicy" => policies::list_targets(ctx, &org, body),
        "PutResourcePolicy" => put_resource_policy(ctx, &org, Some(need(body, "Content")?)),
        "DeleteResourcePolicy" => put_resource_policy(ctx, &org, None),
        "DescribeResourcePolicy" => match &org.resource_policy {
            Some(text) => Ok(json!({ "ResourcePolicy": { "Content": text } })),
            None => Err(Refusal::new(
                400,
                "ResourcePolicyNotFoundException",
                "You specified a resource policy that doesn't exist.",
            )),
        },
        "ListHandshakesForAccount" | "ListHandshakesForOrganization" => {
            Ok(json!({ "Handshakes": [] }))
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            tags::serve(ctx, &org, operation, body)
        }
        _ => Err(Refusal::not_emulated(Service::Organizations, operation)),
    }
}

/// What an organization with consolidated billing alone refuses (API reference: `EnablePolicyType`, `CreatePolicy`,
/// `EnableAWSServiceAccess`).
fn without_features(operation: &str) -> Result<(), Refusal> {
    match operation {
        "EnablePolicyType" | "CreatePolicy" | "AttachPolicy" => Err(Refusal::new(
            400,
            "PolicyTypeNotAvailableForOrganizationException",
            "You can't use the specified policy type with the feature set currently enabled for this organization.",
        )),
        "EnableAWSServiceAccess" | "ListAWSServiceAccessForOrganization" => Err(constraint(
            "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE",
            "You attempted to perform an operation that requires your organization to be configured to support all features.",
        )),
        _ => Ok(()),
    }
}

/// What a write hears while another is in flight.
pub(crate) fn concurrent_modification() -> Refusal {
    Refusal::new(
        400,
        "ConcurrentModificationException",
        "AWS Organizations can't complete your request because it conflicts with another attempt to modify the same entity. Try again later.",
    )
}

/// Puts the management account and its administrator into an empty state; returns the access key's id.
pub(crate) fn seed_management(
    state: &mut SandboxState,
    account: &AccountId,
    now: Instant,
) -> String {
    let account = account.as_str();
    state.accounts.insert(
        account,
        Account {
            id: account.to_owned(),
            name: "management".to_owned(),
            email: "management@sandbox.example".to_owned(),
            state: "ACTIVE".to_owned(),
            joined_by: "INVITED".to_owned(),
            joined: now,
            parent: String::new(),
            closed: None,
            tags: Tags::new(),
        },
    );
    seed_operator(state, account, OPERATOR, now)
}

/// The access key of a user, where it has one.
pub(crate) fn operator_key(state: &SandboxState, account: &str, name: &str) -> Option<String> {
    let mut keys = state.access_keys.iter();
    let own = keys.find(|(_, key)| key.account == account && key.user == name);
    own.map(|(id, _)| id.to_owned())
}

/// An administrator in the management account, made when there is none of that name; returns the
/// access key's id.
pub(crate) fn seed_operator(
    state: &mut SandboxState,
    account: &str,
    name: &str,
    now: Instant,
) -> String {
    if let Some(id) = operator_key(state, account, name) {
        return id;
    }
    let there = identity_key(account, IdentityKind::User, name);
    if state.identities.get(&there).is_none() {
        let mut user = new_identity(state, now, account, IdentityKind::User, name, "/");
        user.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
        state.identities.insert(there, user);
    }
    let id = format!("AKIA{}", state.mint("access-key", &format!("{account}/{name}"), UPPER, 16));
    let secret = derive(&format!("{}/{id}", state.meta("secret")), UPPER, 40);
    state.access_keys.insert(
        id.clone(),
        AccessKey { account: account.to_owned(), user: name.to_owned(), secret, created: now },
    );
    id
}

/// The role by which Organizations itself acts in an account.
fn put_service_role(state: &mut SandboxState, now: Instant, account: &str) {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"organizations.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    put_role(
        state,
        now,
        NewRole {
            account,
            name: "AWSServiceRoleForOrganizations",
            path: "/aws-service-role/organizations.amazonaws.com/",
            trust: Trust { text: text.to_owned(), bound: BTreeMap::new() },
            description: Some(
                "Service-linked role used by AWS Organizations to enable integration of other AWS services with Organizations.",
            ),
            attached: &[],
            linked_to: Some("organizations.amazonaws.com"),
        },
    );
}

/// The policy by which members manage policies of the organization.
fn put_resource_policy(
    ctx: &mut Ctx<'_>,
    org: &Organization,
    content: Option<&str>,
) -> OrganizationsAnswer {
    if let Some(row) = ctx.state.organization.get_mut("org") {
        row.resource_policy = content.map(str::to_owned);
    }
    Ok(match content {
        Some(text) => json!({ "ResourcePolicy": {
            "Content": text,
            "ResourcePolicySummary": { "Arn": org.arn_of("resourcepolicy", "rp-sandbox"), "Id": "rp-sandbox" },
        } }),
        None => json!({}),
    })
}

fn create(ctx: &mut Ctx<'_>, body: &Value) -> OrganizationsAnswer {
    let account = ctx.caller.account.clone();
    if ctx.state.accounts.get(&account).is_some_and(|a| !a.parent.is_empty()) {
        return Err(Refusal::new(
            400,
            "AlreadyInOrganizationException",
            "The AWS account is already a member of an organization.",
        ));
    }
    if ctx.state.org().is_some() {
        return Err(Refusal::new(
            400,
            "AccessDeniedException",
            "the sandbox holds one organization",
        ));
    }
    let billing_alone = match text(body, "FeatureSet") {
        None | Some("ALL") => false,
        Some("CONSOLIDATED_BILLING") => true,
        Some(_) => return Err(invalid("INVALID_ENUM", "You specified an invalid value.")),
    };
    let root = format!("r-{}", ctx.state.mint("root", &account, LOWER, 4));
    let org = Organization {
        id: format!("o-{}", ctx.state.mint("organization", &account, LOWER, 10)),
        root: root.clone(),
        management: account.clone(),
        policy_types: BTreeSet::new(),
        trusted: BTreeMap::new(),
        delegated: BTreeMap::new(),
        root_tags: Tags::new(),
        billing_alone,
        resource_policy: None,
        root_features: BTreeSet::new(),
    };
    if let Some(row) = ctx.state.accounts.get_mut(&account) {
        row.parent = root;
    }
    put_service_role(ctx.state, ctx.now, &account);
    ctx.state.organization.insert("org", org.clone());
    Ok(json!({ "Organization": organization(ctx.state, &org) }))
}

fn delete(ctx: &mut Ctx<'_>, org: &Organization) -> OrganizationsAnswer {
    let others =
        ctx.state.accounts.values().any(|a| !a.parent.is_empty() && a.id != org.management);
    if others
        || ctx.state.units.values().next().is_some()
        || ctx.state.org_policies.values().next().is_some()
    {
        return Err(Refusal::new(
            400,
            "OrganizationNotEmptyException",
            "The organization isn't empty. To delete an organization, you must first remove all accounts except the management account, delete all OUs, and delete all policies.",
        ));
    }
    if let Some(row) = ctx.state.accounts.get_mut(&org.management) {
        row.parent = String::new();
    }
    let left: Vec<String> = ctx.state.attachments.iter().map(|(key, _)| key.to_owned()).collect();
    for key in left {
        ctx.state.attachments.remove(&key);
    }
    ctx.state.organization.remove("org");
    Ok(json!({}))
}

fn organization(state: &SandboxState, org: &Organization) -> Value {
    let email = state.accounts.get(&org.management).map(|a| a.email.clone()).unwrap_or_default();
    json!({
        "Id": org.id,
        "Arn": org.arn(),
        "FeatureSet": if org.billing_alone { "CONSOLIDATED_BILLING" } else { "ALL" },
        "MasterAccountArn": org.arn_of("account", &org.management),
        "MasterAccountId": org.management,
        "MasterAccountEmail": email,
        // as AWS answers since policy types are told by ListRoots: this field is not to be relied on
        "AvailablePolicyTypes": [{ "Type": SCP, "Status": "ENABLED" }],
    })
}

fn root(org: &Organization) -> Value {
    let types: Vec<Value> =
        org.policy_types.iter().map(|t| json!({ "Type": t, "Status": "ENABLED" })).collect();
    json!({
        "Id": org.root,
        "Arn": org.arn_of("root", &org.root),
        "Name": "Root",
        "PolicyTypes": types,
    })
}

fn roots(ctx: &mut Ctx<'_>, org: &Organization) -> Value {
    let mut root = root(org);
    if let Some(types) = root.get_mut("PolicyTypes").and_then(Value::as_array_mut) {
        for entry in types {
            let name = entry.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
            if ctx.consistency.is_delayed("list-policy-type", &name)
                && let Some(object) = entry.as_object_mut()
            {
                object.insert("Status".to_owned(), json!("PENDING_ENABLE"));
            }
        }
    }
    json!({ "Roots": [root] })
}

fn trust_service(ctx: &mut Ctx<'_>, body: &Value, enable: bool) -> OrganizationsAnswer {
    let service = need(body, "ServicePrincipal")?;
    let known = service.strip_suffix(".amazonaws.com").is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
    });
    if !known {
        return Err(invalid(
            "UNRECOGNIZED_SERVICE_PRINCIPAL",
            "You specified an unrecognized service principal.",
        ));
    }
    let now = ctx.now;
    if let Some(org) = ctx.state.organization.get_mut("org") {
        if enable {
            org.trusted.entry(service.to_owned()).or_insert(now);
        } else {
            org.trusted.remove(service);
        }
    }
    Ok(json!({}))
}

/// Attaches what AWS attaches to every new target of the enabled policy types.
fn attach_defaults(state: &mut SandboxState, target: &str) {
    let types = state.org().map(|org| org.policy_types.clone()).unwrap_or_default();
    if types.contains(SCP) {
        state.attachments.insert(format!("{target}/p-FullAWSAccess"), true);
    }
    if types.contains(RCP) {
        state.attachments.insert(format!("{target}/p-RCPFullAWSAccess"), true);
    }
}

fn detach_all(state: &mut SandboxState, target: &str) {
    let keys: Vec<String> =
        state.attachments.scan(&format!("{target}/")).map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        state.attachments.remove(&key);
    }
}

/// An optional text member.
fn text<'b>(body: &'b Value, member: &str) -> Option<&'b str> {
    body.get(member).and_then(Value::as_str)
}

/// A required text member.
fn need<'b>(body: &'b Value, member: &str) -> Result<&'b str, Refusal> {
    text(body, member).filter(|t| !t.is_empty()).ok_or_else(|| {
        invalid("INPUT_REQUIRED", &format!("You must include a value for {member}."))
    })
}

fn invalid(reason: &'static str, message: &str) -> Refusal {
    Refusal::new(400, "InvalidInputException", message).reason(reason)
}

fn constraint(reason: &'static str, message: &str) -> Refusal {
    Refusal::new(400, "ConstraintViolationException", message).reason(reason)
}

/// The key after which the next page starts.
fn after(body: &Value) -> Result<Option<String>, Refusal> {
    let Some(token) = text(body, "NextToken") else { return Ok(None) };
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Some)
        .ok_or_else(|| invalid("INVALID_NEXT_TOKEN", "The NextToken is not valid."))
}

/// One page: `MaxResults` (1 to 20, 20 by default) and `NextToken` honoured. Items in the order of their keys.
fn page(
    body: &Value,
    member: &str,
    items: impl IntoIterator<Item = (String, Value)>,
) -> OrganizationsAnswer {
    let size = match body.get("MaxResults") {
        None | Some(Value::Null) => 20,
        Some(n) => n
            .as_u64()
            .filter(|n| (1..=20).contains(n))
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| invalid("MAX_VALUE_EXCEEDED", "MaxResults must be between 1 and 20."))?,
    };
    let after = after(body)?;
    let mut items: Vec<(String, Value)> = items.into_iter().collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rest =
        items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut last = String::new();
    let mut page = Vec::new();
    for (key, value) in rest.by_ref().take(size) {
        last = key;
        page.push(value);
    }
    let mut answer = serde_json::Map::new();
    answer.insert(member.to_owned(), Value::Array(page));
    if rest.next().is_some() {
        answer.insert("NextToken".to_owned(), json!(URL_SAFE_NO_PAD.encode(last)));
    }
    Ok(Value::Object(answer))
}

/// Checks and collects the `Tags` member.
fn tags_member(body: &Value) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in body.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let (key, value) = (need(tag, "Key")?, text(tag, "Value").unwrap_or_default());
        let fits = |t: &str| {
            t.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        if key.chars().count() > 128 || value.chars().count() > 256 || !fits(key) || !fits(value) {
            return Err(invalid(
                "INVALID_PATTERN",
                "You provided a tag key or value that doesn't match the required pattern.",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(
                "INVALID_SYSTEM_TAGS_PARAMETER",
                "Tag keys starting with aws: are reserved.",
            ));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(
                "DUPLICATE_TAG_KEY",
                "Tag keys must be unique among the tags attached to the same entity.",
            ));
        }
    }
    if tags.len() > 50 {
        return Err(constraint(
            "MAX_TAG_LIMIT_EXCEEDED",
            "You have exceeded the number of tags allowed on this resource.",
        ));
    }
    Ok(tags)
}
