# The estate of the conformance run. moto stands in for AWS: the endpoint comes from AWS_ENDPOINT_URL.

palisade {
  name = "conf"
  backend "s3" {
    bucket = "conf-palisade-state"
    prefix = "estate/"
    region = "eu-west-1"
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "log_level" {
  type    = string
  default = "info"
}

variable "runners" {
  type    = number
  default = 0
}

organization "conf" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "TAG_POLICY"]
}

organizational_unit "workloads" {}

organizational_unit "prod" {
  parent = organizational_unit.workloads
}

account "dev" {
  parent = organizational_unit.workloads
  name   = "conf-dev"
  email  = "aws+dev@conf.example"
}

account "production" {
  parent = organizational_unit.prod
  name   = "conf-production"
  email  = "aws+production@conf.example"
  tags   = { tier = "production" }
}

service_control_policy "region_lock" {
  targets = [organizational_unit.workloads]
  statement "OnlyEurope" {
    effect      = "Deny"
    not_actions = ["iam:*", "organizations:*", "sts:*"]
    resources   = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-west-1", "eu-central-1"]
    }
  }
}

organization_policy "cost_center" {
  type    = "TAG_POLICY"
  targets = [organizational_unit.workloads]
  content = { tags = { cost = { tag_key = { "@@assign" = "CostCenter" } } } }
}

environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      "log_level" = "debug"
      "hosts"     = ["a.example", "b.example"]
    }
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = {
      "log_level" = var.log_level
      "hosts"     = ["c.example"]
    }
  }
}

config_schema "app" {
  key "log_level" {
    type    = string
    allowed = ["debug", "info", "warn"]
  }
  key "hosts" {
    type = list(string)
  }
}

iam_policy "boundary" {
  environments = [environment.dev, environment.production]
  statement "Most" {
    effect    = "Allow"
    actions   = ["s3:*", "ssm:GetParameter*"]
    resources = ["*"]
  }
}

iam_role "ci" {
  environments = [environment.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "deploy" {
    effect    = "Allow"
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }
  permissions_boundary = iam_policy.boundary
}

iam_role "deploy" {
  environments = [environment.production]
  trust {
    aws = [iam_role.ci.at["dev"].arn]
  }
  statement "deploy" {
    effect    = "Allow"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::conf-${each.environment.name}-*/*"]
  }
  managed_policies     = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  max_session_duration = "2h"
  tags                 = { purpose = "deploy" }
}

iam_role "runner" {
  count        = var.runners
  environments = [environment.dev]
  name         = "runner-${count.index}"
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "work" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}

s3_bucket "assets" {
  environments = [environment.production]
  bucket       = "conf-production-assets"
  versioning   = true
}

output "deploy_role" {
  value = iam_role.deploy.at["production"].arn
}
