//! Identity and access management, as strict as AWS's own.
//!
//! Sources: the IAM API reference, and "IAM and AWS STS quotas" of the IAM User Guide.

mod account;
pub(crate) mod aws_managed;
mod details;
pub(crate) mod document;
mod identities;
mod inline;
pub(crate) mod model;
mod oidc;
mod policies;
mod profiles;
mod tags;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::params::Params;
use super::wire::{Ctx, Refusal, Service};
use super::xml::Xml;
use model::IdentityKind;

pub(crate) use identities::{NewRole, new_identity, put_role};
pub(crate) use policies::text_of as policy_text;

type IamAnswer = Result<Xml, Refusal>;

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, params: &Params) -> IamAnswer {
    for kind in [IdentityKind::Role, IdentityKind::User, IdentityKind::Group] {
        if let Some(answer) = serve_kind(ctx, operation, kind, params) {
            return answer;
        }
    }
    match operation {
        "UpdateAssumeRolePolicy" => identities::update_trust(ctx, params),
        "UpdateRole" | "UpdateRoleDescription" => identities::update_role(ctx, params),
        "CreateServiceLinkedRole" => identities::create_service_linked(ctx, params),
        "DeleteServiceLinkedRole" => identities::delete_service_linked(ctx, params),
        "GetServiceLinkedRoleDeletionStatus" => Ok(Xml::new().text("Status", "SUCCEEDED")),
        "AddUserToGroup" => identities::add_to_group(ctx, params),
        "RemoveUserFromGroup" => identities::remove_from_group(ctx, params),
        "ListGroupsForUser" => identities::groups_of(ctx, params),
        "CreateAccessKey" => identities::create_access_key(ctx, params),
        "ListAccessKeys" => identities::list_access_keys(ctx, params),
        "DeleteAccessKey" => identities::delete_access_key(ctx, params),
        "ListMFADevices" => Ok(Xml::new().list("MFADevices", []).text("IsTruncated", "false")),
        "CreatePolicy" => policies::create(ctx, params),
        "GetPolicy" => policies::get(ctx, params),
        "ListPolicies" => policies::list(ctx, params),
        "DeletePolicy" => policies::delete(ctx, params),
        "CreatePolicyVersion" => policies::create_version(ctx, params),
        "GetPolicyVersion" => policies::get_version(ctx, params),
        "ListPolicyVersions" => policies::list_versions(ctx, params),
        "DeletePolicyVersion" => policies::delete_version(ctx, params),
        "SetDefaultPolicyVersion" => policies::set_default(ctx, params),
        "ListEntitiesForPolicy" => policies::entities(ctx, params),
        "CreateOpenIDConnectProvider" => oidc::create(ctx, params),
        "GetOpenIDConnectProvider" => oidc::get(ctx, params),
        "ListOpenIDConnectProviders" => oidc::list(ctx),
        "DeleteOpenIDConnectProvider" => oidc::delete(ctx, params),
        "AddClientIDToOpenIDConnectProvider" => oidc::add_client(ctx, params),
        "RemoveClientIDFromOpenIDConnectProvider" => oidc::remove_client(ctx, params),
        "UpdateOpenIDConnectProviderThumbprint" => oidc::update_thumbprints(ctx, params),
        "ListSAMLProviders" => Ok(Xml::new().list("SAMLProviderList", [])),
        "CreateInstanceProfile" => profiles::create(ctx, params),
        "GetInstanceProfile" => profiles::get(ctx, params),
        "ListInstanceProfiles" => profiles::list(ctx, params),
        "ListInstanceProfilesForRole" => profiles::list_for_role(ctx, params),
        "DeleteInstanceProfile" => profiles::delete(ctx, params),
        "AddRoleToInstanceProfile" => profiles::add_role(ctx, params),
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(ctx, params),
        "CreateAccountAlias" => account::create_alias(ctx, params),
        "DeleteAccountAlias" => account::delete_alias(ctx, params),
        "ListAccountAliases" => Ok(account::list_aliases(ctx)),
        "UpdateAccountPasswordPolicy" => account::update_password_policy(ctx, params),
        "GetAccountPasswordPolicy" => account::get_password_policy(ctx),
        "DeleteAccountPasswordPolicy" => account::delete_password_policy(ctx),
        "GetAccountSummary" => Ok(account::summary(ctx)),
        "GetAccountAuthorizationDetails" => details::get(ctx, params),
        _ => tags::serve(ctx, operation, params)
            .unwrap_or_else(|| Err(Refusal::not_emulated(Service::Iam, operation))),
    }
}

