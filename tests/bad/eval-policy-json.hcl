account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_policy "a" {
  accounts = [account.production]
  content  = "{ \"Version\": \"2012-10-17\", \"Statement\": [ }"
}

iam_policy "b" {
  accounts = [account.production]
  content = jsonencode({
    Version   = "2012"
    Statement = [{ Effect = "Deny", Action = "*", Resources = "*" }]
  })
}
