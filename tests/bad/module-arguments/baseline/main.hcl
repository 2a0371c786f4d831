variable "region" {
  type        = string
  description = "Where the trail is kept."
}

variable "tags" {
  default = {}
}

output "accounts" {
  value = []
}
