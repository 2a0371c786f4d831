# The estate of ACME: one organization, five environments, and walls between them.
#
#   dev-localstack -> dev-aws -> dev-aws-deployed -> staging -> production
#
# organization.hcl   accounts, units, guardrails
# environments.hcl   what each environment is and how it is configured
# access.hcl         who may do what in the accounts
# data.hcl           where data lies
# isolation.hcl      which environment may reach which: none, with one exception
# promotion.hcl      how a release travels

palisade {
  required_version = ">= 0.1"
  name             = "acme"

  # A team keeps its state in S3:
  #
  #   backend "s3" {
  #     bucket = "acme-palisade-state"
  #     prefix = "estate/"
  #     region = "eu-west-1"
  #   }
}

provider "aws" {
  region = "eu-west-1"

  default_tags = {
    estate     = "acme"
    managed-by = "palisade"
  }
}

# `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`: part of every ARN.
data "partition" "current" {}
