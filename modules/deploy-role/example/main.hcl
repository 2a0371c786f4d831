# A repository that deploys to two environments.

palisade {
  required_version = ">= 0.1"
  name             = "deploy-role-example"
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

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

environment "staging" {
  accounts = [account.staging]
}

environment "production" {
  accounts = [account.production]
}

module "baseline" {
  source   = "../../baseline"
  accounts = [account.staging, account.production]
  company  = "acme-example"
}

module "deploy" {
  source               = "../"
  environments         = [environment.staging, environment.production]
  name                 = "shop"
  repository           = "acme/shop"
  repository_id        = "77001"
  repository_owner_id  = "42001"
  estate               = "deploy-role-example"
  bucket_prefixes      = ["acme"]
  boundaries           = module.baseline.boundary_arns
  providers_by_account = module.baseline.github_provider_arns

  permissions = {
    services = {
      actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
      resources = ["arn:${data.partition.current.partition}:ecs:*:*:service/shop/*"]
      conditions = [{
        test     = "StringEquals"
        variable = "aws:ResourceTag/repository"
        values   = ["acme/shop"]
      }]
    }
  }
}

output "roles" {
  value = module.deploy.role_arns
}
