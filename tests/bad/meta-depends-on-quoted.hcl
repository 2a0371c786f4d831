account "a" {
  name       = "a"
  email      = "a@acme.example"
  depends_on = ["account.b"]
}

account "b" {
  name       = "b"
  email      = "b@acme.example"
  depends_on = account.a
}
