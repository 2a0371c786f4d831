# The estate of every case: see `tests/it/wall_cases.rs`.
palisade {
  name = "bar"
}
organization "bar" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}
organizational_unit "w" {}
account "dev" {
  parent = organizational_unit.w
  name   = "bar-dev"
  email  = "dev@bar.example"
}
account "shared" {
  parent = organizational_unit.w
  name   = "bar-shared"
  email  = "shared@bar.example"
}
account "prod" {
  parent = organizational_unit.w
  name   = "bar-prod"
  email  = "prod@bar.example"
}
account "loose" {
  parent = organizational_unit.w
  name   = "bar-loose"
  email  = "loose@bar.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "tools" {
  accounts = [account.shared]
}
environment "prod" {
  accounts = [account.prod]
}
isolation "prod" {
  from = [environment.dev]
  to   = [environment.prod]
}
