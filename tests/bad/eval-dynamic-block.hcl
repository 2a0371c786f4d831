account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  dynamic "statement" {
    for_each = 3
    labels   = [statement.key]
    content {
      actions   = ["s3:GetObject"]
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = ["a", "a"]
    labels   = [statement.value]
    content {
      actions   = [statment.value]
      resources = ["*"]
    }
  }
}
