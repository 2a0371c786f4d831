variable "regions" {
  description = "The regions that we watch and therefore use"
  type        = list(string)
  default     = ["eu-west-1", "eu-central-1"]

  validation {
    condition     = contains(var.regions, "eu-west-1")
    error_message = "eu-west-1 is where the estate lives; it has to stay"
  }
}

variable "repositories" {
  description = "What is deployed, and from which repository; resources as ARNs without `arn:PARTITION:`"
  type = map(object({
    repository    = string
    repository_id = string
    owner_id      = string
    permissions   = optional(map(object({ actions = list(string), resources = list(string) })), {})
  }))
}

variable "release" {
  description = "What enters dev-localstack next"
  type = object({
    image  = string
    schema = number
  })

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.release.image))
    error_message = "name the image by its digest: a tag can come to mean something else on the way to production"
  }
}
