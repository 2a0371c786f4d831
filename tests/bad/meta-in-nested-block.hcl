account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "read" {
    for_each  = toset(["a", "b"])
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
