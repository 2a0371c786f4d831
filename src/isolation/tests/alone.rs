//! Every action that moves a wall, by itself: one that is lost from its list leaves a wall closed here that is open.

use super::escalation::{denied, document, foothold, managed, may, policy_arn};
use super::hunt::{scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const OP: &str = "arn:aws:iam::222222222222:user/op";

/// The estates that these rights of somebody in between, or in the management account, leave closed.
fn closed<'r>(
    all: &[&'r [&'r str]],
    estate: impl Fn(Vec<Json>) -> Fixture,
) -> Vec<(&'r [&'r str], String)> {
    let rights = |of: &[&str]| of.iter().map(|action| may(action, "*")).collect::<Vec<_>>();
    let none = estate(rights(&["ec2:DescribeRegions"])).analyse();
    assert_eq!(after(&none, "dev", "production"), "isolated", "no right");
    let found = all.iter().map(|of| {
        let verdict = after(&estate(rights(of)).analyse(), "dev", "production").to_owned();
        (*of, verdict)
    });
    found.filter(|(_, verdict)| verdict != "reachable").collect()
}

/// Dev's `ci` is a role of the management account, and production lets in nobody but its administrators.
pub(super) fn managing(rights: Vec<Json>) -> Fixture {
    Fixture::new()
        .account("management", "999999999999")
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("management", "ops", by("dev", "ci"), Some(document(rights))))
        .both(role("production", "deploy", by("production", "nobody"), None))
}

#[test]
fn each_right_over_members_puts_something_into_them() {
    // Written out, not taken from the code: a right that the code loses has to be missed here.
    let all: &[&[&str]] = &[
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
        &["sts:AssumeRoot"],
    ];
    assert_eq!(closed(all, managing), []);
}

#[test]
fn each_right_over_the_organization_lifts_a_guardrail() {
    let guarded = |rights: Vec<Json>| {
        managing(rights)
            .both(role(
                "shared",
                "low",
                by("dev", "ci"),
                Some(document(vec![may("sts:AssumeRole", "*")])),
            ))
            .then(role("production", "deploy", by("shared", "low"), None))
            .both(scp(
                "lock",
                "shared",
                denied("sts:AssumeRole", "arn:aws:iam::333333333333:role/*"),
            ))
    };
    let all: &[&[&str]] = &[
        &["organizations:DeregisterDelegatedAdministrator"],
        &["organizations:DetachPolicy"],
        &["organizations:DisablePolicyType"],
        &["organizations:PutResourcePolicy"],
        &["organizations:RegisterDelegatedAdministrator"],
        &["organizations:RemoveAccountFromOrganization"],
        &["organizations:UpdatePolicy"],
    ];
    assert_eq!(closed(all, guarded), []);
    let lets_in_members = |rights: Vec<Json>| {
        let ours = json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}});
        let lock = |name: &str, account: &str| {
            scp(name, account, denied("sts:AssumeRole", "arn:aws:iam::333333333333:role/*"))
        };
        managing(rights)
            .then(role(
                "production",
                "deploy",
                trust(json!({"Principal": "*", "Condition": ours})),
                None,
            ))
            .both(lock("lock", "shared"))
            .both(lock("lock-dev", "dev"))
    };
    let all: &[&[&str]] = &[
        &["organizations:CreateAccount"],
        &["organizations:CreateGovCloudAccount"],
        &["organizations:InviteAccountToOrganization"],
    ];
    assert_eq!(closed(all, lets_in_members), []);
}

