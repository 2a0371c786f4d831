# What every account has before anything runs in it: a sign-in alias, a password policy for the few
# IAM users that are left, no public S3, the issuer of deployment tokens, and the permissions
# boundary that every workload role wears.

data "partition" "current" {}

account_baseline "this" {
  accounts = var.accounts

  alias                  = "${var.company}-${each.account.handle}"
  s3_block_public_access = true

  password_policy {
    minimum_length        = var.password_policy.minimum_length
    max_age               = var.password_policy.max_age
    reuse_prevention      = var.password_policy.reuse_prevention
    allow_users_to_change = true
  }
}

# No role trusts the issuer unless a module such as deploy-role says so, for one repository.
iam_oidc_provider "github" {
  accounts = var.accounts

  url       = "https://token.actions.githubusercontent.com"
  audiences = ["sts.amazonaws.com"]
}

# A ceiling, not a grant: a role may do what both its own policies and this policy allow.
iam_policy "boundary" {
  accounts = var.accounts

  name        = var.boundary.name
  path        = var.boundary.path
  description = "The most that a workload of ${var.company} can do"

  statement "Everything" {
    actions   = ["*"]
    resources = ["*"]
  }

  # Only below one path is it known that a role wears this boundary: nothing else is assumed, passed to a service, or
  # changed where AWS does not say which boundary the role wears. The path lies in the account, which no workload leaves.
  statement "WorkloadRolesAlone" {
    effect = "Deny"
    actions = [
      "iam:DeleteRole",
      "iam:PassRole",
      "iam:PutRolePermissionsBoundary",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
      "sts:AssumeRole",
      "sts:TagSession",
    ]
    not_resources = ["arn:${data.partition.current.partition}:iam::${each.account.id}:role${var.workload_role_path}*"]
  }

  statement "NoAdministration" {
    effect    = "Deny"
    actions   = local.administration
    resources = ["*"]
  }

  # Whoever makes a role gives it this boundary too, so that nobody makes a stronger one to hop into.
  statement "RolesWearTheBoundary" {
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn[each.account.handle]]
    }
  }

  statement "NoLiftingOfTheBoundary" {
    effect    = "Deny"
    actions   = ["iam:DeletePolicy", "iam:DeletePolicyVersion"]
    resources = [local.boundary_arn[each.account.handle]]
  }

  statement "NoRolesWithoutBoundary" {
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary", "iam:UpdateAssumeRolePolicy"]
    resources = ["*"]
  }
}

locals {
  # Written out, since a policy cannot refer to itself.
  boundary_arn = {
    for account in var.accounts :
    account.handle => "arn:${data.partition.current.partition}:iam::${account.id}:policy${var.boundary.path}${var.boundary.name}"
  }

  # Users, groups, identity providers, other principals' policies, and tokens for elsewhere: each is a way around a
  # boundary, either by becoming a principal without one or by changing what another principal may do.
  administration = [
    "account:*",
    "iam:*AccessKey",
    "iam:*AccountAlias",
    "iam:*DelegationRequest",
    "iam:*GroupPolicy",
    "iam:*LoginProfile",
    "iam:*MFADevice",
    "iam:*OpenIDConnectProvider",
    "iam:*OrganizationsRoot*",
    "iam:*OutboundWebIdentityFederation",
    "iam:*SAMLProvider",
    "iam:*SSHPublicKey",
    "iam:*ServiceSpecificCredential",
    "iam:*SigningCertificate",
    "iam:*UserPermissionsBoundary",
    "iam:*UserPolicy",
    "iam:AddUserToGroup",
    "iam:ChangePassword",
    "iam:CreateGroup",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeleteAccountPasswordPolicy",
    "iam:DeleteGroup",
    "iam:DeleteUser",
    "iam:PutAccountProperties",
    "iam:RemoveUserFromGroup",
    "iam:SendDelegationToken",
    "iam:SetDefaultPolicyVersion",
    "iam:SetSTSRegionalEndpointStatus",
    "iam:SetSecurityTokenServicePreferences",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:UpdateAccountEmailAddress",
    "iam:UpdateAccountName",
    "iam:UpdateAccountPasswordPolicy",
    "iam:UpdateGroup",
    "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateUser",
    "identitystore:*",
    "organizations:*",
    "s3:PutAccountPublicAccessBlock",
    "sso-directory:*",
    "sso:*",
    "sts:*WebIdentityToken",
    "sts:AssumeRoot",
    "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken",
  ]
}
