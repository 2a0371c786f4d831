account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}
