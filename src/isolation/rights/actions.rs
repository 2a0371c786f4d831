//! The actions that move a wall, by what they act on, and whether a principal's policies speak of any of them.
//!
//! Claim: an action by which one principal alters what another one of its account may do, or who may be that one, stands in
//! one of these lists, or, where it runs code under a role, in the catalogue of [`passing`]. Looking is generous: it
//! reads what identity policies allow and nothing else, so it may send for a question that turns out closed, and never
//! skips one that is open. A new action goes into a list here, and `scopes.rs` asks about it.
//!
//! Source: Service Authorization Reference; Organizations User Guide, "Managing organization policies".

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::access::{PrincipalNode, STATE_STORE};
use crate::iam::symbolic::globs::Glob;
use crate::iam::{Document, Effect, PrincipalType, passing};

/// What can be done to a role: its trust, its policies, its boundary; or one of one's own making.
pub(super) const ROLE: [&str; 8] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
];

/// What can be done to a user: its policies, its boundary, its credentials.
pub(super) const USER: [&str; 9] = [
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachUserPolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:UpdateLoginProfile",
];

/// What can be done to a group, and so to its users.
pub(super) const GROUP: [&str; 5] = [
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:DeleteGroupPolicy",
    "iam:DetachGroupPolicy",
    "iam:PutGroupPolicy",
];

/// Changes of a managed policy, wherever it is attached: a new version, or an old one as the default.
pub(super) const POLICY: [&str; 2] = [NEW_VERSION, OLD_VERSION];
pub(super) const NEW_VERSION: &str = "iam:CreatePolicyVersion";
pub(super) const OLD_VERSION: &str = "iam:SetDefaultPolicyVersion";

/// What can be done to the organization's guardrails, from the management account. What each of them takes away says
/// [`super::super::crossing::Lift`].
pub(super) const ORGANIZATION: [&str; 8] = [
    "organizations:DeregisterDelegatedAdministrator",
    "organizations:DetachPolicy",
    "organizations:DisablePolicyType",
    "organizations:MoveAccount",
    "organizations:PutResourcePolicy",
    DELEGATE,
    "organizations:RemoveAccountFromOrganization",
    "organizations:UpdatePolicy",
];

/// What makes a member account one that administers others for a service: it may then what the management account may there
/// (Organizations User Guide, "Delegated administrator for AWS services that work with Organizations").
pub(super) const DELEGATE: &str = "organizations:RegisterDelegatedAdministrator";

/// The same, over a policy and what it is attached to at once.
pub(super) const ATTACH: &str = "organizations:AttachPolicy";

/// What brings another account into the organization, from the management account: a new one, of which the caller is the
/// root user by the address that it gives, or one that it has already (Organizations API Reference, `CreateAccount`,
/// `InviteAccountToOrganization`).
pub(super) const ADMIT: [&str; 3] = [
    "organizations:CreateAccount",
    "organizations:CreateGovCloudAccount",
    "organizations:InviteAccountToOrganization",
];

/// What makes a user one of a group.
pub(super) const JOIN: &str = "iam:AddUserToGroup";

/// What gives a user credentials.
pub(super) const CREDENTIALS: [&str; 3] =
    ["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"];

/// What gives a user another name or path, and so another ARN. Roles keep theirs.
pub(super) const RENAME: &str = "iam:UpdateUser";

/// The same for a group.
pub(super) const RENAME_GROUP: &str = "iam:UpdateGroup";

/// What else is power, of itself or beside other rights.
pub(super) const OTHERS: [&str; 14] = [
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreatePolicy",
    "iam:CreateSAMLProvider",
    "iam:CreateUser",
    "iam:DeletePolicy",
    "iam:PassRole",
    "iam:RemoveUserFromGroup",
    "iam:UpdateSAMLProvider",
    "organizations:AcceptHandshake",
    "organizations:LeaveOrganization",
    "organizations:MoveAccount",
    "sts:AssumeRoot",
    RENAME,
    RENAME_GROUP,
];

