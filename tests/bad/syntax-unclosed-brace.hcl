variable "region" {
  type = string

  validation {
    condition     = var.region != ""
    error_message = "The region must not be empty."

}

locals {
  a = 1
}
