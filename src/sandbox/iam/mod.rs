//! Identity and access management, as strict as AWS's own.
//!
//! Sources: the IAM API reference, and "IAM and AWS STS quotas" of the IAM User Guide.

mod account;
mod answers;
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

use super::params::Params;
use super::wire::{Ctx, Refusal, Service};
use super::xml::Xml;
use answers::IamAnswer;
use model::IdentityKind;

pub(crate) use identities::{NewRole, new_identity, put_role};
pub(crate) use policies::text_of as policy_text;

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
        "ListOrganizationsFeatures"
        | "EnableOrganizationsRootCredentialsManagement"
        | "EnableOrganizationsRootSessions"
        | "DisableOrganizationsRootCredentialsManagement"
        | "DisableOrganizationsRootSessions" => account::root_features(ctx, operation),
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
