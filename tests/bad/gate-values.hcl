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

  gate "alarm" "quiet" {
    alarms = []
    region = "europe"
  }
  gate "soak" "past" {
    duration = "-1h"
  }
  gate "soak" "nothing" {
    duration = "0s"
  }
  gate "approval" "board" {
    count         = 0
    expires_after = "0s"
    principals    = ["somebody"]
  }
  gate "command" "late" {
    command = ["./smoke"]
    timeout = "0s"
  }
}
