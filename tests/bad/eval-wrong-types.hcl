variable "sizes" {
  type    = list(number)
  default = ["one", 2]
}

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts             = [account.production]
  max_session_duration = "long"
  tags                 = ["a"]
  path                 = { a = 1 }
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
