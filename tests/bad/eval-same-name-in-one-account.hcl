account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  name     = "deployer"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

iam_role "release" {
  accounts = [account.production]
  name     = "Deployer"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
