account "a" {
  name  = "a"
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "staging" {
  accounts = [account.a]
}

environment "prod" {
  accounts = [account.a]
}

release "app" {
  entry  = environment.dev
  values = {}
}

promotion "one" {
  from     = environment.dev
  to       = environment.staging
  releases = [release.app]
}

promotion "two" {
  from     = environment.staging
  to       = environment.prod
  releases = [release.app]
}

promotion "three" {
  from     = environment.prod
  to       = environment.dev
  releases = [release.app]
}
