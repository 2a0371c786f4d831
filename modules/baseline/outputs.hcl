output "boundary_arns" {
  description = "ARN of the workload permissions boundary, by account handle"
  value       = { for handle, policy in iam_policy.boundary.at : handle => policy.arn }
}

output "github_provider_arns" {
  description = "ARN of the identity provider of GitHub Actions, by account handle"
  value       = { for handle, provider in iam_oidc_provider.github.at : handle => provider.arn }
}
