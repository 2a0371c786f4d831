account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "b-c" {
    actions   = ["s3GetObject", "s3:Get Object"]
    resources = ["bucket"]
  }
}
