account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

locals {
  token = secret("env:TOKEN")
}

output "a" {
  value = "x-${local.token}"
}

output "b" {
  value = secret("vault:x")
}
