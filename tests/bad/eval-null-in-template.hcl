variable "suffix" {
  type    = string
  default = null
}

output "a" {
  value = "x-${var.suffix}"
}

output "b" {
  value = "x-${[1, 2]}"
}
