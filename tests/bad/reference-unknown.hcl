variable "region" {
  default = "eu-west-1"
}

locals {
  zones = ["${var.regoin}a"]
}

account "production" {
  count = 0
  name  = "acme-${local.zone}"
  email = "aws+production@acme.example"
}

environment "production" {
  accounts = [account.prodution]
  like     = environment.stagin
}

environment "staging" {
  accounts = [account.production]
}
