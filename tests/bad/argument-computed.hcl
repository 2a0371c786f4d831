account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  arn      = "arn:aws:iam::111111111111:role/deploy"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
