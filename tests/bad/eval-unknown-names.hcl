variable "region" {
  default = "eu-west-1"
}

output "a" {
  value = region
}

output "b" {
  value = each.key
}

output "c" {
  value = count.index
}

output "d" {
  value = production
}

output "e" {
  value = path.here
}

output "f" {
  value = self.arn
}
