account "a" {
  name  = "acme-a"
  email = "aws@acme.example"
}

account "b" {
  name  = "acme-b"
  email = "AWS@acme.example"
}
