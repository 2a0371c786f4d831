provider "aws" {
  region       = "Europe"
  default_tags = { "aws:x" = "y" }
}

environment "dev" {
  accounts = []
  region   = 1
}
