# What every account has before anything runs in it: a sign-in alias, a password policy for the few
# IAM users that are left, no public S3, the issuer of deployment tokens, and the permissions
# boundary that every workload role wears.

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

  # The wall between environments is the account: a workload never leaves its own.
  statement "StayInTheAccount" {
    effect        = "Deny"
    actions       = ["sts:AssumeRole", "sts:TagSession"]
    not_resources = ["arn:aws:iam::${each.account.id}:role/*"]
  }

  # A role that a service is given must be one that wears this boundary: those are made below one path.
  statement "PassWorkloadRolesAlone" {
    effect        = "Deny"
    actions       = ["iam:PassRole"]
    not_resources = ["arn:aws:iam::${each.account.id}:role${var.workload_role_path}*"]
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
    account.handle => "arn:aws:iam::${account.id}:policy${var.boundary.path}${var.boundary.name}"
  }

  # Users, groups, identity providers and other principals' policies: each is a way around a boundary, either by
  # becoming a principal without one or by changing what another principal may do.
  administration = [
    "account:*",
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreatePolicyVersion",
    "iam:CreateSAMLProvider",
    "iam:CreateServiceSpecificCredential",
    "iam:CreateUser",
    "iam:CreateVirtualMFADevice",
    "iam:DeactivateMFADevice",
    "iam:DeleteAccountPasswordPolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DetachGroupPolicy",
    "iam:DetachUserPolicy",
    "iam:EnableMFADevice",
    "iam:PutGroupPolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:ResetServiceSpecificCredential",
    "iam:ResyncMFADevice",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAccessKey",
    "iam:UpdateAccountPasswordPolicy",
    "iam:UpdateLoginProfile",
    "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateSAMLProvider",
    "iam:UpdateSSHPublicKey",
    "iam:UpdateServiceSpecificCredential",
    "iam:UploadSSHPublicKey",
    "iam:UploadSigningCertificate",
    "organizations:*",
    "s3:PutAccountPublicAccessBlock",
  ]
}
