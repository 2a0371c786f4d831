account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  trust {
    services = ["lambda.amazonaws.com"]
  }
  statement "read" {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
  statement "read" {
    actions   = ["s3:ListBucket"]
    resources = ["*"]
  }
}
