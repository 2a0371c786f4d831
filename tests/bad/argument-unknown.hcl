account "production" {
  nmae  = "acme-production"
  name  = "acme-production"
  email = "aws+production@acme.example"
  tag   = { tier = "production" }
}
