# A perimeter around one unit of the organization.

palisade {
  required_version = ">= 0.1"
  name             = "data-perimeter-example"
}

provider "aws" {
  region = "eu-west-1"
}

organization "acme" {
  enabled_policy_types = ["AISERVICES_OPT_OUT_POLICY", "RESOURCE_CONTROL_POLICY"]
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

# AWS's services that learn from what they are given keep none of it.
organization_policy "no_training" {
  type        = "AISERVICES_OPT_OUT_POLICY"
  description = "Content stays out of the training of AWS services"
  targets     = [organizational_unit.workloads]

  content = {
    services = {
      default = {
        opt_out_policy = { "@@assign" = "optOut" }
      }
    }
  }
}

output "policy" {
  value = module.data_perimeter.policy_id
}
