output "role_arns" {
  description = "ARN of the role, by account handle"
  value       = { for handle, role in iam_role.deploy.at : handle => role.arn }
}
