variable "my region" {
  type = string
}

account "1st" {
  name  = "first"
  email = "first@acme.example"
}
