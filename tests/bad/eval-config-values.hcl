palisade {
  name = "acme"
}

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

config_schema "app" {
  key "log_level" {
    type    = string
    allowed = ["debug", "info"]
  }
  key "replicas" {
    type = number
    min  = 1
    max  = 10
  }
  key "api/token" {
    secret = true
  }
  key "name" {
    pattern = "[a-z]+"
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = {
      "log_level" = "warn"
      "replicas"  = 11
      "api/token" = "hunter2"
      "nmae"      = "x"
    }
  }
  config "web" {
    values = {}
  }
}
