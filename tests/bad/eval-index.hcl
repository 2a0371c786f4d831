locals {
  regions = ["eu-west-1"]
  tags    = { team = "platform" }
}

output "a" {
  value = local.regions[1]
}

output "b" {
  value = local.tags.taem
}

output "c" {
  value = local.tags["owner"]
}

output "d" {
  value = local.regions.name
}

output "e" {
  value = local.regions["x"]
}
