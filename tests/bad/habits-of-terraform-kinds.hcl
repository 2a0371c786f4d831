palisade {
  name = "acme"
}

resource "aws_iam_role" "x" {}
resource "aws_ssm_parameter" "x" {}
resource "aws_organizations_account" "x" {}
resource "aws_organizations_policy" "x" {}
resource "aws_iam_role_policy_attachment" "x" {}
resource "aws_s3_bucket_policy" "x" {}
resource "aws_vpc" "x" {}
resource "random_id" "x" {}
iam_openid_connect_provider "x" {}
ephemeral "x" "y" {}
data "aws_region" "x" {}
data "aws_organizations_organization" "x" {}
data "terraform_remote_state" "x" {}
data "http" "x" {}
data "iam_policy_document" "x" {
  version = "2012-10-17"
}
provider "aws" {
  access_key = "x"
  secret_key = "y"
}

account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}

output "x" {
  value = account.dev.id.foo
}

output "y" {
  value = account.dev.id[0]
}

output "z" {
  value = account.dev.nope
}

iam_role "x" {
  accounts              = [account.dev]
  force_detach_policies = true
  name_prefix           = "x"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
