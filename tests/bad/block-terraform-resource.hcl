resource "aws_iam_role" "deploy" {
  name = "deploy"
}

terraform {
  required_version = ">= 1.0"
}

data "aws_caller_identity" "current" {}
