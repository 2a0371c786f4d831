# The estate of the drift run: one object for every kind of change that somebody makes by hand.

palisade {
  name = "conf"
  backend "s3" {
    bucket = "conf-palisade-state"
    prefix = "estate/"
    region = "eu-west-1"
  }
}

provider "aws" {
  region       = "eu-west-1"
  default_tags = { owner = "platform" }
}

organization "conf" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}

organizational_unit "workloads" {}

organizational_unit "spare" {}

account "dev" {
  parent = organizational_unit.workloads
  name   = "conf-dev"
  email  = "aws+dev@conf.example"
}

account "production" {
  parent = organizational_unit.workloads
  name   = "conf-production"
  email  = "aws+production@conf.example"
  tags   = { tier = "production" }
}

service_control_policy "regions" {
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

service_control_policy "leave" {
  targets = [organizational_unit.workloads]
  statement "Stay" {
    effect    = "Deny"
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}

environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      "log_level" = "debug"
      "hosts"     = ["a.example", "b.example"]
      "color"     = "blue"
      "token"     = secret("env:CONF_TOKEN")
    }
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = {
      "log_level" = "info"
      "hosts"     = ["c.example"]
      "color"     = "green"
      "token"     = secret("env:CONF_TOKEN")
    }
  }
}

config_schema "app" {
  key "log_level" {
    type = string
  }
  key "hosts" {
    type = list(string)
  }
  key "color" {
    type = string
  }
  key "token" {
    type   = string
    secret = true
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

iam_policy "read" {
  environments = [environment.production]
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::conf-drift-*", "arn:aws:s3:::conf-drift-*/*"]
  }
}

iam_policy "spare" {
  environments = [environment.production]
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}

locals {
  roles = ["inline", "attached", "trusted", "gone", "long", "tagged", "bound", "bare", "told"]
}

iam_role "r" {
  for_each     = toset(local.roles)
  environments = [environment.production]
  name         = each.key
  description  = "For ${each.key}"
  trust {
    services = ["codebuild.amazonaws.com", "ec2.amazonaws.com"]
    aws      = ["arn:aws:iam::210987654321:root"]
  }
  statement "work" {
    effect    = "Allow"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::conf-drift-a/*", "arn:aws:s3:::conf-drift-b/*"]
  }
  managed_policies     = [iam_policy.read]
  permissions_boundary = iam_policy.boundary
  max_session_duration = "1h"
}

iam_oidc_provider "github" {
  environments = [environment.production]
  url          = "https://token.actions.githubusercontent.com"
  audiences    = ["sts.amazonaws.com"]
  thumbprints  = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

locals {
  buckets = ["versions", "open", "policy", "tags", "plain"]
}

s3_bucket "b" {
  for_each     = toset(local.buckets)
  environments = [environment.production]
  bucket       = "conf-drift-${each.key}"
  versioning   = true
  statement "TlsOnly" {
    effect  = "Deny"
    actions = ["s3:GetObject", "s3:PutObject"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    resources = ["arn:aws:s3:::conf-drift-${each.key}", "arn:aws:s3:::conf-drift-${each.key}/*"]
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

account_baseline "here" {
  environments = [environment.production]
  alias        = "conf-production"
}

account_baseline "there" {
  environments = [environment.dev]
  password_policy {
    minimum_length = 20
  }
}
