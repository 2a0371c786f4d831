# The past: what somebody clicked together over the years. It only serves to have something that
# the estate next door can take over; run it in the same sandbox first.

palisade {
  name = "by-hand"

  backend "local" {
    path = ".palisade/by-hand"
  }
}

provider "aws" {
  region = "eu-west-1"
}

organization "acme" {}

account "dev" {
  name  = "acme-dev"
  email = "aws@acme.example"
}

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

# One role for each environment, told apart by name alone.
iam_role "app" {
  for_each = toset(["dev", "staging"])
  accounts = [account.dev]
  name     = "app-${each.key}"

  trust {
    services = ["ecs-tasks.amazonaws.com"]
  }

  statement "data" {
    actions   = ["s3:*"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-*"]
  }
}

# It deploys everything everywhere.
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
  accounts = [account.production]

  trust {
    aws = [account.dev]
  }

  statement "all" {
    actions   = ["ecs:*", "s3:*"]
    resources = ["*"]
  }
}

output "account_ids" {
  value = { dev = account.dev.id, production = account.production.id }
}

# `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`: part of every ARN.
data "partition" "current" {}