/// What puts something of the caller's choice into member accounts, from the management account: stacks, and roles of
/// Identity Center with whom they are for and what they permit (CloudFormation User Guide, "Activate trusted access for
/// stack sets with AWS Organizations"; IAM Identity Center User Guide, "Manage AWS accounts with permission sets"); the password of somebody whom it lets in,
/// the address to which that one is sent a new password (IAM Identity Center User Guide, "Reset the IAM Identity Center user password
/// for an end user"), the token by which another directory writes its users and groups, and the directory or provider that says who somebody
/// is (Service Authorization Reference, "AWS IAM Identity Center directory"; IAM Identity Center User Guide, "Change your
/// identity source", "Using SAML and SCIM identity federation with external identity providers"); the address at which a member's root user
/// resets its own (Account Management API Reference, `StartPrimaryEmailUpdate`).
pub(super) const MEMBERS: [&[&str]; 17] = [
    &["cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"],
    &["cloudformation:UpdateStackSet"],
    &["sso:CreateAccountAssignment"],
    &["identitystore:CreateGroupMembership"],
    &["sso:AttachManagedPolicyToPermissionSet", "sso:ProvisionPermissionSet"],
    &["sso:AttachCustomerManagedPolicyReferenceToPermissionSet", "sso:ProvisionPermissionSet"],
    &["sso:PutInlinePolicyToPermissionSet", "sso:ProvisionPermissionSet"],
    &["account:AcceptPrimaryEmailUpdate", "account:StartPrimaryEmailUpdate"],
    &["identitystore:UpdateUser"],
    &["sso-directory:AddMemberToGroup"],
    &["sso-directory:UpdateUser"],
    &["sso-directory:UpdatePassword"],
    &["sso-directory:CreateBearerToken"],
    &[
        "sso-directory:CreateExternalIdPConfigurationForDirectory",
        "sso-directory:EnableExternalIdPConfigurationForDirectory",
    ],
    &["sso-directory:ImportExternalIdPCertificate"],
    &["sso-directory:UpdateExternalIdPConfigurationForDirectory"],
    &["sso:AssociateDirectory"],
];

/// What makes somebody an administrator of a Kubernetes cluster, or runs a job on one under the role of a service account
/// (EMR on EKS Development Guide, "Step 4: Create a job execution role": its trust names the cluster's provider).
pub(super) const CLUSTERS: [&str; 5] = [
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:UpdateAccessEntry",
    "emr-containers:GetManagedEndpointSessionCredentials",
    "emr-containers:StartJobRun",
];

/// What gives somebody the identities of a pool of Cognito.
pub(super) const POOLS: [&str; 2] =
    ["cognito-identity:GetOpenIdTokenForDeveloperIdentity", "cognito-identity:UpdateIdentityPool"];

/// What makes somebody a user of a pool of Cognito's, or decides whom the pool takes for one (Cognito Developer Guide, "User
/// pool API operations", "Custom authentication challenge Lambda triggers").
pub(super) const USER_POOLS: [&str; 8] = [
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminLinkProviderForUser",
    "cognito-idp:AdminSetUserPassword",
    "cognito-idp:AdminUpdateUserAttributes",
    "cognito-idp:CreateIdentityProvider",
    "cognito-idp:UpdateIdentityProvider",
    "cognito-idp:UpdateUserPool",
    "cognito-idp:UpdateUserPoolClient",
];

/// Rights over the tags of one identity, by which policies may tell it from others.
pub(super) const TAGS: [&str; 4] = ["iam:TagRole", "iam:TagUser", "iam:UntagRole", "iam:UntagUser"];

/// Actions in lower case, sorted so that those with the prefix of a pattern are found by binary search.
struct ActionSet(Vec<String>);

impl ActionSet {
    fn of(actions: impl Iterator<Item = &'static str>) -> Self {
        let mut all: Vec<String> = actions.map(str::to_ascii_lowercase).collect();
        all.sort();
        all.dedup();
        Self(all)
    }

    /// Whether a pattern in lower case matches any of them.
    fn has_any_of(&self, pattern: &str) -> bool {
        let start = literal_start(pattern);
        let from = self.0.partition_point(|action| action.as_str() < start);
        let mut alike = self.0.iter().skip(from).take_while(|action| action.starts_with(start));
        match start.len() == pattern.len() {
            true => alike.next().is_some_and(|action| action == pattern),
            false => {
                let glob = Glob::like(pattern);
                alike.any(|action| glob.matches(action))
            }
        }
    }
}

/// Rights that move walls by themselves.
static MOVING: LazyLock<ActionSet> = LazyLock::new(|| ActionSet::of(moving()));

/// The same, and the rights over code that runs under a role of any service.
static MOVING_OR_SWAPPING: LazyLock<ActionSet> =
    LazyLock::new(|| ActionSet::of(moving().chain(passing::swaps())));

fn moving() -> impl Iterator<Item = &'static str> {
    let lists =
        [&ROLE[..], &USER, &GROUP, &POLICY, &TAGS, &OTHERS, &ADMIT, &CLUSTERS, &POOLS, &USER_POOLS];
    lists.into_iter().flatten().copied()
}

/// Whether its policies speak of a right that moves a wall at all: a quick, generous look.
pub(in crate::isolation) fn may_change_policies(principal: &PrincipalNode) -> bool {
    speaks_of(principal, |pattern| MOVING_OR_SWAPPING.has_any_of(pattern))
}

