account "a" {
  name  = "a"
  email = "not-an-address"
}

account "b" {
  id = "12345"
}

account "c" {
  name       = "c"
  email      = "c@acme.example"
  on_destroy = "delete"
}

account "d" {
  name   = "d"
  email  = "d@acme.example"
  parent = account.c
}
