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

variable "services" {
  description = "Services whose data it protects: by default those that resource control policies reach, without those that hold none"
  type        = list(string)

  default = [
    "aoss", "appconfig", "clouddirectory", "cloudtrail-data", "codeartifact", "codebuild", "codecommit", "codepipeline",
    "cognito-identity", "cognito-idp", "comprehend", "dax", "dsql", "dynamodb", "ecr", "events", "firehose", "kendra",
    "kinesisvideo", "kms", "logs", "memorydb", "opensearch", "personalize", "polly", "s3", "secretsmanager", "sqs",
    "textract", "timestream-influxdb", "transcribe", "transfer", "translate", "workspaces", "xray",
  ]
}

variable "github_owner_ids" {
  description = "GitHub's id of each owner, which stays the same when the name is released and registered again"
  type        = map(string)
  default     = {}
}

variable "github_owners" {
  description = "GitHub users and organizations whose workflows may take roles"
  type        = list(string)
  default     = []
}
