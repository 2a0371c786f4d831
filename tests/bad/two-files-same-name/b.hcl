account "production" {
  name  = "acme-prod"
  email = "aws+prod@acme.example"
}
