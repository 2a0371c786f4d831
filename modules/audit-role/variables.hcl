variable "accounts" {
  description = "The accounts that can be audited"
}

variable "trusted_account" {
  description = "The account that auditors come from"
}

variable "trusted_roles" {
  description = "Paths and names of the roles there that may become auditors; `*` is a wildcard"
  type        = list(string)

  validation {
    condition     = length(var.trusted_roles) > 0 && !contains(var.trusted_roles, "*")
    error_message = "name at least one role, and not every role of the account"
  }
}

variable "external_id" {
  description = "What an outside tool must pass, against confused deputies; none for own roles"
  type        = string
  default     = null
}

variable "name" {
  description = "The role's name"
  type        = string
  default     = "auditor"
}
