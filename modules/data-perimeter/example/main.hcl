# A perimeter around one unit of the organization.

palisade {
  required_version = ">= 0.1"
  name             = "data-perimeter-example"
}

provider "aws" {
  region = "eu-west-1"
}

organization "acme" {
  enabled_policy_types = ["RESOURCE_CONTROL_POLICY"]
}

organizational_unit "workloads" {}

module "data_perimeter" {
  source           = "../"
  targets          = [organizational_unit.workloads]
  organization_id  = organization.acme.id
  trusted_accounts = ["444455556666"]
  github_owners    = ["acme"]
  github_owner_ids = { acme = "42001" }
}

output "policy" {
  value = module.data_perimeter.policy_id
}
