account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "a" {
  accounts             = [account.production]
  name                 = "this name has spaces"
  max_session_duration = "13h"
  path                 = "ops"
  permissions_boundary = "not-an-arn"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
