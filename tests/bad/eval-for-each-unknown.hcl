account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

account "more" {
  for_each = toset([account.production.id])
  name     = "acme-${each.key}"
  email    = "aws+${each.key}@acme.example"
}
