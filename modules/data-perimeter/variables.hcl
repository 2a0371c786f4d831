variable "name" {
  description = "The policy's name"
  type        = string
  default     = "data-perimeter"
}

variable "targets" {
  description = "Organization, units or accounts whose data it protects"
}

variable "organization_id" {
  description = "Id of the organization, `o-...`"
  type        = string
}

variable "trusted_accounts" {
  description = "Ids of accounts outside of the organization that may reach its data where a policy lets them"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.trusted_accounts : can(regex("^\\d{12}$", id))])
    error_message = "account ids have 12 digits"
  }
}

variable "github_owners" {
  description = "GitHub users and organizations whose workflows may take roles"
  type        = list(string)
  default     = []
}
