variable "x" {
  tpye = number
}

output "y" {
  value = var.z
}
