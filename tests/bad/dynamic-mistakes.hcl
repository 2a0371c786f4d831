account "a" {
  name  = "a"
  email = "a@acme.example"
}

iam_role "deploy" {
  accounts = [account.a]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  dynamic "statement" {
    for_each = ["a"]
    content {
      actions   = ["s3:GetObject"]
      resources = ["*"]
    }
  }
  dynamic "statment" {
    for_each = ["a"]
    content {}
  }
  dynamic "statement" {
    iterator = "each"
    labels   = ["x"]
  }
}
