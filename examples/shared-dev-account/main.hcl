# Where an estate starts: three environments, two of them in one account, and roles that somebody
# made by hand. This step changes little: it takes over what is there, and makes the plan say which
# walls do not exist.

palisade {
  required_version = ">= 0.1"
  name             = "acme"

  backend "local" {
    path = ".palisade/state"
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "account_ids" {
  description = "Ids of the accounts that exist"
  type        = object({ dev = string, production = string })

  # Those that the sandbox gives; yours come from `by-hand`, or from `aws organizations list-accounts`.
  default = { dev = "837121164600", production = "280103642930" }
}

organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}

account "dev" {
  id    = var.account_ids.dev
  name  = "acme-dev"
  email = "aws@acme.example"
}

account "production" {
  id    = var.account_ids.production
  name  = "acme-production"
  email = "aws+production@acme.example"
}

environment "dev" {
  accounts = [account.dev]

  config "app" {
    values = { "log_level" = "debug" }
  }
}

# The finding that starts it all: two environments, one account, no wall.
environment "staging" {
  accounts = [account.dev]

  config "app" {
    values = { "log_level" = "info" }
  }
}

environment "production" {
  accounts = [account.production]

  config "app" {
    values = { "log_level" = "warn" }
  }
}

config_schema "app" {
  key "log_level" {
    type    = string
    allowed = ["debug", "info", "warn"]
  }
}

# -- taken over -------------------------------------------------------------------------------

import {
  to = iam_role.app.at["dev/dev"]
  id = "app-dev"
}

import {
  to = iam_role.app.at["dev/staging"]
  id = "app-staging"
}

import {
  to = iam_role.ci.at["dev"]
  id = "ci"
}

import {
  to = iam_role.deploy.at["production"]
  id = "deploy"
}

iam_role "app" {
  environments = [environment.dev, environment.staging]
  name         = "app-${each.environment.name}"

  trust {
    services = ["ecs-tasks.amazonaws.com"]
  }

  # First change: each environment's application sees its own buckets alone.
  statement "data" {
    actions   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-${each.environment.name}-*"]
  }
}

iam_role "ci" {
  accounts = [account.dev]

  trust {
    services = ["codebuild.amazonaws.com"]
  }

  statement "all" {
    actions   = ["ecs:*", "iam:PassRole", "s3:*", "sts:AssumeRole"]
    resources = ["*"]
  }
}

iam_role "deploy" {
  environments = [environment.production]

  trust {
    aws = [account.dev]
  }

  statement "all" {
    actions   = ["ecs:*", "s3:*"]
    resources = ["*"]
  }
}

# Says what is open without stopping anybody yet; the second step turns it into an error.
isolation "environments" {
  between      = [environment.dev, environment.staging, environment.production]
  on_violation = "warn"
}

# `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`: part of every ARN.
data "partition" "current" {}
