variable "region" {
  type    = string
  default = "mars"

  validation {
    condition     = startswith(var.region, "eu-")
    error_message = "The region must be in Europe, and ${var.region} is not."
  }
}
