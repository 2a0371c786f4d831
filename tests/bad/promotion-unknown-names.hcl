palisade {
  name = "acme"
}

account "a" {
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "staging" {
  accounts = [account.a]
}

release "app" {
  entry  = environment.dv
  values = { image = "x" }
}

promotion "up" {
  from     = environment.stagin
  to       = environment.production
  releases = [release.app, release.ap]

  gate "no_drift" "clean" {
    environments = [environment.stagng]
  }
  gate "alarm" "quiet" {
    alarms  = ["shop-5xx"]
    account = account.b
  }
}
