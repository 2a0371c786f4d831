account "a" {
  name  = "a"
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "prod" {
  accounts = [account.a]
}

release "app" {
  entry  = environment.dev
  values = {}
}

promotion "up" {
  from     = environment.dev
  to       = environment.prod
  releases = [release.app]
  gate "approvals" "board" {
    count = 2
  }
  gate "soak" "day" {
  }
  gate "approval" {
  }
}
