account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "big" {
    actions   = ["s3:GetObject"]
    resources = [for i in range(400) : "arn:aws:s3:::acme-production-bucket-${i}/*"]
  }
}
