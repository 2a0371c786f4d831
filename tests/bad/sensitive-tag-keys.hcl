palisade {
  name = "acme"
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
}

iam_role "r" {
  environments = [environment.dev]
  tags = {
    (var.token) = "x"
  }
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
