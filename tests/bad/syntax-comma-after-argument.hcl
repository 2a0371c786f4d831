locals {
  region = "eu-west-1",
  other  = 1
}
