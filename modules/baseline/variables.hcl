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

variable "workload_role_path" {
  description = "Path of the roles that workloads may hand to services; only roles with the boundary belong there"
  type        = string
  default     = "/workload/"

  validation {
    condition     = can(regex("^/[A-Za-z0-9_/-]+/$", var.workload_role_path))
    error_message = "the path must begin and end with a slash, and be more than one"
  }
}

variable "boundary" {
  description = "Name and path of the workload permissions boundary"
  default     = {}
  type = object({
    name = optional(string, "workload")
    path = optional(string, "/boundary/")
  })
}
