palisade {
  name = "acme"
}

account "a" {
  name  = "a"
  email = "a@acme.example"
}

config_schema "app" {
  key "replicas" {
    type     = number
    required = false
  }
  key "level" {
    required = false
  }
  key "mode" {
    allowed  = ["safe", "fast"]
    required = false
  }
}

environment "staging" {
  accounts = [account.a]
  config "app" {
    values = {
      "replicas" = 1
      "level"    = "info"
      "mode"     = "safe"
    }
  }
}

environment "production" {
  accounts = [account.a]
  like     = environment.staging
  config "app" {
    values = {
      "replicas" = 3
      "mode"     = "slow" # its schema is broken, and nothing else is to be said of it
    }
  }
}
