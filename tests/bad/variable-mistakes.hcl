variable "source" {
  type = string
}

variable "region" {
  type        = string
  description = "The region of ${local.x}"
  sensitive   = "yes"
  validation {
    condition = true
  }
}

locals {
  x = 1
}
