variable "region" {
  type = string
}

variable "region" {
  type = number
}

locals {
  a = 1
}

locals {
  a = 2
}

output "x" {
  value = 1
}

output "x" {
  value = 2
}
