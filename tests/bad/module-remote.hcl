module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "5.0.0"
}

module "git" {
  source = "git@github.com:acme/modules.git"
}

module "bare" {
  source = "modules/baseline"
}