#[test]
fn each_right_over_an_issuer_is_a_way_to_its_identities() {
    let federated = |provider: &str, condition: Json| {
        let action = match provider.contains(":saml-provider/") {
            true => "sts:AssumeRoleWithSAML",
            false => "sts:AssumeRoleWithWebIdentity",
        };
        trust(
            json!({"Action": action, "Principal": {"Federated": provider}, "Condition": condition}),
        )
    };
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::222222222222:{kind}/{name}");
    let asks =
        |issuer: &str, claim: &str| json!({"StringEquals": {format!("{issuer}:{claim}"): "ops"}});
    let eks = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF";
    let users = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AB";
    let pool = "cognito-identity.amazonaws.com";
    let any = "login.example.com";
    let cases: [(Json, &[&[&str]]); 5] = [
        (
            federated(&arn("oidc-provider", eks), asks(eks, "sub")),
            &[
                &["eks:AssociateAccessPolicy"],
                &["eks:CreateAccessEntry"],
                &["eks:UpdateAccessEntry"],
                &["emr-containers:GetManagedEndpointSessionCredentials"],
                &["emr-containers:StartJobRun"],
            ],
        ),
        (
            federated(pool, asks(pool, "aud")),
            &[
                &["cognito-identity:GetOpenIdTokenForDeveloperIdentity"],
                &["cognito-identity:UpdateIdentityPool"],
            ],
        ),
        (
            federated(&arn("oidc-provider", users), asks(users, "sub")),
            &[
                &["cognito-idp:AdminCreateUser"],
                &["cognito-idp:AdminLinkProviderForUser"],
                &["cognito-idp:AdminSetUserPassword"],
                &["cognito-idp:AdminUpdateUserAttributes"],
                &["cognito-idp:CreateIdentityProvider"],
                &["cognito-idp:UpdateIdentityProvider"],
                &["cognito-idp:UpdateUserPool"],
                &["cognito-idp:UpdateUserPoolClient"],
            ],
        ),
        (
            federated(&arn("saml-provider", "corp"), json!({})),
            &[&["iam:CreateSAMLProvider"], &["iam:UpdateSAMLProvider"]],
        ),
        (
            federated(&arn("oidc-provider", any), asks(any, "aud")),
            &[&["iam:AddClientIDToOpenIDConnectProvider"]],
        ),
    ];
    for (trust, all) in cases {
        assert_eq!(closed(all, |rights| foothold(document(rights), trust.clone())), []);
    }
}

/// A user whose credentials somebody makes, and what denies it the step that it is permitted.
#[test]
fn each_right_over_what_denies_a_user_something_takes_it_away() {
    let deny = || document(vec![denied("sts:AssumeRole", "*")]);
    let assume = || document(vec![may("sts:AssumeRole", "*")]);
    let group = |inline: Json, attached: Json| {
        object(
            "iam_group",
            Some("shared"),
            "staff",
            json!({"arn": "arn:aws:iam::222222222222:group/staff", "inline_policies": inline,
                "managed_policies": attached}),
        )
    };
    let estate = |op: SideObject, group: SideObject| {
        move |mut rights: Vec<Json>| {
            rights.push(may("iam:CreateAccessKey", OP));
            Fixture::new()
                .both(lambda("dev", "ci", statements(&[ASSUME])))
                .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
                .both(op.clone())
                .both(group.clone())
                .both(managed("shared", "deny", document(vec![denied("sts:AssumeRole", "*")])))
                .both(managed("shared", "assume", document(vec![may("sts:AssumeRole", "*")])))
                .then(role("production", "deploy", trust(json!({"Principal": {"AWS": OP}})), None))
        }
    };
    let op = |own: Json, attached: &[&str], groups: Json| {
        let attached: Vec<String> = attached.iter().map(|name| policy_arn(name)).collect();
        let op = with(user("shared", "op", own), "managed_policies", json!(attached));
        with(op, "groups", groups)
    };
    let nobody = || group(json!({}), json!([]));
    let none = || json!([]);
    let inline = estate(op(deny(), &["assume"], none()), nobody());
    let all: &[&[&str]] = &[&["iam:DeleteUserPolicy"], &["iam:PutUserPolicy"]];
    assert_eq!(closed(all, inline), []);
    let attached = estate(op(assume(), &["deny"], none()), nobody());
    let all: &[&[&str]] = &[&["iam:DetachUserPolicy"], &["iam:CreatePolicyVersion"]];
    assert_eq!(closed(all, attached), []);
    let staff = || json!(["staff"]);
    let of_group = estate(op(assume(), &[], staff()), group(json!({"main": deny()}), json!([])));
    let all: &[&[&str]] =
        &[&["iam:DeleteGroupPolicy"], &["iam:PutGroupPolicy"], &["iam:RemoveUserFromGroup"]];
    assert_eq!(closed(all, of_group), []);
    let to_group =
        estate(op(assume(), &[], staff()), group(json!({}), json!([policy_arn("deny")])));
    let all: &[&[&str]] = &[&["iam:DetachGroupPolicy"], &["iam:RemoveUserFromGroup"]];
    assert_eq!(closed(all, to_group), []);
}
