output "account_ids" {
  description = "The members' ids, for runbooks"
  value       = { for account in concat(local.workload_accounts, [account.security, account.shared]) : account.handle => account.id }
}

output "deploy_roles" {
  description = "What to put into each repository's GitHub environments"
  value       = { for name, deploy in module.deploy : name => deploy.role_arns }
}

output "auditor_roles" {
  value = module.audit.role_arns
}

check "accounts_are_watched" {
  assert {
    condition     = length(module.audit.role_arns) == length(local.workload_accounts) + 1
    error_message = "an account has no auditor role"
  }
}
