variable "environments" {
  description = "The environments that the repository deploys to"
}

variable "name" {
  description = "Short name of what is deployed, part of the role's name"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.name))
    error_message = "the name must be up to 21 lower-case letters, digits and hyphens, a letter first"
  }
}

variable "repository" {
  description = "The GitHub repository, `owner/name`"
  type        = string

  # A wildcard here would let every repository of the owner deploy.
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "the repository must be `owner/name`, without wildcards"
  }
}

# Both ids, or the name can be taken over: whoever registers a name that was renamed or deleted gets its tokens.
# `gh api repos/OWNER/NAME --jq '[.id, .owner.id]'` shows them.
variable "repository_id" {
  description = "The repository's id on GitHub"
  type        = string
  default     = null

  validation {
    condition     = var.repository_id == null || can(regex("^[0-9]+$", var.repository_id))
    error_message = "the id consists of digits"
  }
}

variable "repository_owner_id" {
  description = "The id of the repository's owner on GitHub"
  type        = string
  default     = null

  validation {
    condition     = var.repository_owner_id == null || can(regex("^[0-9]+$", var.repository_owner_id))
    error_message = "the id consists of digits"
  }
}

variable "providers_by_account" {
  description = "ARN of GitHub's identity provider by account handle: the baseline's `github_provider_arns`"
  type        = map(string)
}

variable "boundaries" {
  description = "ARN of the permissions boundary by account handle: the baseline's `boundary_arns`"
  type        = map(string)
}

variable "estate" {
  description = "The estate's name, first element of its parameters"
  type        = string
}

variable "bucket_prefixes" {
  description = "First parts of the names of buckets that hold artifacts"
  type        = list(string)
}

variable "permissions" {
  description = "What else a deployment may do, by the name of the inline policy"
  default     = {}
  type = map(object({
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
}

variable "max_session_duration" {
  description = "Longest session of a deployment"
  type        = string
  default     = "1h"
}
