# The edge of the organization, seen from its data: a resource control policy that holds whatever
# the policies of single buckets, queues, keys and roles say.
#
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html

resource_control_policy "perimeter" {
  name        = var.name
  description = "Data stays with the identities of the organization"
  targets     = var.targets

  # Only identities of the organization, the accounts that we named, and AWS itself.
  statement "OwnIdentities" {
    effect    = "Deny"
    actions   = local.data_actions
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEqualsIfExists"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }

    dynamic "condition" {
      for_each = length(var.trusted_accounts) == 0 ? [] : [var.trusted_accounts]

      content {
        test     = "StringNotEqualsIfExists"
        variable = "aws:PrincipalAccount"
        values   = condition.value
      }
    }

    condition {
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }
  }

  # A service that acts for somebody else's account must not be led to our data.
  statement "NoConfusedDeputy" {
    effect    = "Deny"
    actions   = local.data_actions
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEqualsIfExists"
      variable = "aws:SourceOrgID"
      values   = [var.organization_id]
    }

    condition {
      test     = "Null"
      variable = "aws:SourceAccount"
      values   = ["false"]
    }

    condition {
      test     = "Bool"
      variable = "aws:PrincipalIsAWSService"
      values   = ["true"]
    }
  }

  statement "EncryptedTransport" {
    effect    = "Deny"
    actions   = ["s3:*", "secretsmanager:*", "sqs:*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "BoolIfExists"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # A trust policy that forgets to name the repository does not open an account to all of GitHub.
  dynamic "statement" {
    for_each = length(var.github_owners) == 0 ? [] : [var.github_owners]
    labels   = ["OwnRepositories"]

    content {
      effect    = "Deny"
      actions   = ["sts:AssumeRoleWithWebIdentity"]
      resources = ["*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "StringNotLike"
        variable = "token.actions.githubusercontent.com:sub"
        # With ids as well, as GitHub writes it since July 2026 for new, renamed and transferred repositories.
        values = flatten([
          for owner in statement.value :
          ["repo:${owner}/*", "repo:${owner}@${lookup(var.github_owner_ids, owner, "*")}/*"]
        ])
      }

      condition {
        test     = "Null"
        variable = "token.actions.githubusercontent.com:sub"
        values   = ["false"]
      }
    }
  }
}

locals {
  data_actions = concat(
    # Every service that resource control policies reach and that holds data of its account.
    [for service in var.services : "${service}:*"],
    # Web identities carry no organization: they are not covered here, but by their own statement.
    ["sts:AssumeRole", "sts:SetContext"],
  )
}