/// The operations that roles, users and groups share.
fn serve_kind(
    ctx: &mut Ctx<'_>,
    operation: &str,
    kind: IdentityKind,
    params: &Params,
) -> Option<IamAnswer> {
    let title = kind.title();
    let shape = operation.replacen(title, "*", 1);
    if shape == operation {
        return None;
    }
    Some(match shape.as_str() {
        "Create*" => identities::create(ctx, kind, params),
        "Get*" => identities::get(ctx, kind, params),
        "List*s" => identities::list(ctx, kind, params),
        "Delete*" => identities::delete(ctx, kind, params),
        "Put*Policy" => inline::put(ctx, kind, params),
        "Get*Policy" => inline::get(ctx, kind, params),
        "List*Policies" => inline::list(ctx, kind, params),
        "Delete*Policy" => inline::delete(ctx, kind, params),
        "Attach*Policy" => inline::attach(ctx, kind, params),
        "Detach*Policy" => inline::detach(ctx, kind, params),
        "ListAttached*Policies" => inline::list_attached(ctx, kind, params),
        "Put*PermissionsBoundary" => inline::put_boundary(ctx, kind, params),
        "Delete*PermissionsBoundary" => inline::delete_boundary(ctx, kind, params),
        _ => return None,
    })
}

fn no_such(what: &str, name: &str) -> Refusal {
    Refusal::new(404, "NoSuchEntity", format!("The {what} with name {name} cannot be found."))
}

fn limit(message: impl Into<String>) -> Refusal {
    Refusal::new(409, "LimitExceeded", message)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

/// `[\w+=,.@-]`, the characters of names.
fn check_name(member: &str, name: &str, longest: usize) -> Result<(), Refusal> {
    let fits = name.chars().count() <= longest
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if fits {
        return Ok(());
    }
    Err(invalid(format!(
        "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most {longest} long",
        super::params::lower_first(member)
    )))
}

/// `/` or `/.../` of printable ASCII.
fn check_path(path: &str) -> Result<(), Refusal> {
    let fits = path.len() <= 512
        && path.starts_with('/')
        && path.ends_with('/')
        && path.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if fits {
        return Ok(());
    }
    Err(invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

/// One page of a list: `Marker` and `MaxItems` honoured. Items come with their sort keys.
fn page<T>(
    params: &Params,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<(Vec<T>, Xml), Refusal> {
    let size = match params.int("MaxItems")? {
        None => 100,
        Some(n) if (1..=1000).contains(&n) => usize::try_from(n).unwrap_or(100),
        Some(n) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{n}' at 'maxItems' failed to satisfy constraint: Member must be between 1 and 1000"
            )));
        }
    };
    let after = match params.get("Marker") {
        None => None,
        Some(marker) => Some(
            URL_SAFE_NO_PAD
                .decode(marker)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| invalid("Invalid Marker."))?,
        ),
    };
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|a| key > a));
    let mut page = Vec::new();
    let mut last = String::new();
    for (key, item) in rest.by_ref().take(size) {
        page.push(item);
        last = key;
    }
    let tail = if rest.next().is_some() {
        Xml::new().text("IsTruncated", "true").text("Marker", URL_SAFE_NO_PAD.encode(last))
    } else {
        Xml::new().text("IsTruncated", "false")
    };
    Ok((page, tail))
}

/// Checks tags as IAM does.
fn check_tags(pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    for (key, value) in pairs {
        let ok = |text: &str| {
            text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        if key.is_empty() || key.chars().count() > 128 || !ok(key) {
            return Err(invalid(format!(
                "Tag key `{key}` is not valid: 1 to 128 letters, numbers, spaces and _.:/=+-@"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "Tag keys starting with aws: are reserved for system use.",
            ));
        }
        if value.chars().count() > 256 || !ok(value) {
            return Err(invalid(format!(
                "Tag value `{value}` is not valid: at most 256 letters, numbers, spaces and _.:/=+-@"
            )));
        }
    }
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(at + 1).any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    if pairs.len() > 50 {
        return Err(limit("Cannot exceed quota for TagsPerResource: 50"));
    }
    Ok(())
}

fn tags_xml(tags: &super::state::Tags) -> Vec<Xml> {
    tags.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value)).collect()
}
