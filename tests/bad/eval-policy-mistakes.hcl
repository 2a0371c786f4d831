account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "a" {
    effect    = "allow"
    actions   = ["s3GetObject", "s3:Get Object"]
    resources = ["bucket"]
  }
  statement "b-c" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::x"]
    condition {
      test     = "StringEqual"
      variable = "aws:PrincipalTag/team"
      values   = ["x"]
    }
  }
  statement "c" {
    resources = ["*"]
  }
}
