variable "accounts" {
  description = "The accounts that get the baseline"
}

variable "company" {
  description = "Prefix of the sign-in aliases, which are unique in the world"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,30}$", var.company))
    error_message = "the company must be 2 to 31 lower-case letters, digits and hyphens"
  }
}

variable "password_policy" {
  description = "Rules for the passwords of IAM users"
  default     = {}
  type = object({
    minimum_length   = optional(number, 16)
    max_age          = optional(number, 90)
    reuse_prevention = optional(number, 24)
  })
}

variable "boundary" {
  description = "Name and path of the workload permissions boundary"
  default     = {}
  type = object({
    name = optional(string, "workload")
    path = optional(string, "/boundary/")
  })
}
