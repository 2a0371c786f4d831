palisade {
  name = "acme"
}

provider "aws" {
  default_tags = {
    cost = sensitive("cc-4711")
  }
}

variable "token" {
  type      = string
  sensitive = true
  default   = "t0ken-4711"
}

account "dev" {
  name  = "dev"
  email = "dev@acme.example"
}

environment "dev" {
  accounts = [account.dev]
  tags = {
    team = var.token
  }
}
