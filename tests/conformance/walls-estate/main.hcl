# Two accounts, and a role in dev that may do everything of the services whose resources the judge makes.
palisade { name = "conf" }

provider "aws" { region = "eu-west-1" }

organization "conf" {}

account "dev" {
  name  = "conf-dev"
  email = "dev@conf.example"
}

account "production" {
  name  = "conf-production"
  email = "production@conf.example"
}

environment "dev" { accounts = [account.dev] }

environment "production" { accounts = [account.production] }

iam_role "ci" {
  accounts = [account.dev]
  trust { services = ["codebuild.amazonaws.com"] }
  statement "work" {
    actions   = ["dynamodb:*", "ecr:*", "kms:*", "lambda:*", "secretsmanager:*", "sns:*", "sqs:*"]
    resources = ["*"]
  }
}

isolation "environments" {
  between      = [environment.dev, environment.production]
  on_violation = "warn"
}
