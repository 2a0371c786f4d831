account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

organizational_unit "prod" {
  accounts = [account.production]
}
