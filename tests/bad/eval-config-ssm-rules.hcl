palisade {
  name = "acme"
}

account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

config_schema "app" {
  key "empty" {
  }
  key "braces" {
  }
  key "awsome" {
  }
  key "list" {
    type = list(string)
  }
  key "bad key" {
  }
  key "large" {
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = {
      "empty"   = ""
      "braces"  = "{{x}}"
      "awsome"  = "x"
      "list"    = ["a,b"]
      "bad key" = "x"
      "large"   = join("", [for n in range(1000) : "123456789"])
    }
  }
}
