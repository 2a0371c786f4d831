account "production" {
}

iam_oidc_provider "github" {
  accounts = [account.production]
}

output "x" {
}
