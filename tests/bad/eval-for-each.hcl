account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

account "many" {
  for_each = ["a", "b"]
  name     = "acme-${each.key}"
  email    = "aws+${each.key}@acme.example"
}

account "some" {
  count = -1
  name  = "acme"
  email = "aws+some@acme.example"
}

account "null" {
  for_each = null
  name     = "acme"
  email    = "aws+null@acme.example"
}
