account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
  tags {
    tier = "production"
  }
}

iam_role "deploy" {
  accounts = [account.production]
  trust = {
    services = ["ec2.amazonaws.com"]
  }
}
