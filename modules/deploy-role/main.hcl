# The role that a repository's deployment workflow takes in each environment. GitHub signs a token
# for the job, AWS checks it against the subjects below, and no long-lived key exists anywhere.

data "partition" "current" {}

iam_role "deploy" {
  environments = var.environments

  name                 = "deploy-${var.name}-${each.environment.name}"
  path                 = "/deploy/"
  description          = "Deploys ${var.repository} to ${each.environment.name}"
  max_session_duration = var.max_session_duration
  permissions_boundary = var.boundaries[each.account.handle]

  trust {
    oidc {
      provider = var.providers_by_account[each.account.handle]

      # One GitHub environment per AWS environment: its reviewers and branch rules guard the role.
      repository          = var.repository
      repository_id       = var.repository_id
      repository_owner_id = var.repository_owner_id
      contexts            = ["environment:${each.environment.name}"]
    }
  }

  # Artifacts go into the environment's own buckets.
  statement "artifacts" {
    actions = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = flatten([
      for prefix in var.bucket_prefixes : [
        "arn:${data.partition.current.partition}:s3:::${prefix}-${each.environment.name}-*",
        "arn:${data.partition.current.partition}:s3:::${prefix}-${each.environment.name}-*/*",
      ]
    ])
  }

  # A deployment reads its settings and never writes them: they come from this configuration.
  statement "settings" {
    actions   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    resources = ["arn:${data.partition.current.partition}:ssm:*:${each.account.id}:parameter/${var.estate}/${each.environment.name}/*"]
  }

  dynamic "statement" {
    for_each = var.permissions
    labels   = [statement.key]

    content {
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  tags = { repository = var.repository }
}
