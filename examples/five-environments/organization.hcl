organization "acme" {
  enabled_policy_types = ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]
  trusted_services     = ["access-analyzer.amazonaws.com", "cloudtrail.amazonaws.com"]

  # No plan may lock out the role that applies it.
  protect_principals = ["arn:${data.partition.current.partition}:iam::*:role/OrganizationAccountAccessRole"]
}

# -- units ------------------------------------------------------------------------------------

organizational_unit "security" {}

organizational_unit "infrastructure" {}

organizational_unit "nonprod" {}

organizational_unit "prod" {}

# -- accounts ---------------------------------------------------------------------------------

account "security" {
  parent = organizational_unit.security
  name   = "acme-security"
  email  = "aws+security@acme.example"
}

account "shared" {
  parent = organizational_unit.infrastructure
  name   = "acme-shared-services"
  email  = "aws+shared@acme.example"
}

# Developers work against it by hand.
account "dev-aws" {
  parent = organizational_unit.nonprod
  name   = "acme-dev-aws"
  email  = "aws+dev-aws@acme.example"
}

# The same, but only pipelines touch it.
account "dev-aws-deployed" {
  parent = organizational_unit.nonprod
  name   = "acme-dev-aws-deployed"
  email  = "aws+dev-aws-deployed@acme.example"
}

account "staging" {
  parent = organizational_unit.nonprod
  name   = "acme-staging"
  email  = "aws+staging@acme.example"
}

account "production" {
  parent = organizational_unit.prod
  name   = "acme-production"
  email  = "aws+production@acme.example"
  tags   = { tier = "production" }
}

# Emulated, on every developer's machine; no part of the organization.
account "dev-localstack" {
  id           = "000000000000"
  endpoint_url = "http://localhost:4566"
}

# -- guardrails -------------------------------------------------------------------------------

locals {
  member_units = [
    organizational_unit.infrastructure,
    organizational_unit.nonprod,
    organizational_unit.prod,
  ]

  # Guardrails bind everybody but the role that repairs them.
  exempt = ["arn:${data.partition.current.partition}:iam::*:role/OrganizationAccountAccessRole"]
}

service_control_policy "region_lock" {
  description = "Work only in the regions that we watch"
  targets     = local.member_units

  statement "OtherRegions" {
    effect = "Deny"

    # Services without regions answer from us-east-1.
    not_actions = jsondecode(file("policies/global-services.json"))
    resources   = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = var.regions
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values   = local.exempt
    }
  }
}

service_control_policy "protect_security_services" {
  description = "Nobody switches off what watches them"
  targets     = [organization.acme]
  content = templatefile("policies/protect-security-services.json.tftpl", {
    exempt = local.exempt, partition = data.partition.current.partition
  })
}

service_control_policy "no_root_in_production" {
  description = "Production's root user is for the break-glass safe only"
  targets     = [account.production]

  statement "RootUser" {
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = ["arn:${data.partition.current.partition}:iam::*:root"]
    }
  }
}

module "data_perimeter" {
  source          = "../../modules/data-perimeter"
  targets         = local.member_units
  organization_id = organization.acme.id
  github_owners   = ["acme"]
}
