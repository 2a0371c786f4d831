variable "names" {
  type      = set(string)
  sensitive = true
  default   = ["hunter2"]
}

account "a" {
  for_each = var.names
  name     = "a"
  email    = "a@acme.example"
}
