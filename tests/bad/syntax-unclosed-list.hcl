locals {
  regions = ["eu-west-1", "eu-central-1"
  other   = 1
}
