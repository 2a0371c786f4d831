locals {
  region = "eu-west-1
  other  = "eu-central-1"
}
