account "production" {
  for_each = toset(["a", "b"])
  count    = 2
  name     = "acme-${each.key}"
  email    = "aws+${each.key}@acme.example"
}
