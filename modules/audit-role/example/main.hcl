# Auditors come from the security account and see production.

palisade {
  required_version = ">= 0.1"
  name             = "audit-role-example"
}

provider "aws" {
  region = "eu-west-1"
}

organization "acme" {}

account "security" {
  name  = "acme-security"
  email = "aws+security@acme.example"
}

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

module "audit" {
  source          = "../"
  accounts        = [account.production]
  trusted_account = account.security
  trusted_roles   = ["auditors/*"]
}

output "roles" {
  value = module.audit.role_arns
}
