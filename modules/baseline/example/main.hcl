# One account with the baseline, and a workload role that wears its boundary.

palisade {
  required_version = ">= 0.1"
  name             = "baseline-example"
}

provider "aws" {
  region = "eu-west-1"
}

data "partition" "current" {}

organization "acme" {}

account "staging" {
  name  = "acme-staging"
  email = "aws+staging@acme.example"
}

environment "staging" {
  accounts = [account.staging]
}

module "baseline" {
  source   = "../"
  accounts = [account.staging]
  company  = "acme-example"

  password_policy = { minimum_length = 20 }
}

iam_role "api" {
  environments         = [environment.staging]
  permissions_boundary = module.baseline.boundary_arns[each.account.handle]

  trust {
    services = ["ecs-tasks.amazonaws.com"]
  }

  statement "queue" {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = ["arn:${data.partition.current.partition}:sqs:*:${each.account.id}:orders"]
  }
}

output "boundaries" {
  value = module.baseline.boundary_arns
}
