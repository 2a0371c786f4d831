palisade {
  name = "acme"
}

account "a" {
  email = "a@acme.example"
}

account "b" {
  email = "b@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "production" {
  accounts = [account.b]
}

release "app" {
  entry  = environment.dev
  values = { image = "x" }
}

promotion "up" {
  from     = environment.dev
  to       = environment.production
  releases = [release.app]

  gate "alarm" "nothing" {
    alarms = []
  }
  gate "alarm" "elsewhere" {
    alarms = ["errors"]
    region = "europe"
  }
  gate "approval" "board" {
    count         = 1
    expires_after = "24h"
    principals    = ["somebody"]
  }
}