/// The same in an account of which it is known which services its roles are for: to be a role that is in use takes one.
pub(in crate::isolation) fn may_change_policies_in<'w>(
    roles: impl Iterator<Item = &'w PrincipalNode>,
    principal: &PrincipalNode,
) -> bool {
    let services: BTreeSet<String> = roles.flat_map(services_of).collect();
    let known: Option<Vec<_>> = services.iter().map(|service| passing::of(service)).collect();
    match known {
        Some(ways) => {
            let together = |way: &passing::Ways| -> Vec<&'static str> {
                way.swap_together.iter().flat_map(|set| set.concat()).collect()
            };
            let swaps = ways.iter().flat_map(|way| way.swap.iter().copied().chain(together(way)));
            let swaps = ActionSet::of(swaps);
            speaks_of(principal, |pattern| MOVING.has_any_of(pattern) || swaps.has_any_of(pattern))
        }
        None => may_change_policies(principal),
    }
}

/// Whether an identity policy allows a pattern of actions, in lower case, that moves walls.
fn speaks_of(principal: &PrincipalNode, moves_walls: impl Fn(&str) -> bool) -> bool {
    let statements = principal.identity().iter().flat_map(|rule| &rule.document.statements);
    let mut allowing = statements.filter(|s| s.effect == Effect::Allow);
    principal.is_unreadable()
        || allowing.any(|s| {
            let mut patterns = s.actions.iter().map(|item| item.text.symbolic());
            patterns.any(|pattern| moves_walls(&pattern.to_ascii_lowercase()))
                || s.actions.is_empty() && !s.not_actions.is_empty()
        })
}

/// Whether a pattern of actions that its statements allow may match an action that begins with one of these prefixes.
pub(super) fn speaks_of_any(principal: &PrincipalNode, prefixes: &[&str]) -> bool {
    let statements = principal.identity().iter().flat_map(|rule| &rule.document.statements);
    let allowing = statements.filter(|s| s.effect == Effect::Allow);
    allowing.flat_map(|s| &s.actions).any(|item| {
        let pattern = item.text.symbolic();
        let start = literal_start(&pattern).as_bytes();
        prefixes.iter().any(|prefix| {
            let (start, prefix) = (start, prefix.as_bytes());
            let common = start.len().min(prefix.len());
            start.iter().zip(prefix).take(common).all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    })
}

/// The patterns of actions that its statements allow.
pub(super) fn allowing(principal: &PrincipalNode) -> Vec<Glob> {
    let statements = principal.identity().iter().flat_map(|rule| &rule.document.statements);
    let mut texts: Vec<String> = statements
        .filter(|s| s.effect == Effect::Allow)
        .flat_map(|s| &s.actions)
        .map(|item| item.text.symbolic().to_ascii_lowercase())
        .collect();
    texts.sort();
    texts.dedup();
    texts.iter().map(|text| Glob::like(text)).collect()
}

/// The same for the right to write objects.
pub(in crate::isolation) fn may_put_objects(principal: &PrincipalNode) -> bool {
    principal.is_unreadable() || STATE_STORE.writes.iter().any(|action| may(principal, action))
}

/// Whether any identity statement speaks of allowing the action: a quick, generous look.
pub(super) fn may(principal: &PrincipalNode, action: &str) -> bool {
    principal.identity().iter().any(|rule| allows(&rule.document, action))
}

/// The same of one document.
pub(in crate::isolation) fn allows(document: &Document, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let names = |item: &crate::iam::Item| {
        let pattern = item.text.symbolic().to_ascii_lowercase();
        action.starts_with(literal_start(&pattern)) && Glob::like(&pattern).matches(&action)
    };
    document.statements.iter().any(|s| {
        s.effect == Effect::Allow
            && (s.actions.iter().any(names) || (s.actions.is_empty() && !s.not_actions.is_empty()))
    })
}

/// The prefix of a pattern up to its first wildcard.
fn literal_start(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or_default()
}

/// Whether a managed policy is AWS's own, which AWS alone changes (IAM User Guide, "Managed policies and inline policies").
pub(super) fn is_of_aws(policy: &str) -> bool {
    policy.split(':').nth(4) == Some("aws")
}

/// The services that a role's trust names. Where it names everybody, services are the least of it.
pub(in crate::isolation) fn services_of(role: &PrincipalNode) -> BTreeSet<String> {
    let allowing = role.trust.iter().flat_map(|t| &t.document.statements);
    let named = allowing.filter(|s| s.effect == Effect::Allow).flat_map(|s| &s.principals);
    named
        .flat_map(|principals| principals.items())
        .filter(|(kind, _)| *kind == PrincipalType::Service)
        .map(|(_, item)| item.text.symbolic().into_owned())
        .collect()
}
