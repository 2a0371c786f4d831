# The second step: staging gets an account of its own, the pipeline moves out of the developers'
# account, and from here on a plan that opens a wall stops.

palisade {
  required_version = ">= 0.1"
  name             = "acme"

  # The state of the first step.
  backend "local" {
    path = "../.palisade/state"
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

organizational_unit "nonprod" {}

organizational_unit "prod" {}

account "dev" {
  id     = var.account_ids.dev
  name   = "acme-dev"
  email  = "aws@acme.example"
  parent = organizational_unit.nonprod
}

account "staging" {
  name   = "acme-staging"
  email  = "aws+staging@acme.example"
  parent = organizational_unit.nonprod
}

account "tooling" {
  name  = "acme-tooling"
  email = "aws+tooling@acme.example"
}

account "production" {
  id     = var.account_ids.production
  name   = "acme-production"
  email  = "aws+production@acme.example"
  parent = organizational_unit.prod
}

environment "dev" {
  accounts = [account.dev]

  config "app" {
    values = { "log_level" = "debug" }
  }
}

environment "staging" {
  accounts = [account.staging]

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

# -- what moves -------------------------------------------------------------------------------

# Staging's role goes with it: created over there, then deleted here. Dev's stays as it is.
iam_role "app" {
  environments = [environment.dev, environment.staging]
  name         = "app-${each.environment.name}"

  trust {
    services = ["ecs-tasks.amazonaws.com"]
  }

  statement "data" {
    actions   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-${each.environment.name}-*"]
  }
}

# The pipeline has an account in which no developer works, and may do one thing: become the
# deployer of an environment.
iam_role "ci" {
  accounts = [account.tooling]

  trust {
    services = ["codebuild.amazonaws.com"]
  }

  statement "deploy" {
    actions   = ["sts:AssumeRole"]
    resources = [for a in [account.staging, account.production] : "arn:${data.partition.current.partition}:iam::${a.id}:role/deploy"]
  }
}

iam_role "deploy" {
  environments = [environment.staging, environment.production]

  trust {
    aws = [iam_role.ci.at["tooling"].arn]
  }

  statement "services" {
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = ["arn:${data.partition.current.partition}:ecs:*:*:service/shop/*"]
  }

  statement "artifacts" {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-${each.environment.name}-*/*"]
  }
}

isolation "environments" {
  between = [environment.dev, environment.staging, environment.production]
}

# `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`: part of every ARN.
data "partition" "current" {}
