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

# Three are left out. Who signs in (`signin`) or brings a certificate (`rolesanywhere`) is nobody of the organization yet,
# and would be kept out; of `sts` main.hcl names the calls that take an identity of the organization.
variable "services" {
  description = "Services whose data it protects: by default all that resource control policies reach, without those that let people in"
  type        = list(string)

  default = [
    "aoss", "appconfig", "appstream", "autoscaling", "autoscaling-plans", "budgets", "clouddirectory", "cloudfront",
    "cloudsearch", "cloudtrail-data", "codeartifact", "codebuild", "codecommit", "codepipeline", "cognito-identity",
    "cognito-idp", "comprehend", "comprehendmedical", "compute-optimizer", "cost-optimization-hub", "dax", "dsql",
    "dynamodb", "ecr", "ecr-public", "events", "firehose", "fis", "fms", "gamelift", "health", "inspector-scan",
    "kendra", "kinesisvideo", "kms", "logs", "memorydb", "networkmonitor", "notifications", "opensearch",
    "pca-connector-ad", "personalize", "polly", "pricing", "resource-groups", "s3", "secretsmanager",
    "servicediscovery", "sqs", "support", "swf", "textract", "timestream-influxdb", "transcribe", "transfer",
    "translate", "wafv2", "workspaces", "xray",
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
