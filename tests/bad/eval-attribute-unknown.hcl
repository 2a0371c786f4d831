account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

output "a" {
  value = account.production.ident
}

output "b" {
  value = account.production["x"].id
}
