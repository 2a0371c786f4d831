# A role for people and tools that look and never touch: configuration, yes; content, no.

data "partition" "current" {}

iam_role "audit" {
  accounts = var.accounts

  name                 = var.name
  path                 = "/audit/"
  description          = "Reads configuration, never content"
  max_session_duration = "4h"

  managed_policies = [
    "arn:${data.partition.current.partition}:iam::aws:policy/SecurityAudit",
    "arn:${data.partition.current.partition}:iam::aws:policy/job-function/ViewOnlyAccess",
  ]

  trust {
    aws         = [var.trusted_account]
    external_id = var.external_id

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = [for role in var.trusted_roles : "arn:${data.partition.current.partition}:iam::${var.trusted_account.id}:role/${role}"]
    }
  }

  # The managed policies grow with AWS; this line does not move.
  statement "no-content" {
    effect = "Deny"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:Scan",
      "kms:Decrypt",
      "logs:GetLogEvents",
      "s3:GetObject*",
      "secretsmanager:GetSecretValue",
      "sqs:ReceiveMessage",
      "ssm:GetParameter*",
    ]
    resources = ["*"]
  }

  # An auditor's session ends here.
  statement "no-further" {
    effect    = "Deny"
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }
}
