organization "acme" {}

organizational_unit "workloads" {}

organizational_unit "a" {
  name   = "prod"
  parent = organizational_unit.workloads
}

organizational_unit "b" {
  name   = "prod"
  parent = organizational_unit.workloads
}

organizational_unit "c" {
  name = "prod"
}

organizational_unit "d" {
  name   = "prod"
  parent = organization.acme
}
