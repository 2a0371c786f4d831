account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statment "read" {
    actions = ["s3:GetObject"]
  }
}
