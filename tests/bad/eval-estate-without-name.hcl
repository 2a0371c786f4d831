account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

config_schema "app" {
  key "level" {
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = { level = "info" }
  }
}
