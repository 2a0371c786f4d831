account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

environment "production" {
  accounts = [account.production]
}

iam_role "deploy" {
  accounts     = [account.production]
  environments = [environment.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
