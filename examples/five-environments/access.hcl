locals {
  workload_accounts = [
    account.dev-aws,
    account.dev-aws-deployed,
    account.staging,
    account.production,
  ]

  # Pipelines do not touch what developers own.
  deployed = [environment.dev-aws-deployed, environment.staging, environment.production]
}

module "baseline" {
  source   = "../../modules/baseline"
  accounts = local.workload_accounts
  company  = "acme"
}

module "deploy" {
  source   = "../../modules/deploy-role"
  for_each = var.repositories

  environments         = local.deployed
  name                 = each.key
  repository           = each.value.repository
  repository_id        = each.value.repository_id
  repository_owner_id  = each.value.owner_id
  permissions          = { for name, p in each.value.permissions : name => merge(p, { resources = [for r in p.resources : "arn:${data.partition.current.partition}:${r}"] }) }
  estate               = "acme"
  bucket_prefixes      = ["acme"]
  boundaries           = module.baseline.boundary_arns
  providers_by_account = module.baseline.github_provider_arns
}

module "audit" {
  source          = "../../modules/audit-role"
  accounts        = concat(local.workload_accounts, [account.shared])
  trusted_account = account.security
  trusted_roles   = ["auditors/*"]
}

# -- what runs --------------------------------------------------------------------------------

iam_role "shop" {
  environments = concat([environment.dev-aws], local.deployed)

  name                 = "shop"
  path                 = "/workload/"
  description          = "The shop's containers in ${each.environment.name}"
  permissions_boundary = module.baseline.boundary_arns[each.account.handle]

  trust {
    services = ["ecs-tasks.amazonaws.com"]

    # Only tasks of this account: no other can have ECS take the role on its behalf.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [each.account.id]
    }
  }

  statement "uploads" {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${s3_bucket.data.arn}/uploads/*"]
  }

  statement "settings" {
    actions   = ["ssm:GetParametersByPath"]
    resources = ["arn:${data.partition.current.partition}:ssm:*:${each.account.id}:parameter/acme/${each.environment.name}/*"]
  }
}

# Copies production's masked data every night; the exception in isolation.hcl is for it.
iam_role "refresh" {
  environments = [environment.staging]

  name                 = "refresh"
  path                 = "/workload/"
  description          = "Brings production's masked data to staging"
  permissions_boundary = module.baseline.boundary_arns[each.account.handle]

  trust {
    services = ["ecs-tasks.amazonaws.com"]

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [each.account.id]
    }
  }

  statement "read-masked" {
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-production-masked/*"]
  }

  statement "write-own" {
    actions   = ["s3:PutObject"]
    resources = ["${s3_bucket.data.arn}/seed/*"]
  }
}
